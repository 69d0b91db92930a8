"""A replay that somebody watches: its progress, and Ctrl-C."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from chalicelib.replaying.outcome import Outcome
from chalicelib.replaying.replay import Replayer
from respool.cli.context import Context
from respool.cli.screen import many


class Watch:
    """Shows each outcome, and stops the replay at the first Ctrl-C; a second one ends it hard.

    Nothing that is shown may end a replay: where the screen is full or gone, it goes on unseen.
    """

    def __init__(self, context: Context, total: int) -> None:
        self._context = context
        self._stop = threading.Event()
        self._lock = threading.Lock()
        screen = context.screen
        self._progress = Progress(
            TextColumn("putting back"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[others]}", markup=False),
            TimeElapsedColumn(),
            console=screen.remarks,
            transient=True,
            disable=not screen.remarks.is_terminal,
        )
        self._task = self._progress.add_task("", total=total, others="")
        self._back = 0
        self._others = 0

    @property
    def interrupted(self) -> bool:
        """Whether somebody pressed Ctrl-C."""
        return self._stop.is_set()

    def over(self, engine: Replayer) -> Replayer:
        """A copy of the engine whose outcomes are shown, and which Ctrl-C stops."""
        return replace(engine, look_on=self._see, stopped=self._stop.is_set, pause=self._pause)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Show progress and mind Ctrl-C until the replay has ended."""
        with _on_interrupt(self._interrupt):
            self._shown(self._progress.start)
            try:
                yield
            finally:
                self._shown(self._progress.stop)

    def _see(self, outcome: Outcome) -> None:
        with self._lock:
            if outcome.put_back:
                self._back += 1
                self._context.done = f"{many(self._back, 'job')} put back"
                self._shown(lambda: self._progress.advance(self._task))
            else:
                self._others += 1
                others = f"{self._others} not taken"
                self._shown(lambda: self._progress.update(self._task, others=others))

    def _shown(self, act: Callable[[], None]) -> None:
        try:
            act()
        except (OSError, ValueError):
            self._progress.disable = True

    def _interrupt(self) -> None:
        self._stop.set()
        self._context.screen.remark("Finishing what is under way; Ctrl-C again to leave at once.")

    def _pause(self, seconds: float) -> None:
        """A long pause between two jobs ends with Ctrl-C; a short one for a throttle goes on."""
        if self._stop.wait(seconds):
            time.sleep(min(seconds, 0.2))


@contextmanager
def _on_interrupt(act: Callable[[], None]) -> Iterator[None]:
    """Act on the first Ctrl-C; the second one is the usual KeyboardInterrupt."""

    def first(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        act()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Any = signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

"""What the demo shows: chapters, words, and waits that can be watched."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.text import Text

from chalicelib.errors import RespoolError
from respool.local.waiting import wait_until

T = TypeVar("T")


class Screen:
    """A terminal, or a log, in which the script is shown."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._chapter = 0

    def chapter(self, title: str) -> None:
        """Begin the next numbered part."""
        self._chapter += 1
        self._console.print(f"\n[bold cyan]{self._chapter}. {title}")

    def show(self, *what: RenderableType) -> None:
        """Print words or tables."""
        for one in what:
            self._console.print(one)

    def wait(
        self,
        condition: Callable[[], T],
        what: str,
        timeout: float,
        view: Callable[[], RenderableType] = Group,
    ) -> T:
        """Wait for it and show its progress; raises NotInTime, which names it."""
        if not self._console.is_terminal:
            return self._wait_in_a_log(condition, what, timeout, view)
        start = time.monotonic()
        spinner = Spinner("dots")

        def frame() -> RenderableType:
            seconds = f"{time.monotonic() - start:.0f} s"
            spinner.update(text=Text(f"waiting for {what} ({seconds} of at most {timeout:g} s)"))
            return Group(view(), spinner)

        with Live(frame(), console=self._console, refresh_per_second=10) as live:
            answer = wait_until(condition, what, timeout, each=lambda: live.update(frame()))
            live.update(Group(view(), _done(what, start)))
        return answer

    def _wait_in_a_log(
        self,
        condition: Callable[[], T],
        what: str,
        timeout: float,
        view: Callable[[], RenderableType],
    ) -> T:
        start = time.monotonic()
        self._console.print(f"waiting for {what} (at most {timeout:g} s) ...")
        answer = wait_until(condition, what, timeout)
        self.show(view(), _done(what, start))
        return answer

    def work(self, action: Callable[[], T], what: str, timeout: float) -> T:
        """Do something that takes a while, show its progress, and return its result."""
        with ThreadPoolExecutor(1) as worker:
            future = worker.submit(action)
            self.wait(future.done, what, timeout)
            return future.result()


def performed(play: Callable[[Screen], None]) -> int:
    """Play it in a terminal: 0 where it went well, 1 where it failed, 130 where it was stopped."""
    console = Console(highlight=False, soft_wrap=True)
    screen = Screen(console)
    start = time.monotonic()
    try:
        play(screen)
    except RespoolError as failure:
        console.print(f"\n[bold red]The demo failed.[/] {escape(str(failure))}")
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped; nothing is left behind.")
        return 130
    screen.show(f"It took {time.monotonic() - start:.0f} s, and nothing is left of it.")
    return 0


def _done(what: str, start: float) -> str:
    return f"[green]{what}[/]: after {time.monotonic() - start:.1f} s"

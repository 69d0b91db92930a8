"""Step Functions: one attempt at a Parallel or a Map, whose machines run side by side."""

import contextvars
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(eq=False)
class Attempt:
    """One attempt at a Parallel or Map; over once one of its machines has failed."""

    outer: "Attempt | None" = None
    failed: bool = False

    @property
    def over(self) -> bool:
        """Whether it, or one around it, has failed: what still runs in it is stopped."""
        return self.failed or (self.outer is not None and self.outer.over)


current: ContextVar[Attempt | None] = ContextVar("attempt", default=None)
"""The attempt that this thread works for."""


last_event: ContextVar[tuple[str, int] | None] = ContextVar("last_event", default=None)
"""The execution and the event that this thread wrote last: its branch's, or what it came from."""


class SideBySide:
    """Calls that run at once, up to a number of them; the first failure ends the attempt."""

    def __init__(self, calls: Sequence[Callable[[], Any]], most: int) -> None:
        self.attempt = Attempt(current.get())
        self.calls = calls
        self.most = min(most if most > 0 else len(calls), len(calls))
        self.results: list[Any] = [None] * len(calls)
        self.error: BaseException | None = None
        self.left = len(calls)
        self.last_event = last_event.get()
        self.changed = threading.Condition()

    def run(self) -> list[Any]:
        """All results, in the order of the calls. Raises what the first failure was."""
        numbers = iter(range(len(self.calls)))
        for _ in range(self.most):
            context = contextvars.copy_context()
            threading.Thread(target=context.run, args=(self._work, numbers), daemon=True).start()
        with self.changed:
            self.changed.wait_for(lambda: self.error is not None or not self.left)
            last_event.set(self.last_event)
        if self.error is not None:
            raise self.error
        return self.results

    def _work(self, numbers: Iterator[int]) -> None:
        current.set(self.attempt)
        while not self.attempt.over:
            with self.changed:
                number = next(numbers, None)
            if number is None:
                return
            try:
                self.results[number] = self.calls[number]()
            except BaseException as failure:
                self._end(failure)
                return
            with self.changed:
                self.left -= 1
                self.last_event = last_event.get()
                self.changed.notify_all()

    def _end(self, failure: BaseException) -> None:
        with self.changed:
            self.attempt.failed = True
            if self.error is None:
                self.error, self.last_event = failure, last_event.get()
            self.changed.notify_all()

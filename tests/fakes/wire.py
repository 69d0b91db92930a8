"""The wire between one process and AWS: counts calls, slows them down, and breaks one of them."""

from collections.abc import Callable
from enum import StrEnum
from threading import Lock
from typing import TypeVar

from chalicelib.errors import Throttled, Unanswered

T = TypeVar("T")


class Fault(StrEnum):
    """What may befall a call."""

    DIED_BEFORE = "died before the call"
    DIED_AFTER = "died after it took effect"
    UNANSWERED = "timed out but took effect"
    THROTTLED = "throttled"
    CONFLICT = "met another transaction"


class Died(BaseException):
    """The process is gone. No error: nothing in it can catch this and go on."""


class Wire:
    """One process's calls, in order. `break_at` and `interrupt_at` count calls from 0."""

    def __init__(self, delay: Callable[[], None] = lambda: None) -> None:
        self.calls: list[str] = []
        self.dead = False
        self._delay = delay
        self._lock = Lock()
        self._fault: tuple[int, Fault] | None = None
        self._next: dict[str, list[Fault]] = {}
        self._interrupt: tuple[int, Callable[[], None]] | None = None

    def break_at(self, call: int, fault: Fault) -> "Wire":
        """Let that call meet a fault."""
        self._fault = (call, fault)
        return self

    def break_next(self, name: str, fault: Fault, times: int = 1) -> "Wire":
        """Let the next calls of that name meet a fault, so many times."""
        self._next.setdefault(name, []).extend([fault] * times)
        return self

    def interrupt_at(self, call: int, meanwhile: Callable[[], None]) -> "Wire":
        """Let somebody else do something right before that call reaches AWS."""
        self._interrupt = (call, meanwhile)
        return self

    def call(
        self,
        name: str,
        effect: Callable[[], T],
        conflict: Callable[[], Exception] | None = None,
    ) -> T:
        """Make a call; the effect is what it does at AWS. Raises Died, Throttled, Unanswered.

        `conflict` is what a write raises that another transaction is in the way of; without it
        the call knows no such thing, and is made.
        """
        number = self._begin(name)
        if self._interrupt and self._interrupt[0] == number:
            self._interrupt[1]()
        self._delay()
        fault = self._fault_of(name, number)
        if fault is Fault.CONFLICT:
            if conflict is None:
                return effect()
            raise conflict()
        return effect() if fault is None else self._broken(name, fault, effect)

    def _begin(self, name: str) -> int:
        with self._lock:
            if self.dead:
                raise Died(f"{name} after death")
            self.calls.append(name)
            return len(self.calls) - 1

    def _fault_of(self, name: str, number: int) -> Fault | None:
        with self._lock:
            if self._fault and self._fault[0] == number:
                return self._fault[1]
            return self._next[name].pop() if self._next.get(name) else None

    def _broken(self, name: str, fault: Fault, effect: Callable[[], T]) -> T:
        if fault is Fault.THROTTLED:
            raise Throttled(f"{name}: ThrottlingException: Rate exceeded")
        if fault is Fault.UNANSWERED:
            effect()
            raise Unanswered(f"{name} got no answer")
        self.dead = True
        if fault is Fault.DIED_AFTER:
            effect()
        raise Died(name)

"""The ports: all that the engines need of the world, which `aws` and the tests' fakes provide.

Times are seconds unless said otherwise; errors are those of `chalicelib.errors`.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from chalicelib.job.claim import Claim, Slots
from chalicelib.job.execution import Execution, Status, Tail
from chalicelib.job.message import Message
from chalicelib.job.overview import View
from chalicelib.job.ramp_state import State

Clock = Callable[[], datetime]
"""Tells the time of day, with its zone."""
THREADS = 24
"""Calls that an engine may have under way at once; adapters are ready for as many."""


class Workflow(Protocol):
    """What the engines need of Step Functions."""

    def resume(self, token: str) -> None:
        """Let the job go on that waits on this token. Raises TokenRefused."""

    def start(self, name: str, input: str) -> str:
        """Start an execution; returns its ARN. Raises AlreadyStarted."""

    def redrive(self, execution: str) -> None:
        """Let a dead execution go on at its failed state. Raises RedriveRefused."""

    def stop(self, execution: str, error: str, cause: str) -> None:
        """End a running execution; one that has ended already stays as it is."""

    def describe(self, execution: str) -> Execution:
        """Look at one; its status is MISSING where there is none."""

    def tail(self, execution: str) -> Tail:
        """Look at the end of its history."""

    def list(self, status: Status) -> Iterator[str]:
        """The ARNs of all executions of that status, youngest first."""

    def arn(self, name: str) -> str:
        """The ARN that an execution of that name has."""


class Spool(Protocol):
    """What the engines need of a queue; times are seconds."""

    def receive(self, limit: int, hidden: int) -> list[Message]:
        """Take up to `limit` messages, at most ten, out of sight; waits when there are none."""

    def delete(self, messages: Sequence[Message]) -> None:
        """Remove them for good."""

    def release(self, messages: Sequence[Message], after: int = 0) -> None:
        """Let others see them, after so many seconds."""

    def send(self, body: str) -> None:
        """Add a message."""

    def depth(self) -> int:
        """How many messages there are, about: visible, hidden and delayed ones."""


class Claims(Protocol):
    """What the engines need of the table."""

    def get(self, key: str) -> Claim | None:
        """The claim on a key, read consistently."""

    def claims(self) -> Iterator[Claim]:
        """All claims, in no order."""

    def slots(self) -> Iterator[Slots]:
        """All tasks that were ever entered, or limited."""

    def hand_over(self, key: str, owner: str, successor: str) -> bool:
        """Let the successor own what the owner owned; False where somebody else does."""

    def mark_spooled(self, claim: Claim) -> bool:
        """Write a dead owner's claim whole; False where somebody else owns the key."""

    def mark_renewed(self, claim: Claim, at: str) -> None:
        """Say that its message was sent anew, where the claim stands as it did."""

    def mark_redriven(self, key: str, execution: str) -> bool:
        """Say that a dead owner is about to live again; False where it owns the key no more."""

    def mark_resumed(self, key: str, execution: str, parked_at: str, at: str) -> bool:
        """Say that it goes on, where it was parked then and not again since."""

    def mark_stuck(self, key: str, execution: str, at: str) -> None:
        """Say in the claim that the job is stuck, where that execution still owns it."""

    def release(self, key: str, execution: str) -> bool:
        """Give the key back, where that execution owns it."""

    def take_slot(self, task: str, execution: str, default_limit: int) -> bool:
        """Let the execution into the task, as TakeSlot does; False where it is full or held."""

    def free_slot(self, task: str, execution: str) -> None:
        """Take the execution out of the task; freeing twice changes nothing."""

    def set_limit(self, task: str, limit: int | None) -> None:
        """Limit a task (0 holds it); None goes back to the stage's setting."""

    def tombstones(self, deaths: Sequence[str]) -> dict[str, str]:
        """Which of these deaths were dealt with, and how (`spooled`, `ended`, `given up`)."""

    def put_tombstone(self, death: str, how: str, expires: int) -> None:
        """Remember until then (seconds since 1970) that this death was dealt with."""


class Ramps(Protocol):
    """What a tick needs of the table."""

    def get(self, task: str) -> State:
        """The task's state, read consistently; a new one where there is none."""

    def put(self, state: State) -> State | None:
        """Write it over the version that it came from; None where that is not there any more."""


class Overview(Protocol):
    """What the API needs of the table."""

    def read(self, after: datetime | None = None) -> View:
        """All jobs and tasks, as they are or were a moment ago, but not before that time."""

    def forget(self) -> None:
        """Look anew next time: something has just been changed."""


class Telemetry(Protocol):
    """Where the engines report to."""

    def event(self, action: str, **fields: Any) -> None:
        """One line: what happened, to which job."""

    def warning(self, action: str, **fields: Any) -> None:
        """The same for what somebody should look at."""

    def metric(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Add to a metric."""

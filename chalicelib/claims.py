"""The claims table: who owns a key, who is inside a task, and which deaths were dealt with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.record import Failure


@dataclass(frozen=True)
class Claim:
    """A key and the execution that owns it. Times are ISO 8601, UTC; empty: never, or not now.

    `spooled_at` is set while the owner is dead and its job waits on the spool for a restart.
    `predecessor` is the dead execution that the owner had the key from, if it is a restart's.
    """

    key: str
    execution: str
    predecessor: str = ""
    claimed_at: str = ""
    parked_at: str = ""
    resumed_at: str = ""
    spooled_at: str = ""
    stuck_at: str = ""
    first_failed_at: str = ""
    task: str = ""
    attempt: int = 0
    failure: Failure = field(default_factory=Failure)


@dataclass(frozen=True)
class Slots:
    """The executions inside a task, and its limit where somebody set one."""

    task: str
    holders: frozenset[str] = field(default_factory=frozenset)
    limit: int | None = None


class Claims(Protocol):
    """What the engines need of the table."""

    def get(self, key: str) -> Claim | None:
        """The claim on a key, read consistently."""

    def claims(self) -> Iterator[Claim]:
        """All claims, in no order."""

    def slots(self) -> Iterator[Slots]:
        """All tasks that were ever entered, or limited."""

    def hand_over(self, key: str, owner: str, heir: str) -> bool:
        """Let the heir own what the owner owned; False where somebody else does."""

    def mark_spooled(self, claim: Claim) -> bool:
        """Write a dead owner's claim whole; False where somebody else owns the key."""

    def mark_renewed(self, claim: Claim, at: str) -> None:
        """Say that its message was sent anew, where the claim stands as it did."""

    def revive(self, key: str, execution: str) -> bool:
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

    def buried(self, deaths: Sequence[str]) -> dict[str, str]:
        """Which of these deaths were dealt with, and how (`spooled`, `ended`, `given up`)."""

    def bury(self, death: str, how: str, expires: int) -> None:
        """Remember until then (seconds since 1970) that this death was dealt with."""

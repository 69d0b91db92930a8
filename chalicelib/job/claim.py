"""The claims table: who owns a key, who is inside a task, and which deaths were dealt with."""

from dataclasses import dataclass, field

from chalicelib.job.record import Failure


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

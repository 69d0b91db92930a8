"""One execution of the state machine, as far as it has come."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.job.execution import Status
from chalicelib.job.key import key_in
from chalicelib.job.record import Failure, compact, parse

TASK = "UncertainTask"
FAIL_STATES = ("AlreadyRunning", "BadInput", "HistoryFull")
BY_REFERENCE = 60_000
"""Characters from which on an input is not copied into the record."""


class TaskFailed(Exception):
    """The uncertain task raised."""


@dataclass
class Service:
    """Whom the uncertain task calls: counts who came and whose work was completed, by input.

    `refuses` are inputs that it never takes; `steps` counts how often each step upstream of the
    task was done.
    """

    broken: bool = False
    refuses: set[str] = field(default_factory=set)
    visits: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)

    def serve(self, job: str) -> None:
        """Do the job's work. Raises TaskFailed while broken."""
        if self.broken or job in self.refuses:
            raise TaskFailed("the service does not answer")
        self.done[job] += 1


@dataclass
class Run:
    """An execution. `token` is what it waits on in ErrorSpool; `inside`: the task has begun."""

    arn: str
    input: str
    started_at: datetime
    status: Status = Status.RUNNING
    state: str = "ClaimJob"
    error: str = ""
    cause: str = ""
    stopped_at: datetime | None = None
    redrives: int = 0
    events: int = 2
    tries: int = 0
    key: str = ""
    attempt: int = 0
    failed_at: str = ""
    first_failed_at: str = ""
    failure: Failure = field(default_factory=Failure)
    inside: bool = False
    token: str = ""
    parked_since: float = 0

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.status is Status.RUNNING

    def read_key(self) -> str | None:
        """The key as ClaimJob reads it; None where it can't be one."""
        given = parse(self.input)
        if not isinstance(given, dict) or "key" not in given:
            return self.arn.rpartition(":")[2]
        key = key_in(given)
        return key if key and len(key.encode()) <= 1024 else None

    def enter(self, state: str) -> None:
        """Go on to a state."""
        self.state, self.tries, self.inside = state, 0, False

    def record(self) -> dict[str, Any]:
        """What ParkJob and ErrorSpool write of it."""
        given = parse(self.input)
        by_value = len(compact(given)) <= BY_REFERENCE
        return {
            "respool": 1,
            "key": self.key,
            "execution": self.arn,
            "startedAt": self.started_at.isoformat(timespec="milliseconds"),
            "task": TASK,
            "attempt": self.attempt,
            "error": {"name": self.failure.name, "message": self.failure.message},
            "failedAt": self.failed_at,
            "firstFailedAt": self.first_failed_at,
            "token": self.token,
            **({"input": given} if by_value else {}),
        }

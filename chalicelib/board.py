"""The board: one look at the claims table, for people. It may be some seconds old."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from chalicelib.aws import calling
from chalicelib.cached import KEPT, Cached
from chalicelib.claims import Claim, Slots
from chalicelib.ramp.state import State as RampState
from chalicelib.ramp.state import encode
from chalicelib.ramp.store import RAMP, read_state
from chalicelib.table import JOB, SLOTS, read_claim, read_slots

PATIENCE = 8
"""Seconds after which a look at a huge table ends, and says that it is incomplete."""
KINDS = {"job": JOB, "slots": SLOTS, "ramp": RAMP}
"""Which items people see."""


class State(StrEnum):
    """How a job stands, in the words of the API."""

    RUNNING = "running"
    PARKED = "parked"
    STUCK = "stuck"


@dataclass(frozen=True)
class View:
    """What the table held: jobs with the longest waiting first, tasks and ramps by task."""

    at: datetime
    jobs: tuple[Claim, ...]
    slots: tuple[Slots, ...]
    ramps: tuple[RampState, ...] = ()
    complete: bool = True
    revision: str = ""


class Board(Protocol):
    """What the API needs of the table."""

    def look(self, after: datetime | None = None) -> View:
        """All jobs and tasks, as they are or were a moment ago, but not before that time."""

    def forget(self) -> None:
        """Look anew next time: something has just been changed."""


def state_of(job: Claim) -> State:
    """Stuck, parked or running; a job that waits for its restart counts as parked."""
    if job.stuck_at:
        return State.STUCK
    return State.PARKED if job.parked_at else State.RUNNING


def view(
    jobs: list[Claim],
    slots: list[Slots],
    at: datetime,
    ramps: Iterable[RampState] = (),
    complete: bool = True,
) -> View:
    """Put what was read in order, and name it by what is in it."""
    ordered = tuple(sorted(jobs, key=place))
    tasks = tuple(sorted(slots, key=lambda each: each.task))
    known = tuple(sorted(ramps, key=lambda each: each.task))
    places = [(each.task, each.limit, sorted(each.holders)) for each in tasks]
    told = repr((ordered, places, [encode(each) for each in known]))
    revision = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return View(at, ordered, tasks, known, complete, revision)


def place(job: Claim) -> tuple[str, str]:
    """Where a job stands in a list: by its first failure, or else its start; then by key."""
    return (job.first_failed_at or job.parked_at or job.claimed_at, job.key)


class DynamoBoard:
    """Reads the table at most once every few seconds, a megabyte (some 2,000 jobs) a call."""

    def __init__(
        self, client: Any, table: str, clock: Callable[[], datetime], elapsed: Callable[[], float]
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._elapsed = elapsed
        self._view = Cached(self._read, KEPT, elapsed)

    def look(self, after: datetime | None = None) -> View:
        """All jobs and tasks, as they are or were a moment ago, but not before that time."""
        if after is not None and self._view.get().at < after:
            self._view.forget()
        return self._view.get()

    def forget(self) -> None:
        """Look anew next time: something has just been changed."""
        self._view.forget()

    def _read(self) -> View:
        jobs: list[Claim] = []
        slots: list[Slots] = []
        ramps: list[RampState] = []
        at, began = self._clock(), self._elapsed()
        page: dict[str, Any] = {}
        while True:
            answer = self._scan(page)
            for item in answer["Items"]:
                if item["pk"]["S"].startswith(JOB):
                    jobs.append(read_claim(item))
                elif item["pk"]["S"].startswith(RAMP):
                    ramps.append(read_state(item))
                else:
                    slots.append(read_slots(item))
            if "LastEvaluatedKey" not in answer:
                return view(jobs, slots, at, ramps)
            if self._elapsed() - began > PATIENCE:
                return view(jobs, slots, at, ramps, complete=False)
            page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _scan(self, page: dict[str, Any]) -> dict[str, Any]:
        """Consistent only in the end, which halves the price: a page shows it moments later."""
        with calling("Scan", self._table):
            answer: dict[str, Any] = self._client.scan(
                TableName=self._table,
                FilterExpression=" OR ".join(f"begins_with(pk, :{name})" for name in KINDS),
                ExpressionAttributeValues={f":{name}": {"S": pk} for name, pk in KINDS.items()},
                **page,
            )
        return answer

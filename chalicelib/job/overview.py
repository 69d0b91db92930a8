"""How all jobs of a stage stand, in order and with a name for what is seen. Pure."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.job.claim import Claim, Slots
from chalicelib.job.ramp_state import State as RampState
from chalicelib.job.ramp_state import encode


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
    ordered = tuple(sorted(jobs, key=position))
    tasks = tuple(sorted(slots, key=lambda each: each.task))
    known = tuple(sorted(ramps, key=lambda each: each.task))
    limits = [(each.task, each.limit, sorted(each.holders)) for each in tasks]
    told = repr((ordered, limits, [encode(each) for each in known]))
    revision = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return View(at, ordered, tasks, known, complete, revision)


def position(job: Claim) -> tuple[str, str]:
    """Where a job stands in a list: by its first failure, or else its start; then by key."""
    return (job.first_failed_at or job.parked_at or job.claimed_at, job.key)

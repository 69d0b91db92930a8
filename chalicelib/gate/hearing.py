"""Hears the service's own word in what its failures say, and closes the gate until then.

The spool Lambda hands over what it is called with, while the job still has its slot; where the
state machine sends notes itself (SPOOL_VIA=sqs) the table's stream tells `admit` of parked jobs.
Nothing is looked up for a failure that names no time. A failure that is told late, again, or after
others changes nothing: one from before the gate was opened is over, and a person's closing stays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.gate.service_word import believed, named_time
from chalicelib.job.claim import FAILURES, RAMP, SERVICE, Slots, State
from chalicelib.job.failure import read_failure
from chalicelib.job.ports import Clock, Line
from chalicelib.moments import iso, read

TRIES = 4
"""Looks at a gate that others are writing, before the batch is repeated."""
MOST_WHY = 200
"""Characters of the failure that the gate shows as its reason."""


@dataclass(frozen=True)
class ParkedJob:
    """What is told of a job that is, or is about to be, parked."""

    task: str
    failed_at: datetime
    error: str
    cause: str


def parked_in(event: Any) -> list[ParkedJob]:
    """The parked jobs that an event tells of; whatever can't be read is passed over."""
    if not isinstance(event, dict):
        return []
    if "respool" in event:
        error = event["error"] if isinstance(event.get("error"), dict) else {}
        image = {
            "queue": {"S": f"{State.PARKED}#{event.get('task')}"},
            "failedAt": {"S": event.get("failedAt")},
            "error": {"S": error.get("Error")},
            "cause": {"S": error.get("Cause")},
        }
        return parked_in({"Records": [{"dynamodb": {"NewImage": image}}]})
    records = event.get("Records")
    tasks = map(_parked, records if isinstance(records, list) else [])
    return [each for each in tasks if each is not None]


def _parked(record: Any) -> ParkedJob | None:
    image: Any = record
    for name in ("dynamodb", "NewImage"):
        image = image.get(name) if isinstance(image, dict) else None
    if not isinstance(image, dict):
        return None
    state, _, task = _text(image, "queue").partition("#")
    failed_at = read(_text(image, "failedAt"))
    if state != State.PARKED or not task or failed_at is None or not _text(image, "cause"):
        return None
    return ParkedJob(task, failed_at, _text(image, "error"), _text(image, "cause"))


def _text(image: dict[str, Any], name: str) -> str:
    value = image.get(name)
    text = value.get("S") if isinstance(value, dict) else None
    return text if isinstance(text, str) else ""


@dataclass(frozen=True)
class Hearing:
    """`text` and `most` are the stage's CLOSED_UNTIL and CLOSED_UNTIL_MAX.

    `tell` says that a gate is closed. `grace` is for how many seconds it stays closed behind the
    time named, in which the ramp probes; without a ramp there is none, and it opens by itself.
    """

    line: Line
    tell: Callable[[Slots], None]
    clock: Clock
    text: str
    most: int
    grace: int

    def take(self, event: Any) -> None:
        """Hear what the event's failures say. Raises what AWS answers; call again then."""
        for job in parked_in(event) if self.most else ():
            until = named_time(job.cause, job.failed_at, self.text)
            if until is not None:
                self._close(job, believed(until, job.failed_at, self.clock(), self.most))

    def _close(self, job: ParkedJob, until: datetime) -> None:
        for _ in range(TRIES):
            now = self.clock()
            slots = self.line.slots(job.task)
            if until <= now or not _heeds(slots, job.failed_at, until, now):
                return
            why = _why(job)
            end, at = iso(until + timedelta(seconds=self.grace)), iso(now)
            after = self.line.close(job.task, end, SERVICE, why, at, slots, named=iso(until))
            if (after.closed_by, after.named_until) == (SERVICE, iso(until)):
                self.tell(after)
                return


def _heeds(slots: Slots, failed_at: datetime, until: datetime, now: datetime) -> bool:
    """Whether a gate that stands so is to be closed by the word of a failure of that time."""
    if slots.opened_at >= iso(failed_at):
        return False
    if slots.closed_until <= iso(now):
        return True
    if slots.closed_by != SERVICE:
        return slots.closed_by in (RAMP, FAILURES)
    newer = slots.closed_at < iso(failed_at)
    return slots.named_until != iso(until) and (newer or slots.named_until < iso(until))


def _why(job: ParkedJob) -> str:
    failure = read_failure({"Error": job.error, "Cause": job.cause})
    text = ": ".join(part for part in (failure.name, failure.message) if part)
    return text[:MOST_WHY]

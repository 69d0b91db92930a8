"""The rescue: catches a job whose execution died outside every Catch, and spools it for a restart.

A death may be announced many times, by events and by the sweep; it is dealt with once.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib import metrics
from chalicelib.job.claim import Claim
from chalicelib.job.deaths import death
from chalicelib.job.execution import DEAD, Execution, Status
from chalicelib.job.key import key_in_text
from chalicelib.job.plan import ENDS
from chalicelib.job.ports import Claims, Clock, Spool, Telemetry, Workflow
from chalicelib.job.record import ABSENT, Failure, Record, encode, parse
from chalicelib.limits import REMEMBERS
from chalicelib.replaying.inspection import Inspection

RENEWING = "renewing"
"""A tombstone that says this is to be dealt with again."""
REMEMBERED = REMEMBERS + timedelta(days=10)
"""How long a tombstone is kept: longer than Step Functions knows a closed execution."""


@dataclass(frozen=True)
class Rescue:
    """Deals with dead executions; safe to call again at any time."""

    workflow: Workflow
    claims: Claims
    spool: Spool
    telemetry: Telemetry
    clock: Clock

    def catch(self, execution: str) -> str:
        """Deal with one execution's end; returns how: `spooled`, `ended`, `already` or `alive`.

        The order matters: the message is sent before the death gets its tombstone, so that a crash
        between the two leads to a second message, whose restart has the very same name.
        """
        found = self.workflow.describe(execution)
        if found.status not in DEAD:
            return "alive"
        name = death(found.arn, found.redrives)
        if self.claims.tombstones([name]).get(name, RENEWING) != RENEWING:
            return "already"
        how = self._end(found) if found.error in ENDS else self._spool(found)
        self._put_tombstone(name, how)
        self.telemetry.event(f"death-{how}", execution=execution, status=found.status.value)
        self.telemetry.metric(metrics.CAUGHT)
        return how

    def renew(self, found: Execution) -> bool:
        """Spool a dead execution's job once more, long after its first message; says if it did.

        Its tombstone says so first: a crash on the way leaves a death still to be dealt with.
        """
        self._put_tombstone(death(found.arn, found.redrives), RENEWING)
        return self.catch(found.arn) == "spooled"

    def renew_start(self, claim: Claim, origin: Execution) -> None:
        """Spool a job once more whose key was handed to a restart that then never started.

        The message is sent first: a crash after it leads to another one, which proves stale.
        """
        self.spool.send(encode(_as_claimed(_record(origin), claim)))
        now = self.clock().isoformat(timespec="milliseconds")
        self.claims.mark_renewed(claim, now)

    def _put_tombstone(self, name: str, how: str) -> None:
        expires = self.clock() + REMEMBERED
        self.claims.put_tombstone(name, how, int(expires.timestamp()))

    def _end(self, found: Execution) -> str:
        """It was meant to end: what it owned is free again."""
        self._free_slots(found.arn)
        self.claims.release(_record(found).key, found.arn)
        return "ended"

    def _spool(self, found: Execution) -> str:
        """Free its slot, keep its key for the restart, and spool the job."""
        self._free_slots(found.arn)
        record = self._respool(found)
        if record is None:
            self.telemetry.warning("death-superseded", execution=found.arn)
            return "ended"
        self.telemetry.event("job-spooled", key=record.key, execution=found.arn, task=record.task)
        self.telemetry.metric(metrics.SPOOLED, task=record.task, error=record.error.name)
        return "spooled"

    def _respool(self, found: Execution) -> Record | None:
        """Send the job to the spool; None where another execution has its key, or had it."""
        record = _record(found)
        if Inspection(self.workflow, self.claims).successor(record).status is not Status.MISSING:
            self.claims.release(record.key, record.execution)
            return None
        now = self.clock().isoformat(timespec="milliseconds")
        claim = self._marked(record, self.claims.get(record.key), now)
        if not self.claims.mark_spooled(claim):
            return None
        record = _as_claimed(record, claim)
        self.spool.send(encode(record))
        return record

    def _marked(self, record: Record, claim: Claim | None, now: str) -> Claim:
        """The claim as it is from now on; marking it again counts no further failure."""
        old = claim or Claim(record.key, record.execution, claimed_at=record.started_at)
        again = bool(old.spooled_at)
        return replace(
            old,
            execution=record.execution,
            parked_at=old.parked_at or now,
            spooled_at=now,
            first_failed_at=old.first_failed_at or now,
            attempt=old.attempt if again else old.attempt + 1,
            failure=record.error,
        )

    def _free_slots(self, execution: str) -> None:
        for slots in self.claims.slots():
            if execution in slots.holders:
                self.claims.free_slot(slots.task, execution)


def _record(found: Execution) -> Record:
    """The record of a dead execution's job; a restart reads the input off the execution."""
    key = key_in_text(found.input) if found.input else None
    return Record(
        key=found.arn.rpartition(":")[2] if key is None else key,
        execution=found.arn,
        redrives=found.redrives,
        started_at=_iso(found.started_at),
        error=Failure(found.error or _NAMES[found.status], found.cause[:1000]),
        input=_input(found.input),
    )


def _as_claimed(record: Record, claim: Claim) -> Record:
    """The record with what its claim tells of the job's failures."""
    return replace(
        record,
        task=claim.task,
        attempt=claim.attempt,
        failed_at=claim.parked_at,
        first_failed_at=claim.first_failed_at,
    )


def _input(text: str) -> Any:
    """The input whole, so that it outlives its execution; by reference where it can't be read."""
    try:
        return parse(text) if text else ABSENT
    except (ValueError, RecursionError):
        return ABSENT


_NAMES = {Status.FAILED: "Failed", Status.TIMED_OUT: "TimedOut", Status.ABORTED: "Aborted"}


def _iso(moment: datetime | None) -> str:
    return moment.isoformat(timespec="milliseconds") if moment else ""

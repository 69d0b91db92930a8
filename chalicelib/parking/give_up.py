"""Ends a job that nobody wants any more: its execution, its claim and its message."""

from dataclasses import dataclass

from chalicelib import metrics
from chalicelib.errors import BadRequest, NotFound
from chalicelib.job.claim import Claim
from chalicelib.job.deaths import death
from chalicelib.job.execution import DEAD, Execution, Status
from chalicelib.job.message import Message, key_of
from chalicelib.job.ports import Claims, Clock, Spool, Telemetry, Workflow
from chalicelib.limits import BATCH
from chalicelib.parking.rescue import REMEMBERED

MOST_REASON = 1000
HIDDEN = 60


@dataclass(frozen=True)
class GiveUp:
    """Gives jobs up; doing it twice changes nothing more."""

    workflow: Workflow
    claims: Claims
    queues: tuple[Spool, ...]
    telemetry: Telemetry
    clock: Clock

    def end(self, key: str, reason: str) -> bool:
        """End the job for good; says whether its message was found and deleted.

        A message that stays is dropped as stale when a replay meets it. Raises BadRequest
        without a reason, and NotFound where neither a claim nor a message has that key.
        """
        if not reason.strip() or len(reason) > MOST_REASON:
            raise BadRequest(
                f"a reason of 1 to {MOST_REASON} characters is needed to give up {key}"
            )
        claim = self.claims.get(key)
        if claim is not None:
            self._end_execution(claim, reason)
        removed = self._remove_messages(key)
        if claim is None and not removed:
            raise NotFound(f"no job has the key {key!r}: it finished, or was never started")
        if claim is not None:
            self.claims.release(key, claim.execution)
        self.telemetry.event("job-given-up", key=key, execution=claim.execution if claim else "")
        self.telemetry.metric(metrics.GIVEN_UP)
        return removed

    def _end_execution(self, claim: Claim, reason: str) -> None:
        """First what makes it final: the execution's own end, or for a dead one its tombstone."""
        found = self.workflow.describe(claim.execution)
        if found.status is Status.RUNNING:
            self.workflow.stop(claim.execution, "GivenUp", reason)
        elif found.status in (*DEAD, Status.MISSING):
            self._put_tombstone(found)
            if found.status is Status.MISSING and claim.predecessor:  # a start that never came
                self._put_tombstone(self.workflow.describe(claim.predecessor))
        for slots in self.claims.slots():
            if claim.execution in slots.holders:
                self.claims.free_slot(slots.task, claim.execution)

    def _put_tombstone(self, found: Execution) -> None:
        name = death(found.arn, found.redrives)
        self.claims.put_tombstone(name, "given up", int((self.clock() + REMEMBERED).timestamp()))

    def _remove_messages(self, key: str) -> bool:
        return any([self._remove_from(queue, key) for queue in self.queues])

    def _remove_from(self, queue: Spool, key: str) -> bool:
        """Read the whole queue once, delete the job's messages and give back the others."""
        others: list[Message] = []
        found = False
        try:
            while messages := queue.receive(BATCH, HIDDEN):
                ours = [message for message in messages if key_of(message) == key]
                others += [message for message in messages if message not in ours]
                if ours:
                    queue.delete(ours)
                    found = True
        finally:
            queue.release(others)
        return found

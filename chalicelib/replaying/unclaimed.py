"""Starts jobs that no claim knows: bare inputs, and notes whose table was emptied or restored."""

from dataclasses import dataclass, replace

from chalicelib.errors import AlreadyStarted
from chalicelib.job.claim import JOB, Claim
from chalicelib.job.deaths import death
from chalicelib.job.execution import Execution, Status, same_machine
from chalicelib.job.plan import ENDS, FOREIGN, RESTARTED, Action
from chalicelib.job.ports import Claims, Workflow
from chalicelib.job.record import Record
from chalicelib.job.restarts import restart_name, start_name
from chalicelib.replaying.outcome import Outcome
from chalicelib.replaying.patience import Patience
from chalicelib.replaying.sorting import Delivery, input_in

HELD = "its key belongs to a job that has not ended; it starts when that has"
NO_INPUT = "no claim knows it, its execution is gone, and its input with it"
RUNS = "its execution runs, and no claim knows it"


@dataclass(frozen=True)
class Unclaimed:
    """Decides and does; `dry` only decides. The name of each start follows from its message."""

    workflow: Workflow
    claims: Claims
    dry: bool = False

    def begin(self, delivery: Delivery, calm: Patience) -> Outcome:
        """Start what only the queue knows. Raises whatever AWS refuses."""
        record = delivery.record
        if not record.bare:
            return self._begin_lost(delivery, calm)
        name = start_name(delivery.message.id)
        key = record.key or delivery.message.id
        outcome = Outcome(key, Action.STALE, RESTARTED, pk=JOB + (record.key or name))
        claim = delivery.claim
        if claim is not None and claim.execution != self.workflow.arn(name) and not claim.ended_at:
            return replace(outcome, action=Action.LEAVE, reason=HELD, problem=True)
        if claim is not None and claim.execution == self.workflow.arn(name):
            return outcome
        return self._start(outcome, name, delivery.message.body, "only its message knew it", calm)

    def _begin_lost(self, delivery: Delivery, calm: Patience) -> Outcome:
        """The note of a job whose claim is lost: dead and not dealt with, it starts again."""
        record = delivery.record
        outcome = Outcome(
            record.key,
            Action.LEAVE,
            FOREIGN,
            pk=delivery.pk,
            execution=record.execution,
            task=record.task,
            error=record.error.name,
            attempt=record.attempt,
            problem=True,
        )
        if not same_machine(record.execution, self.workflow.arn("any")):
            return outcome
        execution = calm(lambda: self.workflow.describe(record.execution))
        if execution.status is Status.RUNNING:
            return replace(outcome, reason=RUNS)
        if self._has_ended(execution, calm):
            return replace(outcome, action=Action.STALE, reason="has ended", problem=False)
        text = execution.input or input_in(delivery)
        if not text:
            return replace(outcome, reason=NO_INPUT)
        name = restart_name(_claim(record), execution.redrives)
        reason = f"no claim knows it, and its execution is {execution.status}"
        return self._start(replace(outcome, problem=False), name, text, reason, calm)

    def _has_ended(self, execution: Execution, calm: Patience) -> bool:
        if execution.status is Status.MISSING:
            return False
        if execution.status is Status.SUCCEEDED or execution.error in ENDS:
            return True
        name = death(execution.arn, execution.redrives)
        if calm(lambda: self.claims.tombstones([name])).get(name, "parked") != "parked":
            return True
        return calm(lambda: self.workflow.tail(execution.arn)).in_fail_state

    def _start(
        self, outcome: Outcome, name: str, text: str, reason: str, calm: Patience
    ) -> Outcome:
        started = replace(outcome, action=Action.RESTART, reason=reason)
        if self.dry:
            return started
        try:
            calm(lambda: self.workflow.start(name, text))
        except AlreadyStarted:
            return replace(outcome, action=Action.STALE, reason=RESTARTED)
        return started


def _claim(record: Record) -> Claim:
    """The claim that its execution had, as far as the note tells."""
    return Claim(
        pk=JOB + record.key,
        execution=record.execution,
        task=record.task,
        order=f"{record.started_at}#{record.key[:200]}",
        attempt=record.attempt,
    )

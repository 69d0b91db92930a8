"""Continuous replay: acts on the claims of the jobs whose notes SQS delivers to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from chalicelib import metrics
from chalicelib.errors import AwsError, BadRequest
from chalicelib.job.claim import Claim, State
from chalicelib.job.message import Message
from chalicelib.job.plan import NO_INPUT, PUT_BACK, Action, Rules
from chalicelib.job.ports import Claims, Clock, Line, Spool, Telemetry, Workflow
from chalicelib.job.replay import ChosenJob
from chalicelib.limits import MAX_DELAY
from chalicelib.moments import read
from chalicelib.replaying.fate import Fate
from chalicelib.replaying.gates import Gates
from chalicelib.replaying.guard import Guard
from chalicelib.replaying.outcome import Outcome, of_claim
from chalicelib.replaying.patience import Patience
from chalicelib.replaying.recovery import Recovery
from chalicelib.replaying.sorting import Delivery, input_in, sort
from chalicelib.replaying.unclaimed import HELD, Unclaimed

SOON = 60
"""Seconds after which a note is looked at again whose job is about to be parked."""
LATER = 900
"""Seconds after which a note is looked at again where a gate is closed without a known end."""
LONG = MAX_DELAY
"""Seconds after which a note is looked at again where only a person, or the line, moves its job."""


@dataclass(frozen=True)
class ContinuousReplay:
    """Settles a batch; SQS deletes what is not reported back as failed. `note` writes down which
    jobs went back.
    """

    recovery: Recovery
    workflow: Workflow
    claims: Claims
    line: Line
    spool: Spool
    stuck: Spool
    telemetry: Telemetry
    clock: Clock
    note: Callable[[Sequence[ChosenJob]], None]

    def take(self, event: dict[str, Any], rules: Rules, seconds: float) -> dict[str, Any]:
        """Settle each message; returns `batchItemFailures`, the ones that stay on the spool.

        Raises BadRequest, before anything is done, for what is not an event of SQS.
        """
        calm = self.recovery.patience(self.recovery.elapsed() + seconds)
        gates = Gates(self.line, self.clock())
        failures = []
        back: list[ChosenJob] = []
        for delivery in sort(_messages(event), self.claims, calm, {}, self.workflow.arn("any")):
            about = Outcome(
                delivery.record.key or delivery.message.id, Action.LEAVE, "", pk=delivery.pk
            )
            act = _Act(self, delivery, rules, calm, gates)
            outcome = Guard(self.telemetry)(about, act.outcome)
            if outcome.action is Action.LEAVE:
                failures.append({"itemIdentifier": delivery.message.id})
                self._let_cool(delivery.message, outcome.wait)
            elif outcome.put_back and delivery.claim is not None:
                back.append(ChosenJob.of(delivery.claim))
        self.note(back)
        return {"batchItemFailures": failures}

    def _let_cool(self, message: Message, seconds: int) -> None:
        """Hide a message for a while, so that its job is not tried in a loop."""
        if not seconds:
            return
        try:
            self.spool.make_visible([message], min(seconds, MAX_DELAY))
        except AwsError as refused:
            self.telemetry.warning("messages-not-released", reason=str(refused))


@dataclass(frozen=True)
class _Act:
    """One message. An outcome other than LEAVE lets SQS delete it."""

    engine: ContinuousReplay
    delivery: Delivery
    rules: Rules
    calm: Patience
    gates: Gates

    def outcome(self) -> Outcome:
        """What became of it. Raises whatever AWS refuses."""
        delivery, claim = self.delivery, self.delivery.claim
        if delivery.refused:
            return self._move_aside()
        if delivery.fate is Fate.VOID:
            return Outcome(delivery.record.key, Action.STALE, "its note says nothing any more")
        if delivery.fate is Fate.EARLY and claim is not None:
            return of_claim(claim, Action.LEAVE, "is not parked yet", SOON)
        if claim is not None and delivery.fate is Fate.WAITS:
            return self._of_waiting(claim)
        outcome = Unclaimed(self.engine.workflow, self.engine.claims).begin(delivery, self.calm)
        return replace(outcome, wait=LATER, problem=outcome.problem and outcome.reason != HELD)

    def _of_waiting(self, claim: Claim) -> Outcome:
        if claim.state is not State.PARKED:
            wait = SOON if claim.state is State.RUNNING else LONG
            return of_claim(claim, Action.LEAVE, f"is {claim.state.value}", wait)
        if closed := self.calm(lambda: self.gates.closed(claim)):
            return of_claim(claim, Action.LEAVE, closed, self._until(claim))
        recovery = self.engine.recovery
        outcome = recovery.recover(claim, self.rules, self.calm)
        if outcome.action is Action.LEAVE and outcome.reason == NO_INPUT:
            text = input_in(self.delivery)
            outcome = recovery.restart_from(claim, text, self.calm) if text else outcome
        if outcome.action in (Action.STUCK, Action.LINE):
            return replace(outcome, action=Action.LEAVE, wait=LONG, problem=False)
        return (
            outcome if outcome.wait or outcome.action in PUT_BACK else replace(outcome, wait=SOON)
        )

    def _until(self, claim: Claim) -> int:
        """Seconds until the gate opens by itself, as far as anybody knows."""
        opens = read(self.gates.until(claim.task))
        return int((opens - self.gates.now).total_seconds()) + 1 if opens else LATER

    def _move_aside(self) -> Outcome:
        """Move what no job can be made of to the stuck queue, unchanged."""
        id, reason = self.delivery.message.id, self.delivery.refused
        self.calm(lambda: self.engine.stuck.send(self.delivery.message.body))
        self.engine.telemetry.warning("message-unreadable", message_id=id, reason=reason)
        self.engine.telemetry.metric(metrics.UNREADABLE)
        return Outcome(id, Action.STUCK, reason, problem=True)


def _messages(event: dict[str, Any]) -> Sequence[Message]:
    try:
        return [_read(record) for record in event["Records"]]
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError) as wrong:
        kind = type(wrong).__name__  # its text might repeat what a message holds
        raise BadRequest(f"these Records are not what SQS delivers ({kind})") from None


def _read(record: dict[str, Any]) -> Message:
    seconds = int(record.get("attributes", {}).get("SentTimestamp", 0)) / 1000
    return Message(
        record["messageId"],
        record["receiptHandle"],
        record["body"],
        datetime.fromtimestamp(seconds, UTC),
    )

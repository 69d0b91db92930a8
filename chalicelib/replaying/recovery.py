"""Does what the plan decided for one spooled job: look, resume, redrive, restart, or move away."""

from dataclasses import dataclass, replace
from threading import Lock

from chalicelib import metrics, moments
from chalicelib.errors import AwsError, RedriveRefused, TokenRefused, Unreadable
from chalicelib.job.execution import DEAD, Status
from chalicelib.job.message import Message
from chalicelib.job.plan import Action, Decision, Facts, Rules, admit, decide, needs_facts
from chalicelib.job.ports import Claims, Clock, Spool, Telemetry, Workflow
from chalicelib.job.record import ABSENT, Record, decode
from chalicelib.replaying.inspection import Inspection
from chalicelib.replaying.preview import NO_INPUT, Preview, no_free_slot
from chalicelib.replaying.restart import Restart

SPOOLING = ("ErrorSpool", "SpoolDirectly")
"""The states in which a job is parked; redriven there, it is parked anew."""


@dataclass(frozen=True)
class Outcome:
    """What became of one message; `settled`: it may now be deleted.

    `late`: AWS asked to slow down until time was up; the job is as well off as before.
    """

    key: str
    action: Action
    reason: str
    wait: int = 0
    problem: bool = False
    execution: str = ""
    late: bool = False

    @property
    def settled(self) -> bool:
        """Whether the message has done its duty."""
        return self.action is not Action.LEAVE


class Recovery:
    """Recovers one job at a time; safe to call from several threads, and twice for one message."""

    def __init__(
        self,
        workflow: Workflow,
        claims: Claims,
        stuck: Spool,
        telemetry: Telemetry,
        clock: Clock,
        task_limit: int,
    ) -> None:
        self._workflow = workflow
        self._claims = claims
        self._stuck = stuck
        self._telemetry = telemetry
        self._clock = clock
        self._task_limit = task_limit
        self._inspection = Inspection(workflow, claims)
        self._preview = Preview(claims, task_limit)
        self._restarts = Restart(workflow, claims)
        self._locks = [Lock() for _ in range(64)]

    def settle(self, message: Message, rules: Rules) -> Outcome:
        """Decide and do. Errors of AWS pass through; the message must then stay where it is."""
        try:
            record = decode(message.body)
        except Unreadable as unreadable:
            return self._move_unreadable(message, rules, str(unreadable))
        decision = admit(record, message.sent_at, self._clock(), rules)
        if decision is None and needs_facts(record):
            return self._look_and_do(record, message)
        if decision is None:
            return self._do(decide(record, None, self._clock()), record, message, None)
        if decision.action is Action.STUCK:
            return self._move_stuck(decision, record, message)
        return Outcome(record.key, decision.action, decision.reason, decision.wait)

    def preview(self, message: Message, rules: Rules) -> Outcome:
        """What `settle` would do, from the same facts; does none of it."""
        try:
            record = decode(message.body)
        except Unreadable as unreadable:
            return Outcome(message.id, Action.STUCK, f"can't be read: {unreadable}", problem=True)
        decision = admit(record, message.sent_at, self._clock(), rules)
        if decision is None:
            facts = self._inspection.look(record, message.id) if record.execution else None
            decision = self._preview.decide(record, facts, self._clock())
        return Outcome(
            record.key,
            decision.action,
            decision.reason,
            decision.wait,
            execution=record.execution,
        )

    def _look_and_do(
        self, record: Record, message: Message, token_refused: bool = False
    ) -> Outcome:
        """One job at a time: a job may have two messages, and only one of them restarts it."""
        with self._locks[hash(record.execution) % len(self._locks)]:
            facts = self._inspection.look(record, message.id, token_refused)
            return self._do(decide(record, facts, self._clock()), record, message, facts)

    def _do(
        self, decision: Decision, record: Record, message: Message, facts: Facts | None
    ) -> Outcome:
        if decision.action is Action.RESUME:
            return self._resume(decision, record, message)
        if decision.action is Action.REDRIVE and facts is not None:
            return self._redrive(decision, record, message, facts)
        if decision.action is Action.RESTART:
            return self._restart(decision, record, message, facts)
        return self._drop(decision, record, facts)

    def _resume(self, decision: Decision, record: Record, message: Message) -> Outcome:
        try:
            self._workflow.resume(record.token)
        except TokenRefused:
            return self._look_and_do(record, message, token_refused=True)
        return self._tell(record, decision.action, decision.reason)

    def _redrive(
        self, decision: Decision, record: Record, message: Message, facts: Facts
    ) -> Outcome:
        """Go on where it failed: with a slot where that is inside a task, and with its key."""
        task = facts.failed_in if facts.failed_in in self._tasks() else ""
        if task and not self._claims.take_slot(task, record.execution, self._task_limit):
            return Outcome(record.key, Action.LEAVE, no_free_slot(task), problem=True)
        if not self._claims.mark_redriven(record.key, record.execution):
            return self._rather_restart(record, message, task)
        try:
            self._workflow.redrive(record.execution)
        except RedriveRefused:
            return self._rather_restart(record, message, task)
        if facts.failed_in not in SPOOLING:
            self._mark_resumed(record)
        return self._tell(record, decision.action, decision.reason)

    def _mark_resumed(self, record: Record) -> None:
        """Only now, for a redrive that is refused leaves a job that waits. It is for people."""
        now = self._clock().isoformat(timespec="milliseconds")
        try:
            self._claims.mark_resumed(record.key, record.execution, record.failed_at, now)
        except AwsError as refused:
            self._telemetry.warning("claim-not-marked", key=record.key, reason=str(refused))

    def _tasks(self) -> set[str]:
        return {slots.task for slots in self._claims.slots()}

    def _rather_restart(self, record: Record, message: Message, task: str) -> Outcome:
        """It can't be redriven: somebody else was quicker, or else the job starts anew."""
        facts = self._inspection.look(record, message.id, token_refused=True)
        facts = replace(facts, redrivable=False)
        if task and facts.status is not Status.RUNNING:
            self._claims.free_slot(task, record.execution)
        return self._do(decide(record, facts, self._clock()), record, message, facts)

    def _restart(
        self, decision: Decision, record: Record, message: Message, facts: Facts | None
    ) -> Outcome:
        if facts is not None:
            record = replace(record, redrives=facts.redrives)
        text = facts.input if facts is not None else ""
        if not text and record.input is ABSENT:
            return Outcome(record.key, Action.LEAVE, NO_INPUT, problem=True)
        action, reason = self._restarts.start(record, message.id, text)
        return self._tell(record, action, reason or decision.reason)

    def _drop(self, decision: Decision, record: Record, facts: Facts | None) -> Outcome:
        """The job has gone on or ended; a claim that its dead execution left is nobody's now."""
        if facts is not None and facts.status in (*DEAD, Status.MISSING):
            self._claims.release(record.key, record.execution)
        return self._tell(record, decision.action, decision.reason)

    def _move_unreadable(self, message: Message, rules: Rules, reason: str) -> Outcome:
        """Move a body that can't be read to the stuck queue, unchanged; there it stays."""
        if rules.take_stuck:
            return Outcome(message.id, Action.LEAVE, f"can't be read: {reason}", problem=True)
        self._stuck.send(message.body)
        self._telemetry.warning("message-unreadable", message_id=message.id, reason=reason)
        self._telemetry.metric(metrics.UNREADABLE)
        return Outcome(message.id, Action.STUCK, f"can't be read: {reason}", problem=True)

    def _move_stuck(self, decision: Decision, record: Record, message: Message) -> Outcome:
        self._stuck.send(message.body)
        if record.execution:
            now = self._clock().isoformat(timespec="milliseconds")
            self._claims.mark_stuck(record.key, record.execution, now)
        return self._tell(record, decision.action, decision.reason, problem=True)

    def _tell(self, record: Record, action: Action, reason: str, problem: bool = False) -> Outcome:
        self._telemetry.event(
            f"job-{_DONE[action]}",
            key=record.key,
            execution=record.execution,
            task=record.task,
            attempt=record.attempt,
            reason=reason,
        )
        self._telemetry.metric(_COUNTED[action], task=record.task, error=record.error.name)
        if _COUNTED[action] in (metrics.RESUMED, metrics.RESTARTED):
            self._measure(record.first_failed_at)
        return Outcome(record.key, action, reason, problem=problem)

    def _measure(self, first_failed_at: str) -> None:
        """How long the job waited, where its record says since when."""
        if since := moments.read(first_failed_at):
            waited = self._clock() - since
            self._telemetry.metric(metrics.WAITED, max(0, waited.total_seconds()))


_DONE = {
    Action.RESUME: "resumed",
    Action.REDRIVE: "redriven",
    Action.RESTART: "restarted",
    Action.STALE: "stale",
    Action.STUCK: "stuck",
}
_COUNTED = {
    Action.RESUME: metrics.RESUMED,
    Action.REDRIVE: metrics.RESUMED,
    Action.RESTART: metrics.RESTARTED,
    Action.STALE: metrics.STALE,
    Action.STUCK: metrics.STUCK,
}

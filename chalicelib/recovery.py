"""Does what the plan decided for one spooled job: look, resume, redrive, restart, set aside."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Lock

from chalicelib import metric_names as metric
from chalicelib.claims import Claim, Claims
from chalicelib.errors import AlreadyStarted, RedriveRefused, TokenRefused, Unreadable
from chalicelib.journal import Journal
from chalicelib.plan import Action, Decision, Facts, Rules, Status, admit, decide, needs_facts
from chalicelib.record import ABSENT, Record, compact, decode, key_in, key_in_text, restart_name
from chalicelib.spool import Message, Spool
from chalicelib.workflow import DEAD, Workflow

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Outcome:
    """What became of one message; `settled`: it may now be deleted."""

    key: str
    action: Action
    reason: str
    wait: int = 0
    problem: bool = False

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
        journal: Journal,
        clock: Clock,
        task_limit: int,
    ) -> None:
        self._workflow = workflow
        self._claims = claims
        self._stuck = stuck
        self._journal = journal
        self._clock = clock
        self._task_limit = task_limit
        self._locks = [Lock() for _ in range(64)]

    def settle(self, message: Message, rules: Rules) -> Outcome:
        """Decide and do. Errors of AWS pass through; the message must then stay where it is."""
        try:
            record = decode(message.body)
        except Unreadable as unreadable:
            return self._set_aside_unread(message, rules, str(unreadable))
        decision = admit(record, message.sent_at, self._clock(), rules)
        if decision is None and needs_facts(record):
            return self._look_and_do(record, message)
        if decision is None:
            return self._do(decide(record, None, self._clock()), record, message, None)
        if decision.action is Action.STUCK:
            return self._set_aside_stuck(decision, record, message)
        return Outcome(record.key, decision.action, decision.reason, decision.wait)

    def preview(self, message: Message, rules: Rules) -> Outcome:
        """What `settle` would do, from the same facts; does none of it."""
        try:
            record = decode(message.body)
        except Unreadable as unreadable:
            return Outcome(message.id, Action.STUCK, f"can't be read: {unreadable}", problem=True)
        decision = admit(record, message.sent_at, self._clock(), rules)
        if decision is None:
            facts = self.look(record, message.id) if record.execution else None
            decision = decide(record, facts, self._clock())
        return Outcome(record.key, decision.action, decision.reason, decision.wait)

    def look(self, record: Record, message_id: str, token_refused: bool = False) -> Facts:
        """Gather the facts about a record's execution: one call, more only for a dead one."""
        execution = self._workflow.describe(record.execution)
        facts = Facts(
            status=execution.status,
            error=execution.error,
            stopped_at=execution.stopped_at,
            redrives=execution.redrives or record.redrives,
            redrivable=execution.redrivable,
            token_refused=token_refused,
            input=execution.input,
        )
        if facts.status not in (*DEAD, Status.MISSING):
            return facts
        return self._look_closer(replace(record, redrives=facts.redrives), facts, message_id)

    def _look_closer(self, record: Record, facts: Facts, message_id: str) -> Facts:
        heir = self._workflow.describe(self._workflow.arn(restart_name(record, message_id)))
        facts = replace(
            facts,
            given_up=self._claims.buried([record.death]).get(record.death) == "given up",
            successor=heir.status is not Status.MISSING,
        )
        if not facts.redrivable:
            return facts
        tail = self._workflow.tail(record.execution)
        return replace(facts, events=tail.events, failed_in_fail_state=tail.in_fail_state)

    def _look_and_do(
        self, record: Record, message: Message, token_refused: bool = False
    ) -> Outcome:
        """One job at a time: a job may have two messages, and only one of them restarts it."""
        with self._locks[hash(record.execution) % len(self._locks)]:
            facts = self.look(record, message.id, token_refused)
            return self._do(decide(record, facts, self._clock()), record, message, facts)

    def _do(
        self, decision: Decision, record: Record, message: Message, facts: Facts | None
    ) -> Outcome:
        if decision.action is Action.RESUME:
            return self._resume(decision, record, message)
        if decision.action is Action.REDRIVE:
            return self._redrive(decision, record, message, facts)
        if decision.action is Action.RESTART:
            return self._restart(decision, record, message, facts)
        return self._tell(record, decision.action, decision.reason)

    def _resume(self, decision: Decision, record: Record, message: Message) -> Outcome:
        try:
            self._workflow.resume(record.token)
        except TokenRefused:
            return self._look_and_do(record, message, token_refused=True)
        return self._tell(record, decision.action, decision.reason)

    def _redrive(
        self, decision: Decision, record: Record, message: Message, facts: Facts | None
    ) -> Outcome:
        task, execution = record.task, record.execution
        if task and not self._claims.take_slot(task, execution, self._task_limit):
            return Outcome(
                record.key, Action.LEAVE, f"its task {task} is full or held", problem=True
            )
        try:
            self._workflow.redrive(execution)
        except RedriveRefused:
            return self._restart(decision, record, message, facts)
        return self._tell(record, decision.action, decision.reason)

    def _restart(
        self, decision: Decision, record: Record, message: Message, facts: Facts | None
    ) -> Outcome:
        if facts is not None:
            record = replace(record, redrives=facts.redrives)
        text = facts.input if facts is not None and facts.input else ""
        if not text and record.input is ABSENT:
            reason = "its execution is gone, and its input with it"
            return Outcome(record.key, Action.LEAVE, reason, problem=True)
        return self._start(record, restart_name(record, message.id), text, decision.reason)

    def _start(self, record: Record, name: str, text: str, reason: str) -> Outcome:
        keyless = (key_in_text(text) if text else key_in(record.input)) is None
        if record.execution and not self._hand_over(record, name, keyless):
            return self._tell(record, Action.STALE, "its key is held by another execution")
        try:
            self._workflow.start(name, text or compact(record.input))
        except AlreadyStarted:
            return self._tell(record, Action.STALE, "was restarted already")
        if record.execution and keyless:
            self._claims.release(record.key, record.execution)
        return self._tell(record, Action.RESTART, reason)

    def _hand_over(self, record: Record, name: str, keyless: bool) -> bool:
        """Let the new execution own the dead one's key before it starts, so that nobody else can.

        Without a key in the input the new execution's name is its key, so it gets a claim there.
        """
        heir = self._workflow.arn(name)
        if not keyless:
            return self._claims.hand_over(record.key, record.execution, heir)
        return self._claims.mark_spooled(
            Claim(
                key=name,
                execution=heir,
                claimed_at=record.failed_at,
                parked_at=record.failed_at,
                spooled_at=record.failed_at,
                first_failed_at=record.first_failed_at,
                task=record.task,
                attempt=record.attempt,
                failure=record.error,
            )
        )

    def _set_aside_unread(self, message: Message, rules: Rules, reason: str) -> Outcome:
        """Move a body that can't be read to the stuck queue, unchanged; there it stays."""
        if rules.take_stuck:
            return Outcome(message.id, Action.LEAVE, f"can't be read: {reason}", problem=True)
        self._stuck.send(message.body)
        self._journal.warn("message-unreadable", message_id=message.id, reason=reason)
        self._journal.count(metric.UNREADABLE)
        return Outcome(message.id, Action.STUCK, f"can't be read: {reason}", problem=True)

    def _set_aside_stuck(self, decision: Decision, record: Record, message: Message) -> Outcome:
        self._stuck.send(message.body)
        if record.execution:
            now = self._clock().isoformat(timespec="milliseconds")
            self._claims.mark_stuck(record.key, record.execution, now)
        return self._tell(record, decision.action, decision.reason, problem=True)

    def _tell(self, record: Record, action: Action, reason: str, problem: bool = False) -> Outcome:
        self._journal.tell(
            f"job-{_DONE[action]}",
            key=record.key,
            execution=record.execution,
            task=record.task,
            attempt=record.attempt,
            reason=reason,
        )
        self._journal.count(_COUNTED[action], task=record.task, error=record.error.name)
        if _COUNTED[action] in (metric.RESUMED, metric.RESTARTED):
            self._measure(record.first_failed_at)
        return Outcome(record.key, action, reason, problem=problem)

    def _measure(self, first_failed_at: str) -> None:
        """How long the job waited, where its record says since when."""
        try:
            since = datetime.fromisoformat(first_failed_at)
        except ValueError:
            return
        waited = self._clock() - (since if since.tzinfo else since.replace(tzinfo=UTC))
        self._journal.count(metric.WAITED, max(0, waited.total_seconds()))


def key_of(message: Message) -> str:
    """The key of the job in a message, or the message's id where that can't be read."""
    try:
        return decode(message.body).key or message.id
    except Unreadable:
        return message.id


_DONE = {
    Action.RESUME: "resumed",
    Action.REDRIVE: "redriven",
    Action.RESTART: "restarted",
    Action.STALE: "stale",
    Action.STUCK: "stuck",
}
_COUNTED = {
    Action.RESUME: metric.RESUMED,
    Action.REDRIVE: metric.RESUMED,
    Action.RESTART: metric.RESTARTED,
    Action.STALE: metric.STALE,
    Action.STUCK: metric.STUCK,
}

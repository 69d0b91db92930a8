"""Starts a job anew whose execution is gone: once, however often and by whomever it is tried."""

from dataclasses import dataclass

from chalicelib.errors import AlreadyStarted
from chalicelib.job.claim import Claim
from chalicelib.job.key import key_in, key_in_text
from chalicelib.job.plan import RESTARTED, Action
from chalicelib.job.ports import Claims, Workflow
from chalicelib.job.record import Record, compact, restart_name
from chalicelib.replaying.preview import NOT_ITS_KEY


@dataclass(frozen=True)
class Restart:
    """Hands the dead execution's key over, and starts the execution that inherits it."""

    workflow: Workflow
    claims: Claims

    def start(self, record: Record, message_id: str, text: str) -> tuple[Action, str]:
        """Start it on this input, or where that is empty on the record's; says what became of it.

        The new execution's name follows from the record: a second start finds it taken.
        """
        name = restart_name(record, message_id)
        keyless = (key_in_text(text) if text else key_in(record.input)) is None
        if record.execution and not self._hand_over(record, name, keyless):
            return Action.STALE, NOT_ITS_KEY
        try:
            self.workflow.start(name, text or compact(record.input))
        except AlreadyStarted:
            return Action.STALE, RESTARTED
        if record.execution and keyless:
            self.claims.release(record.key, record.execution)
        return Action.RESTART, ""

    def _hand_over(self, record: Record, name: str, keyless: bool) -> bool:
        """Let the new execution own the dead one's key before it starts, so that nobody else can.

        Without a key in the input the new execution's name is its key, so it gets a claim there.
        """
        successor = self.workflow.arn(name)
        if not keyless:
            return self.claims.hand_over(record.key, record.execution, successor)
        return self.claims.mark_spooled(
            Claim(
                key=name,
                execution=successor,
                predecessor=record.execution,
                claimed_at=record.failed_at,
                parked_at=record.failed_at,
                first_failed_at=record.first_failed_at,
                task=record.task,
                attempt=record.attempt,
                failure=record.error,
            )
        )

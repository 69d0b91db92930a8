"""Looks at a spooled job's execution, and at what else tells whether the job went on."""

from dataclasses import dataclass, replace

from chalicelib.job.deaths import death
from chalicelib.job.execution import DEAD, Execution, Status
from chalicelib.job.plan import Facts
from chalicelib.job.ports import Claims, Workflow
from chalicelib.job.record import Record, restart_name


@dataclass(frozen=True)
class Inspection:
    """Gathers facts and changes nothing."""

    workflow: Workflow
    claims: Claims

    def look(self, record: Record, message_id: str, token_refused: bool = False) -> Facts:
        """Gather the facts about a record's execution: one call, more only for a dead one."""
        execution = self.workflow.describe(record.execution)
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
        successor = self.successor(record, message_id)
        name = death(record.execution, record.redrives)
        facts = replace(
            facts,
            given_up=self.claims.tombstones([name]).get(name) == "given up",
            successor=successor.status is not Status.MISSING,
        )
        if not facts.redrivable or facts.successor:
            return facts
        tail = self.workflow.tail(record.execution)
        return replace(
            facts,
            events=tail.events,
            failed_in_fail_state=tail.in_fail_state,
            failed_in=tail.state,
        )

    def successor(self, record: Record, message_id: str = "") -> Execution:
        """The execution that a restart after this very death would have, or has, started."""
        return self.workflow.describe(self.workflow.arn(restart_name(record, message_id)))

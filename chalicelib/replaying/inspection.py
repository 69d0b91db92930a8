"""Looks at the execution of a job that may be dead; changes nothing."""

from dataclasses import dataclass, replace

from chalicelib.job.claim import Claim
from chalicelib.job.execution import DEAD, Status
from chalicelib.job.plan import Facts, is_meant
from chalicelib.job.ports import Workflow
from chalicelib.replaying.patience import Patience


@dataclass(frozen=True)
class Inspection:
    """Gathers facts. Step Functions answers eventually consistent: a fact may be of a while ago."""

    workflow: Workflow

    def look(self, claim: Claim, calm: Patience) -> Facts:
        """The facts about a claim's execution: one call, two where it could be redriven.

        Of a restart that never started, the input is its predecessor's. Whether the child of a
        distributed Map can be redriven is up to its parent: two calls more.
        """
        execution = calm(lambda: self.workflow.describe(claim.execution))
        facts = Facts(
            status=execution.status,
            error=execution.error,
            stopped_at=execution.stopped_at,
            redrives=execution.redrives,
            redrivable=execution.redrivable,
            input=execution.input,
        )
        if facts.status is Status.MISSING and claim.predecessor:
            origin = calm(lambda: self.workflow.describe(claim.predecessor))
            return replace(facts, input=origin.input)
        if facts.status in DEAD and execution.map_run:
            parent = calm(lambda: self.workflow.parent(execution.map_run))
            facts = replace(
                facts,
                parent=parent,
                redrivable=parent.redrivable,
                stopped_at=parent.stopped_at or execution.stopped_at,
            )
        if facts.status not in DEAD or not facts.redrivable or is_meant(claim, facts.error):
            return facts
        tail = calm(lambda: self.workflow.tail(claim.execution))
        return replace(
            facts, events=tail.events, in_fail_state=tail.in_fail_state, failed_in=tail.state
        )

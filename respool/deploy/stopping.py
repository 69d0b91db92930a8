"""Ends the executions of a stage that is deleted; what each job was started with is kept before.

Step Functions deletes a machine when its last execution has ended, and with it all that it knows
of them. So a note with the input lies on the spool before anything is stopped: a second delete, or
a note too many, changes nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chalicelib.errors import RespoolError
from chalicelib.job.claim import JOB, WAITING, Claim
from chalicelib.job.execution import Execution, Status
from chalicelib.job.json_text import parse
from chalicelib.job.key import job_key
from chalicelib.job.ports import Claims, Line, Spool, Workflow
from chalicelib.job.record import Record, encode
from respool.deploy.checks.findings import DeployFailed
from respool.deploy.patience import Patience

ERROR = "StageDeleted"
CAUSE = "The stage was deleted. A replay starts the job anew once it is deployed again."
LAG = 60
"""Seconds that DescribeExecution may need until it knows of a StopExecution."""


@dataclass(frozen=True)
class Stopping:
    """Ends one stage's executions; `rescue` deals with a dead one, as the rescue Lambda does."""

    workflow: Workflow
    claims: Claims
    line: Line
    spool: Spool
    rescue: Callable[[str], str]
    patience: Patience

    def run(self) -> list[str]:
        """End what runs; returns which. Raises DeployFailed for a job that could not be kept."""
        try:
            running = list(self.workflow.list(Status.RUNNING))
        except RespoolError as refused:
            if "StateMachineDoesNotExist" in str(refused):
                return []  # no machine, so nothing runs, and nothing is known of what ran
            raise
        for claim in self._dead():
            self._keep(self.workflow.describe(claim.execution), claim)
        for execution in running:
            self._keep(self.workflow.describe(execution))
            self.workflow.stop(execution, ERROR, CAUSE)
            self._settle(execution)
        return running

    def _dead(self) -> Iterator[Claim]:
        """The jobs that wait for a restart, of which Step Functions may still know the input."""
        for task in self.line.tasks():
            for state in WAITING:
                yield from (one for one in self.claims.waiting(state, task) if one.dead_at)

    def _keep(self, found: Execution, claim: Claim | None = None) -> None:
        """Send the note of a job with its input in it, where there is one."""
        if not found.input:
            return
        claim = claim or self._claim(found)
        if claim is None:
            return  # it ends as BadInput, or the key is another's
        try:
            record = _record(found, claim).with_input(parse(found.input))
        except ValueError as wrong:
            raise DeployFailed(
                f"The input of {found.arn} can't be kept: {wrong}. Let the job end, or give it up"
                f" (respool give-up), and run the command again."
            ) from None
        self.spool.send(encode(record))

    def _claim(self, found: Execution) -> Claim | None:
        """The claim that it owns, or is about to own."""
        key = job_key(found.input, found.arn.rpartition(":")[2])
        if key is None:
            return None
        pk = JOB + key
        claim = self.claims.look([pk], consistent=True).get(pk)
        if claim is None or claim.ended_at:
            return Claim(pk, found.arn)
        return claim if claim.execution == found.arn else None

    def _settle(self, execution: str) -> None:
        """Have the rescue park it once Step Functions tells that it has ended."""
        for _ in self.patience.looks(LAG):
            if self.workflow.describe(execution).status is not Status.RUNNING:
                self.rescue(execution)
                return
        raise DeployFailed(
            f"Step Functions still runs {execution} a minute after it was stopped."
            " Run the command again: its job is on the spool."
        )


def _record(found: Execution, claim: Claim) -> Record:
    return Record(
        key=claim.key,
        execution=found.arn,
        redrives=found.redrives,
        started_at=claim.started_at,
        task=claim.task,
        attempt=claim.attempt,
        error=claim.failure,
        failed_at=claim.failed_at,
        first_failed_at=claim.first_failed_at,
    )

"""Ends the executions of a stage that is deleted, and keeps their jobs.

Step Functions deletes a machine when its last execution has ended, and with it all that it knows
of them. So before that each job waits in the table, and a note with its input lies on the spool.
Whatever was interrupted is done by the next run: until then the machine is still there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from chalicelib.errors import RespoolError
from chalicelib.job.claim import WAITING, Claim
from chalicelib.job.execution import Execution, Status
from chalicelib.job.ports import Claims, Line, Spool, Workflow
from chalicelib.limits import BATCH_GET
from chalicelib.parking.note import note_of
from chalicelib.parking.repairs import Repairs
from respool.deploy.checks.findings import DeployFailed
from respool.deploy.patience import Patience

ERROR = "StageDeleted"
CAUSE = "The stage was deleted. A replay restarts the job once it is deployed again."
LAG = 60
"""Seconds that DescribeExecution may need until it knows of a StopExecution."""
SWEEPING = 900
"""Seconds for a sweep, which finds jobs that died before and that nobody heard of."""


@dataclass(frozen=True)
class Stopping:
    """Ends one stage's executions; `rescue` parks a dead one, `sweep` all that were missed."""

    workflow: Workflow
    claims: Claims
    line: Line
    spool: Spool
    rescue: Callable[[str], str]
    sweep: Callable[[float], Repairs]
    patience: Patience

    def run(self) -> list[str]:
        """End what runs; returns which. Raises DeployFailed where a job could not be kept."""
        try:
            self.workflow.frames()
            running = list(self.workflow.list(Status.RUNNING))
        except RespoolError as refused:
            if "StateMachineDoesNotExist" in str(refused):
                return []  # no machine, so nothing runs, and nothing is known of what ran
            raise
        for execution in running:
            self._refuse_unkeepable(self.workflow.describe(execution))
        for execution in running:
            self.workflow.stop(execution, ERROR, CAUSE)
            self._settle(execution)
        executions = {*running, *self._sweep()}
        for claim in self._dead():
            if claim.execution not in executions:
                self._send_note(claim)
        return running

    def _refuse_unkeepable(self, execution: Execution) -> None:
        """A note leaves out an input that nobody could read again."""
        any_claim = Claim("job#", execution.arn)
        if execution.input and note_of(any_claim, 0, execution.input) == note_of(any_claim, 0, ""):
            raise DeployFailed(
                f"The input of {execution.arn} can't be kept: it is too deep, or has a number too"
                " large. Let the job end, or stop it, and run the command again."
            )

    def _settle(self, execution: str) -> None:
        """Have the rescue park it once Step Functions tells that it has ended."""
        for _ in self.patience.looks(LAG):
            if self.workflow.describe(execution).status is not Status.RUNNING:
                self.rescue(execution)
                return
        raise DeployFailed(
            f"Step Functions still runs {execution} a minute after it was stopped."
            " Run the command again."
        )

    def _sweep(self) -> list[str]:
        repairs = self.sweep(SWEEPING)
        if repairs.refused:
            first = repairs.refused[0]
            raise DeployFailed(
                f"Jobs may be lost that died unheard of: the sweep was refused {first['part']}:"
                f" {first['reason']}. Run the command again."
            )
        if repairs.more:
            raise DeployFailed("The sweep did not come to its end in time. Run the command again.")
        return repairs.rescued

    def _dead(self) -> Iterator[Claim]:
        """The jobs that wait for a restart, whole; their notes may have been purged."""
        for task in self.line.tasks():
            for state in WAITING:
                dead = (one.pk for one in self.claims.waiting(state, task) if one.dead_at)
                while pks := list(islice(dead, BATCH_GET)):
                    yield from self.claims.look(pks, consistent=True).values()

    def _send_note(self, claim: Claim) -> None:
        execution = self.workflow.describe(claim.execution)
        if execution.input:
            self.spool.send(note_of(claim, execution.redrives, execution.input))

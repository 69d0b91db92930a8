"""Starts a job again whose execution is gone: once, however often and by whomever it is tried."""

from dataclasses import dataclass, replace

from chalicelib.errors import AlreadyStarted
from chalicelib.job.claim import Claim
from chalicelib.job.execution import Status, same_machine
from chalicelib.job.key import job_key
from chalicelib.job.plan import GONE_ON, RESTARTED, Action, Facts
from chalicelib.job.ports import Claims, Workflow
from chalicelib.job.restarts import restart_name
from chalicelib.replaying.patience import Patience

UNLISTED = "its state machine is none of those that MACHINES names"
FOREIGN = "its execution is another state machine's"
OTHER_KEY = "its input has another key than the job"
Result = tuple[Action, str]
"""What became of it, and why where that is not what was planned."""


@dataclass(frozen=True)
class Restart:
    """Hands the dead execution's key over first, and then starts the execution that gets it.

    The claim decides who may: of all who saw the same death only one hands over, and the name of
    the new execution follows from that death. A crash in between leaves a claim whose execution
    was never started; whoever meets it starts that very one.
    """

    workflow: Workflow
    claims: Claims
    machines: tuple[str, ...] = ()

    def start(self, claim: Claim, facts: Facts, calm: Patience) -> Result:
        """Start a dead job on its first input, in its own machine. Raises whatever AWS refuses."""
        home = self.workflow.of(claim.machine)
        if not same_machine(claim.execution, home.arn("any")):
            return Action.LEAVE, FOREIGN
        if claim.machine and claim.machine not in self.machines:
            return Action.LEAVE, UNLISTED
        if facts.status is Status.MISSING and claim.predecessor:
            return self._start(home, claim.execution.rpartition(":")[2], facts.input, calm)
        name = restart_name(claim, facts.redrives)
        pk = _own_key(claim, facts.input, name)
        if pk is None:
            return Action.LEAVE, OTHER_KEY
        successor = home.arn(name)
        if not calm(lambda: self.claims.hand_over(claim, successor, pk)):
            now = calm(lambda: self.claims.get(pk))
            if now is None or now.execution != successor or not now.dead_at:
                return Action.STALE, GONE_ON
        return self._start(home, name, facts.input, calm)

    def _start(self, home: Workflow, name: str, text: str, calm: Patience) -> Result:
        try:
            calm(lambda: home.start(name, text))
        except AlreadyStarted:
            return Action.STALE, RESTARTED
        return Action.RESTART, ""


def _own_key(claim: Claim, text: str, name: str) -> str | None:
    """The claim's key of an execution of that name: another one where the input names no key.

    None where the input is another job's.
    """
    key = job_key(text, name)
    return f"{claim.pk.partition('#')[0]}#{key}" if key in (name, claim.key) else None


def with_input(facts: Facts, text: str) -> Facts:
    """The same facts, with an input from elsewhere where Step Functions has none any more."""
    return facts if facts.input else replace(facts, input=text)

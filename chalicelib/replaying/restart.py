"""Starts a job again whose execution is gone: once, however often and by whomever it is tried."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from chalicelib.errors import AlreadyStarted
from chalicelib.job.claim import Claim
from chalicelib.job.execution import Status, same_machine
from chalicelib.job.key import job_key
from chalicelib.job.plan import FOREIGN, GONE_ON, RESTARTED, UNLISTED, Action, Facts, is_unlisted
from chalicelib.job.ports import Claims, Workflow
from chalicelib.job.restarts import read_restart_name, restart_name
from chalicelib.replaying.patience import Patience
from chalicelib.replaying.siblings import ALONE, Family

Result = tuple[Action, str]
"""What became of it, and why where that is not what was planned."""


@dataclass(frozen=True)
class Restart:
    """Hands the dead execution's key over first, and then starts the execution that gets it.

    The claim decides who may: of all who saw the same death only one hands over, and the name of
    the new execution follows from that death. A crash in between leaves a claim whose execution
    was never started; whoever meets it starts that very one. Of an execution with several jobs one
    is handed over, and `end` frees the keys of the others before the restart may ask for them.
    """

    workflow: Workflow
    claims: Claims
    end: Callable[[Claim], object]
    machines: tuple[str, ...] = ()

    def start(self, claim: Claim, facts: Facts, family: Family, calm: Patience) -> Result:
        """Start a dead job on its first input, in its own machine. Raises whatever AWS refuses."""
        home = self.workflow.of(claim.machine)
        if not same_machine(claim.execution, home.arn("any")):
            return Action.LEAVE, FOREIGN
        if is_unlisted(claim, self.machines):
            return Action.LEAVE, UNLISTED
        if facts.status is Status.MISSING and claim.predecessor:
            self._free(family, calm)
            return self._start(home, claim.execution.rpartition(":")[2], facts.input, calm)
        name, pk = _successor(claim, facts, family is ALONE)
        successor = home.arn(name)
        if not calm(lambda: self.claims.hand_over(claim, successor, pk)):
            now = calm(lambda: self.claims.get(pk))
            if now is None or now.execution != successor or not now.dead_at:
                return Action.STALE, GONE_ON
        self._free(family, calm)
        return self._start(home, name, facts.input, calm)

    def _free(self, family: Family, calm: Patience) -> None:
        for other in family.others:
            calm(partial(self.end, other))

    def _start(self, home: Workflow, name: str, text: str, calm: Patience) -> Result:
        try:
            calm(lambda: home.start(name, text))
        except AlreadyStarted:
            return Action.STALE, RESTARTED
        return Action.RESTART, ""


def _successor(claim: Claim, facts: Facts, alone: bool) -> tuple[str, str]:
    """The name of the restart, and the claim's key there: its own name where no other is given.

    Of an execution with several jobs the name is the same whichever of them is asked for: it
    follows from the execution, which has failed once more than its own name says.
    """
    if claim.watched:
        return restart_name(claim, facts.redrives), claim.pk
    if alone:
        name = restart_name(claim, facts.redrives)
        return name, f"{claim.pk.partition('#')[0]}#{job_key(facts.input, name)}"
    origin = read_restart_name(claim.execution.rpartition(":")[2])
    attempt = origin.attempt + 1 if origin else 1
    return restart_name(replace(claim, attempt=attempt), facts.redrives), claim.pk


def with_input(facts: Facts, text: str) -> Facts:
    """The facts, with an input from elsewhere where Step Functions has none any more."""
    return facts if facts.input else replace(facts, input=text)

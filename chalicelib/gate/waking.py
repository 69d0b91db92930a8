"""Wakes a job that has just been given its slot, as often as it takes, and says so last."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from chalicelib import metrics
from chalicelib.errors import Conflict, RespoolError, Throttled, TokenRefused, Unanswered
from chalicelib.job.claim import Claim, State
from chalicelib.job.execution import DEAD
from chalicelib.job.plan import after
from chalicelib.job.ports import Claims, Clock, Line, Telemetry, Workflow


@dataclass(frozen=True)
class Waking:
    """Answers tokens; of a dead job, lets it go on in another way; of one that went on, nothing.

    `go_on` redrives or restarts a dead job whose turn has come, and says whether it is inside now;
    `rescue` deals with an execution that turns out to be dead, and `leave` ends a job whose branch
    was stopped while its execution goes on.
    """

    claims: Claims
    line: Line
    workflow: Workflow
    telemetry: Telemetry
    clock: Clock
    go_on: Callable[[Claim], bool]
    rescue: Callable[[str], str]
    leave: Callable[[Claim], bool]

    def wake(self, task: str, pk: str, since: str, execution: str) -> None:
        """Wake the job whose wait began then, and take it off the line's length.

        Its claim is read after the transaction that gave it the slot, never before: until then it
        may get another token.
        """
        claim = self.claims.get(pk)
        owner = execution or (claim.execution if claim is not None else "")
        if claim is None or claim.ended_at or owner not in (claim.execution, claim.predecessor):
            self.line.free_slot(task, pk, owner)
        elif claim.state is State.RUNNING:  # any other has gone on, and waits again
            self._rouse(claim)
        self.line.woken(task, pk, since)

    def _rouse(self, claim: Claim) -> None:
        if claim.token:  # also of a dead job that somebody has redriven in the console
            self._answer(claim)
        elif claim.dead_at:
            self._let_go_on(claim)

    def _let_go_on(self, claim: Claim) -> None:
        """What AWS refuses for good parks the job as it was: no dead job holds up a line."""
        try:
            inside = self.go_on(claim)
        except (Throttled, Unanswered, Conflict):
            raise  # whoever comes next tries again
        except RespoolError as refused:
            reason = str(refused)
            self.telemetry.warning("dead-job-not-admitted", key=claim.key, reason=reason)
            at = after(self.clock(), claim)
            self.claims.leave_again(replace(claim, state=State.PARKED), at)
        else:
            self._tell(claim, "dead-job-admitted", inside=inside)

    def _answer(self, claim: Claim) -> None:
        """A refused token says that the job went on already, was left behind, or is dead.

        The rescue takes a dead one's slot back. A look that still shows it running leaves it the
        slot: that errs on the safe side, until the sweep looks again.
        """
        try:
            self.workflow.resume(claim.token)
        except TokenRefused:
            if self.workflow.describe(claim.execution).status in DEAD:
                self.rescue(claim.execution)
            else:
                self.leave(claim)
        else:
            self._tell(claim, "job-admitted")

    def _tell(self, claim: Claim, action: str, **more: Any) -> None:
        about = {"key": claim.key, "execution": claim.execution, "task": claim.task}
        self.telemetry.event(action, **about, **more)
        self.telemetry.metric(metrics.ADMITTED, task=claim.task)

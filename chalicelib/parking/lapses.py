"""What a sweep does with a job whose claim says that it is alive while its execution is not."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib.job.claim import Claim, State
from chalicelib.job.execution import DEAD, Execution, Status
from chalicelib.job.plan import after, needs_slot, outlasts
from chalicelib.job.ports import Claims, Clock, Line
from chalicelib.moments import read
from chalicelib.parking.repairs import PACE, Looks, Repairs
from chalicelib.parking.rescue import ALREADY, ENDED, PARKED, Rescue
from chalicelib.replaying.left_behind import LeftBehind

GRACE = timedelta(minutes=10)
"""A claim that changed since then may be in somebody's hands: a replay's, or a state's."""
UNKNOWN_FOR = timedelta(days=1)
"""Longer than DescribeExecution may fail to show an execution that has just started."""
FORGOTTEN = "ExecutionForgotten"
FORGOTTEN_CAUSE = (
    "Step Functions does not know this execution: it ended over 90 days ago, or its state machine"
    " was deleted."
)


@dataclass(frozen=True)
class Lapses:
    """Compares claims and slots with executions; each repair is conditional on what was seen."""

    claims: Claims
    line: Line
    rescue: Rescue
    clock: Clock
    pause: Callable[[float], None]
    looks: Looks
    repairs: Repairs
    left_behind: LeftBehind

    def owner(self, task: str, pk: str, arn: str, runs: bool) -> None:
        """Look at who has a slot; `runs`: its execution was listed as running."""
        claim = self.claims.get(pk)
        own = claim if claim is not None and claim.execution == arn else None
        execution = None if runs else self.looks.at(arn)
        if execution is None or execution.status is Status.RUNNING:
            if own is not None and own.dead_at:
                self.redriven(own)
            elif own is not None:
                self.stopped(own)
            return
        if own is not None and not own.ended_at:
            self.job(own, execution)
        self._free(task, pk, arn)

    def job(self, claim: Claim, execution: Execution) -> None:
        """Look at a job whose execution does not run."""
        if execution.status is Status.SUCCEEDED:
            self._end(claim, State.FAILED if outlasts(claim) else State.FINISHED)
        elif execution.status in DEAD:
            self._dead(claim, execution)
        elif not claim.dead_at and self.settled(claim, UNKNOWN_FOR):
            lost = replace(execution, error=FORGOTTEN, cause=FORGOTTEN_CAUSE)
            if self.rescue.park(lost, claim):
                self.repairs.rescued.append(claim.execution)

    def redriven(self, claim: Claim) -> None:
        """A dead job that was listed as running: somebody has redriven it in the console.

        The list may be from before its death. So it has to run after a redrive, and this run of it
        must not have died as well.
        """
        if claim.state is State.LINE or not self.settled(claim):
            return
        execution = self.looks.afresh(claim.execution)
        if execution.status is not Status.RUNNING or not execution.redrives:
            return
        if self.rescue.is_known(execution):
            return
        if self._mark_running(claim):
            self.repairs.revived.append(claim.key)

    def stopped(self, claim: Claim) -> None:
        """A job of an execution that runs: its branch or item may have been stopped."""
        if not claim.may_be_in_scope or claim.ended_at or not self.settled(claim):
            return
        failed_at = self.looks.scope_failed_at(claim.execution)
        if failed_at and (claim.token or failed_at > claim.since) and self.left_behind.end(claim):
            self.repairs.ended.append(claim.key)

    def child(self, claim: Claim) -> None:
        """A dead item of a distributed Map: its Map may have gone on to the end without it, or
        have been redriven."""
        execution = self.looks.at(claim.execution)
        if execution.status is Status.RUNNING:
            self.redriven(claim)
        elif execution.map_run and self.looks.parent(execution.map_run).status is Status.SUCCEEDED:
            self._end(claim, State.FAILED)

    def settled(self, claim: Claim, long: timedelta = GRACE) -> bool:
        """Whether nobody has changed how it stands for that long."""
        since = read(claim.since)
        return since is None or self.clock() - since > long

    def _mark_running(self, claim: Claim) -> bool:
        """Say that the job runs, with a slot where it is inside its task and one is free."""
        if (
            claim.waits
            and needs_slot(claim)
            and self.claims.take_slot(claim, after(self.clock(), claim))
        ):
            latest = self.claims.get(claim.pk)
            claim = latest if latest is not None else claim
        return self.claims.mark_running(claim)

    def _dead(self, claim: Claim, execution: Execution) -> None:
        self.pause(PACE)
        how = self.rescue.catch(claim.execution)
        if how == PARKED:
            self.repairs.rescued.append(claim.execution)
        elif how == ENDED:
            self.repairs.ended.append(claim.key)
        elif how == ALREADY:
            self._unsettled(claim, execution)

    def _unsettled(self, claim: Claim, execution: Execution) -> None:
        """Park a job again whose death was dealt with, and yet is said to run or wait on a token.

        A redrive was begun that never came; or a call of the dead execution arrived late, took a
        slot or a place in line, or left a token that nobody can use.
        """
        if not self.settled(claim) or (claim.waits and claim.dead_at):
            return
        if claim.dead_at:
            is_parked = self.claims.leave_again(
                replace(claim, state=State.PARKED), after(self.clock(), claim)
            )
        else:
            is_parked = self.rescue.park(execution, claim)
        if is_parked:
            self.repairs.parked_again.append(claim.key)

    def _end(self, claim: Claim, how: State) -> None:
        if self.rescue.end(claim, how):
            self.repairs.ended.append(claim.key)

    def _free(self, task: str, pk: str, execution: str) -> None:
        """Take the slot back from an execution that ended, unless its claim is in use again."""
        claim = self.claims.get(pk)
        in_use = claim is not None and claim.execution == execution and not claim.ended_at
        if in_use and claim is not None and claim.state is State.RUNNING:
            return
        if self.line.free_slot(task, pk, execution):
            self.repairs.freed.append(execution)

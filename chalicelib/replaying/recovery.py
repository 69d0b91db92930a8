"""Puts one job back in the cheapest way that the facts allow: resumed, redriven or restarted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.errors import TokenRefused
from chalicelib.job.claim import Claim
from chalicelib.job.execution import DEAD, Status
from chalicelib.job.plan import (
    GONE_ON,
    UNLISTED,
    WENT_ON,
    Action,
    Decision,
    Rules,
    after,
    is_unlisted,
    screen,
)
from chalicelib.job.ports import Claims, Clock, Telemetry, Workflow
from chalicelib.replaying.inspection import Inspection
from chalicelib.replaying.outcome import Outcome, in_line_for, of_claim
from chalicelib.replaying.patience import Patience
from chalicelib.replaying.reporter import Reporter

if TYPE_CHECKING:
    from chalicelib.replaying.dead_jobs import DeadJobs
    from chalicelib.replaying.left_behind import LeftBehind

HOUR = 3600
TURN = 25.0
"""Seconds for a dead job whose turn in line has come."""
UNSETTLED = (
    "its execution is dead, and its claim does not say so yet: the next sweep sets that right"
)


@dataclass(frozen=True)
class Recovery:
    """Recovers one job at a time; safe to call from several threads, and twice for one job.

    `rescue` deals with a dead execution that nobody has heard of, and leaves its claim parked.
    """

    workflow: Workflow
    claims: Claims
    telemetry: Telemetry
    clock: Clock
    elapsed: Callable[[], float]
    pause: Callable[[float], None]
    rescue: Callable[[str], str]
    history: timedelta = timedelta(days=30)
    machines: tuple[str, ...] = ()

    def patience(self, deadline: float) -> Patience:
        """What lasts until that moment of `elapsed`."""
        return Patience(self.telemetry, self.elapsed, self.pause, deadline)

    def recover(self, claim: Claim, rules: Rules, calm: Patience, closed: str = "") -> Outcome:
        """Decide and do. `claim` was read consistently; `closed`: why its task takes no jobs.

        Errors of AWS pass through; the job then waits as before, or goes on already.
        """
        if is_unlisted(claim, self.machines):
            return of_claim(claim, Action.LEAVE, UNLISTED, HOUR, problem=True)
        decision = screen(claim, self.clock(), rules)
        if decision is None and claim.token:
            return self._resume(claim, calm, closed)
        if decision is None:
            outcome = self.dead_jobs.recover(claim, calm, rules.restart)
            return in_line_instead(outcome, closed)
        if decision.action is Action.STUCK:
            return self._mark_stuck(claim, decision, calm)
        return of_claim(claim, decision.action, decision.reason, decision.wait)

    def restart_from(self, claim: Claim, text: str, calm: Patience) -> Outcome:
        """Restart a dead job whose execution and input Step Functions has forgotten."""
        return self.dead_jobs.restart_from(claim, text, calm)

    def go_on(self, claim: Claim) -> bool:
        """Let a dead job go on to which `admit` has just given its slot; says if it is inside."""
        return self.dead_jobs.go_on(claim, self.patience(self.elapsed() + TURN))

    @property
    def dead_jobs(self) -> "DeadJobs":
        """What puts dead jobs back."""
        from chalicelib.replaying.dead_jobs import DeadJobs  # most jobs are alive

        return DeadJobs(
            workflow=self.workflow,
            claims=self.claims,
            telemetry=self.telemetry,
            clock=self.clock,
            reporter=self._reporter,
            history=self.history,
            machines=self.machines,
        )

    @property
    def left_behind(self) -> "LeftBehind":
        """What ends jobs that were stopped while their executions go on."""
        from chalicelib.replaying.left_behind import LeftBehind  # it is seldom needed

        return LeftBehind(self.workflow, self.claims, self.clock, self.history)

    @property
    def _reporter(self) -> Reporter:
        return Reporter(self.telemetry, self.clock)

    def _resume(self, claim: Claim, calm: Patience, closed: str) -> Outcome:
        if claim.left_line:
            return self._rejoin(claim, calm)
        try:
            calm(lambda: self.workflow.resume(claim.token))
        except TokenRefused:
            return self._after_refusal(claim, calm, closed)
        if closed:
            return self._reporter.tell(claim, Action.LINE, f"waits in line: {closed}")
        return self._reporter.tell(claim, Action.RESUME, "waits on its token")

    def _rejoin(self, claim: Claim, calm: Patience) -> Outcome:
        """Put a job back in line that somebody had begun to give up."""
        at = after(self.clock(), claim)
        if not calm(lambda: self.claims.rejoin_line(claim, at)):
            return self._reporter.tell(claim, Action.STALE, GONE_ON)
        return self._reporter.tell(claim, Action.LINE, in_line_for(claim))

    def _after_refusal(self, claim: Claim, calm: Patience, closed: str) -> Outcome:
        """The claim says whether the job has gone on, has a newer token, or is dead."""
        now = calm(lambda: self.claims.get(claim.pk))
        if now is None or not _waits_as(now, claim):
            return self._reporter.tell(claim, Action.STALE, GONE_ON)
        if now.dead_at:
            return self.dead_jobs.recover(now, calm)
        if now.token != claim.token:
            return self._resume(now, calm, closed)
        facts = Inspection(self.workflow).look(claim, calm)
        if facts.status is Status.RUNNING and calm(lambda: self.left_behind.end(claim)):
            return self._reporter.tell(claim, Action.STALE, WENT_ON)
        if facts.status not in DEAD:
            return self.dead_jobs.act(claim, facts, calm)
        calm(lambda: self.rescue(claim.execution))
        now = calm(lambda: self.claims.get(claim.pk))
        if now is None or not _waits_as(now, replace(claim, attempt=now.attempt)):
            return self._reporter.tell(claim, Action.STALE, GONE_ON)
        if not now.dead_at:
            return self._reporter.tell(claim, Action.LEAVE, UNSETTLED)
        return self.dead_jobs.recover(now, calm)

    def _mark_stuck(self, claim: Claim, decision: Decision, calm: Patience) -> Outcome:
        at = after(self.clock(), claim)
        if not calm(lambda: self.claims.mark_stuck(claim, at)):
            return self._reporter.tell(claim, Action.STALE, GONE_ON)
        return self._reporter.tell(claim, Action.STUCK, decision.reason, problem=True)


def in_line_instead(outcome: Outcome, closed: str) -> Outcome:
    """The outcome of a redrive; a job that comes to a closed gate is in line, not resumed."""
    if not closed or outcome.action is not Action.REDRIVE:
        return outcome
    return replace(outcome, action=Action.LINE, reason=f"waits in line: {closed}")


def _waits_as(now: Claim, claim: Claim) -> bool:
    """Whether the job still waits as it did, on whatever token."""
    return (
        now.waits
        and now.state is claim.state
        and now.execution == claim.execution
        and now.attempt == claim.attempt
    )

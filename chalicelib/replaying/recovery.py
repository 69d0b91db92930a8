"""Puts one job back in the cheapest way that the facts allow: resumed, redriven or restarted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib import metrics
from chalicelib.errors import TokenRefused
from chalicelib.job.claim import Claim, State
from chalicelib.job.execution import DEAD, Status
from chalicelib.job.plan import (
    GONE_ON,
    WENT_ON,
    Action,
    Decision,
    Facts,
    Rules,
    after,
    decide,
    needs_slot,
    screen,
)
from chalicelib.job.ports import Claims, Clock, Telemetry, Workflow
from chalicelib.moments import read
from chalicelib.replaying.inspection import Inspection
from chalicelib.replaying.left_behind import LeftBehind
from chalicelib.replaying.outcome import Outcome, of_claim
from chalicelib.replaying.patience import Patience
from chalicelib.replaying.redrive import Attempt, Redrive, Redriven
from chalicelib.replaying.restart import Restart, with_input
from chalicelib.replaying.siblings import ALONE, Family, Siblings, Stand, has_usual_key

PARKS = ("ErrorSpool", "Park")
"""The states in which a job is parked; redriven there, it is parked again on another token."""
TURN = 25.0
"""Seconds for a dead job whose turn in line has come."""
PARKED_AGAIN = (
    "runs again, and is parked where it was when it was aborted: replay it once more, now"
)
UNSETTLED = (
    "its execution is dead, and its claim does not say so yet: the next sweep sets that right"
)
UNCLEAR = "Step Functions says that it can be redriven, and refused to: the next replay looks again"
NO_ROOM = (
    "its execution goes on with all its jobs, and their tasks have too few free slots just now"
)
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.5, 2.0)
"""Seconds between two looks for the token of a job that is parked again."""


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
        decision = screen(claim, self.clock(), rules)
        if decision is None and claim.token:
            return self._resume(claim, calm, closed)
        if decision is None:
            return in_line_instead(self._recover_dead(claim, calm), closed)
        if decision.action is Action.STUCK:
            return self._mark_stuck(claim, decision, calm)
        return of_claim(claim, decision.action, decision.reason, decision.wait)

    def restart_from(self, claim: Claim, text: str, calm: Patience) -> Outcome:
        """Restart a dead job whose execution and input Step Functions has forgotten."""
        facts = with_input(Inspection(self.workflow).look(claim, calm), text)
        return self._act(decide(claim, facts, self.clock()), claim, facts, calm)

    def go_on(self, claim: Claim) -> bool:
        """Let a dead job go on to which `admit` has just given its slot; says if it is inside.

        Where it is not, its slot is free again: it is restarted and then takes a place of its
        own, or it is parked as it was before it stood in line.
        """
        calm = self.patience(self.elapsed() + TURN)
        redrive = self._redrive
        running, parked = replace(claim, state=State.RUNNING), replace(claim, state=State.PARKED)
        facts = Inspection(self.workflow).look(claim, calm)
        decision = decide(claim, facts, self.clock())
        if decision.action is Action.REDRIVE and needs_slot(claim, last_state(claim, facts)):
            attempt = redrive.inside(parked, running, facts, calm)
            return self._conclude(attempt, decision, calm).action in (Action.REDRIVE, Action.STALE)
        if decision.action is not Action.STALE:
            stands = redrive.take_back(parked, running, calm)
            if stands is None:
                return True
            claim = stands
        outcome = self._act(decision, claim, facts, calm)
        return outcome.action is Action.STALE and decision.ends is None

    def _resume(self, claim: Claim, calm: Patience, closed: str) -> Outcome:
        try:
            calm(lambda: self.workflow.resume(claim.token))
        except TokenRefused:
            return self._after_refusal(claim, calm, closed)
        if closed:
            return self._tell(claim, Action.LINE, f"waits in line: {closed}")
        return self._tell(claim, Action.RESUME, "waits on its token")

    def _after_refusal(self, claim: Claim, calm: Patience, closed: str) -> Outcome:
        """The claim says whether the job has gone on, has a newer token, or is dead."""
        now = calm(lambda: self.claims.get(claim.pk))
        if now is None or not _waits_as(now, claim):
            return self._tell(claim, Action.STALE, GONE_ON)
        if now.dead_at:
            return self._recover_dead(now, calm)
        if now.token != claim.token:
            return self._resume(now, calm, closed)
        facts = Inspection(self.workflow).look(claim, calm)
        if facts.status is Status.RUNNING and calm(lambda: self.left_behind.end(claim)):
            return self._tell(claim, Action.STALE, WENT_ON)
        if facts.status not in DEAD:
            return self._act(decide(claim, facts, self.clock()), claim, facts, calm)
        calm(lambda: self.rescue(claim.execution))
        now = calm(lambda: self.claims.get(claim.pk))
        if now is None or not _waits_as(now, replace(claim, attempt=now.attempt)):
            return self._tell(claim, Action.STALE, GONE_ON)
        if not now.dead_at:
            return self._tell(claim, Action.LEAVE, UNSETTLED)
        return self._recover_dead(now, calm)

    def _recover_dead(self, claim: Claim, calm: Patience) -> Outcome:
        facts = Inspection(self.workflow).look(claim, calm)
        return self._act(decide(claim, facts, self.clock()), claim, facts, calm)

    def _act(self, decision: Decision, claim: Claim, facts: Facts, calm: Patience) -> Outcome:
        if decision.action not in (Action.REDRIVE, Action.RESTART):
            if decision.ends is not None:
                self._end(claim, decision.ends, calm)
            return self._tell(claim, decision.action, decision.reason)
        family = self.siblings.of(claim, facts, calm)
        decision = together(decision, family)
        if decision.action is Action.REDRIVE:
            return self._redrive_all(claim, facts, family, decision, calm)
        if decision.action is Action.RESTART:
            action, reason = self._restart.start(claim, facts, family, calm)
            return self._tell(claim, action, reason or decision.reason)
        return self._tell(claim, decision.action, decision.reason)

    def _redrive_all(
        self, claim: Claim, facts: Facts, family: Family, decision: Decision, calm: Patience
    ) -> Outcome:
        """An execution goes on with all its jobs that have not ended, or with none."""
        facts = replace(facts, failed_in=last_state(claim, facts))
        if family is ALONE:
            return self._conclude(self._redrive.attempt(claim, facts, calm), decision, calm)
        attempt = self._redrive.attempt_all(claim, family.others, facts, calm)
        if attempt.end is Redriven.NO_SLOT and family.others:
            return of_claim(claim, Action.LEAVE, NO_ROOM, problem=True)
        if attempt.end is Redriven.DONE and not needs_slot(claim):
            return self._resume_parked(claim, decision, calm)
        return self._conclude(attempt, decision, calm)

    @property
    def siblings(self) -> Siblings:
        """What looks for the other jobs of a dead job's execution."""
        return Siblings(self.workflow, self.claims, self.clock)

    @property
    def left_behind(self) -> LeftBehind:
        """What ends jobs that were stopped while their executions go on."""
        return LeftBehind(self.workflow, self.claims, self.clock, self.history)

    @property
    def _restart(self) -> Restart:
        def end(claim: Claim) -> None:
            self._write_end(claim, State.FAILED)

        return Restart(self.workflow, self.claims, end, self.machines)

    @property
    def _redrive(self) -> Redrive:
        return Redrive(self.workflow, self.claims, self.telemetry, self.clock)

    def _conclude(self, attempt: Attempt, decision: Decision, calm: Patience) -> Outcome:
        """What follows from how a redrive ended."""
        claim, facts = attempt.claim, attempt.facts
        if attempt.end is Redriven.NO_SLOT:
            return self._join_line(claim, calm)
        if attempt.end is Redriven.UNCLEAR:
            return of_claim(claim, Action.LEAVE, UNCLEAR, late=True)
        if attempt.end is Redriven.REFUSED:
            return self._act(decide(claim, facts, self.clock()), claim, facts, calm)
        if attempt.end is Redriven.GONE_ON:
            return self._tell(claim, Action.STALE, GONE_ON)
        if facts.failed_in.partition(": ")[0] in PARKS and not claim.watched:
            return self._resume_parked(claim, decision, calm)
        return self._tell(claim, Action.REDRIVE, decision.reason)

    def _join_line(self, claim: Claim, calm: Patience) -> Outcome:
        """Put a job in line for which no slot is free; `admit` lets it go on in its turn."""
        at = after(self.clock(), claim)
        if not calm(lambda: self.claims.join_line(claim, at)):
            return self._tell(claim, Action.STALE, GONE_ON)
        return self._tell(claim, Action.LINE, f"waits in line for a slot in {claim.task}")

    def _resume_parked(self, claim: Claim, decision: Decision, calm: Patience) -> Outcome:
        """A job aborted while parked is only parked again by its redrive: resume it there."""
        for seconds in _PAUSES:
            if not calm.wait(seconds):
                break
            now = calm(lambda: self.claims.get(claim.pk))
            if now is None or now.execution != claim.execution or now.ended_at:
                return self._tell(claim, Action.REDRIVE, decision.reason)
            if now.token and not now.dead_at and now.state is State.LINE:
                return self._tell(claim, Action.LINE, f"waits in line for a slot in {claim.task}")
            if now.token and now.state in (State.PARKED, State.STUCK) and not now.dead_at:
                return self._resume_again(now, decision, calm)
        return of_claim(claim, Action.LEAVE, PARKED_AGAIN, problem=True)

    def _resume_again(self, claim: Claim, decision: Decision, calm: Patience) -> Outcome:
        try:
            calm(lambda: self.workflow.resume(claim.token))
        except TokenRefused:
            return of_claim(claim, Action.LEAVE, PARKED_AGAIN, problem=True)
        return self._tell(claim, Action.REDRIVE, decision.reason)

    def _mark_stuck(self, claim: Claim, decision: Decision, calm: Patience) -> Outcome:
        at = after(self.clock(), claim)
        if not calm(lambda: self.claims.mark_stuck(claim, at)):
            return self._tell(claim, Action.STALE, GONE_ON)
        return self._tell(claim, Action.STUCK, decision.reason, problem=True)

    def _end(self, claim: Claim, how: State, calm: Patience) -> None:
        """The job has ended, and its claim does not say so yet."""
        calm(lambda: self._write_end(claim, how))

    def _write_end(self, claim: Claim, how: State) -> bool:
        now = self.clock()
        expires = int((now + self.history).timestamp())
        return self.claims.end(claim, how, after(now, claim), expires)

    def _tell(self, claim: Claim, action: Action, reason: str, problem: bool = False) -> Outcome:
        if action is Action.LEAVE:
            return of_claim(claim, action, reason, problem=True)
        self.telemetry.event(
            f"job-{_DONE[action]}",
            key=claim.key,
            execution=claim.execution,
            task=claim.task,
            attempt=claim.attempt,
            reason=reason,
        )
        outcome = of_claim(claim, action, reason, problem=problem)
        if action in _COUNTED:
            self.telemetry.metric(_COUNTED[action], task=claim.task)
        if _COUNTED.get(action) in (metrics.RESUMED, metrics.RESTARTED):
            self._measure(claim.first_failed_at)
        return outcome

    def _measure(self, first_failed_at: str) -> None:
        """How long the job waited, where its claim says since when."""
        if (since := read(first_failed_at)) is not None:
            waited = (self.clock() - since).total_seconds()
            self.telemetry.metric(metrics.WAITED, max(0, waited))


def together(decision: Decision, family: Family) -> Decision:
    """What becomes of a dead job whose execution may have others."""
    if family.stand is Stand.SETTLED:
        count = len(family.others)
        if not count:
            return decision
        more = f"with {count} other job{'s' if count > 1 else ''} of its execution"
        if decision.action is Action.RESTART:
            more += ", from the beginning: all steps run again"
        return replace(decision, reason=f"{decision.reason}; {more}")
    if family.stand is Stand.RESTARTED and decision.action is Action.RESTART:
        return decision  # by the same name: it goes along
    if family.stand in (Stand.RESTARTED, Stand.GOING_ON):
        return Decision(Action.STALE, family.stand.value)
    wait = 60 if family.stand is Stand.LATE else 0
    return Decision(Action.LEAVE, family.stand.value, wait)


def last_state(claim: Claim, facts: Facts) -> str:
    """The state in which the job's execution died; empty where it may be another job's."""
    return facts.failed_in if has_usual_key(claim, facts.input) else ""


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


_DONE = {
    Action.RESUME: "resumed",
    Action.REDRIVE: "redriven",
    Action.RESTART: "restarted",
    Action.LINE: "in-line",
    Action.STALE: "stale",
    Action.STUCK: "stuck",
}
_COUNTED = {
    Action.RESUME: metrics.RESUMED,
    Action.REDRIVE: metrics.RESUMED,
    Action.RESTART: metrics.RESTARTED,
    Action.STALE: metrics.STALE,
    Action.STUCK: metrics.STUCK,
}

"""Puts a dead job back: redriven where that can be, else restarted; alone, or with its siblings."""

from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib.errors import TokenRefused
from chalicelib.job.claim import Claim, State
from chalicelib.job.plan import (
    GONE_ON,
    RESTARTED,
    Action,
    Decision,
    Facts,
    after,
    decide,
    needs_slot,
)
from chalicelib.job.ports import Claims, Clock, Telemetry, Workflow
from chalicelib.replaying.inspection import Inspection
from chalicelib.replaying.outcome import Outcome, in_line_for, of_claim
from chalicelib.replaying.patience import Patience
from chalicelib.replaying.redrive import Attempt, Redrive, Redriven
from chalicelib.replaying.reporter import Reporter
from chalicelib.replaying.restart import Restart, with_input
from chalicelib.replaying.siblings import ALONE, Family, Siblings, Stand, has_usual_key

PARKS = ("ErrorSpool", "Park")
"""The states in which a job is parked; redriven there, it is parked again on another token."""
PARKED_AGAIN = (
    "runs again, and is parked where it was when it was aborted: replay it once more, now"
)
UNCLEAR = "Step Functions says that it can be redriven, and refused to: the next replay looks again"
NO_ROOM = (
    "its execution goes on with all its jobs, and their tasks have too few free slots just now"
)
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.5, 2.0)
"""Seconds between two looks for the token of a job that is parked again."""


@dataclass(frozen=True)
class DeadJobs:
    """Works on one job at a time, whose claim says that its execution is dead."""

    workflow: Workflow
    claims: Claims
    telemetry: Telemetry
    clock: Clock
    reporter: Reporter
    history: timedelta
    machines: tuple[str, ...]

    def recover(self, claim: Claim, calm: Patience, restart: bool = False) -> Outcome:
        """Look at its execution, decide and do. `restart`: somebody has asked for that."""
        facts = Inspection(self.workflow).look(claim, calm)
        return self._act(decide(claim, facts, self.clock(), restart), claim, facts, calm)

    def restart_from(self, claim: Claim, text: str, calm: Patience) -> Outcome:
        """Restart it where Step Functions has forgotten its execution and its input, which is
        that text."""
        return self.act(claim, with_input(Inspection(self.workflow).look(claim, calm), text), calm)

    def act(self, claim: Claim, facts: Facts, calm: Patience) -> Outcome:
        """Do what the facts allow."""
        return self._act(decide(claim, facts, self.clock()), claim, facts, calm)

    def go_on(self, claim: Claim, calm: Patience) -> bool:
        """Let one go on to which `admit` has just given its slot; says if it is inside.

        Where it is not, its slot is free again: it is restarted and then takes a place of its
        own, or it is parked as it was before it stood in line.
        """
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

    def _act(self, decision: Decision, claim: Claim, facts: Facts, calm: Patience) -> Outcome:
        if decision.action not in (Action.REDRIVE, Action.RESTART):
            if decision.ends is not None:
                self._end(claim, decision.ends, calm)
            return self.reporter.tell(claim, decision.action, decision.reason)
        family = Siblings(self.workflow, self.claims, self.clock).of(claim, facts, calm)
        decision = together(decision, family)
        if decision.action is Action.REDRIVE:
            return self._redrive_all(claim, facts, family, decision, calm)
        if decision.action is Action.RESTART:
            action, reason = self._restart.start(claim, facts, family, calm)
            if claim.watched and (action is Action.RESTART or reason == RESTARTED):
                self._leave_to_itself(claim, calm)
            return self.reporter.tell(claim, action, reason or decision.reason)
        return self.reporter.tell(claim, decision.action, decision.reason)

    def _leave_to_itself(self, claim: Claim, calm: Patience) -> None:
        """A watched execution that was started is a job of its own, should it fail."""
        now = calm(lambda: self.claims.get(claim.pk))
        if now is not None and now.watched and now.predecessor:
            self._end(now, State.FAILED, calm)

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
            return self.reporter.tell(claim, Action.STALE, GONE_ON)
        if facts.failed_in.partition(": ")[0] in PARKS and not claim.watched:
            return self._resume_parked(claim, decision, calm)
        return self.reporter.tell(claim, Action.REDRIVE, decision.reason)

    def _join_line(self, claim: Claim, calm: Patience) -> Outcome:
        """Put a job in line for which no slot is free; `admit` lets it go on in its turn."""
        at = after(self.clock(), claim)
        if not calm(lambda: self.claims.join_line(claim, at)):
            return self.reporter.tell(claim, Action.STALE, GONE_ON)
        return self._tell_in_line(claim)

    def _tell_in_line(self, claim: Claim) -> Outcome:
        return self.reporter.tell(claim, Action.LINE, in_line_for(claim))

    def _resume_parked(self, claim: Claim, decision: Decision, calm: Patience) -> Outcome:
        """A job aborted while parked is only parked again by its redrive: resume it there."""
        for seconds in _PAUSES:
            if not calm.wait(seconds):
                break
            now = calm(lambda: self.claims.get(claim.pk))
            if now is None or now.execution != claim.execution or now.ended_at:
                return self.reporter.tell(claim, Action.REDRIVE, decision.reason)
            if now.token and not now.dead_at and now.state is State.LINE:
                return self._tell_in_line(claim)
            if now.token and now.state in (State.PARKED, State.STUCK) and not now.dead_at:
                return self._resume_again(now, decision, calm)
        return of_claim(claim, Action.LEAVE, PARKED_AGAIN, problem=True)

    def _resume_again(self, claim: Claim, decision: Decision, calm: Patience) -> Outcome:
        try:
            calm(lambda: self.workflow.resume(claim.token))
        except TokenRefused:
            return of_claim(claim, Action.LEAVE, PARKED_AGAIN, problem=True)
        return self.reporter.tell(claim, Action.REDRIVE, decision.reason)

    def _end(self, claim: Claim, how: State, calm: Patience) -> None:
        """The job has ended, and its claim does not say so yet."""
        calm(lambda: self._write_end(claim, how))

    def _write_end(self, claim: Claim, how: State) -> bool:
        now = self.clock()
        expires = int((now + self.history).timestamp())
        return self.claims.end(claim, how, after(now, claim), expires)


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

"""What a replay would do with a job, from reads alone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from chalicelib.job.claim import Claim
from chalicelib.job.plan import (
    PUT_BACK,
    UNLISTED,
    Action,
    Facts,
    Rules,
    decide,
    is_unlisted,
    needs_slot,
    screen,
)
from chalicelib.job.ports import Claims, Clock, Workflow
from chalicelib.replaying.dead_jobs import NO_ROOM, last_state, together
from chalicelib.replaying.gates import Gates
from chalicelib.replaying.inspection import Inspection
from chalicelib.replaying.outcome import Outcome, in_line_for, of_claim
from chalicelib.replaying.patience import Patience
from chalicelib.replaying.recovery import in_line_instead
from chalicelib.replaying.siblings import Siblings


@dataclass
class Preview:
    """Foresees for a dry run what the claims and the slots would let happen; changes nothing.

    A token is taken on trust, as a run takes it. Slots that redrives would take are counted.
    """

    workflow: Workflow
    claims: Claims
    gates: Gates
    clock: Clock
    machines: Collection[str]
    _taken: dict[str, int] = field(default_factory=dict)

    def recover(self, claim: Claim, rules: Rules, calm: Patience, closed: str = "") -> Outcome:
        """What `Recovery.recover` would come to."""
        if is_unlisted(claim, self.machines):
            return of_claim(claim, Action.LEAVE, UNLISTED, problem=True)
        decision = screen(claim, self.clock(), rules)
        if decision is not None:
            stuck = decision.action is Action.STUCK
            return of_claim(claim, decision.action, decision.reason, decision.wait, stuck)
        if claim.token:
            if closed or claim.left_line:
                reason = f"waits in line: {closed}" if closed else in_line_for(claim)
                return of_claim(claim, Action.LINE, reason)
            return of_claim(claim, Action.RESUME, "waits on its token")
        facts = Inspection(self.workflow).look(claim, calm)
        decision = decide(claim, facts, self.clock(), rules.restart)
        others: Sequence[Claim] = ()
        if decision.action in (Action.REDRIVE, Action.RESTART):
            family = Siblings(self.workflow, self.claims, self.clock).of(claim, facts, calm)
            decision, others = together(decision, family), family.others
        if decision.action is Action.REDRIVE:
            facts = replace(facts, failed_in=last_state(claim, facts))
            if not all([self._enters(job, facts) for job in (claim, *others)]):
                if others:
                    return of_claim(claim, Action.LEAVE, NO_ROOM, problem=True)
                return of_claim(claim, Action.LINE, in_line_for(claim))
        problem = decision.action not in (*PUT_BACK, Action.STALE)
        outcome = of_claim(claim, decision.action, decision.reason, problem=problem)
        return in_line_instead(outcome, closed)

    def _enters(self, claim: Claim, facts: Facts) -> bool:
        """Whether a redrive gets the slot that it needs, by TakeSlot's own rules."""
        if not needs_slot(claim, facts.failed_in):
            return True
        slots = self.gates.slots(claim.task)
        if claim.pk in slots.owners:
            return True
        taken_slots = self._taken.get(claim.task, 0)
        by_pass = claim.pk in slots.passes and not self.gates.closed(claim)
        in_turn = slots.waiting == 0 and not self.gates.why(claim.task)
        if slots.free - taken_slots <= 0 or not (by_pass or in_turn):
            return False
        self._taken[claim.task] = taken_slots + 1
        return True

"""What a replay would come upon when it does what the plan decided: from reads alone."""

from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.job.claim import Claim
from chalicelib.job.plan import Action, Decision, Facts, decide
from chalicelib.job.ports import Claims
from chalicelib.job.record import ABSENT, Record

NO_INPUT = "its execution is gone, and its input with it"
NOT_ITS_KEY = "its key is held by another execution"


def no_free_slot(task: str) -> str:
    """Why a job can't be redriven inside a task that lets nobody in."""
    return f"its task {task} is full or held"


@dataclass(frozen=True)
class Preview:
    """Tells for a dry run where the table would stop or turn a recovery; changes nothing."""

    claims: Claims
    task_limit: int

    def decide(self, record: Record, facts: Facts | None, now: datetime) -> Decision:
        """The plan's decision, after all that a run would find out on its way."""
        decision = decide(record, facts, now)
        if facts is None:
            return decision
        claim = self.claims.get(record.key)
        if decision.action is Action.RESUME and _went_on(record, claim):
            decision = decide(record, replace(facts, token_refused=True), now)
        if decision.action is Action.REDRIVE:
            decision = self._redrive(decision, record, facts)
            if decision.action is Action.LEAVE or (claim and claim.execution == record.execution):
                return decision
            decision = decide(record, replace(facts, redrivable=False), now)
        if decision.action is Action.RESTART:
            return _restart(decision, record, facts, claim)
        return decision

    def _redrive(self, decision: Decision, record: Record, facts: Facts) -> Decision:
        for slots in self.claims.slots():
            if slots.task != facts.failed_in or record.execution in slots.holders:
                continue
            limit = self.task_limit if slots.limit is None else slots.limit
            if len(slots.holders) >= limit:
                return Decision(Action.LEAVE, no_free_slot(slots.task))
        return decision


def _went_on(record: Record, claim: Claim | None) -> bool:
    """Whether the claim says that the job no longer waits as its record says."""
    return claim is not None and (
        claim.execution == record.execution and claim.parked_at != record.failed_at
    )


def _restart(decision: Decision, record: Record, facts: Facts, claim: Claim | None) -> Decision:
    if not facts.input and record.input is ABSENT:
        return Decision(Action.LEAVE, NO_INPUT)
    if claim is not None and claim.execution != record.execution:
        return Decision(Action.STALE, NOT_ITS_KEY)
    return decision

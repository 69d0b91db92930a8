"""Lets jobs begin that a replay finds on the queue: which ones it is about, and how."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.job.claim import Claim
from chalicelib.job.plan import Action, Rules
from chalicelib.moments import iso
from chalicelib.replaying.guard import Guard
from chalicelib.replaying.outcome import Outcome, of_claim
from chalicelib.replaying.patience import Patience
from chalicelib.replaying.recovery import Recovery
from chalicelib.replaying.sorting import Delivery, input_in
from chalicelib.replaying.unclaimed import Unclaimed

FROM_NOTE = "its execution is gone, and its note has its input"


@dataclass(frozen=True)
class Beginning:
    """`dry` only says what would be done."""

    recovery: Recovery
    unclaimed: Unclaimed
    guard: Guard
    calm: Patience
    rules: Rules
    now: datetime
    dry: bool

    def wants(self, delivery: Delivery) -> bool:
        """Whether a job that only the queue knows is among the chosen."""
        record, choice = delivery.record, self.rules.choice
        if self.rules.stuck or (record.bare and not choice.by_queue):
            return False
        claim = Claim(
            pk=delivery.pk,
            execution=record.execution,
            task=record.task,
            error=record.error.name,
            failed_at=record.failed_at or iso(delivery.message.sent_at),
        )
        return choice.takes(claim, self.now)

    def begin(self, delivery: Delivery, inputless: Claim | None) -> Outcome:
        """Start it; `inputless` is the claim of a dead job whose input only this note has."""
        about = Outcome(
            delivery.record.key or delivery.message.id, Action.LEAVE, "", pk=delivery.pk
        )
        if inputless is None:
            return self.guard(about, lambda: self.unclaimed.begin(delivery, self.calm))
        if self.dry:
            return of_claim(inputless, Action.RESTART, FROM_NOTE)
        restart = self.recovery.restart_from
        return self.guard(about, lambda: restart(inputless, input_in(delivery), self.calm))

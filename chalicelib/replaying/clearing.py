"""Clears the spool of notes that say nothing any more, and starts the jobs that only it knows."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace

from chalicelib import metrics
from chalicelib.errors import AwsError
from chalicelib.job.claim import Claim
from chalicelib.job.message import Message
from chalicelib.job.plan import Action
from chalicelib.job.ports import Claims, Spool, Telemetry
from chalicelib.limits import BATCH
from chalicelib.replaying.fate import Fate
from chalicelib.replaying.outcome import Outcome
from chalicelib.replaying.patience import Patience
from chalicelib.replaying.sorting import Delivery, sort

MARGIN = 30
"""Seconds that a message stays hidden after the replay's deadline."""
RECEIVERS = 8
"""Receives at the same time, while all messages are small."""
LARGE = 65_536
HELD_AT_ONCE = 524_288
"""Characters of bodies, about, that one receive brings where they are large."""
MOST_IN_VAIN = 1000
"""Messages after which nobody looks further for a job that only the queue knows."""


@dataclass
class Clearing:
    """One replay's look at the spool.

    `spent`: executions that it put back, after how many failures; `inputless`: dead jobs by their
    keys whose input only a note may have. `wants` chooses among the jobs that only the queue
    knows, `begin` starts one, `missing` says how many more are asked for, and `report` hears of
    each outcome; `own` is the ARN of any execution of the stage's own machine. A message is
    deleted only after its job goes on; what is left can be seen again when the look ends.
    Whatever is lost or delivered twice on the way does no harm.
    """

    spool: Spool
    stuck: Spool
    claims: Claims
    telemetry: Telemetry
    calm: Patience
    wants: Callable[[Delivery], bool]
    begin: Callable[[Delivery, Claim | None], Outcome]
    missing: Callable[[], int]
    report: Callable[[Outcome], None]
    own: str
    dry: bool = False
    spent: dict[str, int] = field(default_factory=dict)
    inputless: dict[str, Claim] = field(default_factory=dict)
    bare: int = 0
    """Jobs seen that only the queue knows, and left there."""
    _received: int = 0
    _found: int = 0
    _largest: int = 0
    _over: bool = False
    _held: list[Message] = field(default_factory=list)

    def clear(self, pool: Executor, budget: int) -> None:
        """Look at that many messages at most, several batches at once."""
        deletions: list[Future[None]] = []
        while budget > 0 and not self._ends():
            before = self._received
            for batch in list(pool.map(self._receive, self._sizes(budget))):
                void = [delivery for delivery in batch if delivery.fate is Fate.VOID]
                deletions.append(pool.submit(self._delete, void))
                self._settle(pool, batch)
            budget -= self._received - before
            if self._found >= len(self.spent) and not self._looks_on():
                break
        for deletion in deletions:
            deletion.result()

    def search(self, pool: Executor, in_vain: int) -> None:
        """Look further for jobs that only the queue knows, until enough are found or it is empty.

        It also ends after that many messages in vain.
        """
        last = self._received + in_vain
        seen: set[str] = set()
        while self._looks_on() and not self._ends() and self._received < last:
            batch = self._receive(self._size())
            self._delete([delivery for delivery in batch if delivery.fate is Fate.VOID])
            ids = {delivery.message.id for delivery in batch}
            self._over |= ids <= seen  # what comes again says that all have been seen
            seen |= ids
            if self._settle(pool, batch):
                last = self._received + in_vain

    def give_back(self) -> None:
        """Let others see what was left."""
        messages, self._held = self._held, []
        if messages:
            self._try("messages-not-released", lambda: self.spool.make_visible(messages))

    def _looks_on(self) -> bool:
        return self.missing() > 0 or bool(self.inputless)

    def _ends(self) -> bool:
        return self._over or self.calm.elapsed() >= self.calm.deadline

    def _sizes(self, budget: int) -> list[int]:
        """How many messages each of the receives asks for that are made at the same time."""
        receivers = RECEIVERS if self._received and self._largest <= LARGE else 1
        size = self._size()
        count = min(receivers, math.ceil(budget / size))
        return [min(size, budget - n * size) for n in range(count)]

    def _size(self) -> int:
        if self._largest <= LARGE:
            return BATCH
        return max(1, min(BATCH, HELD_AT_ONCE // self._largest))

    def _receive(self, size: int) -> list[Delivery]:
        """The next batch, judged."""
        hidden = max(0, math.ceil(self.calm.deadline - self.calm.elapsed())) + MARGIN
        messages: list[Message] = []
        try:
            messages = self.calm(lambda: self.spool.receive(size, hidden))
            return sort(messages, self.claims, self.calm, self.spent, self.own)
        except AwsError as refused:  # the jobs do without
            self.telemetry.warning("messages-not-received", reason=str(refused))
            self._held += [replace(message, body="") for message in messages]
            return []

    def _settle(self, pool: Executor, batch: Sequence[Delivery]) -> bool:
        """Start, move aside or keep each; says whether a job was found that way."""
        self._note(batch)
        chosen, rest = self._choose(
            [delivery for delivery in batch if delivery.fate is not Fate.VOID]
        )
        claims = [self._dead(delivery) for delivery in chosen]
        outcomes = list(zip(chosen, pool.map(self.begin, chosen, claims), strict=True))
        for delivery, outcome in outcomes:
            self._conclude(delivery, outcome)
        self._delete(
            [delivery for delivery, outcome in outcomes if outcome.action is not Action.LEAVE]
        )
        self._delete([delivery for delivery in rest if delivery.refused and self._moved(delivery)])
        self._held += [delivery.without_body() for delivery in rest if not delivery.refused]
        return any(outcome.put_back for _, outcome in outcomes)

    def _note(self, batch: Sequence[Delivery]) -> None:
        """Count what came."""
        self._over |= not batch
        self._received += len(batch)
        self._largest = max([self._largest, *(len(delivery.message.body) for delivery in batch)])
        self._found += sum(delivery.record.execution in self.spent for delivery in batch)

    def _choose(self, batch: Sequence[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
        """The deliveries to start, as many as are missing, and the others."""
        chosen: list[Delivery] = []
        rest: list[Delivery] = []
        most = self.missing()
        for delivery in batch:
            may = self._dead(delivery) is not None or self._is_wanted(delivery)
            if may and len(chosen) < most:
                chosen.append(delivery)
            else:
                rest.append(delivery)
                self.bare += may and delivery.record.bare
        return chosen, rest

    def _dead(self, delivery: Delivery) -> Claim | None:
        """The claim of the dead job whose input this note has, and nobody else."""
        its_note = delivery.fate is Fate.WAITS and delivery.has_input
        return self.inputless.get(delivery.pk) if its_note else None

    def _is_wanted(self, delivery: Delivery) -> bool:
        return (
            delivery.fate in (None, Fate.UNCLAIMED)
            and not delivery.refused
            and self.wants(delivery)
        )

    def _conclude(self, delivery: Delivery, outcome: Outcome) -> None:
        self.report(outcome)
        if delivery.fate is Fate.WAITS:
            self.inputless.pop(delivery.pk, None)
        if outcome.action is Action.LEAVE:
            self._held.append(delivery.without_body())
            self.bare += delivery.record.bare

    def _moved(self, delivery: Delivery) -> bool:
        """Move what no job can be made of to the stuck queue, unchanged, before it is deleted."""
        id, reason = delivery.message.id, delivery.refused
        try:
            if not self.dry:
                self.calm(lambda: self.stuck.send(delivery.message.body))
                self.telemetry.warning("message-unreadable", message_id=id, reason=reason)
                self.telemetry.metric(metrics.UNREADABLE)
        except AwsError as refused:
            self.telemetry.warning("message-not-moved", message_id=id, reason=str(refused))
            self._held.append(delivery.without_body())
            return False
        self.report(Outcome(id, Action.STUCK, reason, problem=True))
        return True

    def _delete(self, done: Sequence[Delivery]) -> None:
        messages = [delivery.without_body() for delivery in done]
        if self.dry:
            self._held += messages
        elif messages:
            self._try("messages-not-deleted", lambda: self.spool.delete(messages))

    def _try(self, action: str, act: Callable[[], None]) -> None:
        """Do what may fail without harm: such messages come again, and say nothing then."""
        try:
            act()
        except AwsError as refused:
            self.telemetry.warning(action, reason=str(refused))

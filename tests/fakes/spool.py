"""SQS in memory: at least once, in no order, hidden for a while, gone after 14 days."""

import heapq
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count
from threading import RLock

from chalicelib.errors import AwsError
from chalicelib.job.message import Message
from chalicelib.limits import BATCH, MAX_DELAY, MAX_HIDDEN, MESSAGE, RETENTION
from tests.fakes.clock import SteppedClock
from tests.fakes.wire import Wire

SERVERS = 4
"""SQS keeps a queue on several servers; a short poll asks only some of them."""
_REFUSED = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Delivery(StrEnum):
    """How often a queue delivers each message: that is SQS's choice, not the sender's."""

    ONCE = "once"
    TWICE = "twice"
    CONCURRENTLY = "concurrently"


@dataclass
class _Stored:
    id: str
    body: str
    sent_at: datetime
    visible_at: float
    together: bool
    again: bool
    server: int
    deliveries: int = 0
    received_at: float = 0

    @property
    def receipt(self) -> str:
        return f"{self.id}:{self.deliveries}"


class Queue:
    """One standard queue, shared by every process that reads it."""

    def __init__(
        self, clock: SteppedClock, seed: int = 0, delivery: Delivery = Delivery.ONCE
    ) -> None:
        self.delivery = delivery
        self._clock = clock
        self._random = random.Random(seed)
        self._lock = RLock()
        self._ids = count(1)
        self._messages: dict[str, _Stored] = {}
        self._visible: list[str] = []
        self._hidden: list[tuple[float, str]] = []

    def send(self, body: str) -> None:
        """Keep a message. Raises AwsError for what SQS would not take."""
        if not 0 < len(body.encode()) <= MESSAGE:
            raise AwsError(f"SendMessage: InvalidParameterValue: {len(body)} characters")
        if found := _REFUSED.search(body):
            raise AwsError(f"SendMessage: InvalidMessageContents: {found.group()!r}")
        with self._lock:
            stored = _Stored(
                id=f"message-{next(self._ids):06}",
                body=body,
                sent_at=self._clock.now(),
                visible_at=self._clock.elapsed(),
                together=self.delivery is Delivery.CONCURRENTLY,
                again=self.delivery is Delivery.TWICE,
                server=self._random.randrange(SERVERS),
            )
            self._messages[stored.id] = stored
            self._visible.append(stored.id)

    def receive(self, limit: int, hidden: int, wait: int) -> list[Message]:
        """Deliver up to `limit` messages; a wait lets time pass while there are none."""
        if not 1 <= limit <= BATCH or not 0 <= hidden <= MAX_HIDDEN:
            raise AwsError("ReceiveMessage: InvalidParameterValue: batch or visibility")
        with self._lock:
            found = self._take(limit, hidden, short=not wait)
            if not found and wait:
                self._clock.pause(self._until_next(wait))
                found = self._take(limit, hidden, short=False)
            return found

    def _until_next(self, wait: int) -> float:
        soonest = self._hidden[0][0] - self._clock.elapsed() if self._hidden else wait
        return min(wait, max(0.0, soonest))

    def _take(self, limit: int, hidden: int, short: bool) -> list[Message]:
        self._surface()
        asked = set(self._random.sample(range(SERVERS), SERVERS - 1 if short else SERVERS))
        taken: list[_Stored] = []
        passed: list[str] = []
        while self._visible and len(taken) < limit and len(passed) < SERVERS * BATCH:
            stored = self._pick()
            if stored is None:
                continue
            if stored.server in asked:
                taken.append(stored)
            else:
                passed.append(stored.id)
        self._visible += passed
        return [self._deliver(stored, hidden) for stored in taken]

    def _pick(self) -> _Stored | None:
        """Any visible message, in no order; None where it is gone by now."""
        place = self._random.randrange(len(self._visible))
        self._visible[place], self._visible[-1] = self._visible[-1], self._visible[place]
        stored = self._messages.get(self._visible.pop())
        if stored and self._clock.now() - stored.sent_at >= timedelta(seconds=RETENTION):
            del self._messages[stored.id]
            return None
        return stored

    def _deliver(self, stored: _Stored, hidden: int) -> Message:
        stored.deliveries += 1
        stored.received_at = self._clock.elapsed()
        if stored.together:
            stored.together = False
            self._visible.append(stored.id)
        else:
            self._hide(stored, hidden)
        return Message(stored.id, stored.receipt, stored.body, stored.sent_at)

    def _hide(self, stored: _Stored, seconds: int) -> None:
        stored.visible_at = self._clock.elapsed() + seconds
        heapq.heappush(self._hidden, (stored.visible_at, stored.id))

    def _surface(self) -> None:
        """Bring back into sight whose time has come."""
        while self._hidden and self._hidden[0][0] <= self._clock.elapsed():
            due, id = heapq.heappop(self._hidden)
            stored = self._messages.get(id)
            if stored and stored.visible_at == due:
                self._visible.append(id)

    def _in_flight(self, receipt: str) -> _Stored | None:
        stored = self._messages.get(receipt.partition(":")[0])
        if stored is None or stored.receipt != receipt:
            return None
        return stored if stored.visible_at > self._clock.elapsed() else None

    def delete(self, receipts: Sequence[str]) -> None:
        """Remove what was delivered; an outdated receipt is accepted and removes nothing."""
        if not 1 <= len(receipts) <= BATCH:
            raise AwsError(f"DeleteMessageBatch: {len(receipts)} entries")
        with self._lock:
            for receipt in receipts:
                stored = self._messages.get(receipt.partition(":")[0])
                if stored is None or stored.receipt != receipt:
                    continue
                if stored.again:  # a copy on a server that was away: SQS delivers it once more
                    stored.again = False
                    self._hide(stored, 0)
                else:
                    del self._messages[stored.id]

    def make_visible(self, receipts: Sequence[str], after: int) -> int:
        """Show messages again after that many seconds; returns how many were refused."""
        if not 1 <= len(receipts) <= BATCH:
            raise AwsError(f"ChangeMessageVisibilityBatch: {len(receipts)} entries")
        refused = 0
        with self._lock:
            for receipt in receipts:
                stored = self._in_flight(receipt)
                hidden_for = self._clock.elapsed() - stored.received_at if stored else 0
                if stored and hidden_for + after <= MAX_HIDDEN:
                    self._hide(stored, after)
                else:
                    refused += 1
        return refused

    def depth(self) -> int:
        """How many messages there are."""
        with self._lock:
            now = self._clock.now()
            kept = timedelta(seconds=RETENTION)
            return sum(now - stored.sent_at < kept for stored in self._messages.values())

    @property
    def bodies(self) -> list[str]:
        """What is in the queue, seen from outside and without a receive."""
        with self._lock:
            return [stored.body for stored in self._messages.values()]


class FakeSpool:
    """One process's access to a queue. Like the real one it looks the address up first."""

    def __init__(self, queue: Queue, wire: Wire, wait: int = 2) -> None:
        self._queue = queue
        self._wire = wire
        self._wait = wait
        self._found = False

    def _find(self) -> None:
        if not self._found:
            self._wire.call("GetQueueUrl", lambda: None)
            self._found = True

    def receive(self, limit: int, hidden: int) -> list[Message]:
        """Take up to `limit` messages, which are hidden then, on a long poll unless `wait` is 0."""
        self._find()
        hidden = min(hidden, MAX_HIDDEN)
        return self._wire.call(
            "ReceiveMessage", lambda: self._queue.receive(min(limit, BATCH), hidden, self._wait)
        )

    def delete(self, messages: Sequence[Message]) -> None:
        """Remove them, ten a call."""
        for batch in self._batches(messages):
            self._wire.call("DeleteMessageBatch", lambda b=batch: self._queue.delete(b))  # type: ignore[misc]

    def make_visible(self, messages: Sequence[Message], after: int = 0) -> None:
        """Let others see them, after that time. Raises AwsError where some were not hidden."""
        after = min(after, MAX_DELAY)
        failed = 0
        for batch in self._batches(messages):
            failed += self._wire.call(
                "ChangeMessageVisibilityBatch",
                lambda b=batch: self._queue.make_visible(b, after),  # type: ignore[misc]
            )
        if failed:
            raise AwsError(f"ChangeMessageVisibilityBatch: {failed} failed")

    def _batches(self, messages: Sequence[Message]) -> list[list[str]]:
        self._find()
        receipts = [message.receipt for message in messages]
        return [receipts[start : start + BATCH] for start in range(0, len(receipts), BATCH)]

    def send(self, body: str) -> None:
        """Add a message."""
        self._find()
        self._wire.call("SendMessage", lambda: self._queue.send(body))

    def depth(self) -> int:
        """How many messages there are."""
        self._find()
        return self._wire.call("GetQueueAttributes", self._queue.depth)

"""Puts spooled jobs back: receive, decide, resume or start, and only then delete.

One thread receives; many settle what it received. A batch is deleted when its last job is
settled, so a crash at any point leaves each job on the spool, in sight again after a while.
"""

import math
import random
import traceback
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from threading import BoundedSemaphore, Lock
from typing import Any, TypeVar

from chalicelib import metrics
from chalicelib.errors import AwsError, RespoolError, Throttled
from chalicelib.job.message import Message, key_of
from chalicelib.job.plan import Action, Choice, Rules
from chalicelib.job.ports import THREADS, Spool, Telemetry
from chalicelib.limits import BATCH
from chalicelib.replaying.recovery import Outcome, Recovery
from chalicelib.replaying.report import Report

T = TypeVar("T")
MARGIN = 30
"""Seconds that a message stays hidden after the replay's deadline."""
NOT_BEGUN = "was received, but is more than was asked for or than time allowed"


@dataclass(frozen=True)
class Order:
    """How many jobs to put back, by when (seconds from now), and how fast (jobs a second)."""

    count: int
    rules: Rules
    seconds: float = 25
    rate: float = 0
    dry_run: bool = False


@dataclass(frozen=True)
class Replayer:
    """The engine. `elapsed` reads seconds on a clock that never goes back; `pause` sleeps.

    Who looks on hears each outcome and may stop the replay: what is under way is finished then.
    """

    recovery: Recovery
    telemetry: Telemetry
    elapsed: Callable[[], float]
    pause: Callable[[float], None]
    look_on: Callable[[Outcome], None] = lambda _: None
    stopped: Callable[[], bool] = lambda: False
    workers: Callable[[], Executor] = lambda: ThreadPoolExecutor(THREADS)

    def replay(self, spool: Spool, order: Order) -> Report:
        """Put back what the order asks for, and release at once whatever was not taken."""
        report = _Run(self, spool, order).finish()
        self.telemetry.event("replay-ended", **_summary(report))
        return report

    def settle(self, message: Message, order: Order, deadline: float) -> Outcome:
        """Settle one message; what AWS refuses leaves the job where it is, and says why."""
        act = self.recovery.preview if order.dry_run else self.recovery.settle
        try:
            outcome = self.patiently(lambda: act(message, order.rules), deadline)
            if outcome.problem and not outcome.settled:
                self.telemetry.metric(metrics.NOT_REPLAYED)
            return outcome
        except Throttled as late:
            return Outcome(key_of(message), Action.LEAVE, str(late), late=True)
        except RespoolError as refused:
            return self._failed(message, str(refused))
        except Exception as unexpected:  # one bad record never stops the others
            return self._failed(message, f"unexpected {_origin(unexpected)}; please report it")

    def patiently(self, act: Callable[[], T], deadline: float) -> T:
        """Act again while AWS asks to slow down, with full jitter. Raises Throttled when late."""
        longest = 0.2
        while True:
            try:
                return act()
            except Throttled:
                self.telemetry.metric(metrics.THROTTLED)
                if self.elapsed() + longest > deadline:
                    raise
                self.pause(random.uniform(0, longest))
                longest = min(longest * 2, 5)

    def _failed(self, message: Message, reason: str) -> Outcome:
        key = key_of(message)
        self.telemetry.warning("job-not-replayed", key=key, message_id=message.id, reason=reason)
        self.telemetry.metric(metrics.NOT_REPLAYED)
        return Outcome(key, Action.LEAVE, reason, problem=True)


class _Run:
    """One replay under way."""

    def __init__(self, engine: Replayer, spool: Spool, order: Order) -> None:
        self._engine = engine
        self._spool = spool
        self._order = order
        self._deadline = engine.elapsed() + order.seconds
        self._in_flight = BoundedSemaphore(4 * THREADS)
        self._lock = Lock()
        self._out = 0
        self._received = 0
        self._held: list[Message] = []
        self._chooses = order.rules.choice != Choice()
        self._report = Report(plan=[] if order.dry_run else None)

    def finish(self) -> Report:
        """Drain, give back what was not taken, and count what is left."""
        try:
            self._drain()
        finally:
            self._after("messages-not-released", lambda: self._spool.release(self._held))
        self._after("spool-not-counted", self._count_remaining)
        return self._report

    def _drain(self) -> None:
        """Receive and settle until the count is reached, the spool is empty or time is up."""
        under_way: set[Future[Outcome]] = set()
        with self._engine.workers() as pool:
            while not self._late():
                wanted = self._wanted()
                if wanted > 0:
                    if not (batch := self._receive(wanted)):
                        break
                    self._submit(pool, batch, under_way)
                elif under_way:
                    wait(under_way, return_when=FIRST_COMPLETED)
                else:
                    break
                under_way = _still(under_way)
            else:
                wait(under_way)
                self._report.more |= self._wanted() > 0
        _still(under_way)

    def _late(self) -> bool:
        return self._engine.elapsed() >= self._deadline or self._engine.stopped()

    def _wanted(self) -> int:
        """How many to ask for; where few of many are chosen, ten at a time, to find them."""
        missing = self._missing()
        if self._chooses:
            return BATCH if missing > 0 else 0
        fits = math.ceil(self._order.rate) if self._order.rate else BATCH
        return min(missing, fits, BATCH)

    def _missing(self) -> int:
        """How many more may be begun, as long as every job under way may yet count."""
        with self._lock:
            return self._order.count - self._report.replayed - self._out

    def _receive(self, wanted: int) -> list[Message]:
        """The next batch, in vain when late. Raises AwsError where not even the first one comes."""
        try:
            messages = self._engine.patiently(lambda: self._ask(wanted), self._deadline)
        except AwsError as refused:
            if not self._received:
                raise
            self._engine.telemetry.warning("messages-not-received", reason=str(refused))
            self._report.more = True
            return []
        self._received += len(messages)
        return messages

    def _ask(self, wanted: int) -> list[Message]:
        hidden = max(0, math.ceil(self._deadline - self._engine.elapsed())) + MARGIN
        return self._spool.receive(wanted, hidden)

    def _submit(
        self, pool: Executor, messages: list[Message], under_way: set[Future[Outcome]]
    ) -> None:
        """Begin them, and add what is under way then."""
        batch = _Batch(len(messages))
        for message in messages:
            with self._lock:
                self._out += 1
            if self._may_begin(under_way):
                self._in_flight.acquire()
                future = pool.submit(self._settle, batch, message)
                under_way.add(future)
                self._pace(future)
            else:
                self._note(batch, message, Outcome(key_of(message), Action.LEAVE, NOT_BEGUN))

    def _may_begin(self, under_way: set[Future[Outcome]]) -> bool:
        """Wait until it is known whether one more job may count; after the deadline none may."""
        if self._order.rules.choice.keys:  # they bound it; a second message of one is stale
            return self._engine.elapsed() < self._deadline
        while self._missing() < 0 and (going := _still(under_way)):
            wait(going, return_when=FIRST_COMPLETED)
        return self._missing() >= 0 and self._engine.elapsed() < self._deadline

    def _pace(self, future: Future[Outcome]) -> None:
        """Pause after a job, but not after one that was not chosen."""
        if self._order.rate and not (self._chooses and not future.result().settled):
            left = max(0.0, self._deadline - self._engine.elapsed())
            self._engine.pause(min(1 / self._order.rate, left))

    def _settle(self, batch: "_Batch", message: Message) -> Outcome:
        try:
            outcome = self._engine.settle(message, self._order, self._deadline)
            self._note(batch, message, outcome)
            return outcome
        finally:
            self._in_flight.release()

    def _note(self, batch: "_Batch", message: Message, outcome: Outcome) -> None:
        """Count one outcome; what was received together is deleted together, after the last."""
        if self._count(batch, message, outcome) and batch.settled:
            self._after("messages-not-deleted", lambda: self._spool.delete(batch.settled))

    def _count(self, batch: "_Batch", message: Message, outcome: Outcome) -> bool:
        """Says whether it was the last of its batch."""
        with self._lock:
            self._out -= 1
            self._report.add(outcome)
            self._report.more |= outcome.late
            self._engine.look_on(outcome)
            if outcome.settled and not self._order.dry_run:
                batch.settled.append(message)
            else:
                self._held.append(replace(message, body=""))  # there may be very many
            batch.left -= 1
            return batch.left == 0

    def _count_remaining(self) -> None:
        self._report.remaining = self._spool.depth()

    def _after(self, action: str, act: Callable[[], None]) -> None:
        """Do what may fail without harm: such messages come again by themselves, and are stale."""
        try:
            act()
        except AwsError as refused:
            self._engine.telemetry.warning(action, reason=str(refused))


@dataclass
class _Batch:
    """What was received together is deleted together."""

    left: int
    settled: list[Message] = field(default_factory=list)


def _origin(unexpected: Exception) -> str:
    """Its kind and where it was raised; its text might repeat a payload or a token."""
    frame = traceback.extract_tb(unexpected.__traceback__)[-1]
    return f"{type(unexpected).__name__} in {PurePath(frame.filename).name}, line {frame.lineno}"


def _still(futures: set[Future[Outcome]]) -> set[Future[Outcome]]:
    """Those that are not done; an error that nobody foresaw comes out here."""
    done = {future for future in futures if future.done()}
    for future in done:
        future.result()
    return futures - done


def _summary(report: Report) -> dict[str, Any]:
    summary = report.as_json()
    summary.pop("plan", None)
    return {**summary, "failed": len(report.failed)}

"""Puts waiting jobs back: the oldest that match, exactly as many as were asked for.

Choose by the index, read the claims, resume, redrive or restart; only then clear the notes. A
crash at any point leaves each job waiting or going on, and its note can be received again later.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from chalicelib.errors import Conflict, RespoolError
from chalicelib.job.claim import Claim
from chalicelib.job.plan import NO_INPUT, Action, Rules
from chalicelib.job.ports import THREADS, Claims, Clock, Line, Spool, Telemetry, Workflow
from chalicelib.limits import BATCH
from chalicelib.replaying.beginning import Beginning
from chalicelib.replaying.choosing import Candidates, Choosing
from chalicelib.replaying.clearing import MOST_IN_VAIN, Clearing
from chalicelib.replaying.gates import Gates
from chalicelib.replaying.guard import Guard
from chalicelib.replaying.kept_run import KeptRun
from chalicelib.replaying.outcome import Outcome, of_claim
from chalicelib.replaying.passing import Passing
from chalicelib.replaying.patience import Patience
from chalicelib.replaying.recovery import Recovery
from chalicelib.replaying.report import Report
from chalicelib.replaying.unclaimed import Unclaimed

if TYPE_CHECKING:
    from chalicelib.replaying.preview import Preview

READ_AHEAD = 5
"""Seconds of a paced replay for which claims are read at once: their tokens may change later."""


@dataclass(frozen=True)
class Order:
    """How many jobs to put back, by when (seconds from now), and how fast (jobs per second).

    `by_pass`: through closed gates as well, within the limit. `kept`: the run of a kept replay
    that it is.
    """

    count: int
    rules: Rules = field(default_factory=Rules)
    seconds: float = 25
    rate: float = 0
    dry_run: bool = False
    by_pass: bool = False
    kept: KeptRun | None = None


@dataclass(frozen=True)
class Replayer:
    """The engine. `elapsed` reads seconds on a clock that never goes back; `pause` sleeps.

    `look_on` hears each outcome; `stopped` may stop the replay: what is under way is finished.
    """

    recovery: Recovery
    workflow: Workflow
    claims: Claims
    line: Line
    spool: Spool
    stuck: Spool
    telemetry: Telemetry
    clock: Clock
    elapsed: Callable[[], float]
    pause: Callable[[float], None]
    look_on: Callable[[Outcome], None] = lambda _: None
    stopped: Callable[[], bool] = lambda: False
    workers: Callable[[], Executor] = lambda: ThreadPoolExecutor(THREADS)

    def replay(self, order: Order) -> Report:
        """Put back what the order asks for. Raises RespoolError where nothing could be read."""
        report = _Run(self, order).finish()
        if not order.dry_run:
            self.telemetry.event("replay-ended", **_summary(report))
        return report


class _Run:
    """One replay under way."""

    def __init__(self, engine: Replayer, order: Order) -> None:
        self._engine = engine
        self._order = order
        self._rules = order.rules
        self._now = engine.clock()
        self._calm = Patience(
            engine.telemetry, engine.elapsed, engine.pause, engine.elapsed() + order.seconds
        )
        self._gates = Gates(engine.line, self._now)
        self._passing = Passing(engine.line, self._gates, order.dry_run)
        self._guard = Guard(engine.telemetry)
        self._lock = Lock()
        self._kept = order.kept
        self._met: set[str] = set(order.kept.met if order.kept else ())
        self._lives = False
        self._halted = False
        self._gone = 0
        self._report = Report(plan=[] if order.dry_run else None)
        self._clearing = self._new_clearing()

    @cached_property
    def _preview(self) -> "Preview":
        from chalicelib.replaying.preview import Preview  # only a dry run needs it

        engine = self._engine
        machines = engine.recovery.machines
        return Preview(engine.workflow, engine.claims, self._gates, engine.clock, machines)

    def finish(self) -> Report:
        """Put jobs back, clear their notes, and count what is left."""
        choosing = Choosing(self._engine.claims, self._engine.line, self._gates, self._calm)
        before = None if self._rules.choice.narrow else choosing.count(self._rules)
        candidates = choosing.candidates(self._rules, self._now, self._order.count)
        with self._engine.workers() as pool:
            self._put_back(pool, candidates)
            self._clear(pool)
        self._report.held |= choosing.held
        for claim in self._clearing.inputless.values():
            self._hear(of_claim(claim, Action.LEAVE, NO_INPUT, problem=True))
        self._count_remaining(candidates, before)
        return self._report

    def _put_back(self, pool: Executor, candidates: Candidates) -> None:
        """Take the oldest until the count is reached, nobody is left or time is up."""
        if self._kept is not None:  # written down already, by a run before this one
            self._all_of(pool, self._kept.first[: self._missing()])
        ahead: Future[list[Claim]] | None = None
        while (missing := self._missing()) > 0 and (ahead or not candidates.whole):
            if self._late():
                self._report.more = True
                return
            chunk = ahead.result() if ahead else self._next(candidates, min(missing, self._ahead()))
            chunk = [claim for claim in chunk if claim.pk not in self._met]
            more = min(missing - len(chunk), self._ahead())
            reads_on = more > 0 and not candidates.whole and not self._order.rate
            ahead = pool.submit(self._next, candidates, more) if reads_on else None
            self._halted = not self._may_begin(chunk)
            if self._halted:
                self._report.more = True
                return
            self._all_of(pool, chunk)

    def _may_begin(self, chunk: Sequence[Claim]) -> bool:
        """Write down what comes next; False where the replay was stopped."""
        kept = self._kept
        return kept is None or not chunk or kept.begin(chunk, self._calm)

    def _next(self, candidates: Candidates, count: int) -> list[Claim]:
        """The next claims, in vain when late. Raises where not even the first ones come."""
        try:
            return candidates.take(count)
        except RespoolError as refused:
            if not self._met:
                raise
            self._engine.telemetry.warning("claims-not-read", reason=str(refused))
            self._report.more = candidates.whole = True
            return []

    def _all_of(self, pool: Executor, chunk: Sequence[Claim]) -> None:
        """Begin them in their order, paced, and wait for all."""
        under_way: list[Future[None]] = []
        for n, claim in enumerate(chunk):
            self._met.add(claim.pk)
            under_way.append(pool.submit(self._one, claim))
            if self._order.rate and (n + 1 < len(chunk) or self._missing() > 1):
                wait(under_way)
                seconds_left = max(0.0, self._calm.deadline - self._engine.elapsed())
                self._engine.pause(min(1 / self._order.rate, seconds_left))
        for future in under_way:
            future.result()

    def _one(self, claim: Claim) -> None:
        if self._late():
            self._report.more = True
            return
        engine = self._preview if self._order.dry_run else self._engine.recovery
        about = of_claim(claim, Action.LEAVE, "")

        def act() -> Outcome:
            closed = self._calm(lambda: self._gates.closed(claim))
            if closed and not self._rules.attended:
                self._report.held[claim.task] = closed
                return of_claim(claim, Action.LEAVE, closed)
            if self._order.by_pass and self._passing.serves(claim):
                self._calm(lambda: self._passing.give(claim))
                inside = self._passing.let_in(claim)
                outcome = inside or engine.recover(claim, self._rules, self._calm)
                return replace(outcome, passed=outcome.put_back)
            return engine.recover(claim, self._rules, self._calm, closed)

        outcome = self._guard(about, act)
        if outcome.action is Action.LEAVE and outcome.reason == NO_INPUT:
            self._clearing.inputless[claim.pk] = claim
            return
        self._lives |= not claim.ended_at
        if outcome.put_back and not (claim.dead_at and outcome.action is Action.LINE):
            self._clearing.spent[claim.execution] = claim.attempt
        is_named = bool(self._rules.choice.key) and outcome.action is Action.STALE
        self._hear(replace(outcome, problem=True) if is_named else outcome)

    def _clear(self, pool: Executor) -> None:
        """Look at as many messages as jobs were taken, and on where too few were found."""
        clearing = self._clearing
        if self._late():
            self._report.more |= self._missing() > 0 and self._rules.choice.by_queue
            return
        try:
            if not self._order.dry_run:
                clearing.clear(pool, max(len(self._met), BATCH))
            if self._rules.choice.by_queue or clearing.inputless:
                clearing.search(pool, self._in_vain())
        finally:
            clearing.give_back()

    def _in_vain(self) -> int:
        """How many messages to look at for a job that only the queue knows."""
        if not self._rules.choice.key:
            return MOST_IN_VAIN
        return 0 if self._lives and not self._clearing.inputless else BATCH

    def _new_clearing(self) -> Clearing:
        dry = self._order.dry_run
        unclaimed = Unclaimed(self._engine.workflow, self._engine.claims, dry)
        beginning = Beginning(
            self._engine.recovery,
            unclaimed,
            self._guard,
            self._calm,
            self._rules,
            self._now,
            dry,
        )
        return Clearing(
            spool=self._engine.spool,
            stuck=self._engine.stuck,
            claims=self._engine.claims,
            telemetry=self._engine.telemetry,
            calm=self._calm,
            wants=beginning.wants,
            begin=beginning.begin,
            missing=self._missing,
            report=self._hear,
            own=self._engine.workflow.arn("any"),
            dry=dry,
        )

    def _hear(self, outcome: Outcome) -> None:
        """Count one outcome, and report it to `look_on`."""
        with self._lock:
            if self._kept is not None:
                outcome = self._kept.hear(outcome)
            self._report.add(outcome)
            if outcome.action is not Action.LEAVE:
                self._gone += bool(outcome.pk) and outcome.pk in self._met
            self._engine.look_on(outcome)

    def _missing(self) -> int:
        """How many more may be put back."""
        with self._lock:
            return self._order.count - self._report.replayed

    def _ahead(self) -> int:
        """How many claims to read at once: no more than a paced replay begins in a few seconds."""
        rate = self._order.rate
        return max(1, int(rate * READ_AHEAD)) if rate else self._order.count

    def _late(self) -> bool:
        late = self._engine.elapsed() >= self._calm.deadline
        return late or self._halted or self._engine.stopped()

    def _count_remaining(self, candidates: Candidates, before: int | None) -> None:
        """What matches and was not put back, and what only the queue knows and was left there."""
        left = len(self._met) - self._gone
        try:
            if before is not None:
                waiting = max(before - candidates.gone - self._gone, left)
            elif self._late() and not candidates.whole:
                return
            else:
                waiting = left + candidates.rest()
        except (RespoolError, Conflict) as refused:
            self._engine.telemetry.warning("jobs-not-counted", reason=str(refused))
            return
        self._report.remaining = waiting + self._clearing.bare


def _summary(report: Report) -> dict[str, Any]:
    return {**report.as_json(most_bytes=0), "failed": len(report.failed)}

"""What a sweep does with the jobs that wait: are they alive, noted, and is there time left."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from chalicelib import metrics
from chalicelib.job.claim import Claim, State
from chalicelib.job.execution import Execution, Status, is_child
from chalicelib.job.plan import Rules
from chalicelib.job.ports import Claims, Clock, Spool, Telemetry
from chalicelib.limits import BATCH_GET, REDRIVABLE, REMEMBERS, RETENTION, RUNS
from chalicelib.moments import iso, read
from chalicelib.parking.lapses import Lapses
from chalicelib.parking.note import note_of
from chalicelib.parking.repairs import Looks, Repairs
from chalicelib.replaying.recovery import Recovery

Step = Callable[[], None]
STATES = (State.PARKED, State.STUCK, State.LINE)
NOTED = (State.PARKED, State.STUCK)
"""The jobs that have a note on the spool."""
RENEWED = timedelta(seconds=RETENTION) - timedelta(days=1)
"""Age at which a note is sent again, a day before SQS drops it."""
NOTICE = timedelta(days=14)
"""How long before its end a job is announced."""
LAST_DAYS = timedelta(days=4)
"""The same for a watched machine's job, which has fourteen in all."""
A_YEAR = RUNS - timedelta(days=1)
"""What tells an execution that Step Functions ended after a year from any other."""
RESTART_SECONDS = 20.0
"""Seconds for a restart."""


def needs_note(claim: Claim, now: datetime) -> bool:
    """Whether the spool has no note of a job that waits for a replay, or will soon have none."""
    last = read(claim.noted_at)
    return claim.state in NOTED and (last is None or now - last >= RENEWED)


def is_near_end(claim: Claim, now: datetime) -> bool:
    """Whether Step Functions will soon end the job's execution, or forget its dead one.

    With a dead execution it forgets the input as well; a watched one it will not redrive, and
    would not have recovered by that if it ended in a Fail state.
    """
    since, lasts = (claim.dead_at, REMEMBERS) if claim.dead_at else (claim.claimed_at, RUNS)
    notice = NOTICE
    if claim.watched and claim.dead_at and not claim.fail_state:
        lasts, notice = REDRIVABLE, LAST_DAYS
    moment = read(since)
    return moment is not None and now - moment >= lasts - notice


def may_be_near_end(claim: Claim, now: datetime) -> bool:
    """Whether what the index holds of a job lets it be near its end; the claim itself says."""
    since, lasts = (claim.dead_at, REMEMBERS) if claim.dead_at else (claim.started_at, RUNS)
    notice = NOTICE
    if claim.may_be_watched and claim.dead_at:
        lasts, notice = REDRIVABLE, LAST_DAYS
    moment = read(since)
    return moment is not None and now - moment >= lasts - notice


def may_have_outlived(claim: Claim) -> bool:
    """Whether a parked job may be dead because its execution had lasted for a year.

    A restart that is not in its task yet, or has died on the way, looks the same.
    """
    start, death = read(claim.claimed_at), read(claim.dead_at)
    return (
        claim.state is State.PARKED
        and start is not None
        and death is not None
        and death - start >= A_YEAR
    )


def has_outlived(execution: Execution) -> bool:
    """Whether Step Functions ended an execution because it had lasted for a year."""
    return (
        execution.status is Status.TIMED_OUT
        and execution.started_at is not None
        and execution.stopped_at is not None
        and execution.stopped_at - execution.started_at >= A_YEAR
    )


@dataclass(frozen=True)
class Waiting:
    """Walks through the index, page by page; a page of claims is looked up at once."""

    claims: Claims
    spool: Spool
    telemetry: Telemetry
    clock: Clock
    recovery: Recovery
    lapses: Lapses
    looks: Looks
    repairs: Repairs
    seen: set[str]

    def steps(self, task: str, running: frozenset[str] | None) -> Iterator[Step]:
        """What there is to do for the jobs that wait for a task, one by one.

        `running` are the executions that were listed as running; None: nobody could list them.
        Those that the index tells of are added to `seen`.
        """
        for state in STATES:
            claims = self.claims.waiting(state, task)
            while page := list(islice(claims, BATCH_GET)):
                self.seen.update(claim.execution for claim in page)
                by_pk = self.claims.look([claim.pk for claim in page])
                waits = [claim for claim in by_pk.values() if claim.waits]
                yield from self._steps(sorted(waits, key=lambda one: one.order), running)

    def _steps(self, page: Sequence[Claim], running: frozenset[str] | None) -> Iterator[Step]:
        now = self.clock()
        for claim in page:
            if is_near_end(claim, now):
                self._announce(claim)
            if may_have_outlived(claim):
                yield partial(self._begin_anew, claim)
            if running is not None and claim.predecessor and claim.dead_at:
                yield partial(self._look_at_restart, claim, running)
            if running is not None and is_child(claim.execution):
                yield partial(self._look_at_child, claim)
            elif running is not None and bool(claim.dead_at) == (claim.execution in running):
                yield partial(self._look, claim)
            elif needs_note(claim, now):
                yield partial(self._send_note, claim)
            elif running is not None and claim.may_be_in_scope and not claim.dead_at:
                yield partial(self._look_at_branch, claim)

    def _begin_anew(self, claim: Claim) -> None:
        """Nobody acted in a year: the job is restarted, and is given its place by its old order.

        A stuck one waits for a person, for as long as Step Functions remembers its input.
        """
        latest = self.claims.get(claim.pk)
        if latest is None or latest.execution != claim.execution or not may_have_outlived(latest):
            return
        execution = self.looks.at(latest.execution)
        if execution.status is Status.MISSING and latest.predecessor:  # a restart, never started
            execution = self.looks.at(latest.predecessor)
        if not has_outlived(execution):
            return
        calm = self.recovery.patience(self.recovery.elapsed() + RESTART_SECONDS)
        outcome = self.recovery.recover(latest, Rules(attended=True), calm)
        if outcome.put_back:
            self.repairs.restarted.append(latest.key)

    def _look(self, claim: Claim) -> None:
        """Look at a job whose execution is dead and not said to be, or said to be and runs."""
        latest = self.claims.get(claim.pk)
        if latest is None or not latest.waits or latest.execution != claim.execution:
            return
        if latest.dead_at and is_child(latest.execution):
            self.lapses.child(latest)
        elif latest.dead_at:
            self.lapses.redriven(latest)
        elif (execution := self.looks.at(latest.execution)).status is not Status.RUNNING:
            self.lapses.job(latest, execution)

    def _look_at_branch(self, claim: Claim) -> None:
        now = self.claims.get(claim.pk)
        if now is not None and now.waits and now.execution == claim.execution:
            self.lapses.stopped(now)

    def _look_at_child(self, claim: Claim) -> None:
        """The children of a distributed Map stand on no list of executions."""
        self._look(claim)
        if needs_note(claim, self.clock()):
            latest = self.claims.get(claim.pk)
            if latest is not None and latest.waits and needs_note(latest, self.clock()):
                self._send_note(latest)

    def _look_at_restart(self, claim: Claim, running: frozenset[str]) -> None:
        """Look at a restart that has ended: it may never have asked for its predecessor's key."""
        if claim.execution in running:
            return
        execution = self.looks.at(claim.execution)
        latest = self.claims.get(claim.pk) if execution.status is Status.SUCCEEDED else None
        if (
            latest is not None
            and latest.waits
            and latest.dead_at
            and latest.execution == claim.execution
        ):
            self.lapses.job(latest, execution)

    def _send_note(self, claim: Claim) -> None:
        """The note first, then the claim's word for it; a crash in between doubles the note."""
        execution = self.looks.at(claim.execution)
        text, redrives = execution.input, execution.redrives
        if execution.status is Status.MISSING and claim.predecessor:  # a restart that never started
            text = self.looks.at(claim.predecessor).input
        self.spool.send(note_of(claim, redrives, text))
        if self.claims.mark_noted(claim, iso(self.clock())):
            self.repairs.noted.append(claim.key)

    def _announce(self, claim: Claim) -> None:
        self.repairs.near_year.append(claim.key)
        self.telemetry.warning(
            "job-near-its-end",
            key=claim.key,
            execution=claim.execution,
            started_at=claim.claimed_at,
            dead_at=claim.dead_at,
        )
        self.telemetry.metric(metrics.NEAR_YEAR)

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
from chalicelib.limits import BATCH_GET, REMEMBERS, RETENTION, RUNS
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
A_YEAR = RUNS - timedelta(days=1)
"""What tells an execution that Step Functions ended after a year from any other."""
ANEW = 20.0
"""Seconds for a restart."""


def needs_note(claim: Claim, now: datetime) -> bool:
    """Whether the spool has no note of a job that waits for a replay, or will soon have none."""
    noted = read(claim.noted_at)
    return claim.state in NOTED and (noted is None or now - noted >= RENEWED)


def is_near_end(claim: Claim, now: datetime) -> bool:
    """Whether Step Functions will soon end the job's execution, or forget its dead one.

    With a dead execution it forgets the input as well.
    """
    since, lasts = (claim.dead_at, REMEMBERS) if claim.dead_at else (claim.claimed_at, RUNS)
    moment = read(since)
    return moment is not None and now - moment >= lasts - NOTICE


def may_be_near_end(claim: Claim, now: datetime) -> bool:
    """Whether what the index holds of a job lets it be near its end; the claim itself says."""
    since, lasts = (claim.dead_at, REMEMBERS) if claim.dead_at else (claim.started_at, RUNS)
    moment = read(since)
    return moment is not None and now - moment >= lasts - NOTICE


def may_have_outlived(claim: Claim) -> bool:
    """Whether a parked job may be dead because its execution had lasted for a year.

    A restart that is not in its task yet, or has died on the way, looks the same.
    """
    began, died = read(claim.claimed_at), read(claim.dead_at)
    return (
        claim.state is State.PARKED
        and began is not None
        and died is not None
        and died - began >= A_YEAR
    )


def has_outlived(found: Execution) -> bool:
    """Whether Step Functions ended an execution because it had lasted for a year."""
    return (
        found.status is Status.TIMED_OUT
        and found.started_at is not None
        and found.stopped_at is not None
        and found.stopped_at - found.started_at >= A_YEAR
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
            listed = self.claims.waiting(state, task)
            while page := list(islice(listed, BATCH_GET)):
                self.seen.update(claim.execution for claim in page)
                looked = self.claims.look([claim.pk for claim in page])
                waits = [claim for claim in looked.values() if claim.waits]
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

    def _begin_anew(self, claim: Claim) -> None:
        """Nobody acted in a year: the job is restarted, and is given its place by its old order.

        A stuck one waits for a person, for as long as Step Functions remembers its input.
        """
        now = self.claims.get(claim.pk)
        if now is None or now.execution != claim.execution or not may_have_outlived(now):
            return
        found = self.looks.at(now.execution)
        if found.status is Status.MISSING and now.predecessor:  # handed over, and never started
            found = self.looks.at(now.predecessor)
        if not has_outlived(found):
            return
        calm = self.recovery.patience(self.recovery.elapsed() + ANEW)
        outcome = self.recovery.recover(now, Rules(attended=True), calm)
        if outcome.put_back:
            self.repairs.restarted.append(now.key)

    def _look(self, claim: Claim) -> None:
        """It is said to wait on a token while its execution is dead, or to be dead and it runs."""
        now = self.claims.get(claim.pk)
        if now is None or not now.waits or now.execution != claim.execution:
            return
        if now.dead_at and is_child(now.execution):
            self.lapses.child(now)
        elif now.dead_at:
            self.lapses.redriven(now)
        elif (found := self.looks.at(now.execution)).status is not Status.RUNNING:
            self.lapses.job(now, found)

    def _look_at_child(self, claim: Claim) -> None:
        """The children of a distributed Map stand on no list of executions."""
        self._look(claim)
        if needs_note(claim, self.clock()):
            now = self.claims.get(claim.pk)
            if now is not None and now.waits and needs_note(now, self.clock()):
                self._send_note(now)

    def _look_at_restart(self, claim: Claim, running: frozenset[str]) -> None:
        """One that ran to its end may never have asked for a key that its predecessor had."""
        if claim.execution in running:
            return
        found = self.looks.at(claim.execution)
        now = self.claims.get(claim.pk) if found.status is Status.SUCCEEDED else None
        if now is not None and now.waits and now.dead_at and now.execution == claim.execution:
            self.lapses.job(now, found)

    def _send_note(self, claim: Claim) -> None:
        """The note first, then the claim's word for it; a crash in between doubles the note."""
        found = self.looks.at(claim.execution)
        text, redrives = found.input, found.redrives
        if found.status is Status.MISSING and claim.predecessor:  # a restart that never started
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

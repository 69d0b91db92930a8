"""A task with a limit, a line and a gate, and the calls that its service gets: events on a heap."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count
from math import inf

from chalicelib.job.claim import FOR_EVER, SERVICE, Slots
from chalicelib.moments import iso
from chalicelib.settings import NEVER, Settings
from respool.simulate.services import DOWN, Answer, Service

RETRY = 5
"""Seconds until the state machine's own retry, one for each failure."""
TASK = "UncertainTask"
FRIDAY = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
BELIEVED = Settings().closed_until_max


def moment(seconds: float) -> datetime:
    """The time of day."""
    return FRIDAY + timedelta(seconds=seconds)


class Place(StrEnum):
    """The place of a job."""

    PARKED = "parked"
    IN_LINE = "in line"
    INSIDE = "inside the task"
    DONE = "done"
    STUCK = "stuck"


@dataclass(eq=False)
class SimJob:
    """One job, numbered in the order of their starts; times are seconds, as the service counts."""

    number: int
    place: Place = Place.PARKED
    attempt: int = 1
    error: str = DOWN
    since: float = 0
    entered: float = 0
    took: float = 0


@dataclass
class World:
    """The jobs, the task's slots, and what the service has seen of them.

    `slots` has what closes the gate, as the claims table has it; nobody closes it where its
    `close_after` is NEVER and no ramp does. `probes_down` counts the calls of jobs let in by a
    pass, `calls_announced` those of jobs that got in without one during the announced `window`.
    """

    service: Service
    limit: int = 5
    slots: Slots = field(default_factory=lambda: Slots(TASK, close_after=NEVER))
    jobs: list[SimJob] = field(default_factory=list)
    now: float = 0
    calls: int = 0
    calls_down: int = 0
    probes_down: int = 0
    window: tuple[float, float] = (inf, inf)
    calls_announced: int = 0
    on_named: Callable[[float], None] = lambda _: None
    done_at: float = 0
    emptied_at: float | None = None
    track: list[tuple[float, int, int]] = field(default_factory=list)
    inside: int = 0
    passes: set[int] = field(default_factory=set)
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)
    _line: list[int] = field(default_factory=list)
    _waits: set[int] = field(default_factory=set)
    _parked: dict[int, SimJob] = field(default_factory=dict)
    _left: int = 0
    _to_come: int = 0

    @classmethod
    def of(cls, service: Service, jobs: int, limit: int, a_day: float = 0) -> "World":
        """`jobs` have failed once and wait; `a_day` others start daily until the recovery."""
        world = cls(service, limit)
        for number in range(jobs):
            world._add(SimJob(number))
        starts = int(a_day * service.recovery / 86_400)
        world._to_come = starts
        for n in range(starts):
            number = jobs + n
            world.at((n + 0.5) * 86_400 / a_day, lambda number=number: world._start(number))  # type: ignore[misc]
        return world

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Do it then."""
        heapq.heappush(self._events, (when, next(self._numbers), act))

    def run(self, until: float) -> None:
        """Let time pass until nothing is left to do for any job, or until then."""
        while self._events and self._events[0][0] <= until and (self._left or self._to_come):
            self.now, _, act = heapq.heappop(self._events)
            act()
        self.note()

    @property
    def open(self) -> bool:
        """Whether the task takes jobs without a pass."""
        announced = self.window[0] <= self.now < self.window[1]
        closed = self.slots.closed_until or len(self.slots.failed) >= self.slots.close_after
        return not announced and not closed

    def announce(self, begins: float, ends: float) -> None:
        """Let a maintenance window close the gate by the clock, and `admit` look when it ends."""
        self.window = (begins, ends)
        start, end = iso(moment(begins)), iso(moment(ends))
        self.slots = replace(
            self.slots, window_from=start, window_until=end, window_why="announced"
        )
        self.at(ends, self._admit)

    def set_gate(self, slots: Slots) -> None:
        """Close or open the gate; whoever waits for it goes in as far as there is room."""
        self.slots = slots
        self._admit()

    def release(self, job: SimJob, by_pass: bool = False) -> None:
        """Put a job back that is parked, or let one in line through the closed gate."""
        if by_pass:
            self.passes.add(job.number)
        if job.place is Place.PARKED:
            self._parked.pop(job.number)
            self._join(job)
        self._admit()

    def make_stuck(self, job: SimJob) -> None:
        """Leave a job to people."""
        self._parked.pop(job.number)
        self._leave(job, Place.STUCK)

    @property
    def left(self) -> int:
        """How many jobs are neither done nor stuck."""
        return self._left

    def count(self, place: Place) -> int:
        """How many jobs are there."""
        return sum(job.place is place for job in self.jobs)

    def parked(self) -> list[SimJob]:
        """The jobs that can be put back, the oldest first."""
        return [self._parked[number] for number in sorted(self._parked)]

    def in_line(self, most: int) -> list[SimJob]:
        """The oldest of those in line."""
        return [self.jobs[number] for number in heapq.nsmallest(most, self._waits)]

    def note(self) -> None:
        """Remember how things stand: when, calls so far, jobs left."""
        self.track.append((self.now, self.calls, self._left))

    def _add(self, job: SimJob) -> None:
        self.jobs.append(job)
        self._parked[job.number] = job
        self._left += 1

    def _start(self, number: int) -> None:
        job = SimJob(number, Place.IN_LINE, attempt=0, error="")
        self.jobs.append(job)
        self._left += 1
        self._to_come -= 1
        self._join(job)
        self._admit()

    def _join(self, job: SimJob) -> None:
        job.place, job.since = Place.IN_LINE, self.now
        heapq.heappush(self._line, job.number)
        self._waits.add(job.number)

    def _admit(self) -> None:
        while self.inside < self.limit and (job := self._next()) is not None:
            job.place, job.entered = Place.INSIDE, self.now
            self.inside += 1
            self._call(job, last=False)

    def _next(self) -> SimJob | None:
        """The oldest that may go in, taken out of the line."""
        passed = min(self.passes & self._waits, default=None)
        number = self._oldest() if self.open else passed
        if number is None:
            return None
        self._waits.discard(number)
        return self.jobs[number]

    def _oldest(self) -> int | None:
        while self._line:
            number = heapq.heappop(self._line)
            if number in self._waits:
                return number
        return None

    def _call(self, job: SimJob, last: bool) -> None:
        self.calls += 1
        down = self.service.down(self.now)
        self.calls_down += down
        self.probes_down += down and job.number in self.passes
        announced = self.window[0] <= job.entered < self.window[1]
        self.calls_announced += announced and job.number not in self.passes
        answer = self.service.answer(self.now, job.number)
        end = self.now + answer.seconds
        if not answer.error:
            self.at(end, lambda: self._done(job))
        elif last:
            self.at(end, lambda: self._failed(job, answer))
        else:
            self.at(end + RETRY, lambda: self._call(job, last=True))

    def _done(self, job: SimJob) -> None:
        self.inside -= 1
        self.done_at = self.now
        if self.open:
            self.slots = replace(self.slots, failed={})
        self._leave(job, Place.DONE)
        self._admit()

    def _failed(self, job: SimJob, answer: Answer) -> None:
        job.place, job.error, job.since = Place.PARKED, answer.error, self.now
        job.took = self.now - job.entered
        job.attempt += 1
        self._parked[job.number] = job
        self.passes.discard(job.number)
        self.inside -= 1
        if self.slots.close_after < NEVER:
            failed = {**self.slots.failed, str(job.number): iso(moment(self.now))}
            self.slots = replace(self.slots, failed=failed)
            if answer.until > self.now:
                self._hear(answer.until)
        self.note()
        self._admit()

    def _hear(self, until: float) -> None:
        """The service says when it is back: its gate is closed until then, at most for a day."""
        now = moment(self.now)
        until = min(until, self.now + BELIEVED)
        named = iso(moment(until))
        self.slots = replace(
            self.slots,
            closed_until=FOR_EVER,
            closed_by=SERVICE,
            closed_at=iso(now),
            named_until=named,
        )
        self.on_named(until)

    def _leave(self, job: SimJob, place: Place) -> None:
        job.place = place
        self.passes.discard(job.number)
        self._left -= 1
        self.note()
        if not self._left and not self._to_come:
            self.emptied_at = self.now

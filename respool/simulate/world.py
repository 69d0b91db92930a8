"""A task with a limit, jobs that wait, and the calls that a service gets: events on a heap."""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

from respool.simulate.services import DOWN, Service

RETRY = 5
"""Seconds until the state machine's own retry, one for each failure."""


class Place(StrEnum):
    """Where a job is."""

    PARKED = "parked"
    QUEUED = "waits for a slot in the task"
    INSIDE = "inside the task"
    DONE = "done"
    STUCK = "stuck"


@dataclass
class SimJob:
    """One job; times are seconds, as the service counts them."""

    number: int
    place: Place = Place.PARKED
    attempt: int = 1
    error: str = DOWN
    parked_at: float = 0
    resumed_at: float = 0
    took: float = 0


@dataclass
class World:
    """The jobs, the task with its limit, and what the service has seen of them."""

    service: Service
    limit: int = 5
    jobs: list[SimJob] = field(default_factory=list)
    now: float = 0
    calls: int = 0
    calls_down: int = 0
    done_at: float = 0
    emptied_at: float | None = None
    track: list[tuple[float, int, int]] = field(default_factory=list)
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)
    _queue: deque[SimJob] = field(default_factory=deque)
    _left: int = 0
    inside: int = 0

    @classmethod
    def of(cls, service: Service, jobs: int, limit: int) -> "World":
        """So many jobs wait, each failed once."""
        world = cls(service, limit, [SimJob(number) for number in range(jobs)])
        world._left = jobs
        return world

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Do it then."""
        heapq.heappush(self._events, (when, next(self._numbers), act))

    def run(self, until: float) -> None:
        """Let time pass until nothing is left to do for any job, or until then."""
        while self._events and self._events[0][0] <= until and self._left:
            self.now, _, act = heapq.heappop(self._events)
            act()
        self.note()

    def release(self, job: SimJob) -> None:
        """Put a parked job back."""
        job.place, job.resumed_at = Place.QUEUED, self.now
        self._queue.append(job)
        self._admit()

    def mark_stuck(self, job: SimJob) -> None:
        """Move a job to the stuck ones."""
        self._leave(job, Place.STUCK)

    @property
    def left(self) -> int:
        """How many jobs are neither done nor stuck."""
        return self._left

    def count(self, place: Place) -> int:
        """How many jobs are there."""
        return sum(job.place is place for job in self.jobs)

    def parked(self) -> list[SimJob]:
        """Those that can be put back."""
        return [job for job in self.jobs if job.place is Place.PARKED]

    def note(self) -> None:
        """Remember how things stand: when, calls so far, jobs left."""
        self.track.append((self.now, self.calls, self._left))

    def _admit(self) -> None:
        while self._queue and self.inside < self.limit:
            job = self._queue.popleft()
            job.place = Place.INSIDE
            self.inside += 1
            self._call(job, last=False)

    def _call(self, job: SimJob, last: bool) -> None:
        self.calls += 1
        self.calls_down += self.service.down(self.now)
        answer = self.service.answer(self.now, job.number)
        end = self.now + answer.seconds
        if not answer.error:
            self.at(end, lambda: self._done(job))
        elif last:
            self.at(end, lambda: self._failed(job, answer.error))
        else:
            self.at(end + RETRY, lambda: self._call(job, last=True))

    def _done(self, job: SimJob) -> None:
        self.inside -= 1
        self.done_at = self.now
        self._leave(job, Place.DONE)
        self._admit()

    def _failed(self, job: SimJob, error: str) -> None:
        job.place, job.error, job.parked_at = Place.PARKED, error, self.now
        job.took = self.now - job.resumed_at
        job.attempt += 1
        self.inside -= 1
        self.note()
        self._admit()

    def _leave(self, job: SimJob, place: Place) -> None:
        job.place = place
        self._left -= 1
        self.note()
        if not self._left:
            self.emptied_at = self.now

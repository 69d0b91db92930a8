"""Calls and jobs a second, and whether time grows with the number of jobs alone."""

import gc
import time
from collections.abc import Callable, Iterator

from tests.bench.figures import Figure
from tests.bench.spooled import loop, replay, slow_wire, spooled
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Wire

DELAY = 0.01
JOBS = 500
Replay = Callable[[FakeStage, Wire, int], object]


def calls() -> Iterator[Figure]:
    """AWS calls a job when replaying 500."""
    ours, theirs = (_calls(act) for act in (replay, loop))
    yield Figure("AWS calls a job, 500 jobs", ours, limit=1.25, loop=theirs)


def _calls(act: Replay) -> float:
    wire = Wire()
    act(spooled(JOBS), wire, JOBS)
    return len(wire.calls) / JOBS


def jobs_a_second() -> Iterator[Figure]:
    """At 10 ms a call, 500 jobs; the median of three."""
    ours, theirs = (JOBS / _seconds(act, JOBS, DELAY) for act in (replay, loop))
    yield Figure("jobs a second at 10 ms a call, 500 jobs", ours, loop=theirs)
    yield Figure("times as fast as the loop", ours / theirs, limit=20, at_least=True)


def growth() -> Iterator[Figure]:
    """Time a job for 1,000 and for 10,000 jobs: with calls of 10 ms, and processor time alone."""
    for delay in (DELAY, 0):
        few, many = (_ms_a_job(replay, jobs, delay) for jobs in (1000, 10_000))
        # At 10 ms a call the loop would take five minutes for 10,000 jobs.
        their_few = _ms_a_job(loop, 1000, delay)
        their_many = None if delay else _ms_a_job(loop, 10_000, delay)
        what = f"at {1000 * delay:.0f} ms a call" if delay else "(processor)"
        yield Figure(f"time a job {what}, 1,000 jobs", few, "ms", loop=their_few)
        yield Figure(f"time a job {what}, 10,000 jobs", many, "ms", loop=their_many)
        ratio = their_many / their_few if their_many else None
        yield Figure(f"ratio of the two {what}", many / few, limit=1.2, loop=ratio)


def _ms_a_job(act: Replay, jobs: int, delay: float) -> float:
    return 1000 * _seconds(act, jobs, delay) / jobs


def _seconds(act: Replay, jobs: int, delay: float) -> float:
    """The median of real times, or with no delay the least processor time.

    Other work on the machine only ever adds to that, by taking its caches.
    """
    clock = time.perf_counter if delay else time.process_time
    times = []
    slow = delay and (jobs > 1000 or (act is loop and jobs > 500))
    for _ in range(1 if slow else 3):
        stage, wire = spooled(jobs), slow_wire(delay)
        gc.collect()
        gc.freeze()  # the jobs in the queue are AWS's: ours to move, not to collect
        began = clock()
        act(stage, wire, jobs)
        times.append(clock() - began)
        gc.unfreeze()
    return sorted(times)[len(times) // 2] if delay else min(times)

"""Calls and jobs per second, one job among very many, and whether time grows with jobs alone."""

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from chalicelib.job.plan import Choice
from tests.bench.figures import Figure
from tests.bench.spooled import ERROR, engines, loop, parked, replay, silence, slow_wire
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Wire

DELAY = 0.01
JOBS = 500
SIZES = (1000, 10_000)
ROUNDS = 5
Replay = Callable[[FakeStage, Wire, int], object]


def calls() -> Iterator[Figure]:
    """AWS calls a job when replaying 500 whose notes are all that the queue holds."""
    ours, theirs = (_calls(act) for act in (replay, loop))
    yield Figure("AWS calls a job, 500 jobs", ours, limit=1.25, loop=theirs)


def _calls(act: Replay) -> float:
    wire = Wire()
    act(parked(JOBS), wire, JOBS)
    return len(wire.calls) / JOBS


def jobs_a_second() -> Iterator[Figure]:
    """At 10 ms a call, 500 jobs; the median of three."""
    ours, theirs = (JOBS / _seconds(act, JOBS, DELAY) for act in (replay, loop))
    yield Figure("jobs per second at 10 ms a call, 500 jobs", ours, loop=theirs)
    yield Figure("times as fast as the loop", ours / theirs, limit=25, at_least=True)


def one_of_many() -> Iterator[Figure]:
    """One job by its key, one error's hundred, and a job to be given up, among very many."""
    stage = parked(10_000, lambda n: "Timeout" if n % 100 == 0 else ERROR)
    for name, jobs, choice, limit in (
        ("one job by key among 10,000, at 15 ms a call", 1, Choice(key="0007777"), 0.5),
        ("one error's 100 among 10,000, at 15 ms a call", 100, Choice(error="Timeout"), 3),
    ):
        began = time.perf_counter()
        report = replay(stage, slow_wire(0.015), jobs, choice)
        seconds = time.perf_counter() - began
        yield Figure(name, seconds if report.replayed == jobs else 999, "s", limit=limit)
    yield Figure("giving one up among 50,000, at 80 ms a call", _giving_up(), "s", limit=2)


def _giving_up() -> float:
    stage = parked(50_000)
    give_up = engines(stage, slow_wire(0.08)).give_up
    began = time.perf_counter()
    with silence():
        ending = give_up.end("0033333", "nobody wants it any more")
    return time.perf_counter() - began if ending.given_up else 999


def growth() -> Iterator[Figure]:
    """Time a job for 1,000 and for 10,000 jobs: with calls of 10 ms, and processor time alone."""
    times = tuple(1000 * _seconds(replay, jobs, DELAY) / jobs for jobs in SIZES)
    # At 10 ms a call the loop would take five minutes for 10,000 jobs.
    theirs = _seconds(loop, 1000, DELAY)  # for a thousand jobs: milliseconds for one
    yield from _growth("at 10 ms a call", times, (theirs,))
    yield from _growth("(processor)", _processor(replay), _processor(loop))


def _growth(what: str, ours: Sequence[float], theirs: Sequence[float]) -> Iterator[Figure]:
    few, many = ours
    their_few, their_many = (*theirs, None)[:2]
    yield Figure(f"time a job {what}, 1,000 jobs", few, "ms", loop=their_few)
    yield Figure(f"time a job {what}, 10,000 jobs", many, "ms", loop=their_many)
    ratio = their_many / theirs[0] if their_many else None
    yield Figure(f"ratio of the two {what}", many / few, limit=1.2, loop=ratio)


def _processor(act: Replay) -> list[float]:
    """Milliseconds of processor a job for each size, in turns: the medians of some rounds.

    What else the machine does changes it by a half from one second to the next.
    """
    few, many = SIZES
    took: dict[int, list[float]] = {few: [], many: []}
    for _ in range(ROUNDS):
        for jobs in (few, many, few):
            took[jobs].append(1000 * _measured(act, jobs, 0, time.process_time) / jobs)
    return [statistics.median(took[jobs]) for jobs in SIZES]


def _seconds(act: Replay, jobs: int, delay: float) -> float:
    """The median of three, or where one takes long that one."""
    slow = jobs > 1000 or (act is loop and jobs > 500)
    times = (_measured(act, jobs, delay, time.perf_counter) for _ in range(1 if slow else 3))
    return statistics.median(times)


def _measured(act: Replay, jobs: int, delay: float, clock: Callable[[], float]) -> float:
    stage, wire = parked(jobs), slow_wire(delay)
    gc.collect()
    gc.freeze()  # the jobs in the queue are AWS's: ours to move, not to collect
    began = clock()
    act(stage, wire, jobs)
    took = clock() - began
    gc.unfreeze()
    return took

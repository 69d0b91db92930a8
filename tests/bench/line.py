"""Jobs in line, in a model of events: who waits how long beside a queue in the same order.

The calls are made by the real definition and the real `admit`. The model knows how long a job is in
its task, how often the stream is read, and how long `admit` takes; all else takes next to no time.
"""

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from chalicelib.job.plan import Rules
from chalicelib.replaying.replay import Order
from tests.bench.figures import Figure
from tests.bench.spooled import parked
from tests.fakes.run import Run
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage

READ_EVERY = 0.25
"""Seconds between two reads of the stream by Lambda's mapping."""
ADMIT_TAKES = 0.05
LIMIT = 5
AFTER_REPLAY = 3
"""Transitions of a replayed job that finds a slot at once: TakeSlot, the task, Finish."""
Event = tuple[float, int, Callable[[], None]]


@dataclass
class Model:
    """A stage whose jobs are in their task for `seconds` each."""

    stage: FakeStage
    seconds: float
    entered: dict[str, float] = field(default_factory=dict)
    _events: list[Event] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _reading: bool = False

    def __post_init__(self) -> None:
        self.stage.service.on_visit = self._visited

    @property
    def now(self) -> float:
        """Seconds since the clock began."""
        return self.stage.clock.elapsed()

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Let something happen then."""
        heapq.heappush(self._events, (moment, next(self._numbers), act))

    def run(self) -> None:
        """Let time pass until nothing more happens."""
        self._settle()
        while self._events:
            moment, _, act = heapq.heappop(self._events)
            self.stage.clock.pause(moment - self.now)
            act()
            self._settle()

    def _settle(self) -> None:
        """Executions go on until they wait or are inside; a record of the stream is read soon."""
        for run in self.stage.executions.running():
            while not run.inside and self.stage.machine.step(run):
                pass
        if self.stage.table.stream and not self._reading:
            self._reading = True
            self.at((self.now // READ_EVERY + 1) * READ_EVERY, self._read)

    def _read(self) -> None:
        records = list(self.stage.table.stream)
        self.stage.table.stream.clear()

        def admit() -> None:
            self.stage.admit(*records)
            self._reading = False

        self.at(self.now + ADMIT_TAKES, admit)

    def _visited(self, run: Run) -> None:
        self.entered[run.arn] = self.now
        self.at(self.now + self.seconds, lambda: self._leave(run))

    def _leave(self, run: Run) -> None:
        self.stage.machine.step(run)


def many_long_jobs() -> Iterator[Figure]:
    """300 parked jobs of ten minutes, put back by one replay."""
    model, runs = _replayed(300, 600)
    before = {run.arn: run.transitions for run in runs}
    model.run()
    done = model.stage.service.done.total()
    waited = max(run.transitions - before[run.arn] - AFTER_REPLAY for run in runs)
    yield Figure(
        "300 jobs of 10 min at limit 5: done by one replay", done, limit=300, at_least=True
    )
    yield Figure("their time against the ideal", _against_ideal(model, 300), limit=1.02)
    yield Figure("their transitions spent on waiting, at most", waited, limit=2)


def short_jobs() -> Iterator[Figure]:
    """50 jobs of two seconds, for which the way of a freed slot counts most."""
    model, _ = _replayed(50, 2)
    model.run()
    yield Figure(
        "50 jobs of 2 s at limit 5: time against the ideal", _against_ideal(model, 50), limit=1.25
    )


def _replayed(jobs: int, seconds: float) -> tuple[Model, list[Run]]:
    stage = parked(jobs)
    stage.process().line.set_limit(TASK, LIMIT, "bench", "", stage.clock.iso())
    stage.table.stream.clear()
    stage.process().engines.replayer.replay(Order(jobs, Rules(attended=True), 600))
    return Model(stage, seconds), stage.executions.running()


def _against_ideal(model: Model, jobs: int) -> float:
    ended = max(model.entered.values()) + model.seconds
    return (ended - min(model.entered.values())) / (model.seconds * jobs / LIMIT)


def heavy_load(load: float = 0.95, jobs: int = 1000, seconds: float = 600) -> Iterator[Figure]:
    """Jobs come by chance, nearly as many as the task can take: the longest wait of all."""
    chance = random.Random(11)
    moments, moment = [], 0.0
    for _ in range(jobs):
        moment += chance.expovariate(load * LIMIT / seconds)
        moments.append(moment)
    model = Model(FakeStage(task_limit=LIMIT), seconds)
    for n, moment in enumerate(moments):
        model.at(moment, lambda n=n: _start(model.stage, n))  # type: ignore[misc]
    model.run()
    arn = model.stage.executions.arn
    ours = max(model.entered[arn(f"job-{n}")] - moment for n, moment in enumerate(moments))
    fair = _longest_wait(moments, seconds)
    name = f"longest wait at load {load}, against a fair queue"
    yield Figure(f"{jobs:,} jobs of 10 min: {name}", ours / fair, limit=1.1)


def _start(stage: FakeStage, n: int) -> None:
    stage.executions.start(f"job-{n}", f'{{"key":"{n}"}}')


def _longest_wait(moments: list[float], seconds: float) -> float:
    """The longest wait where who came first goes in first, as soon as anybody leaves."""
    free = [0.0] * LIMIT
    longest = 0.0
    for moment in moments:
        begins = max(moment, heapq.heappop(free))
        longest = max(longest, begins - moment)
        heapq.heappush(free, begins + seconds)
    return longest

"""Replays stay within the quotas of the smallest regions: slower there, but nothing fails."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from chalicelib import metrics
from chalicelib.errors import Throttled
from tests.bench.spooled import parked
from tests.fakes.clock import SteppedClock
from tests.fakes.wire import Wire
from tests.unit.replay_stage import ReplayStage

T = TypeVar("T")
QUOTAS = {
    "SendTaskSuccess": (1500, 300),
    "StartExecution": (800, 150),
    "DescribeExecution": (250, 10),
}
"""What a bucket holds, and what flows back into it each second, in the smallest regions."""
A_CALL = 0.015 / 24
"""Seconds from one call to the next, when 24 threads call and each call takes 15 ms."""


class QuotaWire(Wire):
    """A wire to an AWS that throttles as Step Functions does."""

    def __init__(self, clock: SteppedClock) -> None:
        super().__init__()
        self.throttled = 0
        self._clock = clock
        self._level = {call: float(most) for call, (most, _) in QUOTAS.items()}
        self._filled = clock.elapsed()

    def call(
        self,
        name: str,
        effect: Callable[[], T],
        conflict: Callable[[], Exception] | None = None,
    ) -> T:
        """Make a call, where its bucket holds one. Raises Throttled."""
        self._clock.pause(A_CALL)
        passed, self._filled = self._clock.elapsed() - self._filled, self._clock.elapsed()
        for each, (most, flow) in QUOTAS.items():
            self._level[each] = min(most, self._level[each] + flow * passed)
        if name in QUOTAS and self._level[name] < 1:
            self.throttled += 1
            raise Throttled(f"{name}: ThrottlingException: Rate exceeded")
        if name in QUOTAS:
            self._level[name] -= 1
        return super().call(name, effect, conflict)


@pytest.mark.parametrize("count", [2500, pytest.param(10_000, marks=pytest.mark.soak)])
def test_more_resumes_than_a_small_region_allows_at_once_are_slowed_down_and_none_fails(
    count: int,
) -> None:
    memory = parked(count)
    stage = ReplayStage(memory)
    process = memory.process(wire := QuotaWire(memory.clock))
    start = memory.clock.elapsed()
    report = stage.replay(count, process=process, seconds=855)
    took = memory.clock.elapsed() - start
    assert (report.replayed, report.failed, report.more) == (count, [], False)
    assert process.telemetry.counts[metrics.THROTTLED] == wire.throttled > 0
    assert took >= (count - 1500) / 300 - 1
    assert wire.throttled < count / 10


def test_many_restarts_in_little_time_are_left_for_later_and_none_fails() -> None:
    stage = ReplayStage()
    stage.memory.executions.redrives = False
    for n in range(300):
        stage.abort(str(n))
    process = stage.memory.process(wire := QuotaWire(stage.memory.clock))
    report = stage.replay(300, process=process, seconds=5)
    assert (report.failed, report.more) == ([], True)
    assert 100 < report.replayed < 300
    assert process.telemetry.counts[metrics.THROTTLED] == wire.throttled > 0
    assert report.remaining == 300 - report.replayed
    assert len(stage.finish()) == report.replayed

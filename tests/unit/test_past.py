"""How long jobs took lately: read from a few histories, and believed for five minutes."""

import pytest

from chalicelib.replaying.past import KEPT, SAMPLES, Past
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Fault, Wire


@pytest.fixture
def stage() -> FakeStage:
    stage = FakeStage()
    for number in range(SAMPLES + 2):
        stage.start(f"run-{number}", f'{{"key":"{number}"}}')
    stage.run()
    stage.clock.pause(1000)
    return stage


def past(stage: FakeStage, wire: Wire) -> Past:
    process = stage.process(wire)
    return Past(process.workflow, process.telemetry, stage.clock.elapsed)


def test_it_reads_the_last_few_that_came_through(stage: FakeStage) -> None:
    wire = Wire()
    assert past(stage, wire).pace(TASK) is not None
    assert wire.calls == ["ListExecutions", *["GetExecutionHistory"] * SAMPLES]


@pytest.mark.parametrize(("seconds", "reads"), [(0, 1), (KEPT - 1, 1), (KEPT + 1, 2)])
def test_what_it_read_is_good_for_five_minutes(
    stage: FakeStage, seconds: float, reads: int
) -> None:
    wire = Wire()
    lately = past(stage, wire)
    first = lately.pace(TASK)
    stage.clock.pause(seconds)
    assert lately.pace(TASK) == first
    assert wire.calls.count("ListExecutions") == reads


def test_that_a_task_is_unknown_is_remembered_as_well(stage: FakeStage) -> None:
    wire = Wire()
    lately = past(stage, wire)
    assert lately.pace("Another") is lately.pace("Another") is None
    assert wire.calls.count("ListExecutions") == 1


def test_a_past_that_can_t_be_read_is_unknown_and_told_of(stage: FakeStage) -> None:
    lately = past(stage, Wire().break_at(0, Fault.THROTTLED))
    assert lately.pace(TASK) is None

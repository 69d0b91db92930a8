"""Whoever runs out of time ends before AWS cuts it off, and uses most of the time that it has."""

import pytest

import app
from chalicelib.api import actions
from chalicelib.api.actions import Press
from chalicelib.api.stage import Stage
from chalicelib.errors import LineStalled
from chalicelib.limits import GATEWAY
from chalicelib.reprocess import take
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage, Process
from tests.unit.replay_stage import ReplayStage, given

LAMBDA = 900
MINUTE = 60


def slow(seconds: float) -> tuple[ReplayStage, Process]:
    """Two hundred parked jobs, and a process each of whose calls takes so long."""
    stage = ReplayStage(FakeStage(task_limit=500))
    stage.park(*(f"{n:03}" for n in range(200)))
    return stage, stage.slow(seconds)


def test_a_press_is_answered_before_api_gateway_cuts_it_off() -> None:
    stage, process = slow(0.5)
    start = stage.memory.clock.elapsed()

    answer = actions.replay(
        Stage(process.engines, "respool-dev"), Press("kim", {"max": 200}), app.GATEWAY_SECONDS
    )

    assert answer["more"]
    assert GATEWAY - 10 < stage.memory.clock.elapsed() - start < GATEWAY


def test_the_replay_lambda_ends_before_its_own_end() -> None:
    stage, process = slow(10)
    start = stage.memory.clock.elapsed()

    answer = take(process.engines, {"max": 200}, lambda: LAMBDA - app.SPARE_SECONDS)

    assert answer["more"]
    assert LAMBDA - 120 < stage.memory.clock.elapsed() - start < LAMBDA


def test_admit_ends_before_its_minute_is_over() -> None:
    stage = ReplayStage(FakeStage(task_limit=1))
    held = stage.memory.executions.start("job-held", given("held"))
    stage.memory.machine.run_to(held, TASK)
    for number in range(300):
        arn = stage.memory.executions.start(f"job-{number}", given(f"{number}"))
        stage.memory.machine.run_to(arn, "nowhere")  # until it waits in line
    at = stage.memory.clock.iso()
    stage.memory.process().line.set_limit(TASK, 500, "kim", "", at)
    process = stage.slow(0.2)
    start = stage.memory.clock.elapsed()

    with pytest.raises(LineStalled, match="time is up"):  # and so it is called again
        process.engines.admit({}, MINUTE - app.ADMIT_SPARE_SECONDS)

    assert MINUTE / 2 < stage.memory.clock.elapsed() - start < MINUTE

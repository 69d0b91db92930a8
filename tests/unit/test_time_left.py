"""Whoever runs out of time ends before AWS cuts it off, and uses most of the time that it has."""

import app
from chalicelib.api import actions
from chalicelib.api.actions import Press
from chalicelib.api.stage import Stage
from chalicelib.limits import GATEWAY
from chalicelib.reprocess import take
from tests.fakes.stage import FakeStage, Process
from tests.unit.replay_stage import ReplayStage

LAMBDA = 900


def slow(seconds: float) -> tuple[ReplayStage, Process]:
    """Two hundred parked jobs, and a process each of whose calls takes so long."""
    stage = ReplayStage(FakeStage(task_limit=500))
    stage.park(*(f"{n:03}" for n in range(200)))
    return stage, stage.slow(seconds)


def test_a_press_is_answered_before_api_gateway_cuts_it_off() -> None:
    stage, process = slow(0.5)
    began = stage.memory.clock.elapsed()

    told = actions.replay(
        Stage(process.engines, "respool-dev"), Press("kim", {"max": 200}), app.GATEWAY_SECONDS
    )

    assert told["more"]
    assert GATEWAY - 10 < stage.memory.clock.elapsed() - began < GATEWAY


def test_the_replay_lambda_ends_before_its_own_end() -> None:
    stage, process = slow(10)
    began = stage.memory.clock.elapsed()

    told = take(process.engines, {"max": 200}, lambda: LAMBDA - app.SPARE_SECONDS)

    assert told["more"]
    assert LAMBDA - 120 < stage.memory.clock.elapsed() - began < LAMBDA

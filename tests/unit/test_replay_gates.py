"""What a replay knows of a task's gate: read once, and judged at one moment."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.job.claim import Claim
from chalicelib.moments import iso
from chalicelib.replaying.gates import Gates
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Wire

SECOND = timedelta(seconds=1)
JOB, OTHER = (Claim(pk=f"job#{key}", execution="arn", task=TASK) for key in "ab")


@pytest.fixture
def stage() -> FakeStage:
    return FakeStage()


def close(stage: FakeStage) -> None:
    stage.process().engines.gates.close(TASK, None, "kim", "maintenance")


def gates(stage: FakeStage, wire: Wire | None = None) -> Gates:
    return Gates(stage.process(wire or Wire()).line, stage.clock.now())


def test_an_open_gate_keeps_nobody_out(stage: FakeStage) -> None:
    gate = gates(stage)
    assert (gate.closed(JOB), gate.why(TASK), gate.shut(TASK), gate.until(TASK)) == (
        *("", ""),
        False,
        "",
    )


def test_a_closed_gate_keeps_out_all_and_says_by_whom_and_why(stage: FakeStage) -> None:
    close(stage)
    gate = gates(stage)
    assert gate.closed(JOB) == gate.why(TASK) == "its gate is closed by kim: maintenance"
    assert gate.shut(TASK)


@pytest.mark.parametrize(("good_for", "enters"), [(SECOND, True), (0 * SECOND, False)])
def test_a_pass_lets_in_its_own_job_until_its_last_moment(
    stage: FakeStage, good_for: timedelta, enters: bool
) -> None:
    close(stage)
    gate = gates(stage)
    gate.add_pass(JOB, iso(gate.now + good_for))
    assert (gate.closed(JOB) == "", gate.shut(TASK)) == (enters, not enters)
    assert gate.closed(OTHER)


def test_a_limit_of_none_is_a_closed_gate(stage: FakeStage) -> None:
    stage.process().line.set_limit(TASK, 0, "kim", "", stage.clock.iso())
    assert gates(stage).why(TASK) == "its limit is 0"


def test_a_gate_tells_until_when_it_is_closed(stage: FakeStage) -> None:
    until = datetime(2026, 11, 25, tzinfo=UTC)
    stage.process().engines.gates.close(TASK, until, "kim", "")
    gate = gates(stage)
    assert gate.until(TASK) == iso(until)
    assert gate.why(TASK) == f"its gate is closed by kim until {iso(until)}"


def test_each_task_is_read_once(stage: FakeStage) -> None:
    wire = Wire()
    gate = gates(stage, wire)
    for _ in range(3):
        gate.why(TASK)
        gate.add_pass(JOB, "9")
    assert len(wire.calls) == 1

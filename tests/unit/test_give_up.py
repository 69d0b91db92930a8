"""A job that nobody wants any more ends for good, whatever it was doing, and what is told is so."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from chalicelib import metrics
from chalicelib.errors import AwsError, BadRequest, NotFound
from chalicelib.job.claim import State
from chalicelib.job.execution import Status
from tests.fakes.service import TASK
from tests.fakes.stage import Process
from tests.fakes.wire import Died, Fault, Wire
from tests.unit.replay_stage import ReplayStage

REASON = "the customer has left"


@pytest.fixture
def stage() -> ReplayStage:
    return ReplayStage()


def _in_task(stage: ReplayStage) -> None:
    arn = stage.memory.executions.start("job-1", '{"key": "1"}')
    stage.memory.machine.run_to(arn, TASK)


def _full(stage: ReplayStage) -> None:
    line = stage.memory.process().line
    line.set_limit(TASK, 0, "Ann", "", stage.memory.clock.iso())


def _in_line(stage: ReplayStage) -> None:
    _full(stage)
    stage.memory.executions.start("job-1", '{"key": "1"}')
    stage.wait("1")


def _dead_in_line(stage: ReplayStage) -> None:
    stage.abort("1")
    _full(stage)
    stage.replay()


def _stuck(stage: ReplayStage) -> None:
    stage.park("1")
    stage.memory.process().claims.mark_stuck(stage.claim("1"), stage.memory.clock.iso())


def _unheard(stage: ReplayStage) -> None:
    _in_task(stage)
    stage.stop(stage.arn("1"), heard=False)


def _never_started(stage: ReplayStage) -> None:
    stage.memory.executions.redrives = False
    stage.abort("1")
    with pytest.raises(Died):
        stage.replay(process=_broken(stage, "StartExecution", Fault.DIED_BEFORE))


def _never_redriven(stage: ReplayStage) -> None:
    stage.abort("1")
    with pytest.raises(Died):
        stage.replay(process=_broken(stage, "RedriveExecution", Fault.DIED_BEFORE))


def _redriven(stage: ReplayStage) -> None:
    stage.park("1")
    stage.stop(stage.arn("1"), heard=False)
    stage.replay()


def _broken(stage: ReplayStage, call: str, fault: Fault) -> Process:
    return stage.memory.process(Wire().break_next(call, fault))


SITUATIONS: dict[str, Callable[[ReplayStage], object]] = {
    "parked": lambda stage: stage.park("1"),
    "stuck": _stuck,
    "in its task": _in_task,
    "in line": _in_line,
    "dead": lambda stage: stage.abort("1"),
    "dead, and in line": _dead_in_line,
    "dead, unheard of": _unheard,
    "dead, its restart never started": _never_started,
    "dead, its redrive never made": _never_redriven,
}


def goes_on(stage: ReplayStage) -> bool:
    """Whether anything at all still puts the job back."""
    line = stage.memory.process().line
    line.set_limit(TASK, 5, "Ann", "", stage.memory.clock.iso())
    stage.memory.run()
    stage.hear()
    for _ in range(2):
        stage.memory.clock.pause(3 * 3600)
        stage.memory.process().engines.sweep.run(600)
        stage.replay()
        stage.replay(stuck=True)
        stage.memory.run()
    return bool(stage.memory.service.done)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_job_ends_for_good_whatever_it_was_doing(stage: ReplayStage, situation: str) -> None:
    SITUATIONS[situation](stage)
    process = stage.memory.process()

    ending = process.engines.give_up.end("1", REASON)

    assert (ending.key, ending.state, ending.given_up) == ("1", State.GIVEN_UP, True)
    assert stage.claim("1").state is State.GIVEN_UP
    assert (stage.memory.slots.owners, stage.memory.slots.waiting) == ({}, 0)
    assert process.telemetry.counts[metrics.GIVEN_UP] == 1
    assert not goes_on(stage)
    assert stage.claim("1").state is State.GIVEN_UP


@pytest.mark.parametrize("situation", ["parked", "stuck", "in its task", "in line"])
def test_a_living_job_ends_as_given_up_with_the_reason(stage: ReplayStage, situation: str) -> None:
    SITUATIONS[situation](stage)
    stage.memory.process().engines.give_up.end("1", REASON)
    stage.memory.machine.run()
    run = stage.memory.executions.runs[stage.arn("1")]
    assert (run.running, run.error, run.cause) == (False, "GivenUp", REASON)


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("fault", [Fault.DIED_BEFORE, Fault.DIED_AFTER, Fault.UNANSWERED])
def test_what_broke_off_half_way_is_finished_by_a_second_press(
    situation: str, fault: Fault
) -> None:
    rehearsal = ReplayStage()
    SITUATIONS[situation](rehearsal)
    process = rehearsal.memory.process()
    process.engines.give_up.end("1", REASON)
    for at in range(len(process.wire.calls)):
        stage = ReplayStage()
        SITUATIONS[situation](stage)
        process = stage.memory.process(Wire().break_at(at, fault))
        with suppress(Died, AwsError):
            process.engines.give_up.end("1", REASON)
        if situation != "in its task":  # it would finish, which is its right
            stage.memory.machine.run()
        stage.hear()
        stage.memory.clock.pause(60)
        assert stage.memory.process().engines.give_up.end("1", REASON).given_up
        assert not goes_on(stage), at


@pytest.mark.parametrize("heard", [True, False])
@pytest.mark.parametrize("situation", [*SITUATIONS, "redriven"])
def test_what_broke_off_half_way_leaves_nothing_bound_though_nobody_presses_again(
    situation: str, heard: bool
) -> None:
    situations = {**SITUATIONS, "redriven": _redriven}
    rehearsal = ReplayStage()
    situations[situation](rehearsal)
    process = rehearsal.memory.process()
    process.engines.give_up.end("1", REASON)
    for at in range(len(process.wire.calls)):
        stage = ReplayStage()
        situations[situation](stage)
        with suppress(Died):
            broken = Wire().break_at(at, Fault.DIED_AFTER)
            stage.memory.process(broken).engines.give_up.end("1", REASON)
        if not heard:
            stage.memory.executions.ended.clear()
        goes_on(stage)
        assert stage.claim("1").ended_at, at
        assert (stage.memory.slots.owners, stage.memory.slots.waiting) == ({}, 0)
        assert stage.memory.service.done.total() <= 1


@pytest.mark.parametrize("waiting", [0, 120])
def test_it_takes_a_handful_of_calls_whatever_else_waits(stage: ReplayStage, waiting: int) -> None:
    stage.park(*(f"{n:03}" for n in range(waiting)), "1")
    process = stage.memory.process()
    process.engines.give_up.end("1", REASON)
    assert process.wire.calls[:2] == ["GetItem", "SendTaskFailure"]
    assert len(process.wire.calls) <= 6
    assert not {"ReceiveMessage", "Query", "Scan"} & set(process.wire.calls)


@pytest.mark.parametrize("late", ["before", "while it is stopped"])
def test_a_job_that_finishes_meanwhile_is_told_as_finished(stage: ReplayStage, late: str) -> None:
    _in_task(stage)
    calls = ["GetItem", "StopExecution"]
    wire = Wire().interrupt_at(calls.index("StopExecution"), stage.memory.run)
    if late == "before":
        stage.memory.run()
    ending = stage.memory.process(wire).engines.give_up.end("1", REASON)
    assert (ending.state, ending.given_up) == (State.FINISHED, False)
    assert ending.ended_at == stage.claim("1").ended_at
    assert stage.finish() == ["1"]


def test_a_replay_that_was_quicker_lets_the_job_go_on_until_it_is_stopped(
    stage: ReplayStage,
) -> None:
    stage.park("1")

    def go_on() -> None:
        stage.replay()
        stage.memory.machine.run_to(stage.arn("1"), TASK)

    wire = Wire().interrupt_at(1, go_on)
    assert stage.memory.process(wire).engines.give_up.end("1", REASON).given_up
    assert not goes_on(stage)


def test_a_look_that_lags_does_not_keep_it_from_ending(stage: ReplayStage) -> None:
    _in_task(stage)
    stage.memory.executions.lag()
    assert stage.memory.process().engines.give_up.end("1", REASON).given_up
    stage.memory.executions.catch_up()
    assert stage.memory.executions.runs[stage.arn("1")].status is Status.ABORTED
    assert not goes_on(stage)


def test_giving_up_twice_says_the_same_twice(stage: ReplayStage) -> None:
    stage.park("1")
    first = stage.memory.process().engines.give_up.end("1", REASON)
    assert stage.memory.process().engines.give_up.end("1", REASON) == first


def test_its_key_may_be_used_again(stage: ReplayStage) -> None:
    stage.park("1")
    stage.memory.process().engines.give_up.end("1", REASON)
    stage.memory.executions.start("second", '{"key": "1"}')
    assert stage.finish() == ["1"]
    assert stage.claim("1").attempt == 0


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001])
def test_without_a_fit_reason_nothing_is_given_up(stage: ReplayStage, reason: str) -> None:
    stage.park("1")
    with pytest.raises(BadRequest, match="a reason of 1 to 1000 characters"):
        stage.memory.process().engines.give_up.end("1", reason)
    assert stage.claim("1").state is State.PARKED


def test_a_job_that_nobody_knows_is_not_found(stage: ReplayStage) -> None:
    with pytest.raises(NotFound, match="'1'"):
        stage.memory.process().engines.give_up.end("1", REASON)


@pytest.mark.parametrize("call", range(9))
def test_an_execution_that_was_redriven_meanwhile_does_not_wait_for_ever(
    stage: ReplayStage, call: int
) -> None:
    stage.park("1")
    stage.stop(stage.arn("1"), heard=False)

    def meanwhile() -> None:
        stage.replay()
        stage.wait("1")

    process = stage.memory.process(Wire().interrupt_at(call, meanwhile))
    ending = process.engines.give_up.end("1", REASON)

    assert ending.given_up is not bool(stage.finish())
    assert stage.memory.executions.running() == []
    assert stage.memory.waiting == {}

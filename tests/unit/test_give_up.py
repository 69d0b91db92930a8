"""A job that nobody wants any more ends for good, whatever it was doing."""

import pytest

from chalicelib import metrics
from chalicelib.errors import BadRequest, NotFound
from chalicelib.job.execution import Status
from tests.crash.situations import BARE, KEYED, NAME, caught, hear, parked
from tests.fakes.run import TASK
from tests.fakes.stage import FakeStage

REASON = "the customer has left"


@pytest.fixture
def stage() -> FakeStage:
    return FakeStage()


def goes_on(stage: FakeStage) -> bool:
    """Whether anything at all still puts the job back."""
    hear(stage)
    for _ in range(2):
        stage.clock.pause(3 * 3600)
        stage.process().sweep()
        stage.process().replay()
        stage.process().replay(take_stuck=True)
        stage.machine.run()
    return bool(stage.service.done)


def test_a_parked_job_ends_as_given_up_with_the_reason(stage: FakeStage) -> None:
    arn = parked(stage)
    process = stage.process()

    assert process.give_up.end("12345", REASON)

    run = stage.executions.runs[arn]
    assert (run.status, run.error, run.cause) == (Status.ABORTED, "GivenUp", REASON)
    assert (stage.table.jobs, stage.table.held, stage.spool.bodies) == ({}, {}, [])
    assert process.telemetry.counts[metrics.GIVEN_UP] == 1
    assert not goes_on(stage)


def test_a_running_job_ends_and_frees_its_slot(stage: FakeStage) -> None:
    arn = stage.executions.start(NAME, KEYED)
    stage.machine.run_to(arn, TASK)

    assert not stage.process().give_up.end("12345", REASON)

    assert stage.executions.runs[arn].error == "GivenUp"
    assert (stage.table.jobs, stage.table.held) == ({}, {})
    assert not goes_on(stage)


def test_a_dead_job_that_waits_for_its_restart_never_starts(stage: FakeStage) -> None:
    caught(stage)

    assert stage.process().give_up.end("12345", REASON)

    assert stage.table.jobs == {}
    assert not goes_on(stage)


def test_a_stuck_job_is_taken_from_the_stuck_queue(stage: FakeStage) -> None:
    stage.max_attempts = 1
    parked(stage)
    stage.process().replay()
    assert stage.stuck.depth() == 1

    assert stage.process().give_up.end("12345", REASON)

    assert stage.stuck.bodies == []
    assert not goes_on(stage)


def test_a_bare_message_without_a_claim_is_given_up_by_its_key(stage: FakeStage) -> None:
    stage.spool.send(BARE)

    assert stage.process().give_up.end("12345", REASON)

    assert not goes_on(stage)


def test_the_other_jobs_stay_spooled_and_in_sight(stage: FakeStage) -> None:
    parked(stage)
    for n in range(25):
        stage.spool.send(f'{{"key":"other-{n}"}}')

    stage.process().give_up.end("12345", REASON)

    assert stage.spool.depth() == 25
    stage.clock.pause(1)
    assert stage.process().replay().replayed == 25


def test_its_key_may_be_used_again(stage: FakeStage) -> None:
    parked(stage)
    stage.process().give_up.end("12345", REASON)

    stage.executions.start("second", KEYED)
    stage.machine.run()

    assert stage.service.done == {KEYED: 1}


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001])
def test_without_a_fit_reason_nothing_is_given_up(stage: FakeStage, reason: str) -> None:
    arn = parked(stage)

    with pytest.raises(BadRequest, match="a reason of 1 to 1000 characters"):
        stage.process().give_up.end("12345", reason)

    assert stage.executions.runs[arn].running
    assert stage.spool.depth() == 1


def test_a_job_that_nobody_knows_is_not_found(stage: FakeStage) -> None:
    parked(stage)
    stage.process().give_up.end("12345", REASON)

    with pytest.raises(NotFound, match="12345"):
        stage.process().give_up.end("12345", REASON)

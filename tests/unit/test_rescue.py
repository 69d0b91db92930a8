"""The rescue: a job that dies outside every Catch is spooled once; an end that was meant is not."""

import pytest

from chalicelib.errors import AwsError
from chalicelib.job.execution import Status
from chalicelib.job.record import decode
from tests.crash.situations import KEYED, NAME, parked
from tests.fakes.run import TASK
from tests.fakes.stage import FakeStage

ACCIDENTS = [
    (Status.ABORTED, "", "Aborted"),
    (Status.TIMED_OUT, "", "TimedOut"),
    (Status.TIMED_OUT, "States.Timeout", "States.Timeout"),
    (Status.FAILED, "States.Runtime", "States.Runtime"),
    (Status.FAILED, "States.DataLimitExceeded", "States.DataLimitExceeded"),
    (Status.FAILED, "HistoryFull", "HistoryFull"),
]


@pytest.fixture
def stage() -> FakeStage:
    return FakeStage()


def dead(stage: FakeStage, status: Status, error: str, state: str = TASK) -> str:
    """A job that ended in that state without anybody's having heard of it."""
    arn = stage.executions.start(NAME, KEYED)
    stage.machine.run_to(arn, state)
    stage.executions.close(stage.executions.runs[arn], status, error, "the cause")
    return arn


@pytest.mark.parametrize(("status", "error", "told"), ACCIDENTS)
def test_a_job_that_dies_is_spooled_with_its_input_and_keeps_its_key(
    stage: FakeStage, status: Status, error: str, told: str
) -> None:
    arn = dead(stage, status, error)

    assert stage.process().rescue.catch(arn) == "spooled"

    (record,) = map(decode, stage.spool.bodies)
    assert (record.key, record.execution, record.token) == ("12345", arn, "")
    assert record.input == {"key": "12345", "amount": 1}
    assert (record.error.name, record.error.message) == (told, "the cause")
    assert record.attempt == 1
    assert stage.table.held == {}
    assert stage.table.jobs["12345"].execution == arn


@pytest.mark.parametrize(("status", "error", "told"), ACCIDENTS)
def test_a_job_that_died_is_put_back_and_finishes_once(
    stage: FakeStage, status: Status, error: str, told: str
) -> None:
    stage.process().rescue.catch(dead(stage, status, error))
    stage.clock.pause(1)

    assert stage.process().replay().replayed == 1
    stage.machine.run()

    assert stage.service.done == {KEYED: 1}
    assert stage.table.jobs == {}
    assert stage.table.held == {}


def test_a_job_whose_spool_can_not_be_reached_is_spooled_by_the_net(stage: FakeStage) -> None:
    stage.service.broken = True
    arn = dead(stage, Status.FAILED, "SQS.QueueDoesNotExistException", state="ErrorSpool")

    assert stage.process().rescue.catch(arn) == "spooled"

    (record,) = map(decode, stage.spool.bodies)
    assert record.task == TASK
    assert record.first_failed_at == stage.executions.runs[arn].first_failed_at


def test_a_death_that_is_announced_often_is_dealt_with_once(stage: FakeStage) -> None:
    arn = dead(stage, Status.ABORTED, "")

    results = [stage.process().rescue.catch(arn) for _ in range(3)]

    assert results == ["spooled", "already", "already"]
    assert stage.spool.depth() == 1


@pytest.mark.parametrize("error", ["AlreadyRunning", "BadInput", "GivenUp"])
def test_an_end_that_was_meant_is_not_spooled_and_leaves_nothing(
    stage: FakeStage, error: str
) -> None:
    arn = dead(stage, Status.FAILED, error)

    assert stage.process().rescue.catch(arn) == "ended"

    assert stage.spool.depth() == 0
    assert stage.table.jobs == {}
    assert stage.table.held == {}


def test_a_refused_job_leaves_the_holder_its_key(stage: FakeStage) -> None:
    holder = parked(stage)
    refused = stage.executions.start("second", KEYED)
    stage.machine.run()

    assert stage.executions.runs[refused].error == "AlreadyRunning"
    assert stage.process().rescue.catch(refused) == "ended"
    assert stage.table.jobs["12345"].execution == holder
    assert stage.spool.depth() == 1


def test_a_job_that_lives_is_left_alone(stage: FakeStage) -> None:
    arn = stage.executions.start(NAME, KEYED)
    stage.machine.run_to(arn, TASK)

    assert stage.process().rescue.catch(arn) == "alive"
    assert stage.spool.depth() == 0
    assert stage.table.held == {TASK: {arn}}


def test_a_death_gets_no_tombstone_while_the_spool_can_not_be_reached(stage: FakeStage) -> None:
    arn = dead(stage, Status.ABORTED, "")
    process = stage.process()
    stage.spool.send = _unreachable  # type: ignore[method-assign]

    with pytest.raises(AwsError):
        process.rescue.catch(arn)

    del stage.spool.send
    assert stage.process().rescue.catch(arn) == "spooled"
    (record,) = map(decode, stage.spool.bodies)
    assert record.attempt == 1  # marked twice, but died once


def _unreachable(body: str) -> None:
    raise AwsError("SendMessage: no answer")

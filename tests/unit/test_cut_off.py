"""Adopted executions that ended because respool's own states could not reach the table."""

import pytest

from chalicelib.job.claim import State
from chalicelib.job.execution import Status, machine_of
from chalicelib.job.plan import Action, Choice, Rules
from chalicelib.parking.rescue import FOREIGN, PARKED
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Fault, Wire

JOB = '{"key":"1","amount":7}'
PK = "job@orders#1"


@pytest.fixture
def stage() -> FakeStage:
    return FakeStage(home="orders", MACHINES="orders")


def cut_off(stage: FakeStage, call: str, fault: Fault) -> str:
    """An execution whose states reached the table no more from that call on."""
    arn = stage.start("first", JOB)
    stage.machine.wire = Wire().break_next(call, fault)
    stage.machine.run()
    stage.machine.wire = Wire()
    run = stage.executions.runs[arn]
    assert (run.status, run.state) == (Status.FAILED, "GivenUp")
    assert run.error == "DynamoDb.SdkClientException"
    stage.clock.pause(60)
    return arn


@pytest.mark.parametrize("fault", [Fault.DIED_BEFORE, Fault.DIED_AFTER])
def test_its_job_waits_whether_or_not_it_had_a_claim_and_starts_again(
    stage: FakeStage, fault: Fault
) -> None:
    arn = cut_off(stage, "TakeSlot", fault)

    assert stage.process().engines.rescue.catch(arn) == PARKED

    claim = stage.claims[PK]
    assert (claim.state, claim.task, claim.fail_state) == (State.PARKED, stage.task, True)
    assert claim.error == "DynamoDb.SdkClientException"
    recovery = stage.process().engines.recovery
    outcome = recovery.recover(claim, Rules(attended=True), recovery.patience(1e9))
    assert outcome.action is Action.RESTART
    stage.run()
    assert stage.service.done[JOB] == 1
    (again,) = [run for run in stage.executions.runs.values() if run.arn != arn]
    assert (again.status, machine_of(again.arn)) == (Status.SUCCEEDED, "orders")
    assert stage.claims[PK].state is State.FINISHED


def test_an_end_in_another_fail_state_was_meant(stage: FakeStage) -> None:
    arn = cut_off(stage, "TakeSlot", Fault.DIED_BEFORE)
    stage.executions.runs[arn].error = "Card.Refused"

    assert stage.process().engines.rescue.catch(arn) == FOREIGN

    assert PK not in stage.claims


def test_it_is_of_no_other_death_that_a_claim_tells(stage: FakeStage) -> None:
    stage.process().engines.rescue.catch(cut_off(stage, "TakeSlot", Fault.DIED_AFTER))
    recovery = stage.process().engines.recovery
    recovery.recover(
        stage.claims[PK],
        Rules(attended=True, choice=Choice(key="1", machine="orders")),
        recovery.patience(1e9),
    )
    (again,) = stage.executions.running()
    stage.machine.run_to(again.arn, TASK)
    stage.executions.stop(again.arn, "Aborted", "by hand")
    stage.clock.pause(60)

    assert stage.process().engines.rescue.catch(again.arn) == PARKED

    assert not stage.claims[PK].fail_state
    recovery = stage.process().engines.recovery
    outcome = recovery.recover(stage.claims[PK], Rules(attended=True), recovery.patience(1e9))
    assert outcome.action is Action.REDRIVE

"""Adopted executions that ended because respool's own states could not reach the table."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib.job.claim import Claim, State
from chalicelib.job.execution import Execution, Status, machine_of
from chalicelib.job.plan import MAP_IS_GONE, Action, Choice, Facts, Rules, decide
from chalicelib.moments import iso
from chalicelib.parking.rescue import ENDED, FOREIGN, PARKED
from tests.fakes.definition import bare
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


def test_the_item_of_a_map_that_was_cut_off_is_not_redriven_into_its_fail_state() -> None:
    now = datetime(2026, 11, 27, tzinfo=UTC)
    parent = Execution("arn:parent", Status.FAILED, stopped_at=now, redrivable=True)
    facts = Facts(Status.FAILED, redrivable=True, stopped_at=now, input=JOB, parent=parent)
    item = Claim("job@orders#1/item/Task", "arn:item", State.PARKED, dead_at=iso(now))

    assert decide(item, facts, now).action is Action.REDRIVE
    decision = decide(replace(item, fail_state=True), facts, now)
    assert (decision.action, decision.reason) == (Action.LEAVE, MAP_IS_GONE)


def test_the_child_of_a_map_without_any_of_our_states_is_left_alone(stage: FakeStage) -> None:
    stage.executions.definitions["orders"] = bare()
    arn = cut_off_child(stage)
    assert stage.process().engines.rescue.catch(arn) == FOREIGN


def cut_off_child(stage: FakeStage) -> str:
    parent = stage.start("parent", JOB)
    stage.executions.map_runs["orders/Items"] = parent
    arn = stage.executions.start("item", JOB, "orders/Items")
    run = stage.executions.runs[arn]
    run.fail_state, run.asked = True, {"job@orders#1": None}
    stage.executions.close(run, Status.FAILED, "DynamoDb.SdkClientException")
    return arn


@pytest.mark.parametrize(("asked", "how"), [(True, PARKED), (False, ENDED)])
def test_in_the_stage_s_own_machine_only_what_asked_for_its_claim_was_cut_off(
    asked: bool, how: str
) -> None:
    stage = FakeStage()
    arn = stage.start("first", JOB)
    run = stage.executions.runs[arn]
    run.fail_state, run.asked = True, {"job#1": None} if asked else {}
    stage.executions.close(run, Status.FAILED, "DynamoDb.ResourceNotFoundException")
    stage.clock.pause(60)

    assert stage.process().engines.rescue.catch(arn) == how
    assert bool(stage.waiting) is asked

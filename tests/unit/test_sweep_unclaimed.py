"""The sweep names running jobs that no claim tells of, as a restored table leaves them behind."""

import pytest

from chalicelib import metrics
from chalicelib.job.claim import State
from chalicelib.parking.unclaimed import HOUR, MOST_LOOKED
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Fault, Wire
from tests.unit.test_sweep import PK, parked, redriven_inside, started, sweep

LATER = 601.0


@pytest.fixture
def stage() -> FakeStage:
    return FakeStage()


def restored(stage: FakeStage, *pks: str) -> None:
    """The table as it was before these jobs began."""
    for pk in pks:
        del stage.table.items[pk]
    for slots in stage.table.items.values():
        owners = slots.get("owners", {}).get("M", {})
        for pk in pks:
            owners.pop(pk, None)
    stage.clock.pause(LATER)


def test_a_parked_job_whose_claim_is_lost_is_named(stage: FakeStage) -> None:
    arn = parked(stage)
    restored(stage, PK)
    process = stage.process()

    assert process.engines.sweep.run(600).unclaimed == [arn]

    assert "job-without-claim" in process.telemetry.actions
    assert process.telemetry.counts[metrics.UNCLAIMED] == 1


def test_a_job_inside_its_task_whose_claim_is_lost_is_named(stage: FakeStage) -> None:
    arn = started(stage, TASK)
    restored(stage, PK)

    assert sweep(stage).unclaimed == [arn]


def test_a_job_in_line_whose_claim_is_lost_is_named() -> None:
    stage = FakeStage(task_limit=1)
    started(stage, TASK, "1")
    arn = started(stage, "WaitInLine", "2")
    stage.machine.step(stage.executions.runs[arn])
    restored(stage, "job#2")

    assert sweep(stage).unclaimed == [arn]


def test_a_job_whose_key_another_has_taken_meanwhile_is_named(stage: FakeStage) -> None:
    lost = parked(stage)
    restored(stage, PK)
    owner = stage.executions.start("second", '{"key":"12345","amount":1}')
    stage.machine.run_to(owner, TASK)
    stage.clock.pause(LATER)

    assert stage.claims[PK].execution == owner
    assert sweep(stage).unclaimed == [lost]


def test_naming_changes_nothing(stage: FakeStage) -> None:
    arn = parked(stage)
    restored(stage, PK)
    before = stage.table.copy_items()

    repairs = sweep(stage)

    assert repairs.count == 0
    assert stage.table.copy_items() == before
    assert stage.executions.runs[arn].running


def test_a_job_that_has_just_come_so_far_is_not_named(stage: FakeStage) -> None:
    arn = parked(stage)
    restored(stage, PK)
    stage.executions.runs[arn].history.append(("StateEntered", "Park", stage.clock.now()))

    assert sweep(stage).unclaimed == []


def test_a_job_before_its_claim_is_not_named(stage: FakeStage) -> None:
    stage.executions.start("fresh", '{"key":"9"}')
    stage.clock.pause(LATER)

    assert sweep(stage).unclaimed == []


def test_a_job_redriven_by_hand_without_a_slot_is_not_named(stage: FakeStage) -> None:
    redriven_inside(stage)
    for slots in stage.table.items.values():
        slots.get("owners", {}).get("M", {}).pop(PK, None)
    stage.clock.pause(LATER)

    assert stage.claims[PK].state is State.RUNNING
    assert sweep(stage).unclaimed == []


def test_jobs_whose_lists_were_refused_are_not_taken_for_lost(stage: FakeStage) -> None:
    parked(stage)
    stage.clock.pause(LATER)
    wire = Wire().break_next("Query", Fault.THROTTLED, times=100)

    repairs = sweep(stage, wire=wire)

    assert repairs.refused
    assert wire.calls.count("GetExecutionHistory") == 0


def test_one_sweep_looks_at_a_bounded_number_and_the_next_goes_on(stage: FakeStage) -> None:
    arns = [parked(stage, f"{n:03}") for n in range(MOST_LOOKED + 10)]
    restored(stage, *(f"job#{n:03}" for n in range(MOST_LOOKED + 10)))
    named: set[str] = set()

    for _ in range(4):
        process = stage.process()
        executions = process.engines.sweep.run(600).unclaimed
        assert len(executions) == MOST_LOOKED
        assert process.wire.calls.count("GetExecutionHistory") == MOST_LOOKED
        named.update(executions)
        stage.clock.pause(HOUR)

    assert named == set(arns)

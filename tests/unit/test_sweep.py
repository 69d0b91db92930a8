"""The sweep: what has no live owner is repaired once, paced, and told."""

from datetime import timedelta

import pytest

from chalicelib import metrics
from chalicelib.job.claim import Claim
from chalicelib.job.record import decode
from chalicelib.parking.sweep import Repairs
from tests.crash.situations import (
    KEYED,
    NAME,
    aborted,
    caught,
    claim_left,
    message_expired,
    parked,
    slot_written_late,
)
from tests.fakes.run import TASK
from tests.fakes.stage import FakeStage

DAY = 86_400
SMALLEST_REFILL = 10
"""DescribeExecution calls a second that Step Functions grants in the smallest regions."""


@pytest.fixture
def stage() -> FakeStage:
    return FakeStage()


def nothing(repairs: Repairs) -> bool:
    return not repairs.count and not repairs.near_year and not repairs.more


def test_the_claim_and_slot_of_a_finished_job_are_released_once(stage: FakeStage) -> None:
    arn = claim_left(stage)

    repairs = stage.process().sweep()

    assert (repairs.released, repairs.freed) == (["12345"], [arn])
    assert (stage.table.jobs, stage.table.held) == ({}, {})
    assert nothing(stage.process().sweep())


def test_a_slot_that_was_written_after_its_job_had_died_is_freed(stage: FakeStage) -> None:
    arn = slot_written_late(stage)
    assert stage.table.held == {TASK: {arn}}  # the leak: one slot fewer for everybody else

    assert stage.process().sweep().freed == [arn]

    assert stage.table.held == {}
    assert nothing(stage.process().sweep())


def test_a_death_that_nobody_heard_of_is_spooled_once(stage: FakeStage) -> None:
    arn = aborted(stage)

    assert stage.process().sweep().caught == [arn]

    assert stage.spool.depth() == 1
    assert nothing(stage.process().sweep())


def test_jobs_that_run_or_wait_are_left_alone(stage: FakeStage) -> None:
    parked(stage)
    running = stage.executions.start("second", '{"key":"2"}')
    stage.machine.run_to(running, TASK)
    before = (dict(stage.table.jobs), dict(stage.table.held), stage.spool.bodies)

    assert nothing(stage.process().sweep())

    assert (stage.table.jobs, stage.table.held, stage.spool.bodies) == before


def test_a_job_that_waits_for_its_restart_is_spooled_anew_before_sqs_drops_it(
    stage: FakeStage,
) -> None:
    caught(stage)
    (first,) = map(decode, stage.spool.bodies)
    for day in range(1, 31):
        stage.clock.pause(DAY)
        renewed = stage.process().sweep().renewed
        assert stage.spool.depth() >= 1, f"lost on day {day}"
        assert renewed == (["12345"] if day in (10, 20, 30) else [])

    newest = decode(stage.spool.bodies[-1])
    assert newest.first_failed_at == first.first_failed_at
    assert newest.attempt == first.attempt


def test_a_message_that_sqs_dropped_is_sent_again(stage: FakeStage) -> None:
    message_expired(stage)
    assert stage.spool.depth() == 0

    assert stage.process().sweep().renewed == ["12345"]
    assert stage.spool.depth() == 1


def test_a_claim_made_just_before_its_restart_is_left_for_ten_minutes(stage: FakeStage) -> None:
    missing = stage.executions.arn("not-started-yet")
    stage.table.jobs["12345"] = Claim("12345", missing, claimed_at=stage.clock.iso())

    stage.clock.pause(599)
    assert nothing(stage.process().sweep())

    stage.clock.pause(2)
    assert stage.process().sweep().released == ["12345"]


def test_a_job_that_nears_the_year_is_announced_in_log_and_metric(stage: FakeStage) -> None:
    arn = parked(stage)
    stage.clock.pause(timedelta(days=329).total_seconds())
    assert stage.process().sweep().near_year == []

    stage.clock.pause(timedelta(days=2).total_seconds())
    process = stage.process()

    assert process.sweep().near_year == ["12345"]
    assert ("job-near-the-year", {"key": "12345", "execution": arn}) in process.telemetry.lines
    assert process.telemetry.counts[metrics.NEAR_YEAR] == 1


def test_a_dead_job_is_announced_a_month_before_its_execution_is_forgotten(
    stage: FakeStage,
) -> None:
    caught(stage)
    stage.clock.pause(timedelta(days=59).total_seconds())
    assert stage.process().sweep().near_year == []

    stage.clock.pause(timedelta(days=2).total_seconds())

    assert stage.process().sweep().near_year == ["12345"]


def test_a_sweep_of_many_deaths_keeps_within_the_smallest_quota(stage: FakeStage) -> None:
    count = 120
    for n in range(count):
        arn = stage.executions.start(f"{NAME}-{n}", f'{{"key":"{n}"}}')
        stage.machine.run_to(arn, TASK)
        stage.executions.stop(arn, "Aborted", "by hand")
        stage.machine.run()
    began = stage.clock.elapsed()
    process = stage.process()

    assert len(process.sweep().caught) == count

    looks = process.wire.calls.count("DescribeExecution")
    assert looks >= count
    assert looks / (stage.clock.elapsed() - began) < SMALLEST_REFILL


def test_a_sweep_ends_at_its_deadline_and_the_next_goes_on(stage: FakeStage) -> None:
    for n in range(10):
        arn = stage.executions.start(f"{NAME}-{n}", f'{{"key":"{n}"}}')
        stage.machine.run_to(arn, TASK)
        stage.executions.stop(arn, "Aborted", "by hand")

    first = stage.process().sweep(seconds=0.5)
    second = stage.process().sweep()

    assert first.more
    assert 0 < len(first.caught) < 10
    assert not second.more
    assert len(first.caught) + len(second.caught) == 10


def test_what_was_repaired_is_told(stage: FakeStage) -> None:
    arn = aborted(stage)
    process = stage.process()

    process.sweep()

    assert ("sweep-ended", {"caught": [arn]}) in process.telemetry.lines
    assert process.telemetry.counts[metrics.SWEPT] == 1


def test_a_restart_of_what_was_swept_up_finishes_once(stage: FakeStage) -> None:
    aborted(stage)
    stage.process().sweep()
    stage.clock.pause(1)

    stage.process().replay()
    stage.machine.run()

    assert stage.service.done == {KEYED: 1}

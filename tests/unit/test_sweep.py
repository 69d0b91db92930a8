"""The sweep: what events missed is set right once, paced, told, and whatever is refused."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import metrics
from chalicelib.errors import AwsError, RespoolError
from chalicelib.job.claim import Claim, State
from chalicelib.job.execution import Status
from chalicelib.job.record import decode
from chalicelib.moments import iso
from chalicelib.parking.repairs import MOST_TOLD, Repairs
from chalicelib.parking.waiting import is_near_end, needs_note
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage, Process
from tests.fakes.wire import Died, Fault, Wire

DAY = 86_400
KEYED = '{"key":"12345","amount":1}'
PK = "job#12345"
SMALLEST_REFILL = 10
"""DescribeExecution calls per second that Step Functions grants in the smallest regions."""


@pytest.fixture
def stage() -> FakeStage:
    return FakeStage()


def sweep(stage: FakeStage, seconds: float = 600, wire: Wire | None = None) -> Repairs:
    return stage.process(wire).engines.sweep.run(seconds)


def nothing(repairs: Repairs) -> bool:
    return repairs == Repairs()


def started(stage: FakeStage, state: str = TASK, key: str = "12345") -> str:
    arn = stage.executions.start(f"job-{key}", f'{{"key":"{key}","amount":1}}')
    stage.machine.run_to(arn, state)
    return arn


def parked(stage: FakeStage, key: str = "12345") -> str:
    stage.service.broken = True
    arn = started(stage, "Park", key)
    stage.machine.step(stage.executions.runs[arn])
    stage.service.broken = False
    return arn


def aborted(stage: FakeStage, state: str = TASK, key: str = "12345") -> str:
    """A job that died in that state, and nobody has heard of it."""
    arn = started(stage, state, key)
    stage.executions.stop(arn, "Aborted", "by hand")
    return arn


def caught(stage: FakeStage) -> str:
    """A job that died inside its task, and waits for a replay."""
    arn = aborted(stage)
    stage.process().engines.rescue.catch(arn)
    return arn


def test_jobs_that_run_or_wait_are_left_alone() -> None:
    stage = FakeStage(task_limit=1)
    parked(stage, "1")
    started(stage, TASK, "2")
    arn = started(stage, "WaitInLine", "3")
    stage.machine.step(stage.executions.runs[arn])
    before = stage.table.copy_items()

    assert nothing(sweep(stage))

    assert stage.table.copy_items() == before
    assert stage.spool.depth() == 1


def test_an_idle_stage_costs_a_handful_of_calls(stage: FakeStage) -> None:
    process = stage.process()

    assert nothing(process.engines.sweep.run(600))

    assert len(process.wire.calls) < 40


# Deaths


@pytest.mark.parametrize("state", ["", "TakeSlot", TASK, "ErrorSpool", "Park", "Finish"])
def test_a_death_that_nobody_heard_of_is_rescued_once(stage: FakeStage, state: str) -> None:
    stage.service.broken = state in ("ErrorSpool", "Park")
    arn = aborted(stage, state)

    assert sweep(stage).rescued == [arn]

    assert stage.claims[PK].dead_at != ""
    assert stage.slots.owners == {}
    assert stage.spool.depth() == (2 if state == "Park" else 1)  # ErrorSpool's own, and this
    assert nothing(sweep(stage))


def test_a_redriven_job_that_dies_again_in_its_task_is_rescued(stage: FakeStage) -> None:
    arn = redriven_inside(stage)
    stage.executions.stop(arn, "Aborted", "again")

    assert sweep(stage).rescued == [arn]  # its slot tells, for its first death has a tombstone

    assert stage.claims[PK].attempt == 2
    assert nothing(sweep(stage))


def redriven_inside(stage: FakeStage) -> str:
    """A dead job that was redriven with a slot, and is in its task again."""
    arn = caught(stage)
    claims = stage.process().claims
    assert claims.take_slot(stage.claims[PK], stage.clock.iso())
    stage.executions.redrive(arn)
    assert claims.mark_running(stage.claims[PK])
    stage.machine.run_to(arn, TASK)
    return arn


def test_a_redriven_job_that_dies_again_while_it_waits_is_rescued(stage: FakeStage) -> None:
    stage.service.broken = True
    arn = redriven_inside(stage)
    stage.machine.run()
    assert stage.claims[PK].token
    stage.executions.stop(arn, "Aborted", "again")

    assert sweep(stage).rescued == [arn]

    assert stage.claims[PK].token == ""


def test_a_redriven_job_that_dies_again_before_it_is_parked_is_rescued(stage: FakeStage) -> None:
    arn = parked(stage)
    stage.executions.stop(arn, "Aborted", "by hand")
    stage.process().engines.rescue.catch(arn)
    claims = stage.process().claims
    assert claims.begin_redrive(stage.claims[PK], stage.clock.iso())
    stage.executions.redrive(arn)
    assert claims.mark_running(stage.claims[PK])  # no index and no slot knows of it now
    stage.clock.pause(1)
    stage.executions.stop(arn, "Aborted", "again")

    assert sweep(stage).rescued == [arn]

    assert stage.claims[PK].dead_at != ""


def test_a_poisoned_key_ends_no_sweep(stage: FakeStage) -> None:
    for n, text in enumerate(['{"key":"' + "x" * 2045 + '"}', '{"key":"\\ud800"}', '{"key":[1]}']):
        arn = stage.executions.start(f"poison-{n}", text)
        stage.executions.close(stage.executions.runs[arn], Status.FAILED, "BadInput", "")
    arn = aborted(stage)

    repairs = sweep(stage)

    assert (repairs.rescued, repairs.refused) == ([arn], [])
    assert nothing(sweep(stage))


def test_ends_that_were_meant_leave_nothing_to_repair(stage: FakeStage) -> None:
    arn = started(stage)
    stage.executions.close(stage.executions.runs[arn], Status.FAILED, "GivenUp", "")

    repairs = sweep(stage)

    assert repairs.rescued == []
    assert stage.claims[PK].state is State.GIVEN_UP
    assert nothing(sweep(stage))


# Slots


def test_the_claim_and_slot_of_a_finished_job_are_given_back(stage: FakeStage) -> None:
    arn = started(stage, "Finish")
    stage.executions.close(stage.executions.runs[arn], Status.SUCCEEDED)

    assert sweep(stage).ended == ["12345"]

    assert stage.claims[PK].state is State.FINISHED
    assert stage.slots.owners == {}
    assert nothing(sweep(stage))


def test_a_slot_that_was_taken_after_its_job_had_died_is_given_back(stage: FakeStage) -> None:
    arn = aborted(stage, "TakeSlot")
    run = stage.executions.runs[arn]
    stage.process().engines.rescue.catch(arn)
    stage.machine.write_late(run)
    assert stage.slots.owners == {PK: arn}  # the leak: one slot fewer for everybody else
    assert stage.claims[PK].state is State.RUNNING
    assert nothing(sweep(stage))  # it might be in a replay's hands

    stage.clock.pause(601)
    repairs = sweep(stage)

    assert repairs.parked_again == ["12345"]
    claim = stage.claims[PK]
    assert (claim.state, claim.attempt) == (State.PARKED, 1)
    assert claim.dead_at != ""
    assert stage.slots.owners == {}
    assert nothing(sweep(stage))


def test_a_redrive_that_was_begun_and_never_came_is_taken_back(stage: FakeStage) -> None:
    caught(stage)
    stage.process().claims.take_slot(stage.claims[PK], stage.clock.iso())
    assert nothing(sweep(stage))

    stage.clock.pause(601)

    assert sweep(stage).parked_again == ["12345"]
    assert stage.claims[PK].state is State.PARKED
    assert stage.slots.owners == {}
    assert nothing(sweep(stage))


def test_a_redrive_that_came_and_was_not_said_is_said(stage: FakeStage) -> None:
    arn = caught(stage)
    stage.process().claims.take_slot(stage.claims[PK], stage.clock.iso())
    stage.executions.redrive(arn)
    stage.machine.run_to(arn, TASK)
    stage.clock.pause(601)

    assert sweep(stage).revived == ["12345"]

    claim = stage.claims[PK]
    assert (claim.state, claim.dead_at) == (State.RUNNING, "")
    assert stage.slots.owners == {PK: arn}


def test_a_slot_of_an_execution_that_has_no_claim_is_given_back(stage: FakeStage) -> None:
    arn = started(stage, "Finish")
    stage.machine.run()
    stage.table.put(f"slots#{TASK}", with_owner(stage, "job#other", arn))

    assert sweep(stage).freed == [arn]

    assert stage.slots.owners == {}


def with_owner(stage: FakeStage, pk: str, execution: str) -> dict[str, Any]:
    item = dict(stage.table.items[f"slots#{TASK}"])
    return {**item, "owners": {"M": {pk: {"S": execution}}}}


def test_a_slot_of_the_job_s_restart_is_not_taken_for_the_dead_one_s(stage: FakeStage) -> None:
    arn = caught(stage)
    successor = stage.executions.arn("restart")
    stage.process().claims.hand_over(stage.claims[PK], successor, PK)
    stage.executions.start("restart", KEYED)
    stage.machine.run_to(successor, TASK)
    stage.clock.pause(601)

    assert nothing(sweep(stage))

    assert stage.slots.owners == {PK: successor}
    assert stage.executions.runs[arn].status is Status.ABORTED


def test_a_job_whose_execution_is_forgotten_is_parked_so_that_its_note_can_start_it(
    stage: FakeStage,
) -> None:
    arn = aborted(stage)
    stage.clock.pause(91 * DAY)

    repairs = sweep(stage)

    assert repairs.rescued == [arn]
    claim = stage.claims[PK]
    assert (claim.state, claim.error) == (State.PARKED, "ExecutionForgotten")
    assert stage.slots.owners == {}


# Redriven by hand


def test_a_job_redriven_in_the_console_is_said_to_run_and_has_a_slot(stage: FakeStage) -> None:
    arn = caught(stage)
    stage.executions.redrive(arn)
    stage.machine.run_to(arn, TASK)
    stage.clock.pause(601)

    assert sweep(stage).revived == ["12345"]

    claim = stage.claims[PK]
    assert (claim.state, claim.dead_at) == (State.RUNNING, "")
    assert stage.slots.owners == {PK: arn}
    stage.machine.run()
    assert stage.service.done == {KEYED: 1}
    assert stage.waiting == {}
    assert stage.slots.owners == {}


def test_a_job_redriven_in_the_console_runs_even_where_there_is_no_slot() -> None:
    stage = FakeStage(task_limit=1)
    arn = caught(stage)
    started(stage, TASK, "other")
    stage.executions.redrive(arn)
    stage.machine.run_to(arn, TASK)
    stage.clock.pause(601)

    assert sweep(stage).revived == ["12345"]

    assert stage.claims[PK].state is State.RUNNING
    assert list(stage.slots.owners) == ["job#other"]


def test_a_list_from_before_its_death_makes_no_job_alive(stage: FakeStage) -> None:
    arn = started(stage)
    stage.executions.lag()
    stage.executions.stop(arn, "Aborted", "by hand")
    stage.executions.catch_up()
    stage.process().engines.rescue.catch(arn)
    stage.clock.pause(601)
    stage.executions.runs[arn].status = Status.RUNNING
    stage.executions.lag()  # lists and looks still show it running
    stage.executions.runs[arn].status = Status.ABORTED

    assert sweep(stage).revived == []

    assert stage.claims[PK].state is State.PARKED


# Notes


def test_a_note_that_was_never_sent_is_sent(stage: FakeStage) -> None:
    stage.new_wire = lambda: Wire().break_next("SendMessage", Fault.THROTTLED, times=9)
    arn = parked(stage)
    assert stage.spool.depth() == 0

    assert sweep(stage).noted == ["12345"]

    (record,) = map(decode, stage.spool.bodies)
    claim = stage.claims[PK]
    assert (record.key, record.execution, record.attempt) == ("12345", arn, claim.attempt)
    assert record.input == {"key": "12345", "amount": 1}
    assert record.error == claim.failure
    assert nothing(sweep(stage))


def test_a_note_is_sent_again_before_sqs_drops_it(stage: FakeStage) -> None:
    parked(stage)
    sent = []
    for day in range(1, 41):
        stage.clock.pause(DAY)
        if sweep(stage).noted:
            sent.append(day)
        assert stage.spool.depth() >= 1, f"no note on day {day}"

    assert sent == [13, 26, 39]


def test_a_dead_job_s_note_is_sent_again_with_its_input(stage: FakeStage) -> None:
    arn = caught(stage)
    stage.clock.pause(13 * DAY)

    assert sweep(stage).noted == ["12345"]

    record = decode(stage.spool.bodies[-1])
    assert (record.execution, record.input) == (arn, {"key": "12345", "amount": 1})


def test_a_restart_that_never_started_has_the_input_of_the_execution_before(
    stage: FakeStage,
) -> None:
    caught(stage)
    successor = stage.executions.arn("restart")
    stage.process().claims.hand_over(stage.claims[PK], successor, PK)
    stage.clock.pause(13 * DAY)

    assert sweep(stage).noted == ["12345"]

    record = decode(stage.spool.bodies[-1])
    assert (record.execution, record.input) == (successor, {"key": "12345", "amount": 1})


def test_a_crash_between_note_and_claim_doubles_the_note_and_loses_none(stage: FakeStage) -> None:
    parked(stage)
    stage.clock.pause(13 * DAY)
    with suppress(Died):
        sweep(stage, wire=Wire().break_next("SendMessage", Fault.DIED_AFTER))

    assert sweep(stage).noted == ["12345"]
    assert stage.spool.depth() == 3


NOW = FakeStage().clock.now()


def ago(days: float) -> str:
    return iso(NOW - timedelta(days=days))


@pytest.mark.parametrize(
    ("claim", "needed"),
    [
        (Claim(PK, "e", State.PARKED), True),
        (Claim(PK, "e", State.STUCK), True),
        (Claim(PK, "e", State.LINE), False),
        (Claim(PK, "e", State.PARKED, noted_at=ago(12.9)), False),
        (Claim(PK, "e", State.PARKED, noted_at=ago(13)), True),
        (Claim(PK, "e", State.STUCK, noted_at=ago(14)), True),
        (Claim(PK, "e", State.PARKED, noted_at="yesterday"), True),
    ],
)
def test_a_note_is_needed_where_there_is_none_or_soon_will_be_none(
    claim: Claim, needed: bool
) -> None:
    assert needs_note(claim, NOW) is needed


# Time that runs out


@pytest.mark.parametrize(
    ("claim", "near"),
    [
        (Claim(PK, "e", State.PARKED, claimed_at=ago(350)), False),
        (Claim(PK, "e", State.PARKED, claimed_at=ago(351)), True),
        (Claim(PK, "e", State.LINE, claimed_at=ago(360)), True),
        (Claim(PK, "e", State.PARKED, claimed_at=ago(360), dead_at=ago(75)), False),
        (Claim(PK, "e", State.PARKED, claimed_at=ago(1), dead_at=ago(76)), True),
        (Claim(PK, "e", State.PARKED), False),
    ],
)
def test_a_job_is_near_its_end_two_weeks_before_it(claim: Claim, near: bool) -> None:
    assert is_near_end(claim, NOW) is near


def test_a_job_that_nears_the_year_is_announced_in_log_and_metric(stage: FakeStage) -> None:
    parked(stage)
    stage.clock.pause(350.9 * DAY)
    assert sweep(stage).near_year == []

    stage.clock.pause(0.2 * DAY)
    process = stage.process()

    assert process.engines.sweep.run(600).near_year == ["12345"]
    assert "job-near-its-end" in process.telemetry.actions
    assert process.telemetry.counts[metrics.NEAR_YEAR] == 1


def test_a_dead_job_is_announced_before_its_execution_is_forgotten(stage: FakeStage) -> None:
    caught(stage)
    stage.clock.pause(75 * DAY)
    assert sweep(stage).near_year == []

    stage.clock.pause(1 * DAY)

    assert sweep(stage).near_year == ["12345"]


# The year


def ended_after_a_year(stage: FakeStage, state: str = "Park") -> str:
    """A job that waits in that state until Step Functions ends its execution."""
    if state == "WaitInLine":
        stage.process().engines.gates.close(TASK, None, "tests", "")
    arn = parked(stage) if state == "Park" else started(stage, state)
    stage.machine.step(stage.executions.runs[arn])
    stage.clock.pause(365 * DAY)
    stage.machine.run()
    assert stage.executions.runs[arn].status is Status.TIMED_OUT
    return arn


@pytest.mark.parametrize("state", ["Park", "WaitInLine"])
def test_a_job_that_nobody_put_back_in_a_year_is_restarted_in_its_old_order(
    stage: FakeStage, state: str
) -> None:
    arn = ended_after_a_year(stage, state)
    before = stage.claims[PK].order

    repairs = sweep(stage)

    assert (repairs.rescued, repairs.restarted) == ([arn], ["12345"])
    assert stage.claims[PK].order == before
    stage.process().engines.gates.open(TASK, "tests", "")
    stage.run()
    assert stage.service.done[KEYED] == 1
    assert stage.claims[PK].state is State.FINISHED


def test_a_restart_after_a_year_comes_once_however_often_the_sweep_comes(stage: FakeStage) -> None:
    ended_after_a_year(stage)
    assert sweep(stage).restarted == ["12345"]

    assert sweep(stage).restarted == []

    assert len(stage.executions.running()) == 1
    stage.run()
    assert stage.service.done[KEYED] == 1


def test_a_restart_after_a_year_that_never_started_is_started_by_the_next_sweep(
    stage: FakeStage,
) -> None:
    ended_after_a_year(stage)
    with suppress(Died):
        sweep(stage, wire=Wire().break_next("StartExecution", Fault.DIED_BEFORE))
    assert stage.executions.running() == []

    assert sweep(stage).restarted == ["12345"]

    stage.run()
    assert stage.service.done[KEYED] == 1


def test_a_stuck_job_is_left_to_people_even_after_a_year(stage: FakeStage) -> None:
    parked(stage)
    process = stage.process()
    process.claims.mark_stuck(stage.claims[PK], stage.clock.iso())
    stage.clock.pause(365 * DAY)
    stage.machine.run()

    assert sweep(stage).restarted == []

    assert stage.claims[PK].state is State.STUCK


@pytest.mark.parametrize("days", [30, 364.5])
def test_a_job_whose_execution_somebody_aborted_is_not_restarted_by_a_sweep(
    stage: FakeStage, days: float
) -> None:
    arn = parked(stage)
    stage.clock.pause(days * DAY)
    stage.executions.stop(arn, "Aborted", "by hand")
    sweep(stage)

    assert sweep(stage).restarted == []

    assert stage.claims[PK].state is State.PARKED


# Lines


def waiting_in_line(limit: int = 1) -> FakeStage:
    stage = FakeStage(task_limit=limit)
    started(stage, "Finish", "0")
    arn = started(stage, "WaitInLine", "1")
    stage.machine.step(stage.executions.runs[arn])
    return stage


def test_a_line_whose_records_were_lost_is_served() -> None:
    stage = waiting_in_line()
    stage.machine.step(stage.executions.runs[stage.executions.arn("job-0")])
    stage.table.stream.clear()

    assert sweep(stage).admitted == 1

    assert list(stage.slots.owners) == ["job#1"]


@pytest.mark.parametrize("length", [0, 1, 7])
def test_a_line_of_another_length_is_counted_anew(length: int) -> None:
    stage = waiting_in_line()
    line = stage.process().line
    line.recount(line.slots(TASK), length)
    stage.machine.step(stage.executions.runs[stage.executions.arn("job-0")])

    repairs = sweep(stage)

    assert repairs.recounted == ([TASK] if length != 1 else [])
    assert repairs.admitted == 1
    assert repairs.refused == []
    assert (list(stage.slots.owners), stage.slots.waiting) == (["job#1"], 0)


def test_a_slots_item_that_lacks_something_is_made_whole(stage: FakeStage) -> None:
    item = dict(stage.table.items[f"slots#{TASK}"])
    del item["failed"], item["closeAfter"]
    stage.table.put(f"slots#{TASK}", item)
    assert not stage.slots.complete

    sweep(stage)

    assert stage.slots.complete


def test_a_task_that_no_index_lists_is_served_when_somebody_waits_for_it(stage: FakeStage) -> None:
    stage.table.put(f"slots#{TASK}", None)
    arn = started(stage, "WaitInLine")
    stage.machine.step(stage.executions.runs[arn])
    stage.table.stream.clear()

    assert sweep(stage).admitted == 1

    assert stage.process().line.tasks() == [TASK]


def test_passes_that_have_run_out_are_dropped(stage: FakeStage) -> None:
    line = stage.process().line
    line.give_pass(TASK, ["job#1"], stage.clock.iso())
    line.give_pass(TASK, ["job#2"], iso(stage.clock.now() + timedelta(hours=1)))

    sweep(stage)

    assert list(stage.slots.passes) == ["job#2"]


# What is refused


def test_one_refusal_ends_no_sweep_and_is_told_at_the_end(stage: FakeStage) -> None:
    arns = [aborted(stage, key=str(n)) for n in range(3)]
    process = stage.process(Wire().break_next("DescribeExecution", Fault.THROTTLED))

    repairs = process.engines.sweep.run(600)

    assert len(repairs.refused) == 1
    assert "Throttled" in repairs.refused[0]["reason"]
    assert sorted(repairs.rescued) == arns
    assert process.telemetry.counts[metrics.REFUSED] == 1
    assert "sweep-refused" in process.telemetry.actions


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.UNANSWERED, Fault.CONFLICT])
def test_whichever_call_is_refused_the_rest_is_done_and_the_next_sweep_does_it(
    fault: Fault,
) -> None:
    for number in range(200):
        stage = FakeStage()
        aborted(stage, key="1")
        arn = started(stage, "Finish", "2")
        stage.executions.close(stage.executions.runs[arn], Status.SUCCEEDED)
        stage.new_wire = lambda: Wire().break_next("SendMessage", Fault.THROTTLED, times=9)
        parked(stage, "3")
        wire = Wire().break_at(number, fault)
        sweep(stage, wire=wire)
        assert not sweep(stage).refused
        assert stage.claims["job#3"].noted_at
        assert stage.claims["job#1"].dead_at
        assert stage.claims["job#2"].state is State.FINISHED
        assert stage.slots.owners == {}
        assert nothing(sweep(stage))
        if len(wire.calls) <= number:
            return
    raise AssertionError("the calls never end")


@pytest.mark.parametrize("fault", [Fault.DIED_BEFORE, Fault.DIED_AFTER])
def test_wherever_a_sweep_dies_the_next_one_does_the_rest(fault: Fault) -> None:
    for number in range(200):
        stage = waiting_in_line()
        stage.machine.step(stage.executions.runs[stage.executions.arn("job-0")])
        aborted(stage, "", key="2")
        wire = Wire().break_at(number, fault)
        with suppress(Died):
            sweep(stage, wire=wire)
        sweep(stage)
        assert stage.claims["job#2"].attempt == 1
        assert list(stage.slots.owners) == ["job#1"]
        assert stage.slots.waiting == 0
        assert nothing(sweep(stage))
        if len(wire.calls) <= number:
            return
    raise AssertionError("the calls never end")


def refusing(stage: FakeStage) -> Process:
    """A process that AWS refuses everything."""
    wire = Wire()
    for name in (
        "Query",
        "GetItem",
        "BatchGetItem",
        "UpdateItem",
        "TransactWriteItems",
        "DescribeExecution",
        "DescribeStateMachine",
        "ListExecutions",
        "SendMessage",
    ):
        wire.break_next(name, Fault.THROTTLED, times=1000)
    return stage.process(wire)


def test_a_sweep_that_is_refused_everything_fails(stage: FakeStage) -> None:
    process = refusing(stage)

    with pytest.raises(AwsError, match="Throttling"):
        process.engines.sweep.run(600)

    assert "sweep-refused" in process.telemetry.actions


def test_executions_that_can_not_be_listed_leave_the_notes_their_turn(stage: FakeStage) -> None:
    parked(stage)
    stage.clock.pause(13 * DAY)
    wire = Wire().break_next("ListExecutions", Fault.THROTTLED, times=9)

    repairs = sweep(stage, wire=wire)

    assert repairs.noted == ["12345"]
    assert len(repairs.refused) > 0


# Pace and deadline


def test_a_sweep_of_many_deaths_keeps_within_the_smallest_quota(stage: FakeStage) -> None:
    count = 120
    for n in range(count):
        aborted(stage, "", str(n))
    start = stage.clock.elapsed()
    process = stage.process()

    assert len(process.engines.sweep.run(600).rescued) == count

    looks = process.wire.calls.count("DescribeExecution")
    assert looks >= count
    assert looks / (stage.clock.elapsed() - start) < SMALLEST_REFILL


def test_a_sweep_ends_at_its_deadline_and_the_next_goes_on(stage: FakeStage) -> None:
    for n in range(10):
        aborted(stage, "", str(n))

    first = sweep(stage, seconds=1)
    second = sweep(stage)

    assert first.more
    assert 0 < len(first.rescued) < 10
    assert not second.more
    assert len(first.rescued) + len(second.rescued) == 10


def test_what_was_set_right_is_told_in_numbers(stage: FakeStage) -> None:
    aborted(stage)
    process = stage.process()

    process.engines.sweep.run(600)

    assert ("sweep-ended", {"rescued": 1}) in process.telemetry.lines
    assert process.telemetry.counts[metrics.SWEPT] == 1


def test_a_result_names_a_thousand_of_a_kind_at_most() -> None:
    repairs = Repairs(rescued=[str(n) for n in range(5000)])

    assert len(repairs.as_json()["rescued"]) == MOST_TOLD
    assert repairs.counts() == {"rescued": 5000}
    assert repairs.count == 5000


def test_pages_of_jobs_are_looked_up_and_not_scanned(stage: FakeStage) -> None:
    for n in range(110):
        parked(stage, f"{n:03}")
    process = stage.process()

    assert nothing(process.engines.sweep.run(600))

    assert process.wire.calls.count("Scan") == 0
    assert process.wire.calls.count("DescribeExecution") == 0
    assert process.wire.calls.count("BatchGetItem") == 2


def test_what_was_swept_up_is_restarted_or_redriven_once(stage: FakeStage) -> None:
    aborted(stage)
    sweep(stage)
    with suppress(RespoolError):
        stage.process().engines.rescue.catch(stage.executions.arn("job-12345"))
    claim = stage.claims[PK]
    assert stage.process().claims.take_slot(claim, stage.clock.iso())
    stage.executions.redrive(claim.execution)
    assert stage.process().claims.mark_running(stage.claims[PK])

    stage.run()

    assert stage.service.done == {KEYED: 1}
    assert stage.waiting == {}

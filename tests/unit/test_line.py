"""The line: whoever is first in line gets the next slot, whatever befalls who hands it over."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from chalicelib import metrics
from chalicelib.errors import AwsError, BadRequest, LineStalled, RespoolError, Throttled
from chalicelib.gate.turn import Turn, tasks_in, turn
from chalicelib.job.claim import FOR_EVER, Claim, Slots, State
from chalicelib.job.execution import Status
from chalicelib.moments import iso
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Died, Fault, Wire


def job(n: int | str) -> str:
    return f'{{"key":"{n}"}}'


def pk(n: int | str) -> str:
    return f"job#{n}"


def full(waiting: int, limit: int = 1) -> FakeStage:
    """A stage whose task is full, with so many in line; the first in line is number `limit`."""
    stage = FakeStage(task_limit=limit)
    for n in range(limit + waiting):
        arn = stage.executions.start(f"job-{n}", job(n))
        stage.machine.run_to(arn, "Finish" if n < limit else "WaitInLine")
        stage.machine.step(stage.executions.runs[arn]) if n >= limit else None
    assert len(stage.slots.owners) == limit
    assert stage.slots.waiting == waiting
    stage.table.stream.clear()
    return stage


def leave(stage: FakeStage, n: int = 0) -> None:
    """Let a job that is inside finish, so that its slot is free."""
    stage.machine.step(stage.executions.runs[stage.executions.arn(f"job-{n}")])


def all_done(stage: FakeStage, count: int) -> None:
    """Each job has done its work once, and nothing is left behind."""
    assert stage.service.done == {job(n): 1 for n in range(count)}
    assert stage.waiting == {}
    slots = stage.slots
    assert (slots.owners, slots.waking, slots.waiting) == ({}, {}, 0)


def mapping_serves(stage: FakeStage, wire: Wire) -> None:
    """As the mapping does: a batch comes again until it is served, and nobody else helps."""
    for _ in range(50):
        batch = list(stage.table.stream)
        try:
            stage.process(wire).admit({"Records": batch})
            del stage.table.stream[: len(batch)]
        except (RespoolError, Died):
            pass
        wire = Wire()
        stage.machine.run()
        if not stage.table.stream:
            return
    raise AssertionError("the batch is repeated for ever")


def test_nobody_is_in_line_and_admit_reads_once() -> None:
    stage = FakeStage()
    process = stage.process()

    assert process.admit({"task": TASK}) == {"admitted": {TASK: 0}}
    assert process.wire.calls == ["GetItem"]


def test_jobs_go_in_by_their_order_and_never_more_than_the_limit() -> None:
    stage = full(waiting=6, limit=2)
    order = []
    for _ in range(20):
        order += [pk for pk in stage.slots.owners if pk not in order]
        assert len(stage.slots.owners) <= 2
        for run in stage.executions.running():
            stage.machine.step(run)
        if stage.table.stream:
            stage.admit()
    assert order == [pk(n) for n in range(8)]
    all_done(stage, 8)


def test_a_job_that_waited_has_done_its_work_once() -> None:
    stage = full(waiting=1)
    leave(stage)

    process = stage.process()
    assert process.admit({"task": TASK}) == {"admitted": {TASK: 1}}

    assert "job-admitted" in process.telemetry.actions
    assert process.telemetry.counts[metrics.ADMITTED] == 1
    stage.run()
    all_done(stage, 2)


def test_a_limit_that_grows_lets_many_in_at_once() -> None:
    stage = full(waiting=25)
    stage.process().line.set_limit(TASK, 20, "me", "", stage.clock.iso())

    stage.admit()

    assert len(stage.slots.owners) == 20
    assert stage.slots.waiting == 6
    assert set(stage.slots.owners) == {pk(n) for n in range(20)}


def test_a_replayed_job_takes_its_place_by_its_first_start() -> None:
    stage = FakeStage(task_limit=1)
    stage.service.refuses = {job(0)}
    old = stage.executions.start("job-0", job(0))
    stage.machine.run()  # it fails, and is parked
    younger = stage.executions.start("job-1", job(1))
    stage.machine.run_to(younger, "Finish")
    third = stage.executions.start("job-2", job(2))
    stage.machine.run_to(third, "WaitInLine")
    stage.machine.step(stage.executions.runs[third])
    stage.process().workflow.resume(stage.claims[pk(0)].token)
    stage.machine.run_to(old, "WaitInLine")
    stage.machine.step(stage.executions.runs[old])
    leave(stage, 1)

    stage.process().admit({"task": TASK})

    assert list(stage.slots.owners) == [pk(0)]


# What may happen between two writes


@pytest.mark.parametrize("fault", [Fault.DIED_BEFORE, Fault.DIED_AFTER, Fault.UNANSWERED])
@pytest.mark.parametrize("call", ["TransactWriteItems", "SendTaskSuccess", "UpdateItem"])
def test_a_run_that_dies_anywhere_is_finished_by_the_next(call: str, fault: Fault) -> None:
    stage = full(waiting=2)
    leave(stage)
    broken = stage.process(Wire().break_next(call, fault))
    with suppress(Died, RespoolError):
        broken.admit({"task": TASK})

    stage.process().admit({"task": TASK})

    assert list(stage.slots.owners) == [pk(1)]
    assert stage.slots.waiting == 1
    assert stage.slots.waking == {}
    stage.run()
    all_done(stage, 3)


@pytest.mark.parametrize("fault", list(Fault))
def test_whichever_call_breaks_all_jobs_are_done_once(fault: Fault) -> None:
    for number in range(60):
        stage = full(waiting=3)
        leave(stage)
        wire = Wire().break_at(number, fault)
        with suppress(Died, RespoolError):
            stage.process(wire).admit({"task": TASK})
        assert len(stage.slots.owners) <= 1
        stage.table.stream.clear()  # and no record tells of it
        stage.process().admit({})
        stage.run()
        all_done(stage, 4)
        if len(wire.calls) <= number:
            return
    raise AssertionError("the calls never end")


@pytest.mark.parametrize("fault", list(Fault))
def test_a_batch_that_is_repeated_needs_no_schedule_and_no_sweep(fault: Fault) -> None:
    for number in range(60):
        stage = full(waiting=3)
        leave(stage)
        wire = Wire().break_at(number, fault)
        mapping_serves(stage, wire)
        all_done(stage, 4)
        if len(wire.calls) <= number:
            return
    raise AssertionError("the calls never end")


def test_two_at_once_let_each_in_once_whenever_the_other_comes() -> None:
    for number in range(60):
        stage = full(waiting=4, limit=2)
        leave(stage, 0)
        leave(stage, 1)
        wire = Wire()
        wire.interrupt_at(number, partial(stage.process().admit, {"task": TASK}))
        with suppress(RespoolError):
            stage.process(wire).admit({"task": TASK})
        assert set(stage.slots.owners) == {pk(2), pk(3)}
        assert stage.slots.waiting == 2
        stage.run()
        all_done(stage, 6)
        if len(wire.calls) <= number:
            return
    raise AssertionError("the calls never end")


def test_a_job_that_joins_meanwhile_is_let_in_too() -> None:
    for number in range(30):
        stage = full(waiting=1, limit=2)
        leave(stage, 0)
        leave(stage, 1)
        late = stage.executions.start("job-3", job(3))
        wire = Wire().interrupt_at(number, partial(stage.machine.run_to, late, TASK))
        with suppress(RespoolError):
            stage.process(wire).admit({"task": TASK})
        stage.run()
        all_done(stage, 4)


def test_a_throttled_wake_up_keeps_nobody_else_waiting_and_is_told() -> None:
    stage = full(waiting=2, limit=2)
    leave(stage, 0)
    leave(stage, 1)
    process = stage.process(Wire().break_next("SendTaskSuccess", Fault.THROTTLED))

    with pytest.raises(Throttled):
        process.admit({"task": TASK})

    assert stage.slots.waking == {pk(2): stage.claims[pk(2)].since}
    stage.process().admit({"task": TASK})
    assert stage.slots.waking == {}
    stage.run()
    all_done(stage, 4)


def test_those_who_are_let_in_together_do_not_wait_for_each_other_s_wake_up() -> None:
    stage = full(waiting=3)
    line = stage.process().line
    line.set_limit(TASK, 4, "tests", "", stage.clock.iso())
    process = stage.process()
    together, resume = Barrier(3, timeout=10), process.workflow.resume

    def meets_the_others(token: str) -> None:
        together.wait()
        resume(token)

    process.workflow.resume = meets_the_others  # type: ignore[method-assign]
    engine = replace(process.engines.admission, workers=lambda: ThreadPoolExecutor(3))

    assert engine.take({"task": TASK}, 60) == {"admitted": {TASK: 3}}

    assert (stage.slots.waking, stage.slots.waiting) == ({}, 0)


# Conflicts, and an index that lags


def test_one_conflict_is_waited_out_and_the_oldest_goes_in() -> None:
    stage = full(waiting=2)
    leave(stage)

    stage.process(Wire().break_next("TransactWriteItems", Fault.CONFLICT)).admit({"task": TASK})

    assert list(stage.slots.owners) == [pk(1)]


def test_nobody_profits_by_a_conflict_of_the_oldest() -> None:
    stage = full(waiting=2)
    leave(stage)
    wire = Wire().break_next("TransactWriteItems", Fault.CONFLICT, times=9)

    with pytest.raises(LineStalled):
        stage.process(wire).admit({"task": TASK})

    assert stage.slots.owners == {}
    assert stage.slots.waiting == 2


def test_an_index_that_shows_nobody_makes_the_batch_come_again() -> None:
    stage = FakeStage(task_limit=1)
    stage.table.index.lagging = True
    for n in range(2):
        arn = stage.executions.start(f"job-{n}", job(n))
        stage.machine.run_to(arn, "Finish" if n < 1 else "WaitInLine")
    stage.machine.step(stage.executions.runs[stage.executions.arn("job-1")])
    leave(stage)

    with pytest.raises(LineStalled, match="call again"):
        stage.process().admit({"Records": list(stage.table.stream)})

    stage.table.index.lagging = False
    stage.table.index.catch_up()
    stage.process().admit({"Records": list(stage.table.stream)})
    assert list(stage.slots.owners) == [pk(1)]


@pytest.mark.parametrize("waiting", [2, 60])
def test_a_younger_job_is_not_let_in_while_the_index_lacks_the_oldest(waiting: int) -> None:
    stage = full(waiting=waiting)
    oldest = stage.table.items[pk(1)]
    stage.table.index.put(pk(1), oldest, None)
    leave(stage)
    process = stage.process()
    seen: list[float] = []

    def comes_late(seconds: float) -> None:
        seen.append(seconds)
        stage.table.index.put(pk(1), None, oldest)

    engine = replace(process.engines.admission, pause=comes_late)
    engine.take({"task": TASK}, 60)

    assert len(seen) == 1
    assert list(stage.slots.owners) == [pk(1)]


def test_one_that_the_index_still_shows_is_passed_over() -> None:
    stage = full(waiting=2)
    arn = stage.executions.arn("job-1")
    stage.table.index.lagging = True
    stage.executions.stop(arn, "Aborted", "by hand")
    stage.process().engines.rescue.catch(arn)
    leave(stage)

    stage.process().admit({"task": TASK})

    assert list(stage.slots.owners) == [pk(2)]


def test_a_line_of_another_length_is_counted_anew_when_it_stands_still() -> None:
    stage = full(waiting=1)
    slots = stage.slots
    stage.process().line.recount(slots, 3)
    leave(stage)
    assert stage.process().admit({}) == {"admitted": {TASK: 1}}
    stage.machine.run()
    process = stage.process()

    assert process.admit({}) == {"admitted": {TASK: 0}}

    assert stage.slots.waiting == 0
    assert ("line-recounted", {"task": TASK, "was": 2, "counted": 0}) in process.telemetry.lines
    all_done(stage, 2)


# Events


def test_events_that_are_doubled_late_or_out_of_order_change_nothing() -> None:
    stage = full(waiting=3)
    leave(stage)
    old = list(stage.table.stream)
    stage.admit()
    before = stage.table.copy_items()

    for batch in (old, old[::-1], [*old, *old]):
        stage.process().admit({"Records": batch})

    assert stage.table.copy_items() == before


def test_a_lost_event_is_made_good_by_the_next_call_for_all_tasks() -> None:
    stage = full(waiting=1)
    leave(stage)
    stage.table.stream.clear()

    assert stage.process().admit({}) == {"admitted": {TASK: 1}}


def test_a_task_that_is_spoiled_keeps_no_other_from_its_slots() -> None:
    stage = full(waiting=1)
    leave(stage)
    spoiled = "Another"
    line = stage.process().line
    line.apply_settings(spoiled, 1, 5)
    line.recount(line.slots(spoiled), 1)  # somebody is said to wait, and nobody does

    with pytest.raises(LineStalled, match=spoiled):
        stage.admit()

    assert list(stage.slots.owners) == [pk(1)]


def test_of_two_spoiled_tasks_both_are_told() -> None:
    stage = FakeStage()
    line = stage.process().line
    for task in ("A", "B"):
        line.apply_settings(task, 1, 5)
        line.recount(line.slots(task), 1)

    with pytest.raises(ExceptionGroup, match="2 lines") as failure:
        stage.admit()

    assert [type(each) for each in failure.value.exceptions] == [LineStalled, LineStalled]


def record(name: str) -> dict[str, Any]:
    return {"dynamodb": {"Keys": {"pk": {"S": name}}}}


@pytest.mark.parametrize(
    ("event", "tasks"),
    [
        ({}, None),
        ({"unattended": True}, None),
        ({"task": "A"}, ["A"]),
        ({"Records": []}, []),
        ({"Records": [record("slots#B"), record("slots#A"), record("slots#B")]}, ["A", "B"]),
        ({"Records": [record("job#1"), record("slots#"), record("slots#a#b")]}, ["a#b"]),
        ({"Records": [None, {}, {"dynamodb": []}, {"dynamodb": {"Keys": {"pk": "x"}}}]}, []),
        ({"Records": "none"}, []),
    ],
)
def test_the_tasks_are_read_out_of_an_event(event: Any, tasks: list[str] | None) -> None:
    assert tasks_in(event) == tasks


@pytest.mark.parametrize("event", [None, [], "A", {"task": 5}, {"task": ""}])
def test_any_other_event_is_refused(event: Any) -> None:
    with pytest.raises(BadRequest, match="admit takes"):
        FakeStage().process().engines.admission.take(event, 60)


def test_time_that_is_up_makes_the_batch_come_again() -> None:
    stage = full(waiting=1)
    leave(stage)

    with pytest.raises(LineStalled, match="time is up"):
        stage.admit(seconds=0)

    assert stage.slots.owners == {}


# The dead


def test_a_job_aborted_in_line_is_parked_and_the_next_gets_its_slot() -> None:
    stage = full(waiting=2)
    dead = stage.executions.arn("job-1")
    stage.executions.stop(dead, "Aborted", "by hand")
    leave(stage)

    stage.process().admit({"task": TASK})

    assert list(stage.slots.owners) == [pk(2)]
    claim = stage.claims[pk(1)]
    assert (claim.state, claim.dead_at != "", claim.token) == (State.PARKED, True, "")
    assert stage.slots.waiting == 0
    assert stage.spool.depth() == 1


def test_a_death_that_is_not_seen_yet_keeps_its_slot_until_the_sweep() -> None:
    stage = full(waiting=2)
    dead = stage.executions.arn("job-1")
    stage.executions.lag()
    stage.executions.stop(dead, "Aborted", "by hand")
    leave(stage)

    stage.process().admit({"task": TASK})
    assert stage.slots.owners == {pk(1): dead}  # errs on the safe side
    assert stage.slots.waiting == 1

    stage.executions.catch_up()
    stage.process().engines.sweep.run(600)
    assert stage.claims[pk(1)].state is State.PARKED
    stage.run()
    assert stage.service.done == {job(0): 1, job(2): 1}


def test_a_rescue_that_fails_is_made_good_by_the_next_run() -> None:
    stage = full(waiting=2)
    stage.executions.stop(stage.executions.arn("job-1"), "Aborted", "by hand")
    leave(stage)
    broken = stage.process(Wire().break_next("SendMessage", Fault.THROTTLED))

    with pytest.raises(Throttled):
        broken.admit({"task": TASK})

    assert list(stage.slots.owners) == [pk(2)]
    assert stage.slots.waiting == 0


def died_inside(stage: FakeStage) -> Claim:
    """A job that was aborted inside its task, and parked by the rescue."""
    arn = stage.executions.start("job-0", job(0))
    stage.machine.run_to(arn, TASK)
    stage.executions.stop(arn, "Aborted", "by hand")
    stage.process().engines.rescue.catch(arn)
    return stage.claims[pk(0)]


def test_a_dead_job_whose_turn_comes_goes_on_inside() -> None:
    stage = FakeStage(task_limit=1)
    dead = died_inside(stage)
    other = stage.executions.start("job-1", job(1))
    stage.machine.run_to(other, "Finish")
    assert stage.process().claims.join_line(dead, stage.clock.iso())
    leave(stage, 1)

    stage.process().admit({"task": TASK})

    assert stage.slots.owners == {pk(0): dead.execution}
    assert stage.executions.runs[dead.execution].status is Status.RUNNING
    assert stage.claims[pk(0)].dead_at == ""
    stage.run()
    all_done(stage, 2)


def test_a_dead_job_that_can_not_be_redriven_is_restarted_and_takes_its_own_place() -> None:
    stage = FakeStage(task_limit=1)
    dead = died_inside(stage)
    stage.executions.redrives = False
    assert stage.process().claims.join_line(dead, stage.clock.iso())

    stage.process().admit({"task": TASK})
    stage.run()

    all_done(stage, 1)


def test_a_dead_job_that_aws_refuses_for_good_is_parked_and_holds_up_nobody() -> None:
    stage = FakeStage(task_limit=1)
    dead = died_inside(stage)
    stage.executions.redrives = False
    stage.executions.runs[dead.execution].input = f'{{"key":"0","text":"{"x" * 300_000}"}}'
    assert stage.process().claims.join_line(dead, stage.clock.iso())
    process = stage.process()

    assert process.admit({"task": TASK}) == {"admitted": {TASK: 1}}

    claim = stage.claims[pk(0)]
    assert claim.state is State.PARKED
    assert claim.dead_at
    slots = stage.slots
    assert (slots.owners, slots.waking, slots.waiting) == ({}, {}, 0)
    assert "dead-job-not-admitted" in process.telemetry.actions


def test_a_dead_job_that_aws_asks_to_wait_with_is_tried_again() -> None:
    stage = FakeStage(task_limit=1)
    dead = died_inside(stage)
    assert stage.process().claims.join_line(dead, stage.clock.iso())
    slow = Wire().break_next("DescribeExecution", Fault.THROTTLED, times=99)

    with pytest.raises(Throttled):
        stage.process(slow).admit({"task": TASK})

    assert list(stage.slots.waking) == [pk(0)]
    stage.process().admit({"task": TASK})
    stage.run()
    all_done(stage, 1)


def test_a_job_that_ended_while_it_was_being_woken_leaves_nothing() -> None:
    stage = full(waiting=1)
    leave(stage)
    wire = Wire().break_next("SendTaskSuccess", Fault.DIED_BEFORE)
    with suppress(Died):
        stage.process(wire).admit({"task": TASK})
    claim = stage.claims[pk(1)]
    stage.process().workflow.fail(claim.token, "GivenUp", "nobody wants it")
    stage.process().engines.rescue.end(claim, State.GIVEN_UP)

    stage.process().admit({"task": TASK})

    slots = stage.slots
    assert (slots.owners, slots.waking, slots.waiting) == ({}, {}, 0)


# The gate


def test_behind_a_closed_gate_nobody_is_let_in_and_opening_lets_them_in() -> None:
    stage = full(waiting=2, limit=2)
    gates = stage.process().engines.gates
    gates.close(TASK, None, "anna", "they are moving house")
    leave(stage, 0)
    leave(stage, 1)
    stage.admit()
    assert stage.slots.owners == {}
    assert stage.service.visits == {job(0): 1, job(1): 1}

    gates.open(TASK, "anna", "they are back")
    stage.run()

    all_done(stage, 4)


def test_a_time_that_passes_opens_the_gate_with_no_write() -> None:
    stage = full(waiting=1)
    until = stage.clock.now() + timedelta(hours=1)
    stage.process().engines.gates.close(TASK, until, "anna", "")
    leave(stage)
    stage.process().admit({})
    assert stage.slots.owners == {}

    stage.clock.pause(3600)
    stage.process().admit({})

    assert list(stage.slots.owners) == [pk(1)]


def test_a_pass_lets_one_in_through_a_closed_gate() -> None:
    stage = full(waiting=3)
    stage.process().engines.gates.close(TASK, None, "anna", "")
    leave(stage)
    good = iso(stage.clock.now() + timedelta(minutes=5))
    stage.process().line.give_pass(TASK, [pk(2), pk(9)], good)

    stage.admit()

    assert list(stage.slots.owners) == [pk(2)]
    assert pk(2) not in stage.slots.passes


def test_a_pass_that_has_run_out_lets_nobody_in() -> None:
    stage = full(waiting=1)
    stage.process().engines.gates.close(TASK, None, "anna", "")
    leave(stage)
    stage.process().line.give_pass(TASK, [pk(1)], stage.clock.iso())

    stage.admit()

    assert stage.slots.owners == {}


def test_a_maintenance_window_is_written_down_and_closes_the_line() -> None:
    stage = FakeStage(task_limit=1, HOLD_WINDOWS="cron(0 10 * * ? *) 2h UTC")  # now it is 9

    stage.process().admit({})

    assert stage.slots.window_from == "2026-11-24T10:00:00.000Z"
    assert stage.slots.window_until == "2026-11-24T12:00:00.000Z"
    stage.clock.pause(3601)
    arn = stage.executions.start("job-0", job(0))
    stage.run()
    assert stage.executions.runs[arn].state == "WaitInLine"
    stage.clock.pause(7200)
    stage.process().admit({})
    stage.run()
    all_done(stage, 1)


def test_a_task_without_an_item_gets_one_when_somebody_waits_for_it() -> None:
    stage = FakeStage(task_limit=3)
    stage.table.put(f"slots#{TASK}", None)
    stage.executions.start("job-0", job(0))

    stage.run()

    assert stage.slots.complete
    assert stage.slots.limit == 3
    all_done(stage, 1)


def test_a_task_that_nobody_waits_for_gets_no_item_by_being_asked_for() -> None:
    stage = FakeStage()

    assert stage.process().admit({"task": "Misspelt"}) == {"admitted": {"Misspelt": 0}}

    assert "slots#Misspelt" not in stage.table.items


@pytest.mark.parametrize(
    ("slots", "decided"),
    [
        (Slots("T", waiting=0, limit=5), Turn(0)),
        (Slots("T", waiting=2, limit=5), Turn(2)),
        (Slots("T", waiting=9, limit=5), Turn(5)),
        (Slots("T", waiting=90, limit=50), Turn(10)),
        (Slots("T", {"a": "x"}, {"a": "t"}, waiting=1, limit=5), Turn(0)),
        (Slots("T", {"a": "x", "b": "y"}, waiting=3, limit=1), Turn(0)),
        (Slots("T", waiting=3, limit=0), Turn(0)),
        (Slots("T", waiting=3, limit=5, closed_until=FOR_EVER), Turn(0, ())),
        (
            Slots("T", passes={"b": "2027", "a": "2020"}, waiting=3, limit=5, closed_until="3"),
            Turn(1, ("b",)),
        ),
        (Slots("T", failed={"a": "t"}, waiting=3, limit=5, close_after=1), Turn(0, ())),
    ],
)
def test_a_turn_takes_whom_there_is_room_for(slots: Slots, decided: Turn) -> None:
    assert turn(slots, FakeStage().clock.now()) == decided


def test_an_error_of_aws_is_raised_as_it_came() -> None:
    stage = full(waiting=1)
    leave(stage)

    with pytest.raises(AwsError):
        stage.process(Wire().break_next("Query", Fault.UNANSWERED)).admit({"task": TASK})

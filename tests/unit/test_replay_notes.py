"""What becomes of the messages on the spool: notes are cleared, unknown jobs start."""

import json
from typing import Any

import pytest

from chalicelib.job.claim import FOR_EVER, State
from chalicelib.job.plan import FOREIGN, NO_INPUT, Choice
from chalicelib.replaying.clearing import MARGIN
from chalicelib.replaying.siblings import Stand
from chalicelib.replaying.unclaimed import HELD
from tests.fakes.service import TASK
from tests.fakes.spool import Delivery
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Died, Fault, Wire
from tests.unit.replay_stage import ReplayStage

BARE = '{"key": "12345"}'


@pytest.fixture
def stage() -> ReplayStage:
    return ReplayStage()


def keys(count: int) -> list[str]:
    return [f"{n:03}" for n in range(count)]


def test_the_notes_of_the_jobs_that_went_on_are_deleted_and_no_other(stage: ReplayStage) -> None:
    stage.park(*keys(30))
    stage.replay(20)
    stage.finish()
    left = stage.noted()
    assert len(left) < 30
    assert set(left) >= set(keys(30)[20:])


def test_it_receives_no_more_messages_than_it_took_jobs(stage: ReplayStage) -> None:
    stage.park(*keys(60))
    process = stage.memory.process()
    stage.replay(25, process=process)
    assert process.wire.calls.count("ReceiveMessage") == 3
    assert len(stage.visible()) == len(stage.memory.spool.bodies)


def test_notes_are_cleared_without_a_read_where_they_are_those_of_the_jobs_put_back(
    stage: ReplayStage,
) -> None:
    stage.park(*keys(40))
    process = stage.memory.process()
    stage.replay(40, process=process)
    assert process.wire.calls.count("BatchGetItem") == 1
    assert stage.memory.spool.bodies == []


@pytest.mark.parametrize("seed", range(3))
def test_with_nothing_missing_it_stops_where_the_last_note_was_found(seed: int) -> None:
    stage = ReplayStage(FakeStage(seed))
    stage.park(*keys(4))
    process = stage.memory.process()
    stage.replay(4, process=process)
    assert process.wire.calls.count("ReceiveMessage") == 1


def test_a_note_that_was_delivered_twice_or_sent_twice_does_no_harm() -> None:
    stage = ReplayStage(FakeStage(delivery=Delivery.TWICE))
    stage.park("1")
    stage.memory.spool.send(stage.memory.spool.bodies[0])
    assert stage.replay().replayed == 1
    stage.finish()
    for _ in range(3):
        stage.memory.clock.pause(3600)
        assert stage.replay().replayed == 0
    assert stage.memory.spool.bodies == []
    assert stage.finish() == ["1"]


def test_a_purged_queue_takes_no_job_away(stage: ReplayStage) -> None:
    stage.park(*keys(3))
    spool = stage.memory.process().spool
    spool.delete(spool.receive(10, 60))
    assert stage.replay().replayed == 3
    assert stage.finish() == keys(3)


def test_the_note_of_a_job_that_waits_goes_back_at_once(stage: ReplayStage) -> None:
    stage.park(*keys(12))
    stage.replay(1, choice=Choice(error="nobody's"))
    assert len(stage.visible()) == 12


def test_messages_stay_hidden_until_well_after_the_deadline(stage: ReplayStage) -> None:
    stage.memory.spool.send(BARE)
    seen: list[list[str]] = []

    def last_moment(_: object) -> None:
        stage.memory.clock.pause(600 + MARGIN - 1)
        seen.append(stage.visible())

    stage.replay(engine=stage.engine(look_on=last_moment), seconds=600)
    assert seen == [[]]


@pytest.mark.parametrize("seed", range(3))
def test_where_jobs_are_missing_it_ends_on_an_empty_long_poll(seed: int) -> None:
    stage = ReplayStage(FakeStage(seed))
    for n in range(35):
        stage.memory.spool.send(json.dumps({"key": f"{n:03}"}))
    report = stage.replay()
    assert (report.replayed, report.remaining) == (35, 0)
    assert stage.finish() == keys(35)


def test_bare_jobs_are_started_only_as_far_as_jobs_are_missing(stage: ReplayStage) -> None:
    stage.park(*keys(3))
    for n in range(8):
        stage.memory.spool.send(json.dumps({"key": f"bare-{n}"}))
    report = stage.replay(5)
    assert (report.as_json()["resumed"], report.as_json()["restarted"]) == (3, 2)
    assert report.remaining in (4, 5, 6)  # as many as were seen
    assert len(stage.memory.spool.bodies) == 6


def test_a_bare_job_starts_with_its_body_to_the_letter(stage: ReplayStage) -> None:
    body = '{"key":  "1", "n": 1.0, "big": 12345678901234567890}'
    stage.memory.spool.send(body)
    stage.replay()
    (run,) = stage.memory.executions.running()
    assert run.input == body


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (Choice(), 1),
        (Choice(key="12345"), 1),
        (Choice(key="other"), 0),
        (Choice(task=TASK), 0),
        (Choice(error="ConnectionError"), 0),
        (Choice(pks=frozenset({"job#12345"})), 0),
        (Choice(older_than=3600), 1),
        (Choice(older_than=7200), 0),
    ],
)
def test_a_bare_job_has_no_task_and_no_error(
    stage: ReplayStage, choice: Choice, taken: int
) -> None:
    stage.memory.spool.send(BARE)
    stage.memory.clock.pause(3600)
    assert stage.replay(choice=choice).replayed == taken
    assert len(stage.visible()) == 1 - taken


def test_a_bare_job_whose_key_is_held_waits_until_that_job_has_ended(stage: ReplayStage) -> None:
    stage.park("12345")
    stage.memory.spool.send('{"key": "12345", "again": true}')
    claims = stage.memory.process().claims
    claims.mark_stuck(stage.claim("12345"), stage.memory.clock.iso())
    report = stage.replay()
    assert report.failed == [{"key": "12345", "reason": HELD}]
    assert stage.replay(1, stuck=True).as_json()["resumed"] == 1
    stage.finish()
    assert stage.replay().as_json()["restarted"] == 1
    assert stage.finish() == ["12345", "12345"]


@pytest.mark.parametrize("delivery", Delivery)
@pytest.mark.parametrize("at", range(8))
def test_a_bare_body_is_started_once_however_often_it_is_delivered(
    delivery: Delivery, at: int
) -> None:
    stage = ReplayStage(FakeStage(delivery=delivery))
    stage.memory.spool.send(BARE)
    rival = stage.memory.process()
    reports: list[object] = []
    wire = Wire().interrupt_at(at, lambda: reports.append(stage.replay(process=rival)))
    stage.replay(process=stage.memory.process(wire))
    for _ in range(3):
        assert stage.finish() == ["12345"]
        stage.memory.clock.pause(3600)
        stage.replay()
    assert len(stage.memory.executions.runs) == 1
    assert stage.memory.spool.bodies == []


@pytest.mark.parametrize("call", ["StartExecution", "DeleteMessageBatch"])
@pytest.mark.parametrize("fault", [Fault.DIED_BEFORE, Fault.DIED_AFTER])
def test_a_process_that_dies_loses_and_doubles_no_bare_job(
    stage: ReplayStage, call: str, fault: Fault
) -> None:
    stage.memory.spool.send(BARE)
    with pytest.raises(Died):
        stage.replay(process=stage.memory.process(Wire().break_next(call, fault)))
    stage.memory.clock.pause(3600)
    stage.replay()
    assert stage.finish() == ["12345"]
    assert stage.memory.spool.bodies == []


def _forget(stage: ReplayStage, key: str) -> None:
    """The table is emptied, as by hand or by restoring an older one."""
    stage.memory.table.put(f"job#{key}", None)


def test_a_dead_job_whose_claim_is_lost_starts_again_from_its_note(stage: ReplayStage) -> None:
    arn = stage.abort("1")
    _forget(stage, "1")
    report = stage.replay()
    assert (report.as_json()["restarted"], report.failed) == (1, [])
    assert stage.finish() == ["1"]
    assert stage.claim("1").execution != arn
    assert stage.memory.spool.bodies == []


def test_a_lost_job_that_step_functions_has_forgotten_starts_from_the_note_s_input(
    stage: ReplayStage,
) -> None:
    arn = stage.abort("1")
    _forget(stage, "1")
    del stage.memory.executions.runs[arn]
    assert stage.replay().as_json()["restarted"] == 1
    assert stage.finish() == ["1"]


def test_a_lost_job_that_was_dealt_with_is_not_started_again(stage: ReplayStage) -> None:
    for key, state in (("1", "TakeSlot"), ("2", TASK)):
        stage.abort(key, state)
        stage.memory.process().engines.give_up.end(key, "nobody wants it")
        _forget(stage, key)
    stage.park("3")
    stage.replay(1, choice=Choice(key="3"))
    body = stage.memory.spool.bodies
    stage.finish()
    _forget(stage, "3")
    for each in body:
        stage.memory.spool.send(each)
    report = stage.replay()
    assert (report.replayed, stage.memory.spool.bodies) == (0, [])
    assert stage.finish() == ["3"]


def test_the_note_of_a_job_that_runs_unknown_to_the_table_is_kept(stage: ReplayStage) -> None:
    stage.park("1")
    _forget(stage, "1")
    report = stage.replay()
    assert (report.replayed, len(report.failed)) == (0, 1)
    assert stage.noted() == ["1"]


def test_the_note_of_another_state_machine_s_job_is_never_started_here(
    stage: ReplayStage,
) -> None:
    foreign = {
        "respool": 1,
        "key": "1",
        "execution": "arn:aws:states:us-east-1:123456789012:execution:other:job-1",
        "task": "T",
        "attempt": 1,
        "input": {"key": "1"},
    }
    stage.memory.spool.send(json.dumps(foreign))
    report = stage.replay()
    assert report.failed == [{"key": "1", "reason": FOREIGN, "machine": "other"}]
    assert len(stage.visible()) == 1


def test_a_note_that_comes_before_its_job_is_parked_is_kept(stage: ReplayStage) -> None:
    stage.memory.service.broken = True
    arn = stage.memory.executions.start("job-1", '{"key": "1"}')
    stage.memory.machine.run_to(arn, "Park")
    assert stage.replay().replayed == 0
    assert stage.noted() == ["1"]
    stage.memory.run()
    assert stage.claim("1").state is State.PARKED


@pytest.mark.parametrize("size", [20_000, 100_000, 250_000])
def test_large_messages_are_received_few_at_a_time(stage: ReplayStage, size: int) -> None:
    for n in range(24):
        stage.memory.spool.send(json.dumps({"key": f"{n:03}", "text": "x" * size}))
    asked: list[int] = []
    process = stage.memory.process()
    receive = process.spool.receive

    def noting(limit: int, hidden: int) -> Any:
        asked.append(limit)
        return receive(limit, hidden)

    process.spool.receive = noting  # type: ignore[method-assign]
    assert stage.replay(process=process).replayed == 24
    assert asked[0] == 10
    assert max(asked[1:]) == {20_000: 10, 100_000: 5, 250_000: 2}[size]


@pytest.mark.parametrize("key", ["x" * 1000 + "\u3042" * 20, "\ud800"])
def test_a_note_with_a_key_that_no_job_has_is_moved_aside(stage: ReplayStage, key: str) -> None:
    body = {"respool": 1, "key": key, "execution": stage.arn("1"), "task": "T", "attempt": 1}
    stage.memory.spool.send(json.dumps(body))
    stage.park("2")
    report = stage.replay()
    assert (report.replayed, len(report.failed)) == (1, 1)
    assert len(stage.memory.stuck.bodies) == 1
    assert stage.memory.spool.bodies == []


def test_a_dry_run_starts_nothing_from_a_note(stage: ReplayStage) -> None:
    del stage.memory.executions.runs[stage.abort("1")]
    before = stage.snapshot()
    planned = stage.replay(dry_run=True)
    assert (planned.replayed, stage.snapshot()) == (1, before)
    assert stage.replay().replayed == 1


def test_a_note_with_another_job_s_input_restarts_nothing(stage: ReplayStage) -> None:
    del stage.memory.executions.runs[stage.abort("1")]
    spool = stage.memory.process().spool
    (note,) = spool.receive(10, 60)
    spool.delete([note])
    spool.send(note.body.replace('"input":{"key": "1"}', '"input":{"key": "2"}'))
    assert '"key": "2"' in stage.memory.spool.bodies[0]
    report = stage.replay()
    assert (report.replayed, report.failed) == (0, [{"key": "1", "reason": Stand.FORGOTTEN.value}])
    assert stage.memory.executions.runs == {}


def test_a_bare_job_by_key_starts_where_the_last_job_of_that_key_has_ended(
    stage: ReplayStage,
) -> None:
    stage.park("12345")
    stage.replay()
    stage.finish()
    stage.memory.spool.send(BARE)
    assert stage.replay(1, choice=Choice(key="12345")).as_json()["restarted"] == 1
    assert stage.finish() == ["12345", "12345"]


def test_under_a_closed_gate_the_notes_of_jobs_that_go_into_line_are_deleted(
    stage: ReplayStage,
) -> None:
    stage.park("1", "2")
    line = stage.memory.process().line
    line.close(TASK, FOR_EVER, "Ann", "repairs", stage.memory.clock.iso())
    assert stage.replay().as_json()["in_line"] == 2
    assert stage.memory.spool.bodies == []


def test_a_bare_job_of_a_dead_one_s_key_is_not_taken_for_its_note(stage: ReplayStage) -> None:
    del stage.memory.executions.runs[stage.abort("12345")]
    spool = stage.memory.process().spool
    spool.delete(spool.receive(10, 60))
    spool.send('{"key": "12345", "another": true}')
    report = stage.replay()
    reasons = {failed["reason"] for failed in report.failed}
    assert (report.replayed, reasons) == (0, {NO_INPUT, HELD})
    assert stage.memory.executions.runs == {}

"""What a replay does when AWS refuses, when records are bad, and when jobs fail too often."""

import json
from typing import Any

import pytest

from chalicelib import metrics
from chalicelib.errors import Throttled
from chalicelib.job.claim import State
from chalicelib.job.plan import TOO_LARGE, Choice, Rules
from chalicelib.replaying.outcome import Outcome
from chalicelib.replaying.patience import Patience
from chalicelib.replaying.replay import Order
from tests.bench.spooled import parked
from tests.fakes.stage import FakeStage, Process
from tests.fakes.telemetry import FakeTelemetry
from tests.fakes.wire import Died, Fault, Wire
from tests.fakes.workflow import FakeWorkflow
from tests.unit.replay_stage import ReplayStage


@pytest.fixture
def stage() -> ReplayStage:
    return ReplayStage()


def broken(stage: ReplayStage, call: str, fault: Fault, times: int = 1) -> Process:
    return stage.memory.process(Wire().break_next(call, fault, times))


def test_throttled_calls_are_tried_again_and_counted(stage: ReplayStage) -> None:
    stage.park("1")
    process = broken(stage, "SendTaskSuccess", Fault.THROTTLED, 3)
    report = stage.replay(process=process)
    assert (report.replayed, report.failed) == (1, [])
    assert process.telemetry.counts[metrics.THROTTLED] == 3
    assert stage.finish() == ["1"]


@pytest.mark.parametrize("call", ["Query", "BatchGetItem", "GetItem", "ReceiveMessage"])
def test_throttled_reads_are_tried_again_too(stage: ReplayStage, call: str) -> None:
    stage.park("1")
    process = broken(stage, call, Fault.THROTTLED, 2)
    assert stage.replay(process=process).replayed == 1
    assert stage.noted() == []


def test_pauses_between_throttled_calls_vary_and_grow_to_seconds() -> None:
    pauses: list[float] = []
    patience = Patience(FakeTelemetry(), lambda: sum(pauses), pauses.append, 600)

    def refuse() -> None:
        raise Throttled("Rate exceeded")

    with pytest.raises(Throttled):
        patience(refuse)
    limits = [min(0.2 * 2**n, 5) for n in range(len(pauses))]
    assert all(0 <= pause <= limit for pause, limit in zip(pauses, limits, strict=True))
    assert len(set(pauses)) == len(pauses)
    assert max(pauses) > 1
    assert sum(pauses) <= 600


def test_a_job_that_is_throttled_to_the_end_has_not_failed_and_there_is_more(
    stage: ReplayStage,
) -> None:
    stage.park("1")
    process = broken(stage, "SendTaskSuccess", Fault.THROTTLED, 10_000)
    report = stage.replay(process=process, seconds=25)
    assert (report.replayed, report.failed, report.more) == (0, [], True)
    assert process.telemetry.counts[metrics.THROTTLED] > 1
    assert process.telemetry.counts[metrics.NOT_REPLAYED] == 0
    assert stage.noted() == ["1"]


@pytest.mark.parametrize("call", ["Query", "BatchGetItem"])
def test_when_nothing_at_all_can_be_read_the_caller_is_told(stage: ReplayStage, call: str) -> None:
    stage.park("1")
    with pytest.raises(Throttled):
        stage.replay(process=broken(stage, call, Fault.THROTTLED, 10_000), seconds=25)


def test_when_later_jobs_can_not_be_read_the_report_says_that_there_is_more(
    stage: ReplayStage,
) -> None:
    stage.memory = parked(230)
    process = stage.memory.process()

    def cut_off(_: Outcome) -> None:
        if len(stage.outcomes) == 50:
            process.wire.break_next("BatchGetItem", Fault.UNANSWERED)

    report = stage.replay(220, engine=stage.engine(process, look_on=cut_off))
    assert (report.replayed, report.more) == (200, True)
    assert "claims-not-read" in process.telemetry.actions


@pytest.mark.parametrize("call", ["ReceiveMessage", "DeleteMessageBatch"])
def test_what_fails_after_the_work_was_done_is_no_failed_job(stage: ReplayStage, call: str) -> None:
    stage.park("1", "2")
    report = stage.replay(process=broken(stage, call, Fault.UNANSWERED))
    assert (report.replayed, report.failed) == (2, [])
    assert stage.finish() == ["1", "2"]


def test_notes_that_were_not_deleted_come_again_and_say_nothing(stage: ReplayStage) -> None:
    stage.park("1")
    stage.replay(process=broken(stage, "DeleteMessageBatch", Fault.THROTTLED, 9))
    stage.finish()
    stage.memory.clock.pause(3600)
    assert stage.noted() == ["1"]
    report = stage.replay()
    assert (report.replayed, report.failed, report.remaining) == (0, [], 0)
    assert stage.noted() == []


def test_a_note_is_deleted_only_after_its_job_goes_on(stage: ReplayStage) -> None:
    stage.park("1")
    process = stage.memory.process()
    stage.replay(process=process)
    calls = process.wire.calls
    assert calls.index("SendTaskSuccess") < calls.index("DeleteMessageBatch")


class _Odd(FakeWorkflow):
    """Has a fault of its own for one token."""

    token = ""

    def resume(self, token: str) -> None:
        if token == self.token:
            raise KeyError("nobody foresaw this")
        super().resume(token)


def test_an_unforeseen_error_is_one_job_s_own_and_never_stops_the_others(
    stage: ReplayStage,
) -> None:
    stage.park("1", "2", "3")
    process = stage.memory.process()
    odd = _Odd(stage.memory.executions, process.wire, stage.memory.definition)
    odd.token = stage.claim("2").token
    process.workflow = odd
    report = stage.replay(process=process)
    assert report.replayed == 2
    assert [failed["key"] for failed in report.failed] == ["2"]
    assert "unexpected KeyError in test_replay_refused.py" in report.failed[0]["reason"]
    assert stage.finish() == ["1", "3"]


def _fail(stage: ReplayStage, key: str, times: int) -> None:
    stage.park(key)
    for _ in range(times - 1):
        stage.memory.service.broken = True
        stage.replay(choice=Choice(key=key))
        stage.memory.run()
        stage.memory.service.broken = False
        stage.memory.clock.pause(60)


def test_an_unattended_replay_makes_a_job_stuck_that_failed_too_often() -> None:
    stage = ReplayStage(FakeStage(MAX_ATTEMPTS="2"))
    _fail(stage, "1", 2)
    token = stage.claim("1").token
    report = stage.replay(attended=False)
    assert (report.replayed, report.remaining) == (0, 0)
    assert report.failed == [{"key": "1", "reason": "has failed 2 times"}]
    assert (stage.claim("1").state, stage.claim("1").token) == (State.STUCK, token)
    assert stage.memory.stuck.bodies == []
    assert stage.noted() == ["1"]
    assert stage.replay(attended=False).as_json()["failed"] == []


@pytest.mark.parametrize("order", [{"stuck": True}, {"choice": Choice(key="1")}])
def test_a_person_replays_what_is_stuck_by_name_or_all_of_it(order: dict[str, Any]) -> None:
    stage = ReplayStage(FakeStage(MAX_ATTEMPTS="1"))
    stage.park("1")
    stage.replay(attended=False)
    stage.park("2")
    report = stage.replay(**order)
    assert (report.replayed, report.remaining) == (1, 0)
    assert stage.finish() == ["1"]


def test_a_person_s_replay_takes_no_stuck_job_that_was_not_asked_for() -> None:
    stage = ReplayStage(FakeStage(MAX_ATTEMPTS="1"))
    stage.park("1")
    stage.replay(attended=False)
    assert (stage.replay().replayed, stage.replay().remaining) == (0, 0)


@pytest.mark.parametrize("times", [1, 3])
def test_no_number_of_failures_stops_a_person(times: int) -> None:
    stage = ReplayStage(FakeStage(MAX_ATTEMPTS="1"))
    _fail(stage, "1", times)
    assert stage.claim("1").state is State.PARKED
    assert stage.replay().replayed == 1


def test_failures_of_the_service_itself_make_no_job_stuck() -> None:
    stage = ReplayStage(FakeStage(MAX_ATTEMPTS="1"))
    stage.park("1", "2")
    report = stage.replay(attended=False, service_failures={"job#1": 1})
    assert report.replayed == 1
    assert [stage.claim(key).state for key in "12"] == [State.PARKED, State.STUCK]


def test_a_result_that_was_too_large_is_never_made_again_unattended(stage: ReplayStage) -> None:
    stage.park("1", error=TOO_LARGE)
    for _ in range(2):
        assert stage.replay(attended=False).replayed == 0
    assert stage.claim("1").state is State.STUCK
    assert stage.replay(choice=Choice(key="1")).replayed == 1


def test_a_job_that_another_replay_makes_stuck_meanwhile_is_told_once() -> None:
    stage = ReplayStage(FakeStage(MAX_ATTEMPTS="1"))
    stage.park("1")
    rehearsal = ReplayStage(FakeStage(MAX_ATTEMPTS="1"))
    rehearsal.park("1")
    process = rehearsal.memory.process()
    rehearsal.replay(process=process, attended=False)
    rival = stage.engine()
    order, rivals = Order(1, Rules(max_attempts=1)), list[object]()
    at = process.wire.calls.index("UpdateItem")
    wire = Wire().interrupt_at(at, lambda: rivals.append(rival.replay(order)))
    report = stage.replay(process=stage.memory.process(wire), attended=False)
    assert (report.failed, report.as_json()["stale"]) == ([], 1)
    assert stage.claim("1").state is State.STUCK


@pytest.mark.parametrize(
    "body", ["not JSON \u3042", "[]", '{"respool": 9}', "NaN", '{"key": ""}', '{"key": [1]}']
)
def test_what_can_not_be_read_or_started_goes_unchanged_to_the_stuck_queue(
    stage: ReplayStage, body: str
) -> None:
    stage.memory.spool.send(body)
    stage.park("1")
    process = stage.memory.process()
    report = stage.replay(process=process)
    assert report.replayed == 1
    assert report.failed[0]["reason"].startswith("can't be read: ")
    assert stage.memory.stuck.bodies == [body]
    assert stage.memory.spool.bodies == []
    assert process.telemetry.counts[metrics.UNREADABLE] == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"key": "1", "text": "' + "x" * 300_000 + '"}', "it has 300,024 bytes"),
        ('{"key": "1", "text": "' + "x" * 262_144 + '"}', "no execution takes an input of"),
    ],
)
def test_what_is_too_long_for_any_execution_goes_to_the_stuck_queue(
    stage: ReplayStage, body: str, reason: str
) -> None:
    stage.memory.spool.send(body)
    report = stage.replay()
    assert report.failed[0]["reason"].startswith(reason)
    assert stage.memory.stuck.bodies == [body]
    assert stage.memory.executions.runs == {}


def test_a_body_is_never_moved_by_halves(stage: ReplayStage) -> None:
    stage.memory.spool.send("not JSON")
    stage.replay(process=broken(stage, "SendMessage", Fault.UNANSWERED))
    stage.replay()
    assert "not JSON" in stage.memory.spool.bodies + stage.memory.stuck.bodies
    assert stage.memory.spool.bodies == []


def test_every_failure_is_named_and_counted(stage: ReplayStage) -> None:
    for n in range(1_005):
        stage.memory.spool.send(f"no JSON, {n}")
    process = stage.memory.process()
    assert len(stage.replay(process=process).failed) == 1005
    assert process.telemetry.counts[metrics.UNREADABLE] == 1005


def test_a_replay_logs_each_job_and_its_end_and_never_a_token(stage: ReplayStage) -> None:
    stage.park("1")
    token = stage.claim("1").token
    process = stage.memory.process()
    report = stage.replay(process=process)
    assert token not in json.dumps([process.telemetry.lines, report.as_json()], default=str)
    assert token not in repr(stage.outcomes)
    assert process.telemetry.actions == ["job-resumed", "replay-ended"]


@pytest.mark.parametrize("call", ["SendTaskSuccess", "BatchGetItem", "Query"])
def test_a_process_that_dies_leaves_every_job_waiting_or_going_on(
    stage: ReplayStage, call: str
) -> None:
    stage.park("1", "2", "3")
    for fault in (Fault.DIED_BEFORE, Fault.DIED_AFTER):
        with pytest.raises(Died):
            stage.replay(process=broken(stage, call, fault))
    stage.finish()
    stage.memory.clock.pause(3600)
    stage.replay()
    assert stage.finish() == ["1", "2", "3"]

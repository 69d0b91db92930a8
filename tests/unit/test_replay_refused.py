"""What a replay does when AWS refuses, when records are bad, and when jobs fail too often."""

import json
from dataclasses import replace

import pytest

from chalicelib import metrics
from chalicelib.errors import Throttled
from chalicelib.job.record import decode
from chalicelib.replaying.recovery import Outcome
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Fault, Wire
from tests.fakes.workflow import FakeWorkflow
from tests.unit.replay_stage import ReplayStage

GONE = '{"respool": 1, "key": "lost", "execution": "arn:gone"}'


@pytest.fixture
def stage() -> ReplayStage:
    return ReplayStage()


def test_throttled_calls_are_tried_again_and_counted(stage: ReplayStage) -> None:
    stage.park("1")
    wire = Wire().break_next("SendTaskSuccess", Fault.THROTTLED, 3)
    process = stage.fakes.process(wire)
    report = stage.replay(process=process)
    assert (report.replayed, report.failed) == (1, [])
    assert process.telemetry.counts[metrics.THROTTLED] == 3
    assert stage.finish() == ["1"]


def test_throttled_receives_are_tried_again_too(stage: ReplayStage) -> None:
    stage.park("1")
    wire = Wire().break_next("ReceiveMessage", Fault.THROTTLED, 3)
    assert stage.replay(process=stage.fakes.process(wire)).replayed == 1


def test_pauses_between_throttled_calls_vary_and_grow_to_seconds(stage: ReplayStage) -> None:
    pauses: list[float] = []
    process = stage.fakes.process()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        stage.fakes.clock.pause(seconds)

    def refuse() -> None:
        raise Throttled("Rate exceeded")

    with pytest.raises(Throttled):
        replace(process.replayer, pause=pause).patiently(refuse, 600)
    limits = [min(0.2 * 2**n, 5) for n in range(len(pauses))]
    assert all(0 <= pause <= limit for pause, limit in zip(pauses, limits, strict=True))
    assert len(set(pauses)) == len(pauses)
    assert max(pauses) > 1
    assert stage.fakes.clock.elapsed() <= 600


def test_a_job_that_is_throttled_to_the_end_has_not_failed_and_there_is_more(
    stage: ReplayStage,
) -> None:
    stage.park("1")
    wire = Wire().break_next("SendTaskSuccess", Fault.THROTTLED, 10_000)
    process = stage.fakes.process(wire)
    report = stage.replay(process=process, seconds=25)
    assert (report.replayed, report.failed, report.more) == (0, [], True)
    assert process.telemetry.counts[metrics.THROTTLED] > 1
    assert process.telemetry.counts[metrics.NOT_REPLAYED] == 0
    assert len(stage.visible()) == 1


def test_when_not_even_the_first_batch_comes_the_caller_is_told(stage: ReplayStage) -> None:
    wire = Wire().break_next("ReceiveMessage", Fault.THROTTLED, 10_000)
    with pytest.raises(Throttled):
        stage.replay(process=stage.fakes.process(wire), seconds=25)


def test_when_a_later_batch_does_not_come_the_report_says_that_there_is_more(
    stage: ReplayStage,
) -> None:
    stage.park(*(str(n) for n in range(20)))
    process = stage.fakes.process()

    def cut_off(_: Outcome) -> None:
        process.wire.break_next("ReceiveMessage", Fault.UNANSWERED)

    process.replayer = replace(process.replayer, look_on=cut_off)
    report = stage.replay(process=process)
    assert (report.replayed, report.more) == (10, True)


@pytest.mark.parametrize("call", ["DeleteMessageBatch", "GetQueueAttributes"])
def test_what_fails_after_the_work_was_done_is_no_failed_job(stage: ReplayStage, call: str) -> None:
    stage.park("1", "2")
    process = stage.fakes.process(Wire().break_next(call, Fault.UNANSWERED))
    report = stage.replay(process=process)
    assert (report.replayed, report.failed) == (2, [])
    assert stage.finish() == ["1", "2"]


def test_messages_that_were_not_deleted_come_again_and_are_stale(stage: ReplayStage) -> None:
    stage.park("1")
    wire = Wire().break_next("DeleteMessageBatch", Fault.THROTTLED)
    stage.replay(process=stage.fakes.process(wire))
    stage.fakes.clock.pause(3600)
    report = stage.replay()
    assert (report.replayed, report.as_json()["stale"], report.remaining) == (0, 1, 0)
    assert stage.finish() == ["1"]


def test_a_message_is_deleted_only_after_its_job_goes_on(stage: ReplayStage) -> None:
    stage.park("1")
    process = stage.fakes.process()
    stage.replay(process=process)
    order = [call for call in process.wire.calls if call not in ("GetQueueUrl", "ReceiveMessage")]
    assert order == ["SendTaskSuccess", "DeleteMessageBatch", "GetQueueAttributes"]


class _Odd(FakeWorkflow):
    """Has a fault of its own for one token."""

    token = ""

    def resume(self, token: str) -> None:
        if token == self.token:
            raise KeyError("nobody foresaw this")
        super().resume(token)


def test_an_unexpected_error_is_one_job_s_own_and_never_stops_the_others(
    stage: ReplayStage,
) -> None:
    stage.park("1", "2", "3")
    process = stage.fakes.process()
    odd = _Odd(stage.fakes.executions, process.wire)
    odd.token = stage.fakes.executions.runs[stage.arn("2")].token
    process.workflow = odd
    report = stage.replay(process=process)
    assert report.replayed == 2
    assert [failed["key"] for failed in report.failed] == ["2"]
    assert "unexpected KeyError in test_replay_refused.py" in report.failed[0]["reason"]
    assert len(stage.visible()) == 1
    assert stage.finish() == ["1", "3"]


def test_a_job_without_execution_and_input_is_named_and_stays_spooled(stage: ReplayStage) -> None:
    stage.fakes.spool.send(GONE)
    stage.park("1")
    report = stage.replay()
    assert report.replayed == 1
    assert report.failed == [
        {"key": "lost", "reason": "its execution is gone, and its input with it"}
    ]
    assert stage.visible() == [GONE]


def test_a_job_that_failed_too_often_becomes_stuck_and_stays_parked(stage: ReplayStage) -> None:
    stage.fakes.max_attempts = 2
    stage.park("1")
    stage.fakes.service.broken = True
    stage.replay()
    stage.fakes.machine.run()
    stage.fakes.service.broken = False
    stage.fakes.clock.pause(60)
    (body,) = stage.fakes.spool.bodies
    report = stage.replay()
    assert (report.replayed, report.remaining) == (0, 0)
    assert report.failed == [{"key": "1", "reason": "has failed 2 times"}]
    assert stage.fakes.stuck.bodies == [body]
    assert stage.fakes.table.jobs["1"].stuck_at
    assert stage.fakes.executions.runs[stage.arn("1")].token
    assert stage.replay().replayed == 0


def test_a_person_can_replay_what_is_stuck(stage: ReplayStage) -> None:
    stage.fakes.max_attempts = 1
    stage.park("1")
    stage.replay()
    report = stage.replay(stuck=True)
    assert (report.replayed, report.remaining) == (1, 0)
    assert stage.finish() == ["1"]
    assert stage.fakes.stuck.bodies == []
    assert stage.fakes.table.jobs == {}


def test_failures_of_the_service_do_not_make_a_job_stuck(stage: ReplayStage) -> None:
    stage.fakes.max_attempts = 1
    stage.park("1", "2")
    report = stage.replay(service_failures={"1": 1})
    assert report.replayed == 1
    assert [decode(body).key for body in stage.fakes.stuck.bodies] == ["2"]


@pytest.mark.parametrize("body", ["not JSON \u3042", "[]", '{"respool": 9}', "NaN"])
def test_what_can_not_be_read_goes_unchanged_to_the_stuck_queue(
    stage: ReplayStage, body: str
) -> None:
    stage.fakes.spool.send(body)
    stage.park("1")
    process = stage.fakes.process()
    report = stage.replay(process=process)
    assert report.replayed == 1
    assert report.failed[0]["reason"].startswith("can't be read: ")
    assert stage.fakes.stuck.bodies == [body]
    assert stage.fakes.spool.bodies == []
    assert process.telemetry.counts[metrics.UNREADABLE] == 1


def test_what_can_not_be_read_stays_in_the_stuck_queue_when_that_is_replayed(
    stage: ReplayStage,
) -> None:
    stage.fakes.stuck.send("not JSON")
    stage.fakes.clock.pause(1)
    report = stage.replay(stuck=True)
    assert len(report.failed) == 1
    assert stage.visible(stuck=True) == ["not JSON"]


def test_a_body_is_never_moved_by_halves(stage: ReplayStage) -> None:
    stage.fakes.spool.send("not JSON")
    stage.fakes.clock.pause(1)
    stage.replay(process=stage.fakes.process(Wire().break_next("SendMessage", Fault.THROTTLED)))
    stage.replay()
    assert stage.fakes.spool.bodies + stage.fakes.stuck.bodies == ["not JSON"]


def test_every_failure_is_counted_and_a_thousand_are_named() -> None:
    stage = ReplayStage(FakeStage())
    for n in range(1_005):
        stage.fakes.spool.send(f'{{"respool": 1, "key": "{n}", "execution": "arn:gone"}}')
    stage.fakes.clock.pause(1)
    process = stage.fakes.process()
    assert len(stage.replay(process=process).failed) == 1000
    assert process.telemetry.counts[metrics.NOT_REPLAYED] == 1005


def test_a_replay_logs_each_job_and_its_end_and_never_a_token(stage: ReplayStage) -> None:
    stage.park("1")
    token = stage.fakes.executions.runs[stage.arn("1")].token
    process = stage.fakes.process()
    stage.replay(process=process)
    assert token not in json.dumps(process.telemetry.lines)
    assert process.telemetry.actions == ["job-resumed", "replay-ended"]

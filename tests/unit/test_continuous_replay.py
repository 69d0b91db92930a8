"""Continuous replay: what SQS hands over is settled by the claims of its jobs."""

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib import metrics
from chalicelib.errors import BadRequest
from chalicelib.job.claim import FOR_EVER, State
from chalicelib.job.message import Message
from chalicelib.replaying.continuous import LATER, SOON
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage, Process
from tests.fakes.wire import Fault, Wire
from tests.unit.replay_stage import ReplayStage

VISIBILITY = 5400
COOL = 900


@pytest.fixture
def stage() -> ReplayStage:
    return ReplayStage()


def event(messages: list[Message]) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": message.id,
                "receiptHandle": message.receipt,
                "body": message.body,
                "attributes": {"SentTimestamp": str(int(message.sent_at.timestamp() * 1000))},
            }
            for message in messages
        ]
    }


def deliver(stage: ReplayStage, process: Process | None = None) -> list[str]:
    """SQS hands over what it has, and deletes what is not reported back; the bodies of those."""
    queue = stage.memory.spool
    messages = queue.receive(10, VISIBILITY, wait=20)
    engines = (process or stage.memory.process()).engines
    answer = engines.take_batch(event(messages), 60)
    kept = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    if done := [message.receipt for message in messages if message.id not in kept]:
        queue.delete(done)
    return [message.body for message in messages if message.id in kept]


def comes_again_after(stage: ReplayStage) -> float:
    """Seconds until the only message can be received again."""
    for seconds in range(0, 50_000, 10):
        if stage.memory.spool.receive(1, 0, wait=0) or stage.memory.spool.receive(1, 0, wait=0):
            return float(seconds)
        stage.memory.clock.pause(10)
    raise AssertionError("it never comes again")


def test_a_job_that_has_cooled_down_is_put_back(stage: ReplayStage) -> None:
    stage.park("1")
    stage.memory.clock.pause(COOL)
    assert deliver(stage) == []
    assert stage.finish() == ["1"]


def test_a_job_that_has_just_failed_is_reported_back_and_hidden_until_it_has_cooled_down(
    stage: ReplayStage,
) -> None:
    stage.park("1")
    assert len(deliver(stage)) == 1
    assert stage.finish() == []
    assert comes_again_after(stage) == pytest.approx(COOL - 60, abs=20)
    assert deliver(stage) == []
    assert stage.finish() == ["1"]


def test_a_note_that_comes_before_its_job_is_parked_comes_again_soon(stage: ReplayStage) -> None:
    stage.memory.service.broken = True
    arn = stage.memory.executions.start("job-1", '{"key": "1"}')
    stage.memory.machine.run_to(arn, "Park")
    assert len(deliver(stage)) == 1
    assert comes_again_after(stage) == pytest.approx(SOON, abs=20)
    stage.memory.machine.run()
    stage.memory.service.broken = False
    stage.memory.clock.pause(COOL)
    assert deliver(stage) == []
    assert stage.finish() == ["1"]


@pytest.mark.parametrize("until", ["", "2026-11-24T10:00:00.000Z"])
def test_under_a_closed_gate_nothing_is_put_back_and_the_note_comes_again(
    stage: ReplayStage, until: str
) -> None:
    stage.park("1")
    stage.memory.clock.pause(COOL)
    at = stage.memory.clock.iso()
    line = stage.memory.process().line
    line.close(TASK, until or FOR_EVER, "Ann", "repairs", at)
    passed = stage.memory.clock.elapsed()
    assert len(deliver(stage)) == 1
    assert stage.claim("1").state is State.PARKED
    wait = 3600 - passed if until else LATER
    assert comes_again_after(stage) == pytest.approx(wait, abs=20)


@pytest.mark.parametrize("fate", ["finished", "failed again", "given up", "another job's"])
def test_a_note_that_says_nothing_any_more_is_deleted(stage: ReplayStage, fate: str) -> None:
    stage.park("1")
    (body,) = stage.memory.spool.bodies
    if fate == "given up":
        stage.memory.process().engines.give_up.end("1", "nobody wants it")
    elif fate == "another job's":
        item = stage.memory.table.items["job#1"]
        stage.memory.table.put("job#1", {**item, "execution": {"S": "arn:another"}})
    else:
        stage.memory.service.broken = fate == "failed again"
        stage.replay()
        stage.memory.run()
        stage.memory.spool.send(body)
    before = stage.claim("1")
    stage.memory.clock.pause(COOL)
    kept = deliver(stage)
    assert body not in kept
    if fate != "failed again":
        assert kept == []
        assert stage.claim("1") == before


def test_a_job_that_failed_too_often_is_made_stuck_and_its_note_stays() -> None:
    stage = ReplayStage(FakeStage(MAX_ATTEMPTS="1"))
    stage.park("1")
    stage.memory.clock.pause(COOL)
    assert len(deliver(stage)) == 1
    assert stage.claim("1").state is State.STUCK
    assert stage.memory.stuck.bodies == []
    assert comes_again_after(stage) > 11 * 3600
    assert len(deliver(stage)) == 1
    assert stage.finish() == []


def test_a_dead_job_is_redriven_or_restarted(stage: ReplayStage) -> None:
    stage.abort("1")
    stage.memory.clock.pause(COOL)
    assert deliver(stage) == []
    assert stage.finish() == ["1"]


def test_a_dead_job_without_a_slot_stands_in_line_and_its_note_stays_until_it_goes_on(
    stage: ReplayStage,
) -> None:
    stage.abort("1")
    stage.memory.clock.pause(COOL)
    line = stage.memory.process().line
    line.set_limit(TASK, 0, "Ann", "", stage.memory.clock.iso())
    assert len(deliver(stage)) == 1
    line.set_limit(TASK, 1, "Ann", "", stage.memory.clock.iso())
    stage.memory.clock.pause(12 * 3600)
    deliver(stage)
    stage.finish()
    stage.memory.clock.pause(12 * 3600)
    assert deliver(stage) == []
    assert stage.memory.service.done.total() == 1


def test_a_bare_body_is_started_and_what_is_none_is_moved_aside(stage: ReplayStage) -> None:
    stage.memory.spool.send('{"key": "1"}')
    stage.memory.spool.send("not JSON")
    process = stage.memory.process()
    assert deliver(stage, process) == []
    assert stage.memory.stuck.bodies == ["not JSON"]
    assert process.telemetry.counts[metrics.UNREADABLE] == 1
    assert stage.finish() == ["1"]


def test_a_job_whose_execution_is_forgotten_restarts_from_its_note(stage: ReplayStage) -> None:
    del stage.memory.executions.runs[stage.abort("1")]
    stage.memory.clock.pause(COOL)
    assert deliver(stage) == []
    assert stage.finish() == ["1"]


def test_a_lost_job_without_an_input_stays_and_is_counted(stage: ReplayStage) -> None:
    execution = stage.arn("gone")
    stage.memory.spool.send(json.dumps({"respool": 1, "key": "lost", "execution": execution}))
    process = stage.memory.process()
    assert len(deliver(stage, process)) == 1
    assert process.telemetry.counts[metrics.NOT_REPLAYED] == 1
    assert comes_again_after(stage) == pytest.approx(LATER, abs=20)


def test_a_job_that_aws_refuses_is_reported_back_and_comes_again(stage: ReplayStage) -> None:
    stage.park("1")
    stage.memory.clock.pause(COOL)
    wire = Wire().break_next("SendTaskSuccess", Fault.UNANSWERED)
    assert len(deliver(stage, stage.memory.process(wire))) == 1
    stage.memory.clock.pause(VISIBILITY)
    assert deliver(stage) == []
    assert stage.finish() == ["1"]


def test_a_delay_that_can_not_be_set_reports_the_job_back_all_the_same(
    stage: ReplayStage,
) -> None:
    stage.park("1")
    process = stage.memory.process(
        Wire().break_next("ChangeMessageVisibilityBatch", Fault.THROTTLED)
    )
    assert len(deliver(stage, process)) == 1
    assert "messages-not-released" in process.telemetry.actions


def test_two_deliveries_of_one_note_put_the_job_back_once(stage: ReplayStage) -> None:
    stage.park("1")
    stage.memory.spool.send(stage.memory.spool.bodies[0])
    stage.memory.clock.pause(COOL)
    assert deliver(stage) == []
    assert stage.finish() == ["1"]


@pytest.mark.parametrize("records", [None, [{}], [1], "x", [{"messageId": "m", "body": 1}]])
def test_what_is_no_event_of_sqs_is_refused_before_anything_is_done(
    stage: ReplayStage, records: Any
) -> None:
    with pytest.raises(BadRequest, match="these Records are not what SQS delivers"):
        stage.memory.process().engines.take_batch({"Records": records}, 60)


def test_the_deployed_trigger_is_off_and_two_at_once_with_partial_results() -> None:
    stack = json.loads(Path(".chalice/stack/replay.json").read_text())
    trigger = stack["Resources"]["Trigger"]["Properties"]
    assert trigger["Enabled"] is False
    assert trigger["ScalingConfig"] == {"MaximumConcurrency": 2}
    assert trigger["FunctionResponseTypes"] == ["ReportBatchItemFailures"]

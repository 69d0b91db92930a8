"""Continuous replay: what SQS hands over is settled one by one, and cools down first."""

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib import metrics
from chalicelib.job.message import Message
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Fault, Wire
from tests.unit.replay_stage import ReplayStage

VISIBILITY = 5400


@pytest.fixture
def stage() -> ReplayStage:
    return ReplayStage()


def handed_over(stage: ReplayStage) -> list[Message]:
    """What SQS takes off the queue for the Lambda."""
    return stage.fakes.spool.receive(10, VISIBILITY, wait=20)


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


def failures(answer: dict[str, Any]) -> set[str]:
    return {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}


def test_a_job_that_has_cooled_down_is_put_back(stage: ReplayStage) -> None:
    stage.park("1")
    stage.fakes.clock.pause(900)
    assert stage.fakes.process().trigger(event(handed_over(stage))) == {"batchItemFailures": []}
    assert stage.finish() == ["1"]


def test_a_job_that_has_just_failed_is_reported_back_and_hidden_until_it_has_cooled_down(
    stage: ReplayStage,
) -> None:
    stage.park("1")
    messages = handed_over(stage)
    answer = stage.fakes.process().trigger(event(messages))
    assert failures(answer) == {messages[0].id}
    assert stage.finish() == []
    stage.fakes.clock.pause(900 - 60 - 10)
    assert stage.visible() == []
    stage.fakes.clock.pause(15)
    (again,) = handed_over(stage)
    assert stage.fakes.process().trigger(event([again])) == {"batchItemFailures": []}
    assert stage.finish() == ["1"]


def test_only_what_was_not_settled_is_reported_back(stage: ReplayStage) -> None:
    stage.park("1")
    stage.fakes.spool.send("not JSON")
    stage.fakes.spool.send('{"respool": 1, "key": "lost", "execution": "arn:gone"}')
    stage.fakes.clock.pause(900)
    stage.park("hot")
    messages = handed_over(stage)
    process = stage.fakes.process()
    kept = failures(process.trigger(event(messages)))
    assert {json.loads(m.body)["key"] for m in messages if m.id in kept} == {"lost", "hot"}
    assert stage.fakes.stuck.bodies == ["not JSON"]
    assert process.telemetry.counts[metrics.NOT_REPLAYED] == 1


def test_a_job_that_aws_refuses_is_reported_back_and_comes_again(stage: ReplayStage) -> None:
    stage.park("1")
    stage.fakes.clock.pause(900)
    (message,) = handed_over(stage)
    wire = Wire().break_next("SendTaskSuccess", Fault.UNANSWERED)
    answer = stage.fakes.process(wire).trigger(event([message]))
    assert failures(answer) == {message.id}
    again = stage.fakes.process().trigger(event([message]))
    assert again == {"batchItemFailures": []}
    assert stage.finish() == ["1"]


def test_a_cool_down_that_can_not_be_set_reports_the_job_back_all_the_same(
    stage: ReplayStage,
) -> None:
    stage.park("1")
    (message,) = handed_over(stage)
    wire = Wire().break_next("ChangeMessageVisibilityBatch", Fault.THROTTLED)
    process = stage.fakes.process(wire)
    assert failures(process.trigger(event([message]))) == {message.id}
    assert "messages-not-released" in process.telemetry.actions


def test_a_job_that_failed_too_often_is_moved_to_the_stuck_queue() -> None:
    stage = ReplayStage(FakeStage(max_attempts=1))
    stage.park("1")
    stage.fakes.clock.pause(900)
    answer = stage.fakes.process().trigger(event(handed_over(stage)))
    assert answer == {"batchItemFailures": []}
    assert len(stage.fakes.stuck.bodies) == 1
    assert stage.finish() == []


def test_the_deployed_trigger_is_off_and_two_at_once_with_partial_results() -> None:
    stack = json.loads(Path(".chalice/stack/replay.json").read_text())
    trigger = stack["Resources"]["Trigger"]["Properties"]
    assert trigger["Enabled"] is False
    assert trigger["ScalingConfig"] == {"MaximumConcurrency": 2}
    assert trigger["FunctionResponseTypes"] == ["ReportBatchItemFailures"]

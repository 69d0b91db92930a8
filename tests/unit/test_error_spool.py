"""What the spool Lambda does with each shape that it is called with, and with none of them."""

import json
from typing import Any

import pytest

from chalicelib import metrics
from chalicelib.errors import AwsError, BadRequest, Lagging, Unreadable
from chalicelib.job.failure import Failure
from chalicelib.job.json_text import compact
from chalicelib.job.record import ABSENT, Record, decode
from chalicelib.limits import PAYLOAD
from chalicelib.parking.error_spool import STATUS_CHANGE
from chalicelib.parking.note import MOST_NOTE, with_input
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Fault, Wire

CAUSE = json.dumps({"errorMessage": "down", "errorType": "ApiError", "stackTrace": []})
KEYED = '{"key":"12345","amount":1}'


@pytest.fixture
def stage() -> FakeStage:
    return FakeStage()


def payload(stage: FakeStage, text: str = KEYED, **more: Any) -> dict[str, Any]:
    """What the state machine sends for a job that was started with that input."""
    arn = stage.executions.start("first", text)
    return {
        "respool": 1,
        "key": "12345",
        "execution": arn,
        "startedAt": "2026-11-24T08:00:00.000Z",
        "task": "UncertainTask",
        "attempt": 2,
        "failedAt": "2026-11-24T09:00:00.000Z",
        "firstFailedAt": "2026-11-23T09:00:00.000Z",
        "error": {"Error": "ApiError", "Cause": CAUSE},
        **more,
    }


def test_a_parked_job_s_note_has_all_but_a_token_and_its_input(stage: FakeStage) -> None:
    process = stage.process()
    event = payload(stage)

    assert process.engines.spooling.take(event) == {"key": "12345", "result": "spooled"}

    (body,) = map(json.loads, stage.spool.bodies)
    error = {"name": "ApiError", "message": "down"}
    assert body == {**event, "error": error, "input": {"key": "12345", "amount": 1}}
    assert process.telemetry.actions == ["job-spooled"]
    assert process.telemetry.counts[metrics.SPOOLED] == 1


def test_the_machine_s_own_payload_arrives_and_carries_no_token(stage: FakeStage) -> None:
    stage.service.broken = True
    stage.executions.start("first", KEYED)

    stage.machine.run()

    (body,) = stage.spool.bodies
    record = decode(body)
    claim = stage.claims["job#12345"]
    assert claim.token not in body
    assert (record.key, record.execution, record.task) == ("12345", claim.execution, TASK)
    assert (record.attempt, record.error) == (claim.attempt, claim.failure)
    assert record.input == {"key": "12345", "amount": 1}
    assert claim.noted_at != ""


@pytest.mark.parametrize(
    "text",
    [
        '{ "key" : "12345", "order": 1161888007138312192, "price": 1.10, "t": 1e2 }',
        '{"key":"12345","pi":3.14159265358979323846264338327950288}',
        '{"key":"12345","text":"\\u3042\\ud83d\\ude00\\ud800 \ufffe\\n"}',
    ],
)
def test_the_input_is_what_the_job_was_started_with_to_the_letter(
    stage: FakeStage, text: str
) -> None:
    stage.process().engines.spooling.take(payload(stage, text))

    (body,) = stage.spool.bodies
    assert text.replace("\ufffe", "\\ufffe") in body
    assert "\ufffe" not in body  # SQS refuses it
    assert json.loads(body)["input"] == json.loads(text)


@pytest.mark.parametrize(
    "text",
    ["[" * 800 + "]" * 800, '{"key":"12345","n":1e999}', '{"key":"12345","a":NaN}', ""],
)
def test_an_input_that_nobody_could_read_again_is_left_to_step_functions(text: str) -> None:
    record = Record(key="12345", execution="arn")
    assert decode(with_input(record, text)).input is ABSENT


def test_a_note_that_would_be_too_long_to_be_read_leaves_the_input_out() -> None:
    record = Record(key="12345", execution="arn", error=Failure("E", "é" * 4000))
    short = json.dumps("x" * (PAYLOAD - 2))
    assert len(with_input(record, short).encode()) > PAYLOAD
    assert decode(with_input(record, json.dumps("x" * MOST_NOTE))).input is ABSENT


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        ({"Error": "Lambda", "Cause": CAUSE}, Failure("Lambda", "down")),
        ({"Error": "States.Timeout", "Cause": ""}, Failure("States.Timeout", "")),
        ({"Error": "", "Cause": ""}, Failure("", "")),
        ({"Error": None, "Cause": None}, Failure("", "")),
        ({"Error": "E", "Cause": "plain words"}, Failure("E", "plain words")),
    ],
)
def test_an_error_is_step_functions_own_and_its_message_is_read(
    stage: FakeStage, error: dict[str, Any], failure: Failure
) -> None:
    stage.process().engines.spooling.take(payload(stage, error=error))

    (record,) = map(decode, stage.spool.bodies)
    assert record.error == failure


def test_a_status_change_brings_a_dead_job_to_the_rescue(stage: FakeStage) -> None:
    arn = stage.executions.start("first", KEYED)
    stage.machine.run_to(arn, TASK)
    stage.executions.stop(arn, "Aborted", "by hand")
    event = {"detail-type": STATUS_CHANGE, "detail": {"executionArn": arn, "status": "ABORTED"}}

    take = stage.process().engines.spooling.take
    assert take(event) == {"execution": arn, "result": "parked"}
    assert take(event) == {"execution": arn, "result": "already"}
    assert stage.spool.depth() == 1


def change(arn: str, redrives: Any, status: str = "ABORTED") -> dict[str, Any]:
    detail = {"executionArn": arn, "status": status, "redriveCount": redrives}
    return {"detail-type": STATUS_CHANGE, "detail": detail}


def test_an_end_that_step_functions_does_not_show_yet_makes_the_event_come_again(
    stage: FakeStage,
) -> None:
    arn = stage.executions.start("first", KEYED)
    stage.machine.run_to(arn, TASK)
    stage.executions.lag()
    stage.executions.stop(arn, "Aborted", "by hand")

    with pytest.raises(Lagging, match="call again"):
        stage.process().engines.spooling.take(change(arn, 0))

    stage.executions.catch_up()
    assert stage.process().engines.spooling.take(change(arn, 0))["result"] == "parked"


def test_an_end_before_a_redrive_is_no_news(stage: FakeStage) -> None:
    arn = stage.executions.start("first", KEYED)
    stage.machine.run_to(arn, TASK)
    stage.executions.stop(arn, "Aborted", "by hand")
    stage.executions.redrive(arn)

    assert stage.process().engines.spooling.take(change(arn, 0))["result"] == "alive"


@pytest.mark.parametrize("event", [change("", True), change("", "0"), change("", 0, "RUNNING")])
def test_what_a_status_change_does_not_say_is_not_waited_for(
    stage: FakeStage, event: dict[str, Any]
) -> None:
    arn = stage.executions.start("first", KEYED)
    stage.machine.run_to(arn, TASK)
    event = {**event, "detail": {**event["detail"], "executionArn": arn}}

    assert stage.process().engines.spooling.take(event)["result"] == "alive"


# A plain key: jobs that only the queue knows


def test_a_plain_key_is_spooled_as_the_input_that_starts_it_again(stage: FakeStage) -> None:
    process = stage.process()
    error = {"Error": "E", "Cause": CAUSE}

    answer = process.engines.spooling.take({"key": "12345", "amount": 1, "error-info": error})

    assert answer == {"key": "12345", "result": "spooled"}
    assert stage.spool.bodies == ['{"key":"12345","amount":1}']
    assert process.telemetry.lines[0][1]["error_name"] == "E"


@pytest.mark.parametrize("key", [5, -3.5, True, False, 0, "é" * 512, 123456789012345])
def test_any_key_that_an_execution_could_claim_is_spooled(stage: FakeStage, key: Any) -> None:
    stage.process().engines.spooling.take({"key": key, "error-info": {"Error": "E"}})

    assert [json.loads(body) for body in stage.spool.bodies] == [{"key": key}]
    assert stage.stuck.bodies == []


@pytest.mark.parametrize(
    "key",
    [{"id": 5}, "", None, [1], 12345678901234567, 1e300, 1e-9, "x" * 1025, "\ud800"],
)
def test_what_no_execution_could_be_started_with_is_stuck_whole_and_said_so(
    stage: FakeStage, key: Any
) -> None:
    process = stage.process()
    event = {"key": key, "order": "A", "error-info": {"Error": "Timeout", "Cause": "x"}}

    answer = process.engines.spooling.take(event)

    assert answer["result"] == "stuck"
    assert "its key is none" in answer["reason"]
    assert stage.spool.bodies == []
    assert [json.loads(body) for body in stage.stuck.bodies] == [event]
    assert process.telemetry.actions == ["message-stuck"]
    assert process.telemetry.counts[metrics.UNREADABLE] == 1


def test_an_input_too_large_to_be_started_is_stuck_whole(stage: FakeStage) -> None:
    job = {"key": "12345", "text": "x" * PAYLOAD}

    answer = stage.process().engines.spooling.take({**job, "error-info": {"Error": "E"}})

    assert answer["result"] == "stuck"
    assert "bytes" in answer["reason"]
    assert len(stage.stuck.bodies) == 1


def test_the_largest_input_is_spooled(stage: FakeStage) -> None:
    job = {"key": "12345", "text": ""}
    job["text"] = "x" * (PAYLOAD - len(compact(job)))

    answer = stage.process().engines.spooling.take({**job, "error-info": {"Error": "E"}})

    assert answer == {"key": "12345", "result": "spooled"}


def test_a_plain_job_with_a_token_of_its_own_is_no_parked_job(stage: FakeStage) -> None:
    job = {"key": "12345", "token": "of a shop"}

    stage.process().engines.spooling.take({**job, "error-info": {"Error": "E"}})

    assert [json.loads(body) for body in stage.spool.bodies] == [job]


# Errors


@pytest.mark.parametrize("event", [None, "12345", 12345, [], {}, {"id": "12345"}])
def test_any_other_shape_is_refused_and_nothing_is_spooled(stage: FakeStage, event: Any) -> None:
    with pytest.raises(BadRequest, match="error_spool takes"):
        stage.process().engines.spooling.take(event)

    assert stage.spool.bodies == []


@pytest.mark.parametrize("detail", [None, {}, {"executionArn": 5}, {"executionArn": ""}])
def test_a_status_change_that_names_no_execution_is_refused(stage: FakeStage, detail: Any) -> None:
    with pytest.raises(BadRequest, match="names no execution"):
        stage.process().engines.spooling.take({"detail-type": STATUS_CHANGE, "detail": detail})


@pytest.mark.parametrize(
    "more", [{"respool": 2}, {"execution": ""}, {"attempt": "two"}, {"key": "x" * 1025}]
)
def test_a_payload_that_is_none_is_refused(stage: FakeStage, more: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        stage.process().engines.spooling.take(payload(stage, **more))

    assert stage.spool.bodies == []


@pytest.mark.parametrize("call", ["DescribeExecution", "SendMessage"])
@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.UNANSWERED])
def test_an_error_is_never_swallowed(stage: FakeStage, call: str, fault: Fault) -> None:
    process = stage.process(Wire().break_next(call, fault))

    with pytest.raises(AwsError):
        process.engines.spooling.take(payload(stage))

    assert process.telemetry.actions == []


def test_a_note_that_can_not_be_sent_keeps_no_job_from_being_parked(stage: FakeStage) -> None:
    stage.service.broken = True
    stage.new_wire = lambda: Wire().break_next("SendMessage", Fault.THROTTLED)
    stage.executions.start("first", KEYED)

    stage.machine.run()

    claim = stage.claims["job#12345"]
    assert (claim.state.value, claim.noted_at) == ("parked", "")
    assert claim.token != ""

"""What the spool Lambda does with each shape that it is called with, and with none of them."""

import json
from typing import Any

import pytest

from chalicelib import metrics
from chalicelib.errors import AwsError, BadRequest, Unreadable
from chalicelib.job.record import Failure, decode
from chalicelib.parking.error_spool import STATUS_CHANGE
from tests.crash.situations import LARGE, aborted, started
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Fault, Wire

CAUSE = json.dumps({"errorMessage": "down", "errorType": "ApiError", "stackTrace": []})


@pytest.fixture
def stage() -> FakeStage:
    return FakeStage()


def payload(**more: Any) -> dict[str, Any]:
    """What the state machine sends."""
    return {
        "key": "12345",
        "execution": "arn:aws:states:us-east-1:123456789012:execution:respool-memory:first",
        "startedAt": "2026-11-24T08:00:00.000Z",
        "task": "UncertainTask",
        "attempt": 2,
        "error": {"name": "ApiError", "message": "down"},
        "failedAt": "2026-11-24T09:00:00.000Z",
        "firstFailedAt": "2026-11-23T09:00:00.000Z",
        "token": "a-token",
        "input": {"key": "12345", "nested": [1, None, "\u3042"]},
        **more,
    }


def test_the_state_machine_s_payload_is_kept_whole(stage: FakeStage) -> None:
    process = stage.process()

    assert process.spooling.take(payload()) == {"key": "12345", "result": "spooled"}

    (body,) = map(json.loads, stage.spool.bodies)
    assert body == {"respool": 1, **payload()}
    assert process.telemetry.actions == ["job-spooled"]
    assert process.telemetry.counts[metrics.SPOOLED] == 1


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"Error": "Lambda", "Cause": CAUSE}, Failure("ApiError", "down")),
        ({"Error": "States.Timeout", "Cause": ""}, Failure("States.Timeout", "")),
        ({"Error": "E", "Cause": "plain words"}, Failure("E", "plain words")),
        ({"Error": "E", "Cause": '{"not": "a Lambda\'s"}'}, Failure("E", '{"not": "a Lambda\'s"}')),
    ],
)
def test_an_error_is_read_out_of_its_cause_or_kept_as_it_came(
    stage: FakeStage, error: dict[str, str], told: Failure
) -> None:
    stage.process().spooling.take(payload(error=error))

    (record,) = map(decode, stage.spool.bodies)
    assert record.error == told


def test_an_input_that_came_by_reference_is_fetched(stage: FakeStage) -> None:
    started(stage, LARGE)

    stage.machine.run()

    (record,) = map(decode, stage.spool.bodies)
    assert record.input == json.loads(LARGE)


def test_a_status_change_brings_a_dead_job_to_the_net(stage: FakeStage) -> None:
    arn = aborted(stage)
    event = {"detail-type": STATUS_CHANGE, "detail": {"executionArn": arn, "status": "ABORTED"}}

    assert stage.process().spooling.take(event) == {"execution": arn, "result": "spooled"}
    assert stage.process().spooling.take(event) == {"execution": arn, "result": "already"}
    assert stage.spool.depth() == 1


def test_a_plain_key_is_spooled_with_its_error_and_the_rest_as_input(stage: FakeStage) -> None:
    error = {"Error": "E", "Cause": CAUSE}

    stage.process().spooling.take({"key": "12345", "amount": 1, "error-info": error})

    (record,) = map(decode, stage.spool.bodies)
    assert (record.key, record.token, record.attempt) == ("12345", "", 1)
    assert record.input == {"key": "12345", "amount": 1}
    assert record.error == Failure("ApiError", "down")


def test_a_plain_job_with_a_token_of_its_own_is_no_parked_job(stage: FakeStage) -> None:
    job = {"key": "12345", "token": "of a shop"}

    stage.process().spooling.take({**job, "error-info": {"Error": "E"}})

    (record,) = map(decode, stage.spool.bodies)
    assert (record.token, record.input) == ("", job)


def test_what_was_spooled_by_a_plain_key_runs_again_with_that_input(stage: FakeStage) -> None:
    stage.process().spooling.take({"key": "12345", "error-info": {"Error": "E"}})
    stage.clock.pause(1)

    assert stage.process().replay().as_json()["restarted"] == 1
    stage.machine.run()

    assert stage.service.done == {'{"key":"12345"}': 1}


@pytest.mark.parametrize("event", [None, "12345", 12345, [], {}, {"id": "12345"}])
def test_any_other_shape_is_refused_and_nothing_is_spooled(stage: FakeStage, event: Any) -> None:
    with pytest.raises(BadRequest, match="error_spool takes"):
        stage.process().spooling.take(event)

    assert stage.spool.bodies == []


def test_a_payload_of_another_version_is_refused(stage: FakeStage) -> None:
    with pytest.raises(Unreadable, match="version"):
        stage.process().spooling.take(payload(respool=2))


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.UNANSWERED])
def test_an_error_is_never_swallowed(stage: FakeStage, fault: Fault) -> None:
    sending = 1  # after GetQueueUrl
    process = stage.process(Wire().break_at(sending, fault))

    with pytest.raises(AwsError):
        process.spooling.take(payload())

    assert process.telemetry.actions == []

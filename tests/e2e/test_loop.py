"""The main job, on what `chalice deploy` deployed: fail, spool, replay, finish."""

import json
from typing import Any

import pytest

from chalicelib.job.record import decode
from respool.local.deployment import Deployment
from tests.e2e.conftest import stage_that_spools_via


@pytest.fixture(params=["lambda", "sqs"])
def stage(request: pytest.FixtureRequest) -> Deployment:
    """The stage, spooling both ways: every test of the loop holds for either."""
    return stage_that_spools_via(request)


NOTHING = {"replayed": 0, "resumed": 0, "restarted": 0, "stale": 0, "failed": [], "more": False}


def fail_and_spool(stage: Deployment, jobs: list[Any]) -> list[str]:
    """Start jobs while the task fails, and wait until each is parked, with its note sent."""
    stage.set_behavior("NG")
    executions = [stage.start(job) for job in jobs]
    stage.wait_until(
        lambda: len(stage.jobs("parked")) == len(jobs), f"{len(jobs)} jobs parked", timeout=180
    )
    assert stage.spool_depth() == len(jobs)
    return executions


def finished(stage: Deployment, executions: list[str]) -> bool:
    return all(stage.status(execution) == "SUCCEEDED" for execution in executions)


def bodies(stage: Deployment, queue: str) -> list[str]:
    received = stage.client("sqs").receive_message(
        QueueUrl=stage.queue_url(queue), MaxNumberOfMessages=10, VisibilityTimeout=0
    )
    return [message["Body"] for message in received.get("Messages", [])]


def send(stage: Deployment, body: str) -> None:
    url = stage.queue_url(stage.names.spool)
    stage.client("sqs").send_message(QueueUrl=url, MessageBody=body)


def test_a_job_that_works_ends_with_its_own_output_and_leaves_nothing_behind(
    stage: Deployment,
) -> None:
    execution = stage.start({"key": "12345"})

    stage.wait_until(lambda: finished(stage, [execution]), "the job to finish")

    assert stage.output(execution) == {"key": "12345"}
    assert stage.entered(execution) == ["ClaimJob", "TakeSlot", "UncertainTask", "Finish"]
    assert stage.spool_depth() == 0
    claim, slots = stage.claim("12345"), stage.slots("UncertainTask")
    assert (claim["how"], claim["execution"]) == ("finished", execution)
    assert not {"queue", "token"} & set(claim)
    assert (slots["owners"], slots["waiting"]) == ({}, "0")


def test_a_job_fails_is_retried_once_spooled_replayed_and_finishes(stage: Deployment) -> None:
    (execution,) = fail_and_spool(stage, [{"key": "12345"}])
    tries = [event for event in stage.history(execution) if event["type"] == "LambdaFunctionFailed"]
    (record,) = map(decode, bodies(stage, stage.names.spool))
    stage.set_behavior("OK")

    result = stage.invoke("reprocess", {})
    stage.wait_until(lambda: finished(stage, [execution]), "the job to finish")

    assert len(tries) == 2
    assert record.key == "12345"
    assert record.input == {"key": "12345"}
    assert record.execution == execution
    assert record.task == "UncertainTask"
    assert record.attempt == 1
    assert record.error.name == "ConnectionError"
    assert record.error.message == "the service does not answer"
    assert result == {**NOTHING, "replayed": 1, "resumed": 1, "remaining": 0, "id": result["id"]}
    assert stage.output(execution) == {"key": "12345"}


def test_a_replay_of_two_resumes_two_and_leaves_five(stage: Deployment) -> None:
    executions = fail_and_spool(stage, [{"key": f"job-{n}"} for n in range(7)])
    stage.set_behavior("OK")

    result = stage.invoke("reprocess", {"max": 2})
    stage.wait_until(
        lambda: sum(stage.status(e) == "SUCCEEDED" for e in executions) == 2, "two jobs to finish"
    )

    assert result == {**NOTHING, "replayed": 2, "resumed": 2, "remaining": 5, "id": result["id"]}
    assert stage.spool_depth() == 5
    assert sum(stage.status(execution) == "RUNNING" for execution in executions) == 5


def test_a_job_that_fails_again_is_not_taken_twice_by_one_replay(stage: Deployment) -> None:
    (execution,) = fail_and_spool(stage, [{"key": "12345"}])

    result = stage.invoke("reprocess", {"max": 100})
    stage.wait_until(lambda: stage.claim("12345")["attempt"] == "2", "the job to come back")
    stage.wait_until(lambda: stage.jobs("parked") == ["12345"], "the job to be parked again")

    assert result["replayed"] == 1
    assert stage.entered(execution).count("ErrorSpool") == 2
    records = map(decode, bodies(stage, stage.names.spool))
    assert max(record.attempt for record in records) == 2


def test_a_bare_body_of_an_older_spool_is_started_with_it_as_input(stage: Deployment) -> None:
    send(stage, '{"key": "12345"}')

    result = stage.invoke("reprocess", {})
    (started,) = stage.executions()
    stage.wait_until(lambda: finished(stage, [started["executionArn"]]), "the job to finish")

    assert result == {**NOTHING, "replayed": 1, "restarted": 1, "remaining": 0, "id": result["id"]}
    assert stage.output(started["executionArn"]) == {"key": "12345"}


def test_a_body_that_can_not_be_read_goes_unchanged_to_the_stuck_queue(stage: Deployment) -> None:
    send(stage, "not json \u3042")

    result = stage.invoke("reprocess", {})

    assert result["replayed"] == 0
    assert "not JSON" in result["failed"][0]["reason"]
    assert stage.spool_depth() == 0
    assert bodies(stage, stage.names.stuck) == ["not json \u3042"]


def test_a_note_of_a_job_that_has_finished_is_taken_off_the_spool(stage: Deployment) -> None:
    (execution,) = fail_and_spool(stage, [{"key": "12345"}])
    (body,) = bodies(stage, stage.names.spool)
    stage.set_behavior("OK")
    stage.invoke("reprocess", {})
    stage.wait_until(lambda: finished(stage, [execution]), "the job to finish")
    send(stage, body)

    result = stage.invoke("reprocess", {})

    assert (result["replayed"], result["remaining"]) == (0, 0)
    assert stage.spool_depth() == 0
    assert len(stage.executions()) == 1


def test_an_sqs_event_is_settled_message_by_message(stage: Deployment) -> None:
    send(stage, '{"key": "12345"}')
    received = stage.client("sqs").receive_message(
        QueueUrl=stage.queue_url(stage.names.spool),
        WaitTimeSeconds=2,
        MessageSystemAttributeNames=["SentTimestamp"],
    )["Messages"][0]
    event = {
        "Records": [
            {
                "messageId": received["MessageId"],
                "receiptHandle": received["ReceiptHandle"],
                "body": received["Body"],
                "attributes": {"SentTimestamp": "1000"},
                "eventSource": "aws:sqs",
            }
        ]
    }

    result = stage.invoke("reprocess", event)

    assert result == {"batchItemFailures": []}
    assert len(stage.executions()) == 1


def test_no_token_and_no_input_is_in_any_log_line(stage: Deployment) -> None:
    (execution,) = fail_and_spool(stage, [{"key": "12345", "secret": "do-not-log-me"}])
    token = stage.claim("12345")["token"]
    assert token not in json.dumps(bodies(stage, stage.names.spool))
    stage.set_behavior("OK")
    assert stage.api("POST", "/replay", token=stage.token).status == 200
    stage.wait_until(lambda: finished(stage, [execution]), "the job to finish")

    logged = json.dumps(stage.logged())

    assert '"job-resumed' in logged.replace("\\", "")
    assert "do-not-log-me" not in logged
    assert stage.token not in logged
    assert token not in logged

"""A parked job keeps what earlier steps made, never expires, and may be as large as AWS allows."""

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.aws.claims_table import DynamoClaims
from chalicelib.job.record import ABSENT, decode
from respool.local.deployment import Deployment
from tests.e2e.conftest import VIAS, Deploy, altered, stage_that_spools_via

MOST_BYTES = 262_144


@pytest.fixture(params=VIAS)
def stage(request: pytest.FixtureRequest) -> Deployment:
    """The stage, spooling both ways."""
    return stage_that_spools_via(request)


def replay(stage: Deployment) -> None:
    """Replay once the spool has the job, and wait until it has left."""
    stage.wait_until(lambda: stage.spool_depth() == 1, "the job to be spooled")
    result = stage.invoke("reprocess", {})
    assert result["resumed"] == 1, result


def succeeded(stage: Deployment, execution: str) -> None:
    stage.wait_until(lambda: stage.status(execution) == "SUCCEEDED", "the job to finish")


@pytest.fixture(scope="module")
def three_steps() -> str:
    return Path("docs/pipelines/three-steps.json").read_text()


@pytest.fixture(scope="module")
def two_tasks() -> str:
    return Path("docs/pipelines/two-tasks.json").read_text()


@pytest.mark.parametrize("via", VIAS)
def test_a_costly_first_step_runs_once_though_the_second_fails_twice(
    deploy: Deploy, three_steps: str, via: str
) -> None:
    chosen = {"STATE_MACHINE": "pipeline.json", "SPOOL_VIA": via}
    stage = deploy(chosen, {"pipeline.json": three_steps})
    stage.set_behavior("NG")
    execution = stage.start({"key": "12345"})
    replay(stage)
    stage.wait_until(
        lambda: stage.entered(execution).count("ErrorSpool") == 2, "the second failure"
    )
    stage.set_behavior("OK")
    replay(stage)
    succeeded(stage, execution)

    entered = stage.entered(execution)
    assert entered.count("UncertainTask") == 3
    assert (entered.count("StepA"), entered.count("StepC")) == (1, 1)
    runs = {i["pk"]["S"]: i["runs"]["N"] for i in stage.claims() if "runs" in i}
    assert runs == {"example#A#12345": "1", "example#C#12345": "1"}
    assert stage.output(execution) == {
        "answer": {"key": "12345", "made": {"runs": 1}},
        "runs": 1,
    }


@pytest.mark.parametrize("via", VIAS)
def test_two_uncertain_tasks_in_one_pipeline_park_and_resume_each_where_it_failed(
    deploy: Deploy, two_tasks: str, via: str
) -> None:
    chosen = {"STATE_MACHINE": "pipeline.json", "SPOOL_VIA": via}
    stage = deploy(chosen, {"pipeline.json": two_tasks})
    claims = DynamoClaims(stage.client("dynamodb"), stage.names.table)
    claims.set_limit("SendInvoice", 0)
    stage.set_behavior("NG")
    execution = stage.start({"key": "12345"})
    stage.wait_until(lambda: stage.spool_depth() == 1, "the first task to fail")
    assert parked_at(stage) == "FetchOrders"
    stage.set_behavior("OK")
    replay(stage)
    stage.wait_until(lambda: "FreeSlot" in stage.entered(execution), "the first task to be done")

    stage.set_behavior("NG")
    claims.set_limit("SendInvoice", None)
    stage.wait_until(lambda: stage.spool_depth() == 1, "the second task to fail")
    assert parked_at(stage) == "SendInvoice"
    stage.set_behavior("OK")
    replay(stage)
    succeeded(stage, execution)

    entered = stage.entered(execution)
    assert (entered.count("FetchOrders"), entered.count("SendInvoice")) == (2, 2)
    assert stage.output(execution) == {"orders": {"key": "12345"}}
    assert not [item for item in stage.claims() if "holders" in item]


def parked_at(stage: Deployment) -> str:
    (claim,) = [item for item in stage.claims() if item["pk"]["S"].startswith("job#")]
    return str(claim["task"]["S"])


def hasty(definition: dict[str, Any]) -> None:
    """A token is good for seconds, not for days."""
    for name in definition["States"].keys() & {"ErrorSpool", "SpoolDirectly"}:
        definition["States"][name]["TimeoutSeconds"] = 3


def test_a_job_whose_token_times_out_parks_again_with_its_first_failure_and_attempt(
    stage: Deployment,
) -> None:
    stage.set_behavior("NG")
    with altered(stage, hasty):
        execution = stage.start({"key": "12345"})
        stage.wait_until(
            lambda: stage.entered(execution).count("ErrorSpool") == 3, "two tokens to time out"
        )
        received = stage.client("sqs").receive_message(
            QueueUrl=stage.queue_url(stage.names.spool),
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
        )
        records = [decode(message["Body"]) for message in received["Messages"]]
        stage.set_behavior("OK")
        result = stage.invoke("reprocess", {})
        succeeded(stage, execution)

    assert len({record.token for record in records}) == len(records) > 1
    assert {record.attempt for record in records} == {1}
    assert len({record.first_failed_at for record in records}) == 1
    assert result["resumed"] == 1
    assert result["stale"] >= 2


@pytest.mark.parametrize("filler", ["x", "\u3042", '"'])
def test_the_largest_input_parks_and_resumes(stage: Deployment, filler: str) -> None:
    job = largest(filler)
    stage.set_behavior("NG")
    execution = stage.start_text(job)
    stage.wait_until(lambda: stage.spool_depth() == 1, "the job to be spooled")
    stage.set_behavior("OK")
    replay(stage)
    succeeded(stage, execution)

    assert stage.output(execution) == json.loads(job)


def test_the_largest_input_is_restarted_to_the_letter(stage: Deployment) -> None:
    job = largest("\u3042")
    stage.set_behavior("NG")
    execution = stage.start_text(job)
    stage.wait_until(lambda: stage.spool_depth() == 1, "the job to be spooled")
    stage.client("stepfunctions").stop_execution(executionArn=execution, error="Killed")
    stage.wait_until(lambda: stage.spool_depth() == 2, "the rescue to spool it too")
    stage.set_behavior("OK")

    assert stage.invoke("reprocess", {})["restarted"] == 1
    (restarted,) = [e for e in stage.executions() if e["executionArn"] != execution]
    succeeded(stage, restarted["executionArn"])

    assert stage.describe(restarted["executionArn"])["input"] == job


@pytest.mark.parametrize("stage", ["lambda"], indirect=True)
def test_the_largest_input_is_whole_in_what_the_spool_lambda_wrote(stage: Deployment) -> None:
    job = largest("x")
    stage.set_behavior("NG")
    stage.start_text(job)
    stage.wait_until(lambda: stage.spool_depth() == 1, "the job to be spooled")

    received = stage.client("sqs").receive_message(
        QueueUrl=stage.queue_url(stage.names.spool), VisibilityTimeout=0
    )
    record = decode(received["Messages"][0]["Body"])
    assert record.input is not ABSENT
    assert record.input == json.loads(job)


def largest(filler: str) -> str:
    """An input of exactly, or for wide characters just under, 262,144 bytes."""
    frame = json.dumps({"key": "12345", "x": ""})
    one = json.dumps(filler, ensure_ascii=False)[1:-1]
    count = (MOST_BYTES - len(frame)) // len(one.encode())
    job = json.dumps({"key": "12345", "x": filler * count}, ensure_ascii=False)
    assert MOST_BYTES - 4 < len(job.encode()) <= MOST_BYTES
    return job

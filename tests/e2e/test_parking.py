"""A parked job keeps what earlier steps made, to the digit, and may be as large as AWS allows."""

import json
import subprocess
from pathlib import Path

import pytest

from chalicelib.job.record import ABSENT, decode
from respool.local.deployment import Deployment
from tests.e2e.aging import let_days_pass
from tests.e2e.conftest import VIAS, Deploy, stage_that_spools_via
from tests.e2e.test_cli import COMMAND, environment

MOST_BYTES = 262_144
EXACT = 1161888007138312192
"""A number that no double is."""


@pytest.fixture(params=VIAS)
def stage(request: pytest.FixtureRequest) -> Deployment:
    """The stage, spooling both ways."""
    return stage_that_spools_via(request)


def replay(stage: Deployment) -> None:
    """Replay once the job is parked."""
    stage.wait_until(lambda: len(stage.jobs("parked")) == 1, "the job to be parked")
    result = stage.invoke("reprocess", {})
    assert result["resumed"] == 1, result


def succeeded(stage: Deployment, execution: str) -> None:
    stage.wait_until(lambda: stage.status(execution) == "SUCCEEDED", "the job to finish")


PLAIN = Path("docs/pipelines/plain")


@pytest.mark.parametrize("via", VIAS)
def test_a_costly_first_step_runs_once_though_the_second_fails_twice(
    deploy: Deploy, via: str
) -> None:
    adopted = Path("docs/pipelines/three-steps.json").read_text()
    chosen = {"STATE_MACHINE": "pipeline.json", "SPOOL_VIA": via}
    stage = deploy(chosen, {"pipeline.json": adopted})
    stage.set_behavior("NG")
    execution = stage.start({"key": "12345", "order": EXACT})
    replay(stage)
    stage.wait_until(lambda: stage.claim("12345")["attempt"] == "2", "the second failure")
    stage.set_behavior("OK")
    replay(stage)
    succeeded(stage, execution)

    entered = stage.entered(execution)
    assert entered.count("UncertainTask") == 3
    assert (entered.count("StepA"), entered.count("StepC")) == (1, 1)
    runs = {i["pk"]["S"]: i["runs"]["N"] for i in stage.claims() if "runs" in i}
    assert runs == {"example#A#12345": "1", "example#C#12345": "1"}
    assert stage.output(execution) == {
        "answer": {"key": "12345", "order": EXACT, "made": {"runs": 1}},
        "done": {"runs": 1},
    }


@pytest.mark.parametrize("via", VIAS)
def test_two_tasks_of_a_plain_definition_park_and_resume_each_where_it_failed(
    deploy: Deploy, via: str
) -> None:
    plain = (PLAIN / "two-tasks.json").read_text()
    tasks = {"STATE_MACHINE": "pipeline.json", "UNCERTAIN_TASKS": "FetchOrders, SendInvoice"}
    stage = deploy({**tasks, "SPOOL_VIA": via}, {"pipeline.json": plain})
    stage.set_behavior("NG")
    job = json.dumps({"key": "12345", "order": EXACT})
    submitted = subprocess.run(
        [*COMMAND, "--stage", "local", "submit", job, "--wait"],
        env=environment(stage),
        capture_output=True,
        text=True,
        timeout=60,
    )
    execution = submitted.stdout.strip()
    first, second = "12345/FetchOrders", "12345/SendInvoice"
    assert submitted.returncode == 1
    assert f"The job {first} is parked since" in submitted.stderr
    stage.wait_until(lambda: stage.jobs("parked") == [first], "the first task to fail")
    assert stage.claim(first)["task"] == "FetchOrders"
    hold(stage, "SendInvoice", 0)
    stage.set_behavior("OK")
    replay(stage)
    stage.wait_until(lambda: stage.jobs("line") == [second], "the first task to be done")
    assert stage.slots("FetchOrders")["owners"] == {}

    stage.set_behavior("NG")
    hold(stage, "SendInvoice", 5)
    stage.wait_until(lambda: stage.jobs("parked") == [second], "the second task to fail")
    assert stage.claim(second)["task"] == "SendInvoice"
    stage.set_behavior("OK")
    replay(stage)
    succeeded(stage, execution)

    entered = stage.entered(execution)
    assert (entered.count("FetchOrders"), entered.count("SendInvoice")) == (2, 2)
    assert stage.output(execution) == {"orders": {"key": "12345", "order": EXACT}}
    assert stage.slots("SendInvoice")["owners"] == {}


def hold(stage: Deployment, task: str, limit: int) -> None:
    answer = stage.api("PUT", f"/tasks/{task}/limit", token=stage.token, body={"limit": limit})
    assert answer.status == 200, answer.text


@pytest.mark.parametrize("filler", ["x", "\u3042", '"'])
def test_the_largest_input_parks_and_resumes(stage: Deployment, filler: str) -> None:
    job = largest(filler)
    stage.set_behavior("NG")
    execution = stage.start_text(job)
    stage.wait_until(lambda: stage.jobs("parked") == ["12345"], "the job to be parked")
    stage.set_behavior("OK")
    replay(stage)
    succeeded(stage, execution)

    assert stage.output(execution) == json.loads(job)


def test_the_largest_input_is_restarted_to_the_letter(stage: Deployment) -> None:
    job = largest("\u3042")
    stage.set_behavior("NG")
    execution = stage.start_text(job)
    stage.wait_until(lambda: stage.jobs("parked") == ["12345"], "the job to be parked")
    stage.client("stepfunctions").stop_execution(executionArn=execution, error="Killed")
    stage.wait_until(lambda: "deadAt" in stage.claim("12345"), "the rescue to have seen it")
    stage.set_behavior("OK")
    let_days_pass(stage, execution)

    assert stage.invoke("reprocess", {})["restarted"] == 1
    (restarted,) = [e for e in stage.executions() if e["executionArn"] != execution]
    succeeded(stage, restarted["executionArn"])

    assert stage.describe(restarted["executionArn"])["input"] == job


@pytest.mark.parametrize("stage", ["lambda"], indirect=True)
def test_the_largest_input_is_whole_in_what_the_spool_lambda_wrote(stage: Deployment) -> None:
    job = largest("x")
    stage.set_behavior("NG")
    stage.start_text(job)
    stage.wait_until(lambda: stage.spool_depth() == 1, "the note to be sent")

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

"""A job that dies outside every Catch is spooled once, and restarted once."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.aws.claims_table import DynamoClaims
from chalicelib.job.record import decode
from chalicelib.parking.error_spool import STATUS_CHANGE
from respool.local.deployment import Deployment
from tests.e2e.conftest import VIAS, Engines, altered, stage_that_spools_via


@pytest.fixture(params=VIAS)
def stage(request: pytest.FixtureRequest) -> Deployment:
    """The stage, spooling both ways."""
    return stage_that_spools_via(request)


def stop(stage: Deployment, execution: str, error: str = "Killed") -> None:
    stage.client("stepfunctions").stop_execution(executionArn=execution, error=error, cause="test")


def finished(stage: Deployment, keys: set[str]) -> bool:
    outputs = [stage.output(one["executionArn"])["key"] for one in stage.executions("SUCCEEDED")]
    return sorted(outputs) == sorted(keys)


def status_change(execution: str) -> dict[str, Any]:
    detail = {"executionArn": execution, "status": "ABORTED"}
    return {"source": "aws.states", "detail-type": STATUS_CHANGE, "detail": detail}


def items(stage: Deployment, prefix: str) -> list[dict[str, Any]]:
    return [item for item in stage.claims() if item["pk"]["S"].startswith(prefix)]


def running_inside(stage: Deployment, key: str) -> str:
    """A job that stays inside the task until it is stopped."""
    stage.set_environment("uncertain_task", SLEEP="3")
    execution = stage.start({"key": key})
    stage.wait_until(
        lambda: "UncertainTask" in stage.entered(execution), "the job to be inside the task"
    )
    return execution


def test_an_aborted_job_is_spooled_once_however_often_its_death_is_told(stage: Deployment) -> None:
    execution = running_inside(stage, "aborted")
    stop(stage, execution)
    stage.wait_until(lambda: stage.spool_depth() == 1, "the rescue to spool it")
    stage.set_environment("uncertain_task", SLEEP="0")

    told = [stage.invoke("error_spool", status_change(execution)) for _ in range(3)]

    assert {answer["result"] for answer in told} == {"already"}
    assert stage.spool_depth() == 1
    assert items(stage, "slots#")[0].get("holders") is None
    (body,) = [m["Body"] for m in receive(stage)]
    record = decode(body)
    assert (record.key, record.token, record.input) == ("aborted", "", {"key": "aborted"})


def receive(stage: Deployment) -> list[dict[str, Any]]:
    received = stage.client("sqs").receive_message(
        QueueUrl=stage.queue_url(stage.names.spool), MaxNumberOfMessages=10, VisibilityTimeout=0
    )
    found: list[dict[str, Any]] = received.get("Messages", [])
    return found


def test_an_aborted_job_is_restarted_and_finishes_once(stage: Deployment) -> None:
    execution = running_inside(stage, "aborted")
    stop(stage, execution)
    stage.wait_until(lambda: stage.spool_depth() == 1, "the rescue to spool it")
    stage.set_environment("uncertain_task", SLEEP="0")

    result = stage.invoke("reprocess", {})
    stage.wait_until(lambda: finished(stage, {"aborted"}), "the restart to finish")

    assert result["restarted"] == 1
    assert items(stage, "job#") == []


def test_a_parked_job_that_is_aborted_is_restarted_once_from_its_two_messages(
    stage: Deployment,
) -> None:
    stage.set_behavior("NG")
    execution = stage.start({"key": "parked"})
    stage.wait_until(lambda: stage.spool_depth() == 1, "the job to be parked")
    stop(stage, execution)
    stage.wait_until(lambda: stage.spool_depth() == 2, "the rescue to spool it too")
    stage.set_behavior("OK")

    result = stage.invoke("reprocess", {})
    stage.wait_until(lambda: finished(stage, {"parked"}), "the restart to finish")

    assert (result["restarted"], result["stale"], result["remaining"]) == (1, 1, 0)
    assert len(stage.executions()) == 2


def outlasts(definition: dict[str, Any]) -> None:
    """The execution as a whole is too slow."""
    definition["TimeoutSeconds"] = 1


def stumbles(definition: dict[str, Any]) -> None:
    """A runtime error where nothing catches it."""
    definition["States"]["NoteFailure"]["Assign"]["failedAt"] = "{% $error('no time') %}"


def reaches_no_spool(definition: dict[str, Any]) -> None:
    """Neither the spool Lambda nor the queue itself is to be had."""
    for name in ("ErrorSpool", "SpoolDirectly"):
        state = definition["States"].get(name, {"Retry": [], "Arguments": {}})
        if "FunctionName" in state["Arguments"]:
            state["Arguments"]["FunctionName"] += "-nowhere"
        else:
            state["Arguments"]["QueueUrl"] = "http://localhost/000000000000/nowhere"
        state["Retry"] = []


@pytest.mark.parametrize(
    ("change", "status"),
    [(outlasts, "TIMED_OUT"), (stumbles, "FAILED"), (reaches_no_spool, "FAILED")],
)
def test_a_job_that_dies_outside_every_catch_is_spooled_and_restarted_once(
    stage: Deployment, change: Callable[[dict[str, Any]], None], status: str
) -> None:
    stage.set_environment("uncertain_task", BEHAVIOR="NG", SLEEP="2" if change is outlasts else "0")
    try:
        with altered(stage, change):
            execution = stage.start({"key": "fallen"})
            stage.wait_until(lambda: stage.status(execution) == status, "its death")
        stage.wait_until(lambda: stage.spool_depth() == 1, "the rescue to spool it")
    finally:
        stage.set_environment("uncertain_task", BEHAVIOR="OK", SLEEP="0")
    held = items(stage, "slots#")[0].get("holders")

    result = stage.invoke("reprocess", {})
    stage.wait_until(lambda: finished(stage, {"fallen"}), "the restart to finish")

    assert held is None
    assert (result["restarted"], result["remaining"]) == (1, 0)
    assert items(stage, "job#") == []


def test_the_sweep_repairs_a_slot_that_an_aborted_job_wrote_too_late(stage: Deployment) -> None:
    execution = stage.start({"key": "late"})
    stage.wait_until(lambda: stage.status(execution) == "SUCCEEDED", "the job to finish")
    claims = DynamoClaims(stage.client("dynamodb"), stage.names.table)
    assert claims.take_slot("UncertainTask", execution, 5)  # as an aborted thread's late write does

    first = stage.invoke("reprocess", {"sweep": True})
    second = stage.invoke("reprocess", {"sweep": True})

    assert first["freed"] == [execution]
    assert second["freed"] == []
    assert items(stage, "slots#")[0].get("holders") is None

    assert claims.take_slot("UncertainTask", execution, 5)
    stage.invoke("reprocess", {})  # every unattended replay sweeps as well
    assert items(stage, "slots#")[0].get("holders") is None


def test_the_sweep_catches_a_death_that_no_event_told_of(stage: Deployment) -> None:
    rule = stage.client("events").list_rules(NamePrefix=stage.names.prefix)["Rules"][0]["Name"]
    stage.client("events").disable_rule(Name=rule)
    try:
        execution = running_inside(stage, "silent")
        stop(stage, execution)
        stage.wait_until(lambda: stage.status(execution) == "ABORTED", "the abort")
        stage.set_environment("uncertain_task", SLEEP="0")
        assert stage.spool_depth() == 0

        repaired = stage.invoke("reprocess", {"sweep": True})
        again = stage.invoke("reprocess", {"sweep": True})
    finally:
        stage.client("events").enable_rule(Name=rule)

    assert repaired["caught"] == [execution]
    assert again["caught"] == []
    assert stage.spool_depth() == 1


def test_a_job_given_up_ends_for_good(stage: Deployment, engines: Engines) -> None:
    stage.set_behavior("NG")
    execution = stage.start({"key": "unwanted"})
    stage.wait_until(lambda: stage.spool_depth() == 1, "the job to be parked")

    removed = engines(stage).give_up.end("unwanted", "the customer has left")

    about = stage.describe(execution)
    assert removed
    assert (about["status"], about["error"]) == ("ABORTED", "GivenUp")
    assert about["cause"] == "the customer has left"
    assert stage.spool_depth() == 0
    assert items(stage, "job#") == []
    stage.wait_until(lambda: items(stage, f"dead#{execution}"), "the rescue to have seen it")
    assert stage.spool_depth() == 0

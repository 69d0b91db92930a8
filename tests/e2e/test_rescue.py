"""A job that dies outside every Catch is parked once, and restarted once."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.job.record import decode
from chalicelib.parking.error_spool import STATUS_CHANGE
from respool.local.deployment import Deployment
from tests.e2e.aging import let_days_pass
from tests.e2e.conftest import VIAS, Engines, altered, stage_that_spools_via

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

TASK = "UncertainTask"


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


def dead(stage: Deployment, key: str) -> bool:
    """Whether the rescue has parked the job of a dead execution."""
    claim = stage.claim(key)
    return claim.get("queue") == f"parked#{TASK}" and "deadAt" in claim


def test_an_aborted_job_is_parked_once_however_often_its_death_is_told(stage: Deployment) -> None:
    execution = running_inside(stage, "aborted")
    stop(stage, execution)
    stage.wait_until(lambda: dead(stage, "aborted"), "the rescue to park it")
    stage.wait_until(lambda: stage.spool_depth() == 1, "its note to be sent")
    stage.set_environment("uncertain_task", SLEEP="0")

    told = [stage.invoke("error_spool", status_change(execution)) for _ in range(3)]

    assert {answer["result"] for answer in told} == {"already"}
    assert stage.spool_depth() == 1
    assert stage.slots(TASK)["owners"] == {}
    assert "token" not in stage.claim("aborted")
    (body,) = [m["Body"] for m in receive(stage)]
    record = decode(body)
    assert (record.key, record.input) == ("aborted", {"key": "aborted"})


def receive(stage: Deployment) -> "list[MessageTypeDef]":
    received = stage.client("sqs").receive_message(
        QueueUrl=stage.queue_url(stage.names.spool), MaxNumberOfMessages=10, VisibilityTimeout=0
    )
    return received.get("Messages", [])


def test_an_aborted_job_is_restarted_and_finishes_once(stage: Deployment) -> None:
    execution = running_inside(stage, "aborted")
    stop(stage, execution)
    stage.wait_until(lambda: dead(stage, "aborted"), "the rescue to park it")
    stage.set_environment("uncertain_task", SLEEP="0")
    began = stage.claim("aborted")["order"]
    let_days_pass(stage, execution)

    result = stage.invoke("reprocess", {})
    stage.wait_until(lambda: finished(stage, {"aborted"}), "the restart to finish")

    assert result["restarted"] == 1
    claim = stage.claim("aborted")
    assert (claim["how"], claim["order"]) == ("finished", began)


def test_a_parked_job_that_is_aborted_is_restarted_once(stage: Deployment) -> None:
    stage.set_behavior("NG")
    execution = stage.start({"key": "parked"})
    stage.wait_until(lambda: stage.jobs("parked") == ["parked"], "the job to be parked")
    stop(stage, execution)
    stage.wait_until(lambda: dead(stage, "parked"), "the rescue to have seen it")
    stage.set_behavior("OK")
    let_days_pass(stage, execution)

    result = stage.invoke("reprocess", {})
    stage.wait_until(lambda: finished(stage, {"parked"}), "the restart to finish")
    again = stage.invoke("reprocess", {})

    assert (result["restarted"], result["remaining"]) == (1, 0)
    assert again["replayed"] == 0
    assert len(stage.executions()) == 2


@pytest.mark.parametrize("at", ["inside", "parked"])
def test_within_two_weeks_an_aborted_job_is_redriven_where_it_was(
    stage: Deployment, at: str
) -> None:
    if at == "inside":
        execution = running_inside(stage, "redriven")
    else:
        stage.set_behavior("NG")
        execution = stage.start({"key": "redriven"})
        stage.wait_until(lambda: stage.jobs("parked") == ["redriven"], "the job to be parked")
    stop(stage, execution)
    stage.wait_until(lambda: dead(stage, "redriven"), "the rescue to have seen it")
    stage.set_environment("uncertain_task", SLEEP="0", BEHAVIOR="OK")

    result = stage.invoke("reprocess", {})
    stage.wait_until(lambda: finished(stage, {"redriven"}), "the execution to finish")

    assert (result["resumed"], result["restarted"], result["failed"]) == (1, 0, [])
    assert [one["executionArn"] for one in stage.executions()] == [execution]
    assert stage.slots(TASK)["owners"] == {}


def test_a_job_that_is_aborted_in_line_gives_its_place_up_and_is_restarted(
    stage: Deployment,
) -> None:
    stage.api("PUT", f"/tasks/{TASK}/limit", token=stage.token, body={"limit": 0})
    execution = stage.start({"key": "queued"})
    stage.wait_until(lambda: stage.jobs("line") == ["queued"], "the job to stand in line")
    stop(stage, execution)
    stage.wait_until(lambda: dead(stage, "queued"), "the rescue to take it out of line")
    assert stage.slots(TASK)["waiting"] == "0"
    stage.api("PUT", f"/tasks/{TASK}/limit", token=stage.token, body={"limit": 5})
    let_days_pass(stage, execution)

    result = stage.invoke("reprocess", {})
    stage.wait_until(lambda: finished(stage, {"queued"}), "the restart to finish")

    assert result["restarted"] == 1


def outlasts(definition: dict[str, Any]) -> None:
    """The execution as a whole is too slow."""
    definition["TimeoutSeconds"] = 1


def stumbles(definition: dict[str, Any]) -> None:
    """A runtime error where nothing catches it."""
    (catcher,) = definition["States"][TASK]["Catch"]
    catcher["Assign"]["respoolFailure"]["failedAt"] = "{% $error('no time') %}"


def parks_nowhere(definition: dict[str, Any]) -> None:
    """The table is not to be had when the job is to be parked."""
    park = definition["States"]["Park"]
    park["Retry"] = []
    for item in park["Parameters"]["TransactItems"]:
        item["Update"]["TableName"] = "nowhere"


@pytest.mark.parametrize(
    ("change", "status"),
    [(outlasts, "TIMED_OUT"), (stumbles, "FAILED"), (parks_nowhere, "FAILED")],
)
def test_a_job_that_dies_outside_every_catch_is_parked_and_restarted_once(
    stage: Deployment, change: Callable[[dict[str, Any]], None], status: str
) -> None:
    stage.set_environment("uncertain_task", BEHAVIOR="NG", SLEEP="2" if change is outlasts else "0")
    try:
        with altered(stage, change):
            execution = stage.start({"key": "fallen"})
            stage.wait_until(lambda: stage.status(execution) == status, "its death")
        stage.wait_until(lambda: dead(stage, "fallen"), "the rescue to park it")
    finally:
        stage.set_environment("uncertain_task", BEHAVIOR="OK", SLEEP="0")
    owners = stage.slots(TASK)["owners"]
    let_days_pass(stage, execution)

    result = stage.invoke("reprocess", {})
    stage.wait_until(lambda: finished(stage, {"fallen"}), "the restart to finish")

    assert owners == {}
    assert (result["restarted"], result["remaining"]) == (1, 0)
    assert stage.claim("fallen")["how"] == "finished"


def take_slot_late(stage: Deployment, execution: str) -> None:
    """What an aborted execution's write does that arrives after its end."""
    stage.client("dynamodb").update_item(
        TableName=stage.names.table,
        Key={"pk": {"S": f"slots#{TASK}"}},
        UpdateExpression="SET owners.#me = :me",
        ExpressionAttributeNames={"#me": "job#late"},
        ExpressionAttributeValues={":me": {"S": execution}},
    )


def test_the_sweep_repairs_a_slot_that_an_aborted_job_wrote_too_late(stage: Deployment) -> None:
    execution = stage.start({"key": "late"})
    stage.wait_until(lambda: stage.status(execution) == "SUCCEEDED", "the job to finish")
    take_slot_late(stage, execution)

    first = stage.invoke("reprocess", {"sweep": True})
    second = stage.invoke("reprocess", {"sweep": True})

    assert first["freed"] == [execution]
    assert second["freed"] == []
    assert stage.slots(TASK)["owners"] == {}


def test_the_sweep_catches_a_death_that_no_event_told_of(stage: Deployment) -> None:
    rule = stage.client("events").list_rules(NamePrefix=stage.names.prefix)["Rules"][0]["Name"]
    stage.client("events").disable_rule(Name=rule)
    try:
        execution = running_inside(stage, "silent")
        stop(stage, execution)
        stage.wait_until(lambda: stage.status(execution) == "ABORTED", "the abort")
        stage.set_environment("uncertain_task", SLEEP="0")
        assert not dead(stage, "silent")

        repaired = stage.invoke("reprocess", {"sweep": True})
        again = stage.invoke("reprocess", {"sweep": True})
    finally:
        stage.client("events").enable_rule(Name=rule)

    assert repaired["rescued"] == [execution]
    assert again["rescued"] == []
    assert dead(stage, "silent")


@pytest.mark.parametrize("state", ["parked", "line"])
def test_a_job_given_up_ends_for_good(stage: Deployment, engines: Engines, state: str) -> None:
    if state == "line":
        stage.api("PUT", f"/tasks/{TASK}/limit", token=stage.token, body={"limit": 0})
    stage.set_behavior("NG")
    execution = stage.start({"key": "unwanted"})
    stage.wait_until(lambda: stage.jobs(state) == ["unwanted"], f"the job to be {state}")

    ending = engines(stage).give_up.end("unwanted", "the customer has left")

    stage.wait_until(lambda: stage.status(execution) == "FAILED", "the execution to end")
    about = stage.describe(execution)
    assert ending.given_up
    assert (about["error"], about["cause"]) == ("GivenUp", "the customer has left")
    stage.wait_until(lambda: items(stage, f"dead#{execution}"), "the rescue to have seen it")
    claim = stage.claim("unwanted")
    assert claim["how"] == "given-up"
    assert not {"queue", "token"} & set(claim)
    assert stage.slots(TASK)["waiting"] == "0"
    assert stage.invoke("reprocess", {})["replayed"] == 0

"""A listed machine that nobody has adopted, on what is deployed: caught, listed, redriven."""

import json
from functools import partial
from typing import Any

import pytest

from chalicelib.job.execution import machine_of
from respool.local.deployment import Deployment
from tests.e2e.aging import let_days_pass


@pytest.fixture
def orders(stage: Deployment) -> str:
    """Their machine: a step that is paid for, then the Lambda that may fail; no Catch."""
    names = stage.names
    account = names.state_machine_arn.split(":")[4]
    work = f"arn:aws:lambda:{names.region}:{account}:function:{names.prefix}-uncertain_task"
    arn = names.state_machine_arn.rpartition(":")[0] + ":orders"
    deploy_orders(stage, arn, {"Type": "Task", "Resource": work, "End": True})
    return arn


@pytest.fixture
def orders_that_end_in_fail(stage: Deployment, orders: str) -> str:
    """The same machine, whose every failure is caught, and leads to a Fail state."""
    described = stage.client("stepfunctions").describe_state_machine(stateMachineArn=orders)
    charge = json.loads(described["definition"])["States"]["Charge"]
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Refused"}]
    deploy_orders(stage, orders, {**charge, "Catch": catch})
    return orders


def deploy_orders(stage: Deployment, arn: str, charge: dict[str, Any]) -> None:
    states = {
        "Fetch": {"Type": "Pass", "Next": "Charge"},
        "Charge": charge,
        "Refused": {"Type": "Fail", "Error": "Refused", "Cause": "the card was refused"},
    }
    if "Catch" not in charge:
        del states["Refused"]
    stage.client("stepfunctions").update_state_machine(
        stateMachineArn=arn, definition=json.dumps({"StartAt": "Fetch", "States": states})
    )


def claim(stage: Deployment, name: str) -> dict[str, str]:
    (item,) = [one for one in stage.claims() if one["pk"]["S"] == f"job@orders#{name}"] or [{}]
    return {name: next(iter(value.values())) for name, value in item.items()}


def failed(stage: Deployment, orders: str, name: str, state: str = "parked") -> str:
    """An execution that failed, whose job is parked, or stuck."""
    stage.set_environment("uncertain_task", BEHAVIOR="NG")
    given = json.dumps({"key": "k", "amount": 7})
    started = stage.client("stepfunctions").start_execution(
        stateMachineArn=orders, name=name, input=given
    )
    stage.wait_until(lambda: claim(stage, name).get("state") == state, f"its job to be {state}")
    return str(started["executionArn"])


def listed(stage: Deployment, name: str) -> dict[str, Any]:
    """The job as the API lists it; what that answers may be some seconds old."""

    def look() -> list[dict[str, Any]]:
        answer = stage.api("GET", "/jobs?machine=orders", token=stage.token)
        assert answer.status == 200, answer.text
        return [job for job in answer.json["jobs"] if job["key"] == name]

    (job,) = stage.wait_until(look, f"{name} to be listed")
    return job


def test_a_failed_execution_is_listed_redriven_and_ends_without_a_line_of_theirs_changed(
    stage: Deployment, orders: str
) -> None:
    execution = failed(stage, orders, "monday")
    stage.wait_until(lambda: stage.spool_depth() == 1, "its note")
    job = listed(stage, "monday")
    assert (job["key"], job["machine"], job["task"]) == ("monday", "orders", "orders")
    assert job["error"]["name"] == "ConnectionError"
    assert machine_of(execution) == "orders"

    stage.set_environment("uncertain_task", BEHAVIOR="OK")
    report = stage.invoke("reprocess", {})

    assert (report["resumed"], report["restarted"], report["failed"]) == (1, 0, [])
    stage.wait_until(
        lambda: claim(stage, "monday").get("how") == "finished", "its success to be heard of"
    )
    assert stage.status(execution) == "SUCCEEDED"
    entered = stage.entered(execution)
    assert (entered.count("Fetch"), entered.count("Charge")) == (1, 2)
    assert stage.slots("orders")["owners"] == {}


def test_after_two_weeks_it_is_started_again_only_if_somebody_asks_for_that(
    stage: Deployment, orders: str
) -> None:
    execution = failed(stage, orders, "tuesday")
    let_days_pass(stage, execution)
    stage.set_environment("uncertain_task", BEHAVIOR="OK")

    report = stage.invoke("reprocess", {})

    assert len(report["failed"]) == 1, report
    (refused,) = report["failed"]
    assert (refused["key"], refused["machine"]) == ("tuesday", "orders")
    assert "restart=true" in refused["reason"]
    assert stage.status(execution) == "FAILED"
    restart(stage, "tuesday")


def test_one_that_ended_in_a_fail_state_is_stuck_until_somebody_restarts_it(
    stage: Deployment, orders_that_end_in_fail: str
) -> None:
    execution = failed(stage, orders_that_end_in_fail, "wednesday", "stuck")
    stage.set_environment("uncertain_task", BEHAVIOR="OK")

    job = listed(stage, "wednesday")

    assert (job["state"], job["error"]["name"]) == ("stuck", "Refused")
    refused = stage.api("POST", f"/jobs/{job['id']}/replay", token=stage.token, body={})
    assert "Fail state" in refused.text
    assert stage.status(execution) == "FAILED"
    restart(stage, "wednesday")


def restart(stage: Deployment, name: str) -> None:
    """Ask for that job's restart; its new execution succeeds."""
    id = listed(stage, name)["id"]
    body = {"reason": "it is cheap", "restart": True}
    asked = stage.api("POST", f"/jobs/{id}/replay", token=stage.token, body=body)
    assert asked.json["restarted"] == 1, asked.json
    assert claim(stage, name)["how"] == "failed"
    machine = stage.names.state_machine_arn.rpartition(":")[0] + ":orders"
    answer = stage.client("stepfunctions").list_executions(stateMachineArn=machine)
    (again,) = [one for one in answer["executions"] if one["name"].startswith(f"{name}-respool-")]
    succeeded = partial(stage.status, again["executionArn"])
    stage.wait_until(lambda: succeeded() == "SUCCEEDED", "the new execution to succeed")

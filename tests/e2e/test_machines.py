"""Another state machine, adopted and listed: its dead job is caught, and restarted in it."""

import json
from typing import Any

from chalicelib.job.execution import machine_of
from respool.adopt.definition import Choices, adopt
from respool.deploy.definition import Definition
from respool.local.deployment import Deployment
from tests.e2e.aging import let_days_pass

PK = "job@orders#stopped"
ITEMS = ("job@orders#several/0/Call", "job@orders#several/1/Call")
PLAIN: Definition = {
    "StartAt": "Call",
    "States": {"Call": {"Type": "Task", "Resource": "", "ResultPath": "$.answer", "End": True}},
}


EACH: Definition = {
    "StartAt": "Each",
    "States": {
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemProcessor": PLAIN,
            "ResultPath": "$.answers",
            "End": True,
        },
    },
}


def adopted(stage: Deployment, given: Definition = PLAIN) -> str:
    """The machine `orders`, whose task is the sample's, adopted for the stage's names."""
    where = stage.names.state_machine_arn.split(":")
    home = f"arn:aws:lambda:{where[3]}:{where[4]}:function:{stage.names.prefix}"
    text = json.dumps(given).replace('"Resource": ""', f'"Resource": "{home}-uncertain_task"')
    plain = json.loads(text)
    values = {
        "Claims": stage.names.table,
        "ErrorSpool": f"{home}-error_spool",
        "CloseAfter": "0",
        "HistorySeconds": "86400",
    }
    machine = stage.names.state_machine_arn.rpartition(":")[0] + ":orders"
    stage.client("stepfunctions").update_state_machine(
        stateMachineArn=machine,
        definition=json.dumps(adopt(plain, Choices({"Call": ""}, "orders", values=values))),
    )
    return machine


def claim(stage: Deployment, pk: str = PK) -> dict[str, Any]:
    """The claim of its job, as far as the test needs it."""
    found = [item for item in stage.claims() if item["pk"]["S"] == pk]
    return {name: next(iter(value.values())) for item in found for name, value in item.items()}


def all_say(stage: Deployment, name: str, *values: str) -> bool:
    """Whether the claims of both items have that member, with one of the values if any is given."""
    found = [claim(stage, pk).get(name) for pk in ITEMS]
    return all(each in values if values else each for each in found)


def test_a_job_stopped_while_parked_is_rescued_and_restarted_in_its_own_machine(
    stage: Deployment,
) -> None:
    states = stage.client("stepfunctions")
    machine = adopted(stage)
    stage.set_environment("uncertain_task", BEHAVIOR="NG")
    given = json.dumps({"key": "stopped", "amount": 7})
    first = states.start_execution(stateMachineArn=machine, name="first", input=given)
    execution = first["executionArn"]
    stage.wait_until(lambda: claim(stage).get("state") == "parked", "its job to be parked")

    states.stop_execution(executionArn=execution, error="Killed", cause="test")
    stage.wait_until(lambda: "deadAt" in claim(stage), "the rescue to catch it")
    assert "token" not in claim(stage)
    stage.set_environment("uncertain_task", BEHAVIOR="OK")
    let_days_pass(stage, execution)
    report = stage.invoke("reprocess", {})

    assert (report["replayed"], report["restarted"]) == (1, 1)
    stage.wait_until(lambda: claim(stage).get("how") == "finished", "the restart to finish")
    restart = claim(stage)["execution"]
    assert machine_of(restart) == "orders"
    assert restart != execution
    assert json.loads(states.describe_execution(executionArn=restart)["input"]) == json.loads(given)
    listed = states.list_executions(stateMachineArn=machine)["executions"]
    assert len([each for each in listed if each["name"].startswith("first")]) == 2
    assert stage.executions("RUNNING") == stage.executions("SUCCEEDED") == []


def test_two_items_of_a_map_that_is_stopped_are_rescued_and_start_once_more_together(
    stage: Deployment,
) -> None:
    states = stage.client("stepfunctions")
    machine = adopted(stage, EACH)
    stage.set_environment("uncertain_task", BEHAVIOR="NG")
    given = json.dumps({"key": "several", "items": [{"n": 1}, {"n": 2}]})
    first = states.start_execution(stateMachineArn=machine, name="several", input=given)
    execution = first["executionArn"]
    stage.wait_until(lambda: all_say(stage, "state", "parked"), "its jobs to be parked")

    states.stop_execution(executionArn=execution, error="Killed", cause="test")
    stage.wait_until(lambda: all_say(stage, "deadAt"), "the rescue to catch both")
    stage.set_environment("uncertain_task", BEHAVIOR="OK")
    let_days_pass(stage, execution)
    report = stage.invoke("reprocess", {})

    assert report["restarted"] in (1, 2)  # whoever comes second may find its job gone on
    stage.wait_until(lambda: all_say(stage, "how", "finished"), "the restart to finish")
    (restart,) = {claim(stage, pk)["execution"] for pk in ITEMS}
    assert machine_of(restart) == "orders"
    assert restart != execution
    listed = states.list_executions(stateMachineArn=machine)["executions"]
    again = [each["executionArn"] for each in listed if "-respool-" in each["name"]]
    assert [each for each in again if "several" in each] == [restart]

"""`respool adopt --machine ARN` on a machine that its owner has deployed."""

import json
from typing import Any

import pytest

from respool.local.deployment import Deployment
from tests.e2e.test_cli import Type, type_in

__all__ = ["type_in"]
Definition = dict[str, Any]


@pytest.fixture
def orders(stage: Deployment) -> str:
    """The listed machine as its owner has it: a role of its own, a definition without respool."""
    iam, states = stage.client("iam"), stage.client("stepfunctions")
    trust = {"Version": "2012-10-17", "Statement": []}
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    if "orders" not in roles:
        iam.create_role(RoleName="orders", AssumeRolePolicyDocument=json.dumps(trust))
    arn = stage.names.state_machine_arn.replace(stage.names.prefix, "orders")
    states.update_state_machine(stateMachineArn=arn, definition=json.dumps(plain(stage)))
    return arn


def plain(stage: Deployment) -> Definition:
    """Its owner's definition, whose task is the sample's."""
    function = stage.names.topic_arn.replace(":sns:", ":lambda:").rpartition(":")[0]
    return {
        "StartAt": "Call",
        "States": {
            "Call": {
                "Type": "Task",
                "Resource": f"{function}:function:{stage.names.prefix}-uncertain_task",
                "ResultPath": "$.answer",
                "End": True,
            }
        },
    }


def definition(stage: Deployment, arn: str) -> Definition:
    answer = stage.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
    found: Definition = json.loads(answer["definition"])
    return found


def parked(stage: Deployment) -> list[str]:
    """The tasks of the jobs that are parked."""
    claims = [item for item in stage.claims() if item.get("state", {}).get("S") == "parked"]
    return [item["task"]["S"] for item in claims]


def test_a_deployed_machine_is_adopted_and_given_back(
    stage: Deployment, orders: str, type_in: Type
) -> None:
    states, iam = stage.client("stepfunctions"), stage.client("iam")
    assert type_in("adopt", "--machine", orders).stdout == "Call\n"
    words = ("adopt", "--machine", orders, "--task", "Call", "--limit", "2")
    difference = type_in(*words, "--diff").stdout.splitlines()
    assert any(line.startswith("+") and '"ClaimJob"' in line for line in difference)
    type_in(*words, "--check", code=1)
    assert definition(stage, orders) == plain(stage)
    assert "add --yes" in type_in(*words, code=2).stderr
    assert definition(stage, orders) == plain(stage)

    said = type_in(*words, "--yes").stdout

    assert "orders was changed: version 2; it was version 1 before" in said
    assert "orders/Call takes 2 jobs at once" in said
    (policy,) = iam.list_attached_role_policies(RoleName="orders")["AttachedPolicies"]
    version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
    text = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)
    assert '"job@orders#*", "slots#orders/*"' in json.dumps(text["PolicyVersion"]["Document"])
    assert "orders is adopted like that already" in type_in(*words, "--yes").stdout
    type_in(*words, "--check")

    stage.set_behavior("NG")
    given = json.dumps({"key": "mine"})
    execution = states.start_execution(stateMachineArn=orders, input=given)["executionArn"]
    stage.wait_until(lambda: parked(stage) == ["orders/Call"], "its job to be parked")
    stage.set_behavior("OK")
    type_in("replay", "--task", "orders/Call")
    stage.wait_until(lambda: stage.status(execution) == "SUCCEEDED", "its job to finish")

    assert "it was version" in type_in("adopt", "--machine", orders, "--undo", "--yes").stdout
    assert definition(stage, orders) == plain(stage)
    said = type_in("adopt", "--machine", orders, "--undo", "--yes").stdout
    assert "orders has nothing of respool's" in said
    stage.client("dynamodb").delete_item(
        TableName=stage.names.table, Key={"pk": {"S": "slots#orders/Call"}}
    )


def test_what_can_t_be_adopted_there_is_told_on_one_line_and_changes_nothing(
    stage: Deployment, orders: str, type_in: Type
) -> None:
    states = stage.client("stepfunctions")
    made = states.create_state_machine(
        name="not-listed", definition=json.dumps(plain(stage)), roleArn="arn:aws:iam::1:role/x"
    )["stateMachineArn"]
    for arn, code, said in (
        (made, 2, "does not serve not-listed: name it in MACHINES"),
        (orders + ":1", 2, "no version or alias may follow"),
        (
            orders.replace("us-east-1", "eu-west-1"),
            2,
            "is not a state machine of the stage's account",
        ),
        (stage.names.state_machine_arn, 2, "is the stage's own machine"),
        (orders + "x", 3, "StateMachineDoesNotExist"),
    ):
        done = type_in("adopt", "--machine", arn, "--task", "Call", "--yes", code=code)
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
    assert definition(stage, made) == plain(stage)
    states.delete_state_machine(stateMachineArn=made)

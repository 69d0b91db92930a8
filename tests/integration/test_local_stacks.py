"""The local AWS takes CloudFormation's properties as AWS does."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.local_machines import LocalMachines, local_machines


@pytest.fixture(scope="module")
def local() -> Iterator[LocalMachines]:
    with local_machines() as machines:
        yield machines


def deploy(local: LocalMachines, name: str, **resources: dict[str, Any]) -> None:
    stacks = local.client("cloudformation")
    stacks.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


@pytest.mark.parametrize(("enabled", "state"), [(False, "Disabled"), (True, "Enabled")])
def test_a_mapping_is_made_as_enabled_says(local: LocalMachines, enabled: bool, state: str) -> None:
    name = f"mapping-{state.lower()}"
    local.function(name, "return {'batchItemFailures': []}")
    mapping = {
        "Enabled": enabled,
        "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
        "FunctionName": name,
    }
    deploy(
        local,
        name,
        Queue={"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}},
        Trigger={"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
    )
    found = local.client("lambda").list_event_source_mappings(FunctionName=name)
    assert [one["State"] for one in found["EventSourceMappings"]] == [state]


def test_a_generated_secret_follows_its_rules(local: LocalMachines) -> None:
    rules = {
        "SecretStringTemplate": '{"name": "console"}',
        "GenerateStringKey": "token",
        "ExcludePunctuation": True,
        "PasswordLength": 48,
    }
    secret = {"Name": "made/console", "GenerateSecretString": rules}
    deploy(local, "secret", Secret={"Type": "AWS::SecretsManager::Secret", "Properties": secret})
    found = local.client("secretsmanager").get_secret_value(SecretId="made/console")
    value = json.loads(found["SecretString"])
    assert value["name"] == "console"
    assert len(value["token"]) == 48
    assert value["token"].isalnum()

"""A template's resources with their references resolved, as far as names tell."""

from typing import Any

from respool.deploy.definition import PLACEHOLDER

REGION, ACCOUNT = "us-east-1", "123456789012"
"""Stand for wherever it is deployed."""
STREAM = "2026-11-24T00:00:00.000"
"""Stands for the name that AWS gives to a table's stream."""
_VALUES = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
_KINDS = {
    "AWS::DynamoDB::Table": ("dynamodb", "TableName", "table/"),
    "AWS::Events::Rule": ("events", "Name", "rule/"),
    "AWS::SQS::Queue": ("sqs", "QueueName", ""),
    "AWS::StepFunctions::StateMachine": ("states", "StateMachineName", "stateMachine:"),
}


def arn(service: str, resource: str) -> str:
    """The ARN of a resource; what is an ARN already stays as it is."""
    if resource.startswith("arn:"):
        return resource
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def resolved(resources: dict[str, Any]) -> dict[str, Any]:
    """The resources with every `Fn::Sub` and every ARN that follows from a name written out."""
    whole: dict[str, Any] = _resolve(resources, resources)
    return whole


def _resolve(value: Any, resources: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_resolve(one, resources) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::Sub"}:
        return PLACEHOLDER.sub(lambda m: _VALUES.get(m[1], m[0]), value["Fn::Sub"])
    if set(value) == {"Ref"} and value["Ref"] in _VALUES:
        return _VALUES[value["Ref"]]
    if set(value) == {"Fn::GetAtt"}:
        logical, attribute = value["Fn::GetAtt"]
        return _attribute(logical, attribute, resources)
    if set(value) == {"Ref"} and resources.get(value["Ref"], {}).get("Type") == _MACHINE:
        return _attribute(value["Ref"], "Arn", resources)
    return {name: _resolve(one, resources) for name, one in value.items()}


_MACHINE = "AWS::StepFunctions::StateMachine"


def _attribute(logical: str, attribute: str, resources: dict[str, Any]) -> Any:
    """An ARN where a name makes it; else the reference stays, to the resource as such."""
    resource = resources[logical]
    if attribute == "StreamArn":  # AWS names a stream by the time at which it was made
        return f"{_attribute(logical, 'Arn', resources)}/stream/{STREAM}"
    if attribute != "Arn" or resource["Type"] not in _KINDS:
        return {"Ref": logical}
    service, named, before = _KINDS[resource["Type"]]
    return arn(service, before + _resolve(resource["Properties"][named], resources))

"""AWS's own word on a definition before anything is made; it costs nothing, and makes nothing."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.calling import calling
from chalicelib.names import Names
from respool.deploy.definition import Definition, fill

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

NOT_FOR_US = ("AccessDeniedException", "UnknownOperationException", "InvalidAction")
_STATE = re.compile(r"/States/([^/]+)")


class NotAsked(Exception):
    """AWS does not validate for these credentials, or not in this region; the text is AWS's."""


def filled(template: Mapping[str, Any], names: Names) -> Definition:
    """The definition as the stack will have it; what AWS names itself has its logical name."""
    machine = template["Resources"]["Machine"]["Properties"]
    substitutions = machine["DefinitionSubstitutions"]
    values = {name: _value(value, names) for name, value in substitutions.items()}
    whole: Definition = fill(machine["Definition"], values)
    return whole


def _value(value: Any, names: Names) -> str:
    if isinstance(value, str):
        return value
    pseudo_parameters = {
        "AWS::Partition": names.partition,
        "AWS::Region": names.region,
        "AWS::AccountId": names.account,
    }
    if "Fn::Sub" in value:
        return str(fill(value["Fn::Sub"], pseudo_parameters))
    return str(next(iter(value.values())))


def findings(client: "SFNClient", definition: Definition) -> Iterator[str]:
    """What AWS would refuse, each with its state; `client` is one of Step Functions.

    Raises NotAsked where it may not be asked.
    """
    text = json.dumps(definition, ensure_ascii=False)
    try:
        answer = client.validate_state_machine_definition(
            definition=text, type="STANDARD", severity="ERROR"
        )
    except ClientError as refused:
        if refused.response.get("Error", {}).get("Code") in NOT_FOR_US:
            raise NotAsked(str(refused)) from None
        with calling("ValidateStateMachineDefinition", "the definition"):
            raise
    if answer["result"] == "OK":
        return
    for one in answer["diagnostics"]:
        where = _STATE.findall(one.get("location", ""))
        state = where[-1].replace("~1", "/").replace("~0", "~") if where else ""
        about = f"state {state}: " if state else ""
        yield f"{about}AWS refuses it: {one['message']} ({one['code']})"
    if answer.get("truncated"):
        yield "AWS has found more than that."

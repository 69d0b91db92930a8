"""What the stage's own machine calls, against what its role may do: without it no task works."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from respool.deploy.checks.actions import known
from respool.deploy.definition import Definition, State, all_states
from respool.deploy.iam import Call, Policy, allows, listed, matches
from respool.deploy.resolved import arn

_LAMBDA = re.compile(r"arn:[^:]+:lambda:[^:]*:[^:]*:function:.+")
_SERVICE = re.compile(r"arn:[^:]+:states:::(?:aws-sdk:)?([a-z0-9-]+):([A-Za-z0-9]+)")
_NAMED = {
    "bedrock": "bedrock",
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "elasticmapreduce": "elasticmapreduce",
    "emr": "elasticmapreduce",
    "eventbridge": "events",
    "http": "states",
    "sfn": "states",
}
"""Services that IAM calls otherwise than Step Functions does."""
_OTHERWISE = {"http:invoke": "states:InvokeHTTPEndpoint", "lambda:invoke": "lambda:InvokeFunction"}
_IN_PARTS = frozenset({"dynamodb:TransactWriteItems", "dynamodb:TransactGetItems"})
"""Calls that IAM judges by what they do to each item."""
_EXPRESSION = re.compile(r"^\{%|^\$|\$\{")


def findings(definition: Definition, policies: Iterable[Policy]) -> Iterator[str]:
    """Tasks that call what no policy of the role allows; what can't be told is left alone."""
    granted = list(policies)
    for name, state in all_states(definition):
        action, resource = _called(state)
        if action and not _allowed(granted, action, resource):
            on = f" on {resource}" if resource else ""
            yield (
                f"state {name}: the machine's role lacks {action}{on}. Add it to Policies of"
                " MachineRole in .chalice/stack/machine.json."
            )


def _called(state: State) -> tuple[str, str]:
    """The action, and what it is on where that stands in the state; empty where nobody knows."""
    resource = state.get("Resource")
    if state.get("Type") != "Task" or not isinstance(resource, str):
        return "", ""
    if _LAMBDA.fullmatch(resource):
        return "lambda:InvokeFunction", resource
    match = _SERVICE.match(resource)
    if match is None:
        return "", ""
    service, call = match[1], match[2]
    action = f"{_NAMED.get(service, service)}:{call[0].upper()}{call[1:]}"
    action = _OTHERWISE.get(f"{service}:{call}", action)
    if action in _IN_PARTS or not known(action):
        return "", ""
    arguments = {**_object(state.get("Parameters")), **_object(state.get("Arguments"))}
    function = arguments.get("FunctionName")
    on = action == "lambda:InvokeFunction" and isinstance(function, str)
    return action, _function(str(function)) if on else ""


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _function(name: str) -> str:
    if name.startswith("arn:"):
        return name
    return "" if _EXPRESSION.search(name) else arn("lambda", f"function:{name}")


def _allowed(policies: list[Policy], action: str, resource: str) -> bool:
    if resource:
        return allows(policies, Call(action, resource))
    return any(
        matches(one, action, re.IGNORECASE)
        for policy in policies
        for statement in policy["Statement"]
        for one in listed(statement["Action"])
    )

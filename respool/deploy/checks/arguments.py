"""Arguments of AWS's services in a definition: AWS refuses a machine with one that it knows not."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from respool.deploy.definition import State

_CALL = re.compile(r"arn:aws[a-z-]*:states:::(aws-sdk:)?([a-z0-9]+):([A-Za-z0-9]+)(?:\.\S+)?")
_CALLED = {
    "sfn": "stepfunctions",
    "states": "stepfunctions",
    "eventbridge": "events",
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "cognitoidentity": "cognito-identity",
    "elasticmapreduce": "emr",
    "elasticloadbalancingv2": "elbv2",
}
"""Services whose name in a Resource is not that of the SDK for Python."""


def findings(name: str, state: State) -> Iterator[str]:
    """Arguments that a call of a service has not, or misses; only of calls that are known here."""
    found = _CALL.fullmatch(str(state.get("Resource", "")))
    if found is None:
        return
    sdk, service, action = found.groups()
    model = _service(service)
    if model is None:
        return
    operation = action[0].upper() + action[1:]
    if operation not in model.operation_names:
        if sdk:
            yield f"state {name}: {service} has no action {action}. Look its name up in the SDK."
        return
    shape = model.operation_model(operation).input_shape
    given = state.get("Arguments", state.get("Parameters", {}))
    if isinstance(given, dict):
        members = shape.members if shape else {}
        yield from (f"state {name}: {one}" for one in _unknown(given, members, action))
        for required in sorted(shape.required_members if shape else ()):
            if _pascal(required) not in {field.removesuffix(".$") for field in given}:
                yield f"state {name}: {action} needs {_pascal(required)}, which is not given."


def _unknown(given: dict[str, Any], members: dict[str, Any], place: str) -> Iterator[str]:
    known = {_pascal(member): shape for member, shape in members.items()}
    for field, value in given.items():
        plain = field.removesuffix(".$")
        if plain not in known:
            yield (
                f"{place} has no argument {plain}. It has {', '.join(sorted(known))}: begin them"
                " with a capital letter."
            )
        else:
            yield from _inside(value, known[plain], f"{place}'s {plain}")


def _inside(value: Any, shape: Any, place: str) -> Iterator[str]:
    """The same deeper down; what is text to AWS may be anything here, and is made text."""
    if shape.type_name == "structure" and isinstance(value, dict):
        yield from _unknown(value, shape.members, place)
    elif shape.type_name == "list" and isinstance(value, list):
        for one in value:
            yield from _inside(one, shape.member, place)
    elif shape.type_name == "map" and isinstance(value, dict):
        for one in value.values():
            yield from _inside(one, shape.value, place)


def _pascal(member: str) -> str:
    return member[0].upper() + member[1:]


@cache
def _service(name: str) -> Any:
    """A service's model, by its name in a Resource; None where it is not known here."""
    import botocore.session

    session = botocore.session.Session()
    available = {one.replace("-", ""): one for one in session.get_available_services()}
    found = available.get(_CALLED.get(name, name).replace("-", ""))
    return session.get_service_model(found) if found else None

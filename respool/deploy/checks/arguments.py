"""What a state hands to a service's action: AWS refuses a machine with a name unknown to it."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from respool.deploy.definition import State

_RESOURCE = re.compile(r"arn:[^:]+:states:::(aws-sdk:)?(\w+):(\w+)(?:\.\S+)?")
_RENAMED = {
    "sfn": "stepfunctions",
    "states": "stepfunctions",
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
}
"""Services that Step Functions calls otherwise than the SDK for Python."""
_RESERVED = {"NULL": "Nul"}
"""Members that the SDK for Java can't name as they are."""

Is = Callable[[str, str], bool]


def findings(name: str, state: State) -> Iterator[str]:
    """Actions and arguments that their services have not, and arguments that are missing.

    Of services and actions that are not known here, AWS tells when the machine is made.
    """
    resource = _RESOURCE.fullmatch(str(state.get("Resource", "")))
    model = _model(resource[2]) if resource else None
    if resource is None or model is None:
        return
    sdk, service, action = resource.groups()
    wanted = action.lower()
    operation = next((one for one in model.operation_names if one.lower() == wanted), None)
    if operation is None:
        if sdk:
            yield f"state {name}: {service} has no action {action}."
        return
    arguments = state.get("Parameters", state.get("Arguments", {}))
    shape = model.operation_model(operation).input_shape
    named = _in_java if sdk else _in_either_case
    for unknown in _unknown(arguments, shape, named):
        yield (
            f"state {name}: {action} takes no {unknown}. Write its arguments as the SDK for Java"
            " names them, with a capital letter first: TableName, and Bool for BOOL."
        )
    for missing in _missing(arguments, shape, named):
        yield f"state {name}: {action} needs {missing}, which is not given."


@cache
def _model(service: str) -> Any:
    """The service's model; None where the SDK here has none of that name."""
    import botocore.session
    from botocore.exceptions import UnknownServiceError

    session = botocore.session.get_session()
    try:
        return session.get_service_model(_RENAMED.get(service, service))
    except UnknownServiceError:
        return None


def _unknown(value: Any, shape: Any, named: Is) -> Iterator[str]:
    """Names in a value, at any depth, that its shape has not."""
    if shape is None:
        return
    if isinstance(value, list) and shape.type_name == "list":
        for one in value:
            yield from _unknown(one, shape.member, named)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if shape.type_name == "map":
            yield from _unknown(inner, shape.value, named)
        elif shape.type_name == "structure":
            plain = key.removesuffix(".$")
            member = next((one for one in shape.members if named(plain, one)), None)
            if member is None:
                yield plain
            else:
                yield from _unknown(inner, shape.members[member], named)


def _missing(arguments: Any, shape: Any, named: Is) -> Iterator[str]:
    """What is required and not given; a token against doubles the SDK makes itself."""
    if shape is None or not isinstance(arguments, dict):
        return
    names = [key.removesuffix(".$") for key in arguments]
    for member in shape.required_members:
        is_made_by_sdk = shape.members[member].metadata.get("idempotencyToken")
        if not is_made_by_sdk and not any(named(name, member) for name in names):
            yield member[0].upper() + member[1:]


def _in_java(name: str, member: str) -> bool:
    """Whether that is what the SDK for Java calls the member."""
    if member in _RESERVED:
        return name == _RESERVED[member]
    if member.isupper() and len(member) > 1:
        return name == member.capitalize()
    return _in_either_case(name, member)


def _in_either_case(name: str, member: str) -> bool:
    return name[:1].isupper() and name.lower() == member.lower()

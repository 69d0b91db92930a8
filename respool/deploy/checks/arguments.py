"""What a state hands to an SDK integration: AWS refuses a machine with a name unknown to it."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from respool.deploy.definition import State

_RESOURCE = re.compile(r"arn:[^:]+:states:::aws-sdk:(\w+):(\w+)(?:\.\w+)?")
_RENAMED = {"sfn": "stepfunctions", "cloudwatchlogs": "logs", "eventbridge": "events"}
"""Services that Step Functions calls otherwise than the SDK for Python."""
_RESERVED = {"NULL": "Nul"}
"""Members that the SDK for Java can't name as they are."""


def findings(name: str, state: State) -> Iterator[str]:
    """Actions and arguments of SDK integrations that their services have not."""
    resource = _RESOURCE.fullmatch(str(state.get("Resource", "")))
    model = _model(resource[1]) if resource else None
    if resource is None or model is None:
        return
    wanted = resource[2].lower()
    operation = next((one for one in model.operation_names if one.lower() == wanted), None)
    if operation is None:
        yield f"state {name}: {resource[1]} has no action {resource[2]}."
        return
    given = state.get("Parameters", state.get("Arguments"))
    for unknown in _unknown(given, model.operation_model(operation).input_shape):
        yield (
            f"state {name}: {resource[2]} takes no {unknown}. Write its arguments as the SDK for"
            " Java names them: Bool for BOOL."
        )


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


def _unknown(value: Any, shape: Any) -> Iterator[str]:
    """Names in a value, at any depth, that its shape has not."""
    if shape is None:
        return
    if isinstance(value, list) and shape.type_name == "list":
        for one in value:
            yield from _unknown(one, shape.member)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if shape.type_name == "map":
            yield from _unknown(inner, shape.value)
        elif shape.type_name == "structure":
            plain = key.removesuffix(".$")
            member = next((one for one in shape.members if _is(plain, one)), None)
            if member is None:
                yield plain
            else:
                yield from _unknown(inner, shape.members[member])


def _is(given: str, member: str) -> bool:
    if member in _RESERVED:
        return given == _RESERVED[member]
    if member.isupper() and len(member) > 1:
        return given == member.capitalize()
    return given.lower() == member.lower()

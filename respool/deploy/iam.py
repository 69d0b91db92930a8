"""Identity policies, evaluated as AWS documents it, as far as this project's policies go."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Policy = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One thing that is asked of IAM: an action on a resource, and what the request tells."""

    action: str
    resource: str
    context: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    """Condition keys with their values; one that has several values stands several times."""


def allows(policies: Iterable[Policy], call: Call) -> bool:
    """Whether the policies of one identity allow the call; raises on what it can't evaluate."""
    return any(_allows(statement, call) for policy in policies for statement in policy["Statement"])


def _allows(statement: Mapping[str, Any], call: Call) -> bool:
    if set(statement) - {"Sid", "Effect", "Action", "Resource", "Condition"}:
        raise ValueError(f"not known here: {statement}")
    if statement["Effect"] != "Allow":
        raise ValueError(f"only Allow is known here: {statement}")
    return (
        any(matches(one, call.action, re.IGNORECASE) for one in listed(statement["Action"]))
        and any(matches(one, call.resource) for one in listed(statement["Resource"]))
        and all(
            _holds(operator, key, wanted, call)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _holds(operator: str, key: str, wanted: Any, call: Call) -> bool:
    values = [value for name, value in call.context if name == key]
    fits = all(any(matches(one, value) for one in listed(wanted)) for value in values)
    if operator == "ForAllValues:StringLike" or (
        operator == "ForAllValues:StringEquals" and not set("*?") & set(str(wanted))
    ):
        return fits
    if operator in ("StringEquals", "ArnEquals") and not set("*?") & set(str(wanted)):
        return fits and bool(values)
    raise ValueError(f"a condition that is not known here: {operator} {key}")


def matches(pattern: str, text: str, flags: int = 0) -> bool:
    """`*` is any text, `?` any one character, and everything else is itself."""
    parts = {"*": ".*", "?": "."}
    expression = "".join(parts.get(one) or re.escape(one) for one in pattern)
    return re.fullmatch(expression, text, flags | re.DOTALL) is not None


def listed(value: Any) -> list[Any]:
    """A list, also of a single text."""
    return value if isinstance(value, list) else [value]

"""Policies against AWS's own list of actions and resources, which cfn-lint brings along."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from respool.deploy.iam import Policy, listed

UNLISTED = {"states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"}
"""AWS's list has no resource for these, yet it judges them by the token's state machine."""

BOUND = {"cloudwatch:PutMetricData": "cloudwatch:namespace"}
"""What is bound by a condition, where a resource is but another way."""


def findings(policy: Policy) -> Iterator[str]:
    """Actions that AWS does not know, resources that are none of theirs, and needless stars."""
    for statement in policy["Statement"]:
        keys = {key for keys in statement.get("Condition", {}).values() for key in keys}
        for action in listed(statement["Action"]):
            if BOUND.get(action) in keys:
                continue
            for resource in listed(statement["Resource"]):
                if finding := _finding(action, resource):
                    yield f"{statement.get('Sid', action)}: {finding}"


def _finding(action: str, resource: Any) -> str:
    if "*" in action:
        return f"{action} is many actions. Name those that are needed."
    kinds = _kinds(action)
    if kinds is None:
        return f"AWS knows no action {action}."
    if action in UNLISTED:
        return f"{action} on any resource. Name the state machine." if resource == "*" else ""
    if not kinds:
        return "" if resource == "*" else f"{action} knows no resources, only *."
    if resource == "*":
        return f"{action} on any resource. Name it."
    if not any(re.fullmatch(kind, resource) for kind in kinds):
        return f"{resource} is not a resource of {action}."
    return ""


def known(action: str) -> bool:
    """Whether AWS has such an action."""
    return _kinds(action) is not None


def _kinds(action: str) -> list[str] | None:
    """What an action's resources look like; None for an action that there is not."""
    service, _, name = action.partition(":")
    reference = _reference().get(service, {"Actions": {}, "Resources": {}})
    entry = reference["Actions"].get(name.lower())
    if entry is None:
        return None
    return [
        re.sub(r"\$\{[^}]*\}", "[^:]*", pattern)
        for kind in entry.get("Resources", [])
        for pattern in reference["Resources"][kind.lower()]["ARNFormats"]
    ]


@cache
def _reference() -> dict[str, Any]:
    import cfnlint.data.AdditionalSpecs
    from cfnlint.helpers import load_resource

    services = load_resource(cfnlint.data.AdditionalSpecs, "Policies.json")
    return {
        service: {
            "Actions": {name.lower(): one for name, one in about["Actions"].items()},
            "Resources": {kind.lower(): one for kind, one in about["Resources"].items()},
        }
        for service, about in services.items()
    }

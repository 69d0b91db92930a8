"""The machine's role: what its definition does, it may, and nothing else."""

import re
from collections.abc import Iterator
from typing import Any

from respool.deploy.checks.findings import Malformed
from respool.deploy.definition import Definition, all_states, strings

CLAIM = re.compile(r"\$respool\d*\.pk\b")
"""What the states of a frame have for their claim's own key."""
_BEGINNING = re.compile(r"(?:^|')([A-Za-z0-9_@-]+#)")

Resources = dict[str, Any]


def fit(resources: Resources, definition: Definition, invoked: list[Any], spools: bool) -> None:
    """Let the role invoke these functions, write the definition's items and, if it does, spool.

    Raises Malformed where the definition writes what no pipeline may.
    """
    if invoked:
        _put(resources, "MachineMayInvoke", "Resource", invoked)
    else:  # IAM takes no policy without a resource
        _leave_out(resources, "MachineMayInvoke")
    if not spools:
        _leave_out(resources, "MachineMaySpool")
    if keys := written_keys(definition):
        bound = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{one}*" for one in keys]}}
        _put(resources, "MachineMayWrite", "Condition", bound)
    else:
        _leave_out(resources, "MachineMayWrite")


def written_keys(definition: Definition) -> list[str]:
    """How the keys begin of all items that the definition's states write, up to the `#`.

    Raises Malformed for tokens: whoever writes one lets people in.
    """
    keys = {
        beginning
        for _, state in all_states(definition)
        if ":dynamodb:" in str(state.get("Resource", ""))
        for key in _keys([state.get("Parameters"), state.get("Arguments")])
        for text in strings(key)
        for beginning in _beginnings(text)
    }
    if "token#" in keys:
        raise Malformed(
            "The definition writes items whose keys begin with token#, by which people are let in."
            " Take another beginning."
        )
    return sorted(keys)


def _keys(value: Any) -> Iterator[Any]:
    """What stands as `Key`, or as an item's `pk`, at any depth."""
    if isinstance(value, list):
        for each in value:
            yield from _keys(each)
    if isinstance(value, dict):
        for name, each in value.items():
            if name in ("Key", "pk"):
                yield each
            else:
                yield from _keys(each)


def _beginnings(text: str) -> Iterator[str]:
    if CLAIM.search(text):
        yield "job#"
    for match in _BEGINNING.finditer(text):
        yield match[1]


def _put(resources: Resources, name: str, part: str, value: Any) -> None:
    """Put a part into each statement of a policy."""
    policy = resources[name]
    document = policy["Properties"]["PolicyDocument"]
    statements = [{**one, part: value} for one in document["Statement"]]
    properties = policy["Properties"] | {"PolicyDocument": document | {"Statement": statements}}
    resources[name] = policy | {"Properties": properties}


def _leave_out(resources: Resources, policy: str) -> None:
    del resources[policy]
    waited_for = [one for one in resources["Machine"]["DependsOn"] if one != policy]
    resources["Machine"] = resources["Machine"] | {"DependsOn": waited_for}

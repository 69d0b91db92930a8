"""Policies with something taken away."""

from collections.abc import Iterator
from typing import Any

from respool.deploy.iam import Policy, listed

Statement = dict[str, Any]


def narrowed(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """Every policy that lacks one action, resource or condition's value of one statement, named
    by what it lacks.

    Whatever still allows everything that is needed was wider than need be.
    """
    for n, statement in enumerate(policy["Statement"]):
        for lacking, changed in _less(statement):
            statements = policy["Statement"][:n] + changed + policy["Statement"][n + 1 :]
            yield f"{statement.get('Sid', n)} {lacking}", {**policy, "Statement": statements}


def _less(statement: Statement) -> Iterator[tuple[str, list[Statement]]]:
    for part in ("Action", "Resource"):
        for one, rest in _without_one(statement[part]):
            yield one, [{**statement, part: rest}] if rest else []
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            for one, rest in _without_one(values):
                condition = {**statement["Condition"], operator: {**keys, key: rest}}
                yield f"{key} {one}", [{**statement, "Condition": condition}] if rest else []


def _without_one(values: Any) -> Iterator[tuple[str, list[Any]]]:
    for one in listed(values):
        yield one, [other for other in listed(values) if other != one]

"""Policies with something taken away."""

from collections.abc import Iterator

from respool.deploy.iam import Policy, listed


def narrowed(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """Every policy that lacks one action or one resource of one statement, named by what it lacks.

    Whatever still allows everything that is needed was wider than need be.
    """
    for n, statement in enumerate(policy["Statement"]):
        for part in ("Action", "Resource"):
            for one in listed(statement[part]):
                rest = [other for other in listed(statement[part]) if other != one]
                changed = [{**statement, part: rest}] if rest else []
                statements = policy["Statement"][:n] + changed + policy["Statement"][n + 1 :]
                yield f"{statement.get('Sid', n)} {one}", {**policy, "Statement": statements}

"""The claims of one execution, where it may have several: by what its own history says."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.job.claim import JOB, Claim, job_pk
from chalicelib.job.ports import Claims, Workflow


def claims_asked(
    workflow: Workflow, claims: Claims, execution: str, machine: str, usual: str | None
) -> dict[str, Claim | None]:
    """Every key that a dead execution of that machine has asked for, and whoever's claim it is now.

    The `usual` key is its own as well where a claim says so that it was handed over.

    Raises NotFound where its history is gone, and Lagging where that does not show its end yet.
    """
    prefix = job_pk("", machine)
    pks = sorted(pk for pk in workflow.asked(execution) if pk.startswith(prefix))
    more = [job_pk(usual, machine)] if usual is not None else []
    by_pk = claims.get_many(sorted({*pks, *more}))
    own = {pk: claim for pk, claim in by_pk.items() if claim.execution == execution}
    return {**{pk: by_pk.get(pk) for pk in pks}, **own}


def keys_in(event: Mapping[str, Any]) -> Iterator[str]:
    """The claims' own keys in a write that this event schedules; it is told before it is made.

    A state of somebody else's may write such a key as well, in another table: the claims say
    whose they are.
    """
    details = event.get("taskScheduledEventDetails", {})
    if "dynamodb" in details.get("resourceType", ""):
        yield from _keys(details.get("parameters", ""))


def _keys(parameters: str) -> Iterator[str]:
    try:
        value = json.loads(parameters)
    except (ValueError, RecursionError):  # none of ours
        return
    for item in _members(value, "TransactItems") or [{"Update": value}]:
        key = _member(_member(_member(_member(item, "Update"), "Key"), "pk"), "S")
        if isinstance(key, str) and key.startswith((JOB, "job@")):
            yield key


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _members(value: Any, name: str) -> list[Any]:
    members = _member(value, name)
    return members if isinstance(members, list) else []

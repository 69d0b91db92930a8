"""Jobs as people see them: listed, paged, and grouped by what went wrong."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from chalicelib.api.paths import written
from chalicelib.errors import BadRequest
from chalicelib.job.claim import Claim
from chalicelib.job.overview import State, position, state_of
from chalicelib.job.ports import Overview
from chalicelib.replaying.requests import read_text, read_whole, single

MOST_JOBS = 200
"""Jobs in one answer: at 1,000 characters of error each it stays far under Lambda's 6 MB."""
_FIELDS = ("state", "task", "error", "search", "cursor", "limit")
_CONSOLES = {
    "aws": "https://{region}.console.aws.amazon.com",
    "aws-cn": "https://{region}.console.amazonaws.cn",
    "aws-us-gov": "https://console.amazonaws-us-gov.com",
}


@dataclass(frozen=True)
class Filter:
    """Which jobs to list; an empty field narrows nothing, and `error` None means any."""

    states: frozenset[State] = frozenset(State)
    task: str = ""
    error: str | None = None
    search: str = ""

    def takes(self, job: Claim) -> bool:
        """Whether the job is among them."""
        return (
            state_of(job) in self.states
            and self.task in ("", job.task)
            and self.error in (None, job.failure.name)
            and self.search.casefold() in job.key.casefold()
        )


def list_jobs(overview: Overview, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """One page of jobs, the longest waiting first, and the `cursor` of the next page."""
    given = single(query, _FIELDS)
    chosen = _filter(given)
    limit = read_whole(given, "limit", 1, MOST_JOBS) or 50
    after = _read_cursor(given["cursor"]) if "cursor" in given else None
    view = overview.read()
    found = [job for job in view.jobs if chosen.takes(job)]
    rest = [job for job in found if after is None or position(job) > after]
    page = rest[:limit]
    return {
        "jobs": [as_json(job) for job in page],
        "total": len(found),
        "cursor": _cursor(page[-1]) if len(rest) > limit else None,
        "complete": view.complete,
        "revision": view.revision,
    }


def group_jobs(overview: Overview, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """How many jobs wait, by task, error and state; the largest group first."""
    single(query, ())
    view = overview.read()
    groups: dict[tuple[str, str, State], list[Claim]] = {}
    for job in view.jobs:
        if (state := state_of(job)) is not State.RUNNING:
            groups.setdefault((job.task, job.failure.name, state), []).append(job)
    told = [_group(*about, jobs) for about, jobs in groups.items()]
    told.sort(key=lambda group: (-group["count"], group["oldest"], group["error"]))
    return {"groups": told, "complete": view.complete, "revision": view.revision}


def as_json(job: Claim) -> dict[str, Any]:
    """One job; `id` is its key as it stands in a path, `link` its execution in AWS's console."""
    return {
        "key": job.key,
        "id": written(job.key),
        "state": state_of(job).value,
        "task": job.task,
        "error": {"name": job.failure.name, "message": job.failure.message},
        "attempt": job.attempt,
        "started_at": job.claimed_at or None,
        "first_failed_at": job.first_failed_at or None,
        "last_failed_at": job.parked_at or None,
        "resumed_at": job.resumed_at or None,
        "stuck_at": job.stuck_at or None,
        "execution": job.execution,
        "link": link(job.execution),
    }


def link(execution: str) -> str | None:
    """Where AWS's console shows an execution; None for a partition without a known console."""
    parts = execution.split(":")
    if len(parts) < 8 or parts[1] not in _CONSOLES:
        return None
    console = _CONSOLES[parts[1]].format(region=quote(parts[3], safe=""))
    region = quote(parts[3], safe="")
    return f"{console}/states/home?region={region}#/v2/executions/details/{quote(execution)}"


def _group(task: str, error: str, state: State, jobs: list[Claim]) -> dict[str, Any]:
    latest = max(jobs, key=lambda job: job.parked_at)
    return {
        "task": task,
        "error": error,
        "state": state.value,
        "count": len(jobs),
        "message": latest.failure.message,
        "oldest": min(_failed_at(jobs), default=""),
        "newest": latest.parked_at,
    }


def _failed_at(jobs: Iterable[Claim]) -> list[str]:
    return [job.first_failed_at or job.parked_at for job in jobs]


def _filter(given: Mapping[str, str]) -> Filter:
    states = frozenset(State)
    if "state" in given:
        try:
            states = frozenset(State(name) for name in given["state"].split(","))
        except ValueError as wrong:
            known = ", ".join(State)
            raise BadRequest(
                f"state={given['state'][:40]} must be one or more of {known}"
            ) from wrong
    return Filter(
        states=states,
        task=read_text(given, "task"),
        error=given.get("error"),
        search=read_text(given, "search"),
    )


def _cursor(job: Claim) -> str:
    text = json.dumps(position(job), separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[str, str]:
    try:
        padded = text + "=" * (-len(text) % 4)
        moment, key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if isinstance(moment, str) and isinstance(key, str):
            return moment, key
    except (ValueError, TypeError, RecursionError):
        pass
    raise BadRequest(f"cursor={text[:40]} is not one that /jobs gave; leave it out to begin anew")

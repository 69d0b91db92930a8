"""Jobs as people see them: listed, the oldest first, and paged."""

import base64
import heapq
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any
from urllib.parse import quote

from chalicelib.api import paths
from chalicelib.api.groups import MOST_MESSAGE
from chalicelib.api.overview import View, position
from chalicelib.api.stage import Stage
from chalicelib.errors import BadRequest
from chalicelib.job.claim import JOB, WAITING, Claim, State
from chalicelib.job.execution import machine_of
from chalicelib.replaying.requests import read_machine, read_text, read_whole, shown, single

MOST_JOBS = 200
"""Jobs in one answer: at 1,000 characters of error each it stays far under Lambda's 6 MB."""
MOST_PASSED = 5_000
"""Jobs that one answer passes over in search of those asked for; its cursor goes on from there."""
LISTED = (State.RUNNING, *WAITING)
"""The states of jobs that are listed; ended ones are found by their key."""
_FIELDS = ("state", "task", "error", "machine", "search", "cursor", "limit")
_CONSOLES = {
    "aws": "https://{region}.console.aws.amazon.com",
    "aws-cn": "https://{region}.console.amazonaws.cn",
    "aws-us-gov": "https://console.amazonaws-us-gov.com",
}
Position = tuple[str, str]


@dataclass(frozen=True)
class Filter:
    """Which jobs to list; an empty field narrows nothing, and `error` None means any."""

    states: frozenset[State] = frozenset(LISTED)
    task: str = ""
    error: str | None = None
    search: str = ""
    machine: str | None = None
    """A state machine as claims name it: empty is the stage's own."""

    @property
    def narrows(self) -> bool:
        """Whether it takes fewer jobs than there are in these states of that task."""
        return self.error is not None or self.machine is not None or bool(self.search)

    def takes(self, job: Claim) -> bool:
        """Whether a job in one of these states of that task is among them."""
        failed = job.error if job.attempt else ""
        if self.machine not in (None, job.machine):
            return False
        return self.error in (None, failed) and self.search.casefold() in job.key.casefold()


def list_jobs(stage: Stage, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """One page of jobs, the oldest first, and the `cursor` of the next one."""
    fields = single(query, _FIELDS)
    filter = _filter(fields, stage)
    limit = read_whole(fields, "limit", 1, MOST_JOBS) or 50
    after = _read_cursor(fields["cursor"]) if "cursor" in fields else ("", "")
    view = stage.overview.read()
    page = _Page(limit)
    for job in _in_order(stage, view, filter, after, 0 if filter.narrows else limit + 1):
        if not page.goes_on(job, filter.takes(job)):
            break
    if filter.search and filter.machine in (None, "") and after == ("", ""):
        page.jobs += _ended(stage, filter.search, page.jobs)
    rows = [as_json(job) for job in _whole(stage, page.jobs)]
    return _answer(view, rows, page.cursor, None if filter.narrows else _total(view, filter))


class _Page:
    """Jobs taken so far; `cursor` is where the next page begins, None behind the last job."""

    def __init__(self, limit: int) -> None:
        self.jobs: list[Claim] = []
        self.cursor: str | None = None
        self._limit = limit
        self._passed = 0
        self._last: Claim | None = None

    def goes_on(self, job: Claim, matches: bool) -> bool:
        """Take a job or pass over it; False where it belongs to the next page."""
        if len(self.jobs) == self._limit or self._passed == MOST_PASSED:
            self.cursor = _cursor(self._last or job)
            return False
        self._passed += 1
        self._last = job
        if matches:
            self.jobs.append(job)
        return True


def _answer(
    view: View, rows: list[dict[str, Any]], cursor: str | None, total: int | None = None
) -> dict[str, Any]:
    return {"jobs": rows, "total": total, "cursor": cursor, "revision": view.revision}


def _total(view: View, filter: Filter) -> int | None:
    counts = [view.count(state, filter.task) for state in filter.states]
    return sum(each.number for each in counts) if all(each.whole for each in counts) else None


def _in_order(
    stage: Stage, view: View, filter: Filter, after: Position, limit: int
) -> Iterator[Claim]:
    """The jobs of these states of that task behind a position, read as they are asked for."""
    sources: list[Iterable[Claim]] = []
    for slots in view.tasks:
        if filter.task not in ("", slots.task):
            continue
        if State.RUNNING in filter.states:
            sources.append(_running(stage, slots.owners, filter))
        for state in WAITING:
            if state in filter.states and view.count(state, slots.task).number:
                jobs = _waiting(stage, view, state, slots.task, after, limit)
                sources.append(_equals_sorted(jobs))
    last = after
    for job in heapq.merge(*sources, key=position):
        if position(job) > last:  # one that has just got its slot may stand in the index as well
            last = position(job)
            yield job


def _waiting(
    stage: Stage, view: View, state: State, task: str, after: Position, limit: int
) -> Iterator[Claim]:
    """The jobs of a task that wait in that state: what the view has of them, then the index."""
    behind = after
    for job in view.oldest:
        if (job.state, job.task) == (state, task):
            behind = max(behind, position(job))
            yield job
    if state is State.LINE or not view.whole:
        yield from stage.engines.world.claims.waiting(state, task, _before(behind), limit)


def _running(stage: Stage, owners: Mapping[str, str], filter: Filter) -> list[Claim]:
    """Jobs that have a slot, as their claims tell; one may have left it a moment ago."""
    search = filter.search.casefold()
    pks = [pk for pk in owners if search in pk.casefold()]
    claims = stage.engines.world.claims.look(pks, consistent=True)
    running = [job for job in claims.values() if job.state is State.RUNNING and not job.ended_at]
    return sorted(running, key=position)


def _equals_sorted(jobs: Iterable[Claim]) -> Iterator[Claim]:
    """The index gives those of one order in any sequence; a cursor needs one that stays."""
    for _, equals in groupby(jobs, key=lambda job: job.order):
        yield from sorted(equals, key=position)


def _before(after: Position) -> str:
    """An order before all that began in the same millisecond, so that no equal one is left out."""
    return after[0].partition("#")[0]


def _whole(stage: Stage, jobs: Sequence[Claim]) -> Iterator[Claim]:
    """The jobs with what the index has not: execution, and cause where it is still the same one."""
    bare = [job.pk for job in jobs if not job.execution]
    claims = stage.engines.world.claims.look(bare)
    for job in jobs:
        claim = claims.get(job.pk, job)
        same = (claim.attempt, claim.failed_at) == (job.attempt, job.failed_at)
        yield replace(job, execution=claim.execution, cause=claim.cause if same else "")


def _ended(stage: Stage, key: str, page: Sequence[Claim]) -> list[Claim]:
    """The job of exactly that key, if it is not listed: it has ended, or is between two steps."""
    claims = stage.engines.world.claims.look([JOB + key]) if len(key.encode()) <= 1024 else {}
    return [job for job in claims.values() if job.pk not in {each.pk for each in page}]


def as_json(job: Claim) -> dict[str, Any]:
    """One job; `id` is its key as it stands in a path, `link` its execution in AWS's console."""
    failed, failure = bool(job.attempt), job.failure
    return {
        "key": job.key,
        "id": paths.written(job.key, job.machine),
        "state": job.state.value,
        "task": job.task,
        "machine": job.machine or machine_of(job.execution),
        "error": {"name": failure.name, "message": failure.message[:MOST_MESSAGE]},
        "attempt": job.attempt,
        "started_at": job.started_at or job.claimed_at or None,
        "since": job.since or None,
        "first_failed_at": (failed and job.first_failed_at) or None,
        "failed_at": (failed and job.failed_at) or None,
        "dead_at": job.dead_at or None,
        "ended_at": job.ended_at or None,
        "execution": job.execution,
        "link": link(job.execution),
    }


def link(execution: str) -> str | None:
    """Where AWS's console shows an execution; None for a partition without a known console."""
    console = _console(execution)
    if console is None:
        return None
    address, region = console
    return f"{address}/states/home?region={region}#/v2/executions/details/{quote(execution)}"


def logs(execution: str, prefix: str) -> str | None:
    """Where AWS's console lists the stage's log groups; None where that is not known."""
    console = _console(execution)
    if console is None:
        return None
    address, region = console
    groups = f"#logsV2:log-groups$3FlogGroupNameFilter$3D{quote(prefix, safe='')}"
    return f"{address}/cloudwatch/home?region={region}{groups}"


def _console(execution: str) -> tuple[str, str] | None:
    """The console's address, and the region."""
    parts = execution.split(":")
    if len(parts) < 8 or parts[1] not in _CONSOLES:
        return None
    region = quote(parts[3], safe="")
    return _CONSOLES[parts[1]].format(region=region), region


def _filter(fields: Mapping[str, str], stage: Stage) -> Filter:
    machine = read_machine(fields)
    return Filter(
        states=_states(fields["state"]) if "state" in fields else frozenset(LISTED),
        task=read_text(fields, "task"),
        error=fields.get("error"),
        search=read_text(fields, "search"),
        machine=stage.engines.machine(machine) if machine else None,
    )


def _states(text: str) -> frozenset[State]:
    states: dict[str, State] = {state.value: state for state in LISTED}
    try:
        return frozenset(states[name] for name in text.split(","))
    except KeyError as wrong:
        names = ", ".join(states)
        raise BadRequest(f"state={shown(text)} must be one or more of {names}") from wrong


def _cursor(job: Claim) -> str:
    text = json.dumps(position(job), separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(text: str) -> Position:
    try:
        padded = text + "=" * (-len(text) % 4)
        order, pk = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if isinstance(order, str) and isinstance(pk, str):
            return order, pk
    except (ValueError, TypeError, RecursionError):
        pass
    raise BadRequest(
        f"cursor={shown(text)} is not one that /jobs gave; leave it out for the first page"
    )

"""How the stage stands, from a handful of calls that are shared by all who ask."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib import moments
from chalicelib.api.ramps import ramp_of
from chalicelib.errors import BadRequest
from chalicelib.job.claim import Claim, Slots
from chalicelib.job.overview import State, View, state_of
from chalicelib.limits import REMEMBERS, RETENTION, RUNS
from chalicelib.replaying.requests import shown, single
from chalicelib.stage import UNCERTAIN_TASK, Stage, now

WARNED = timedelta(days=35)
"""How long before Step Functions ends or forgets an execution its job may be lost."""


def status(stage: Stage, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """The stage at a glance; `since` also tells what became of jobs that waited then.

    Looks are remembered by each of the API's Lambdas; one from before `since` can't answer that.
    """
    since = _moment(single(query, ("since",)))
    view = stage.overview.read(since and min(since, now()))
    told = {
        "stage": stage.names.prefix,
        "at": view.at.isoformat(timespec="milliseconds"),
        "jobs": {state.value: _count(view, state) for state in State},
        **stage.gauges.get(),
        "oldest_failure": _oldest(view),
        "tasks": tasks(stage, view),
        "schedule": _schedule(stage),
        "next_loss": _next_loss(stage, view),
        "complete": view.complete,
        "revision": view.revision,
    }
    return told if since is None else told | {"since": _since(view, since)}


def tasks(stage: Stage, view: View) -> list[dict[str, Any]]:
    """Each task that is known: how many are inside it and may be, and what its ramp does."""
    slots = {each.task: each for each in view.slots}
    names = {UNCERTAIN_TASK, *slots} if not slots else set(slots)
    names |= {job.task for job in view.jobs if job.task}
    return [_task(stage, view, slots.get(name, Slots(name))) for name in sorted(names)]


def _task(stage: Stage, view: View, slots: Slots) -> dict[str, Any]:
    limit = stage.settings.task_limit if slots.limit is None else slots.limit
    return {
        "task": slots.task,
        "inside": len(slots.holders),
        "limit": limit,
        "default_limit": stage.settings.task_limit,
        "own_limit": slots.limit is not None,
        "ramp": ramp_of(stage, view, slots, limit),
    }


def _count(view: View, state: State) -> int:
    return sum(state_of(job) is state for job in view.jobs)


def _waiting(jobs: Iterable[Claim]) -> list[Claim]:
    return [job for job in jobs if state_of(job) is not State.RUNNING]


def _oldest(view: View) -> dict[str, Any] | None:
    failures = [job.first_failed_at or job.parked_at for job in _waiting(view.jobs)]
    known = [moment for text in failures if (moment := moments.read(text))]
    if not known:
        return None
    oldest = min(known)
    return {"at": oldest.isoformat(timespec="milliseconds"), "age": _age(view.at, oldest)}


def _age(now: datetime, then: datetime) -> int:
    return max(0, int((now - then).total_seconds()))


def _schedule(stage: Stage) -> dict[str, Any] | None:
    settings = stage.settings
    if not settings.replay_schedule:
        return None
    return {
        "expression": settings.replay_schedule,
        "timezone": settings.replay_timezone,
        "max": settings.replay_max,
    }


def _next_loss(stage: Stage, view: View) -> dict[str, Any] | None:
    """The first job that would be lost if nobody acted, and when; normally there is none."""
    risks = [risk for job in _waiting(view.jobs) if (risk := _risk(stage, view.at, job))]
    if not risks:
        return None
    at, job, why = min(risks, key=lambda risk: (risk[0], risk[1].key))
    return {"at": at.isoformat(timespec="milliseconds"), "key": job.key, "why": why}


def _risk(stage: Stage, now: datetime, job: Claim) -> tuple[datetime, Claim, str] | None:
    """Its message is sent anew while its execution is known: a year alive, 90 days dead."""
    if job.spooled_at and not stage.settings.sweep_schedule:
        spooled = moments.read(job.spooled_at)
        return (_later(spooled, timedelta(seconds=RETENTION)), job, "message") if spooled else None
    began, lasts = (job.parked_at, REMEMBERS) if job.spooled_at else (job.claimed_at, RUNS)
    since = moments.read(began)
    if since is None or _later(since, lasts) - now > WARNED:
        return None
    return _later(since, lasts), job, "execution"


def _later(moment: datetime, by: timedelta) -> datetime:
    """So much later, as far as time goes: a claim may hold what a message says."""
    try:
        return moment + by
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _since(view: View, since: datetime) -> dict[str, Any]:
    """What became of jobs that waited at that moment: still waiting, going on, or back again.

    Whoever knows how many waited then also knows how many have finished: the rest.
    """
    waiting = [job for job in _waiting(view.jobs) if _at(job.parked_at) <= since]
    again = [job for job in _waiting(view.jobs) if _at(job.parked_at) > since]
    running = [job for job in view.jobs if state_of(job) is State.RUNNING and job.attempt]
    return {
        "at": since.isoformat(timespec="milliseconds"),
        "waiting": len(waiting),
        "running": sum(_went_on(job, since, 1) for job in running),
        "failed_again": sum(_went_on(job, since, 2) for job in again),
    }


def _went_on(job: Claim, since: datetime, attempts: int) -> bool:
    """A restart leaves a younger claim instead of a resumption, and a failure from before."""
    restarted = job.attempt >= attempts and _at(job.claimed_at) >= since
    return restarted or _at(job.resumed_at) >= since


def _at(text: str) -> datetime:
    return moments.read(text) or datetime.min.replace(tzinfo=UTC)


def _moment(given: Mapping[str, str]) -> datetime | None:
    if "since" not in given:
        return None
    if given["since"] == "now":
        return now()
    moment = moments.read(given["since"].replace(" ", "+"))  # a plus in a query means a space
    if moment is None:
        raise BadRequest(f"since={shown(given['since'])} must be `now` or a time, as in `at`")
    return moment

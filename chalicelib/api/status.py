"""How the stage stands, from a handful of calls that are shared by all who ask."""

from collections.abc import Mapping
from typing import Any

from chalicelib.api.jobs import LISTED
from chalicelib.api.losses import next_loss
from chalicelib.api.overview import View
from chalicelib.api.stage import Stage
from chalicelib.api.tasks import tasks
from chalicelib.moments import iso, read
from chalicelib.replaying.requests import single


def status(stage: Stage, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """The stage at a glance. Not `complete`: there are more waiting jobs than the numbers say."""
    single(query, ())
    view = stage.overview.read()
    counts = {state: view.count(state) for state in LISTED}
    return {
        "stage": stage.prefix,
        "machines": [stage.prefix, *stage.engines.settings.machines],
        "at": iso(view.at),
        "jobs": {state.value: count.number for state, count in counts.items()},
        **stage.gauges.get(),
        "oldest_failure": _oldest_failure(view),
        "tasks": tasks(stage, view),
        "schedule": _schedule(stage),
        "next_loss": next_loss(stage, view),
        "complete": all(count.whole for count in counts.values()),
        "revision": view.revision,
    }


def _oldest_failure(view: View) -> dict[str, Any] | None:
    """The first failure of those that wait for somebody, of as many as were read."""
    failures = [job.first_failed_at or job.failed_at or job.since for job in view.oldest]
    moments = [moment for text in failures if (moment := read(text))]
    if not moments:
        return None
    oldest = min(moments)
    age = int((view.at - oldest).total_seconds())
    return {"at": iso(oldest), "age": max(0, age)}


def _schedule(stage: Stage) -> dict[str, Any] | None:
    settings = stage.engines.settings
    if not settings.replay_schedule:
        return None
    return {
        "expression": settings.replay_schedule,
        "timezone": settings.replay_timezone,
        "max": settings.replay_max,
    }

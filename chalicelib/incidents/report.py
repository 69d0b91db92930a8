"""An incident as a report: its figures, what they spared, what they cost. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from chalicelib.job.incident import Incident, Point
from chalicelib.moments import iso, read

A_FAILURE = 0.000137
"""Dollars: what a failure and the replay after it cost in us-east-1 (docs/costs.md)."""
HOUR = 3600
DAYS = 14


def as_json(incident: Incident, stage: str) -> dict[str, Any]:
    """The figures, as of `counted_at`; what is a lower bound says so by `whole`.

    `stage` is the name of the stage's own state machine.
    """
    again = max(0, incident.failures - incident.jobs)
    hourly = incident.job_seconds // HOUR
    return {
        "id": incident.id,
        "task": incident.task,
        "machines": [
            {"machine": name or stage, "failed": number}
            for name, number in incident.machines.items()
        ],
        "over": incident.is_over,
        "since": incident.since,
        "noticed_at": incident.noticed_at,
        "over_at": incident.over_at or None,
        "counted_at": incident.counted_at,
        "jobs": incident.jobs,
        "failures": incident.failures,
        "failed_again": again,
        "ended": incident.ended,
        "waiting": {
            "parked": incident.parked,
            "stuck": incident.stuck,
            "line": incident.failed_in_line,
            "untried": incident.untried,
            "inside": incident.inside,
        },
        "most": {"failed": incident.most_failed, "untried": incident.most_untried},
        "near_loss": incident.near,
        "whole": incident.whole,
        "calls": {"hourly_retry": hourly, "again": again, "spared": max(0, hourly - again)},
        "dollars": round(incident.failures * A_FAILURE, 6),
        "gate": {
            "open": not incident.gate_closed,
            "by": incident.gate_by,
            "why": incident.gate_why,
            "since": incident.gate_since or None,
            "until": incident.gate_until or None,
        },
        "said": [vars(each) for each in incident.said],
        "news": [{"at": each.at, "what": each.what.value} for each in incident.news],
    }


def in_full(incident: Incident, stage: str) -> dict[str, Any]:
    """The incident as JSON, with its course: what the gate and the ramp did, and the curve."""
    return {
        **as_json(incident, stage),
        "changes": [vars(each) for each in incident.changes],
        "changes_left_out": incident.changes_left_out,
        "curve": [vars(each) for each in incident.curve],
    }


def last_days(incidents: Iterable[Incident], now: datetime) -> list[dict[str, Any]]:
    """The stage's last fortnight day by day (UTC), the oldest first, as the curves tell.

    `waiting` and `untried` are the most at any moment of the day, over all tasks.
    """
    days = [iso(now - timedelta(days=back))[:10] for back in reversed(range(DAYS))]
    totals: dict[str, dict[str, int]] = {
        day: dict.fromkeys(("failed", "untried", "failures", "ended"), 0) for day in days
    }
    for incident in incidents:
        for day, numbers in _by_day(incident.curve).items():
            for name, number in numbers.items():
                if day in totals:
                    totals[day][name] += number
    return [{"day": day, **numbers} for day, numbers in totals.items()]


def _by_day(curve: Iterable[Point]) -> dict[str, dict[str, int]]:
    days: dict[str, dict[str, int]] = {}
    failures = ended = 0
    for point in curve:
        numbers = days.setdefault(
            point.at[:10], dict.fromkeys(("failed", "untried", "failures", "ended"), 0)
        )
        numbers["failed"] = max(numbers["failed"], point.failed)
        numbers["untried"] = max(numbers["untried"], point.untried)
        numbers["failures"] += point.failures - failures
        numbers["ended"] += max(0, point.ended - ended)
        failures, ended = point.failures, max(ended, point.ended)
    return days


def lasted(incident: Incident, now: datetime) -> timedelta:
    """How long it has lasted, or did."""
    start, over = read(incident.since), read(incident.over_at)
    return max(timedelta(), (over or now) - start) if start else timedelta()

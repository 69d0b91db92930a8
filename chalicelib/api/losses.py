"""Jobs that would be lost if nobody acted: Step Functions ends and forgets executions in time."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.api import paths
from chalicelib.api.overview import View
from chalicelib.api.stage import Stage
from chalicelib.job.claim import Claim
from chalicelib.limits import REDRIVABLE
from chalicelib.moments import iso, read

YEAR = timedelta(days=365)
"""Step Functions ends every execution after a year."""
KEPT = timedelta(days=90)
"""Step Functions forgets an execution this long after its end; its input is in the spool alone."""
WARNED = timedelta(days=14)
"""How long before either a job is named."""
LAST_DAYS = timedelta(days=4)
"""The same before Step Functions will not redrive a watched execution any more."""
MOST_LOOKED_AT = 100


def next_loss(stage: Stage, view: View) -> dict[str, Any] | None:
    """The first job that would be lost, when and why; normally there is none.

    A restart began later than its job did, so whoever is near the year is looked at.
    """
    waits = [*view.oldest, *view.first_in_line.values()]
    dead = [(_later(job.dead_at, KEPT), job, "forgotten") for job in waits if job.dead_at]
    old = [job for job in waits if not job.dead_at and _near(view, _later(job.started_at, YEAR))]
    risks = [*dead, *((_later(start, YEAR), job, "year") for job, start in _began(stage, old))]
    near = [risk for risk in risks if _near(view, risk[0])] + _watched(stage, view, waits)
    if not near:
        return None
    at, job, why = min(near, key=lambda risk: (risk[0], risk[1].pk))
    return {"at": iso(at), "key": job.key, "id": paths.written(job.key, job.machine), "why": why}


def _began(stage: Stage, jobs: list[Claim]) -> Iterable[tuple[Claim, str]]:
    """When the execution that each job is in began, which may be later than its first one."""
    if not jobs:
        return
    pks = [job.pk for job in jobs[:MOST_LOOKED_AT]]
    for job in stage.engines.world.claims.look(pks).values():
        yield job, job.claimed_at or job.started_at


def _watched(stage: Stage, view: View, jobs: list[Claim]) -> list[tuple[datetime, Claim, str]]:
    """Those of watched machines whose last days have come, and are not over."""

    def left(job: Claim) -> timedelta:
        return _later(job.dead_at, REDRIVABLE) - view.at

    zero = timedelta(0)
    late = [job for job in jobs if job.may_be_watched and zero <= left(job) <= LAST_DAYS]
    pks = [job.pk for job in late[:MOST_LOOKED_AT]]
    looked = stage.engines.world.claims.look(pks) if pks else {}
    redriven = [job for job in looked.values() if job.watched and not job.fail_state]
    return [(view.at + left(job), job, "redrive") for job in redriven]


def _near(view: View, at: datetime) -> bool:
    return at - view.at <= WARNED


def _later(moment: str, by: timedelta) -> datetime:
    """A moment that much later; the end of time where that can't be told."""
    start = read(moment)
    try:
        return start + by if start else datetime.max.replace(tzinfo=UTC)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)

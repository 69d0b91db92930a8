"""What has become of an incident since somebody looked last, and what people are told. Pure.

An incident begins with a failure that waits, or a gate that the service's trouble has closed, and
is over once no failed job waits for a replay or is back inside, and the gate takes jobs. What is
told is told once for an incident, and failing again once a day at most.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.job.claim import FAILURES, RAMP, SERVICE, Claim, Gate, State
from chalicelib.job.incident import Change, Incident, News, Point, Said, What, name_of
from chalicelib.job.ramp_state import State as Ramp
from chalicelib.moments import iso, read

CALM = timedelta(minutes=10)
"""How long nobody may have failed or waited before an incident is over."""
LAG = timedelta(seconds=5)
"""How far the index may be behind: what failed later is counted next time."""
AGAIN = timedelta(hours=24)
"""A failure after this time without one is told of again."""
MOST_POINTS = 240
MOST_CHANGES = 200
FIRST_CHANGES = 40
"""First changes that are kept of more than MOST_CHANGES, beside the last ones."""
TROUBLE = (FAILURES, RAMP, SERVICE)
"""Who closes a gate because of the service; a person and a window have their own reasons."""


@dataclass(frozen=True)
class Facts:
    """How a task stands. `listed` are its failed jobs that wait, the oldest first.

    `said` is what they said, looked up where it may have changed; None: nobody looked. `untried`
    is how many in line have never failed, `inside` how many have and are in the task again.
    """

    task: str
    now: datetime
    listed: Sequence[Claim]
    gate: Gate
    untried: int = 0
    inside: int = 0
    near: int = 0
    whole: bool = True
    parked: int = 0
    stuck: int = 0
    said: tuple[Said, ...] | None = None
    ramp: Ramp | None = None

    @property
    def in_trouble(self) -> bool:
        """Whether the service's trouble keeps the gate closed."""
        return not self.gate.open and self.gate.by in TROUBLE


def is_quiet(before: Incident | None, waiting: int, gate: Gate) -> bool:
    """Whether nothing needs a look: no incident is under way, and nothing could begin one."""
    return (
        (before is None or before.is_over) and not waiting and (gate.open or gate.by not in TROUBLE)
    )


def decide(before: Incident | None, facts: Facts) -> Incident | None:
    """The incident as it stands now; `before` itself or None where there is nothing new."""
    if before is None or before.is_over:
        return _begun(facts, before) if _begins(before, facts) else before
    return _gone_on(before, facts)


def _begins(last: Incident | None, facts: Facts) -> bool:
    """Whether something has failed, or the gate was closed, since the last incident was over."""
    if facts.in_trouble:
        return True
    if last is None:
        return bool(facts.listed)
    unforeseen = facts.near > 0 and not last.has_told(What.NEAR_LOSS)
    return unforeseen or any(failed_at(job) > last.seen_until for job in facts.listed)


def _begun(facts: Facts, last: Incident | None) -> Incident:
    """A new one; stuck jobs that are left of the last one are among its jobs, for they wait too."""
    now = iso(facts.now)
    after = last.seen_until if last else ""
    times = [first_failed_at(job) for job in facts.listed if first_failed_at(job) > after]
    times += [failed_at(job) for job in facts.listed if failed_at(job) > after]
    if facts.in_trouble and facts.gate.since:
        times.append(facts.gate.since)
    since = min(times, default=now)
    remaining = sum(first_failed_at(job) <= after for job in facts.listed)
    incident = Incident(
        facts.task,
        name_of(facts.task, since),
        since,
        now,
        jobs=remaining + facts.inside,
        seen_until=after,
        counted_at=now,
        probed_at=since,
        news=(News(now, What.BEGUN),),
    )
    return _gone_on(incident, facts)


def _gone_on(before: Incident, facts: Facts) -> Incident:
    now, until = iso(facts.now), max(iso(facts.now - LAG), before.seen_until)
    new = [job for job in facts.listed if before.seen_until < first_failed_at(job) <= until]
    again = [
        job
        for job in facts.listed
        if first_failed_at(job) <= before.seen_until < failed_at(job) <= until
    ]
    failures = sum(max(1, job.attempt) - (failed_at(job) > until) for job in new) + len(again)
    after = replace(
        before,
        counted_at=now,
        seen_until=until,
        last_failure_at=max([before.last_failure_at, *map(failed_at, facts.listed)]),
        parked=facts.parked,
        stuck=facts.stuck,
        failed_in_line=sum(job.state is State.LINE for job in facts.listed),
        untried=facts.untried,
        inside=facts.inside,
        near=facts.near,
        whole=facts.whole,
        jobs=before.jobs + len(new),
        failures=before.failures + failures,
        job_seconds=before.job_seconds + _waited(before, facts),
        machines=_most_of(before.machines, Counter(job.machine for job in facts.listed)),
        said=before.said if facts.said is None else facts.said,
    )
    after = replace(
        after,
        most_failed=max(before.most_failed, after.failed),
        most_untried=max(before.most_untried, after.untried),
    )
    after = _with_changes(before, after, facts)
    after = _ended(after, facts)
    return _with_point(_with_news(before, after, facts))


def _most_of(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    return {name: max(before.get(name, 0), now.get(name, 0)) for name in sorted({*before, *now})}


def failed_at(job: Claim) -> str:
    """When a waiting job failed last."""
    return job.failed_at or job.since


def first_failed_at(job: Claim) -> str:
    """When it failed for the first time."""
    return job.first_failed_at or failed_at(job)


def _waited(before: Incident, facts: Facts) -> int:
    """Seconds that the jobs have waited since they were counted last, all together, at least.

    Of who has gone on meanwhile nobody knows when, so that is left out.
    """
    then = read(before.counted_at if before.curve else before.since) or facts.now
    passed = max(0.0, (facts.now - then).total_seconds())
    waits = [read(job.since) or facts.now for job in facts.listed]
    failed = sum(min(passed, max(0.0, (facts.now - start).total_seconds())) for start in waits)
    return round(failed + passed * min(before.untried, facts.untried))


def _with_changes(before: Incident, after: Incident, facts: Facts) -> Incident:
    """The incident with what the gate and the ramp have done."""
    gate, changes = facts.gate, []
    if not gate.open and (before.gate_since != gate.since or not before.gate_closed):
        changes.append(Change(gate.since or iso(facts.now), What.CLOSED, gate.by, gate.why))
    if gate.open and before.gate_closed:
        changes.append(Change(iso(facts.now), "gate-opened"))
    ramp = facts.ramp
    steps = [step for step in ramp.past if step.at > before.probed_at] if ramp else []
    changes += [Change(step.at, step.verdict, jobs=step.jobs) for step in steps]
    history = (*before.changes, *sorted(changes, key=lambda change: change.at))
    too_many = max(0, len(history) - MOST_CHANGES)
    if too_many:
        history = (*history[:FIRST_CHANGES], *history[FIRST_CHANGES + too_many :])
    return replace(
        after,
        gate_closed=not gate.open,
        gate_by=gate.by,
        gate_why=gate.why,
        gate_since=gate.since,
        gate_until=gate.until,
        probed_at=max(before.probed_at, ramp.last_at) if ramp else before.probed_at,
        changes=history,
        changes_left_out=before.changes_left_out + too_many,
    )


def _ended(after: Incident, facts: Facts) -> Incident:
    """Whether nobody is left but those who wait for a person anyway, and for how long that is so.

    A job that was put back and is inside has not come through yet.
    """
    remaining = after.parked + after.failed_in_line + after.inside
    if remaining or facts.in_trouble or not facts.whole:
        return replace(after, calm_since="")
    calm = after.calm_since or iso(facts.now)
    start = read(calm) or facts.now
    recent = read(after.last_failure_at)
    sure = facts.now - start >= CALM and (recent is None or facts.now - recent >= CALM)
    return replace(after, calm_since=calm, over_at=calm if sure else "")


def _with_news(before: Incident, after: Incident, facts: Facts) -> Incident:
    """The incident with what people are to be told of, each once."""
    now = iso(facts.now)
    reasons = [
        (What.CLOSED, facts.in_trouble),
        (What.STUCK, after.stuck > 0),
        (What.NEAR_LOSS, after.near > 0),
        (What.OVER, after.is_over),
    ]
    news = [News(now, what) for what, so in reasons if so and not before.has_told(what)]
    last, newest = read(before.last_failure_at), read(after.last_failure_at)
    if last and newest and newest - last >= AGAIN:
        news.append(News(now, What.AGAIN))
    return replace(after, news=(*before.news, *news)) if news else after


def _with_point(after: Incident) -> Incident:
    """The incident with one more point on its curve, unless it is too near to the last one."""
    point = Point(after.counted_at, after.failed, after.untried, after.failures, after.ended)
    curve = after.curve
    if curve and not after.is_over and _seconds(curve[-1].at, point.at) < after.step:
        return after
    curve = (*curve, point)
    if len(curve) <= MOST_POINTS:
        return replace(after, curve=curve)
    step = max(2 * after.step, int(_seconds(curve[0].at, point.at) / MOST_POINTS * 2))
    return replace(after, curve=(*_thinned(curve[:-1], step), point), step=step)


def _thinned(curve: Iterable[Point], step: int) -> Iterable[Point]:
    last = ""
    for each in curve:
        if not last or _seconds(last, each.at) >= step:
            last = each.at
            yield each


def _seconds(begin: str, end: str) -> float:
    first, last = read(begin), read(end)
    return (last - first).total_seconds() if first and last else 0.0

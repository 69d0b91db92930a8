"""Decides one tick: (state, facts, now) to (new state, jobs to release, verdict). Pure.

One probe goes out; when it comes through, two go, then four. When the service refuses, it is
one again, after a wait that doubles from refusal to refusal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chalicelib import moments
from chalicelib.gate.ramp.judge import TIRED, Job, Observation, Result, judge, result_of
from chalicelib.gate.windows import open_until
from chalicelib.job.ramp_state import Released, State, Verdict, digest
from chalicelib.schedules import Window
from chalicelib.settings import Settings

LEASE = timedelta(minutes=3)
"""A tick releases what it announced within so long, or never: its time is shorter than that."""
ABSENT = timedelta(hours=1)
"""How long a job is left alone whose message was not on the spool."""
LIMIT_0 = "limit 0"


@dataclass(frozen=True)
class Policy:
    """The stage's settings for the ramp; times are seconds."""

    interval: int = 600
    longest: int = 7200
    most: int = 100
    healthy_after: int = 300

    @classmethod
    def of(cls, settings: Settings) -> "Policy":
        """The policy of a stage; its longest wait is no shorter than its first."""
        return cls(
            interval=settings.ramp_interval,
            longest=max(settings.ramp_interval, settings.ramp_max_interval),
            most=settings.ramp_max,
            healthy_after=settings.healthy_after,
        )


@dataclass(frozen=True)
class Facts:
    """What is known of one task: its jobs by key, its free slots, and what keeps it silent.

    `ended` says of released jobs that have no claim any more whether they finished.
    """

    jobs: Mapping[str, Job]
    free: int = 0
    ended: Mapping[str, bool] = field(default_factory=dict)
    held: str = ""
    held_until: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """The state to be written before anything is done, and then which jobs to release."""

    state: State
    release: tuple[Job, ...] = ()
    verdict: Verdict = Verdict.NONE


def silence(limit: int, windows: Sequence[Window], now: datetime) -> tuple[str, datetime | None]:
    """What keeps the ramp silent, and until when, where that is known; empty: nothing does."""
    return open_until(windows, now) or (LIMIT_0 if limit == 0 else "", None)


def decide(state: State, facts: Facts, now: datetime, policy: Policy) -> Decision:
    """One tick: judge what was released, and when all of it is judged, release the next step."""
    state = _forget(state, facts, now)
    state, observations = _observe_all(state, facts, now, policy)
    if any(each.result is Result.UNDECIDED for each in observations):
        return Decision(_held(state, facts))
    verdict = Verdict.NONE
    if state.released:
        verdict, state = judge(state, observations, facts.jobs)
        state = _after(verdict, state, now, policy)
    return replace(_release(state, facts, now, policy), verdict=verdict)


def _observe_all(
    state: State, facts: Facts, now: datetime, policy: Policy
) -> tuple[State, list[Observation]]:
    observations, released = [], []
    fresh = now - (moments.read(state.released_at) or now) < LEASE
    for each in state.released:
        job = facts.jobs.get(each.key)
        if job and job.inside and not each.inside_at:
            since = (
                job.resumed_at
                if state.had_free_slots and facts.free > 0 and not each.from_start
                else None
            )
            each = replace(each, inside_at=(since or now).isoformat())
        released.append(each)
        ended = facts.ended.get(each.key)
        result = result_of(each, job, ended, now, fresh, facts.free > 0, policy.healthy_after)
        observations.append(Observation(each, result))
    return replace(state, released=tuple(released)), observations


def _after(verdict: Verdict, state: State, now: datetime, policy: Policy) -> State:
    """The next step and the next wait."""
    if verdict is Verdict.NONE:
        return replace(state, released=(), due="")
    told = replace(
        state,
        released=(),
        due="",
        last=verdict,
        last_at=state.released_at,
        last_key=state.released[0].key,
        last_size=len(state.released),
    )
    if verdict is Verdict.HEALTHY:
        step = min(2 * state.step, policy.most)
        return replace(told, step=step, wait=policy.interval, unlike_error_seen=False, refusals=0)
    if verdict is Verdict.REFUSED:
        wait = min(2 * (state.wait or policy.interval), policy.longest)
        released = moments.read(state.released_at) or now
        due = max(
            released + timedelta(seconds=wait),
            now + timedelta(seconds=min(policy.interval, policy.longest)),
        )
        return replace(told, step=1, wait=wait, due=due.isoformat(), refusals=state.refusals + 1)
    if verdict is Verdict.OWN:
        return replace(told, step=1)
    return told


def _release(state: State, facts: Facts, now: datetime, policy: Policy) -> Decision:
    waiting = [job for job in facts.jobs.values() if job.waiting]
    state = _held(replace(state, waiting=len(waiting)), facts)
    if state.held:
        return Decision(state)
    if not waiting:
        state = replace(
            state, step=1, wait=policy.interval, due="", refusals=0, unlike_error_seen=False
        )
        return Decision(state)
    chosen = _choose(state, waiting) if _due(state, now, policy) else ()
    if not chosen:
        return Decision(state)
    released = tuple(_released(job, policy) for job in chosen)
    state = replace(
        state,
        waiting=len(waiting) - len(released),
        released=released,
        due="",
        wait=state.wait or policy.interval,
        step=min(state.step, policy.most),
        released_at=now.isoformat(),
        had_free_slots=facts.free >= len(released),
    )
    return Decision(state, chosen)


def _due(state: State, now: datetime, policy: Policy) -> bool:
    """A schedule is not exact to the second, and a tick missed is an interval lost."""
    due = moments.read(state.due)
    return due is None or now >= due - timedelta(seconds=policy.interval / 20)


def _choose(state: State, waiting: Iterable[Job]) -> tuple[Job, ...]:
    """The longest waiting first, but others before one that was refused twice.

    Suspects come when nobody else waits, and after a failure one by one.
    """
    there = [job for job in waiting if digest(job.key) not in state.absent]
    trusted = [job for job in there if digest(job.key) not in state.suspects]
    if trusted:
        trusted.sort(
            key=lambda j: (state.service_failures.get(digest(j.key), 0) // TIRED, j.since, j.key)
        )
        return tuple(trusted[: state.step])
    there.sort(key=lambda j: (j.attempt, j.since, j.key))
    return tuple(there[: state.step])


def _released(job: Job, policy: Policy) -> Released:
    """What it took to fail may have been a long wait for a slot, so it counts only so far."""
    return Released(
        key=job.key,
        execution=job.execution,
        attempt=job.attempt,
        error=job.error,
        parked_at=job.parked_at.isoformat() if job.parked_at else "",
        took=min(job.took, policy.longest),
        from_start=job.from_start,
    )


def _held(state: State, facts: Facts) -> State:
    """Nobody knows what a hold changes, so after it the ramp begins with a probe, at once."""
    if not facts.held:
        return replace(state, held="", held_until="")
    until = facts.held_until.isoformat() if facts.held_until else ""
    return replace(state, held=facts.held, held_until=until, step=1, wait=0, due="")


def _forget(state: State, facts: Facts, now: datetime) -> State:
    """Remember nothing of jobs that are gone."""
    there = {digest(key) for key in facts.jobs}
    return replace(
        state,
        service_failures={m: n for m, n in state.service_failures.items() if m in there},
        suspects=state.suspects & there,
        absent={
            m: until
            for m, until in state.absent.items()
            if m in there and (moments.read(until) or now) > now
        },
    )


def settle(state: State, kept: frozenset[str], absent: Iterable[str], now: datetime) -> State:
    """The state after a release: only these jobs went out, and those were not to be found."""
    until = (now + ABSENT).isoformat()
    return replace(
        state,
        released=tuple(each for each in state.released if each.key in kept),
        absent={**state.absent, **{digest(key): until for key in absent}},
    )

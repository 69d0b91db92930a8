"""Decides one tick: (state, facts, now) to (new state, jobs to release, verdict). Pure.

One probe goes out; when it comes through, two go, then four. When the service refuses, it is
one again, after a wait that doubles from refusal to refusal.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.gate.ramp.judge import TIRED, Job, Observation, Result, judge, result_of
from chalicelib.job.claim import FAILURES, RAMP, SERVICE, Gate, Slots
from chalicelib.job.ramp_state import MOST_PAST, JudgedStep, ReleasedJob, Verdict, digest
from chalicelib.job.ramp_state import State as Ramp
from chalicelib.moments import iso, read
from chalicelib.settings import Settings

LEASE = timedelta(minutes=3)
"""A tick releases what it announced within this time, or never: its own time is shorter."""
OURS = (RAMP, FAILURES, SERVICE)
"""Who closes a gate that the ramp may open again: it, failures in a row, the service's own word."""


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
    """What is known of one task: its jobs by their claims' keys, its limit and its gate.

    `waiting` are the keys that a step may be made of: parked jobs and, where the gate is closed,
    those in line. `opened_at` is when the gate was opened last. `well` is what HEALTH_URL says of
    the service; None: nobody was asked, or there was no answer.
    """

    jobs: Mapping[str, Job]
    waiting: tuple[str, ...]
    limit: int
    gate: Gate
    opened_at: str = ""
    well: bool | None = None

    @property
    def held(self) -> str:
        """What keeps the ramp silent; empty: nothing does."""
        return held(self.gate)


@dataclass(frozen=True)
class Decision:
    """The state to be written before anything is done, and then which jobs to release."""

    state: Ramp
    release: tuple[Job, ...] = ()
    verdict: Verdict = Verdict.NONE


def held(gate: Gate) -> str:
    """Why the ramp stays silent: a gate that a person or a window closed; empty: it may act."""
    if gate.open or gate.by in OURS:
        return ""
    return gate.why or f"closed by {gate.by}"


def decide(state: Ramp, facts: Facts, now: datetime, policy: Policy) -> Decision:
    """One tick: judge what was released, and when all of it is judged, release the next step."""
    state = _adopt(_yield(_forget(state, facts), facts), facts, now)
    observations = _observe_all(state, facts, now, policy)
    if any(each.result is Result.UNDECIDED for each in observations):
        return Decision(_held(state, facts))
    verdict = Verdict.NONE
    if state.released:
        verdict, state = judge(state, observations, facts.jobs)
        state = _after(verdict, state, facts, now, policy)
    return replace(_release(state, facts, now, policy), verdict=verdict)


def _yield(state: Ramp, facts: Facts) -> Ramp:
    """A gate that somebody has opened since stays open, and the ramp begins with one job.

    Nor does a step close it that went out before.
    """
    if not (state.closed and facts.gate.open and facts.opened_at >= state.closed_at):
        return state
    return replace(state, closed=False, closed_at="", why="", step=1, due="", refusals=0)


def _adopt(state: Ramp, facts: Facts, now: datetime) -> Ramp:
    """A gate that failures or the service closed is the ramp's to open, once all is well."""
    gate = facts.gate
    if gate.open or gate.by not in (FAILURES, SERVICE):
        return state
    due = "" if gate.by == SERVICE else state.due
    at = state.closed_at if state.closed else iso(now)
    return replace(state, closed=True, closed_at=at, why=gate.why, due=due)


def _observe_all(state: Ramp, facts: Facts, now: datetime, policy: Policy) -> list[Observation]:
    fresh = now - (read(state.released_at) or now) < LEASE
    return [
        Observation(
            each, result_of(each, facts.jobs.get(each.pk), now, fresh, policy.healthy_after)
        )
        for each in state.released
    ]


def _after(verdict: Verdict, state: Ramp, facts: Facts, now: datetime, policy: Policy) -> Ramp:
    """The next step, the next wait, and whether the gate is to be open."""
    if verdict is Verdict.NONE:
        return replace(state, released=(), due="")
    after = replace(
        state,
        released=(),
        due="",
        last=verdict,
        last_at=state.released_at,
        last_key=state.released[0].key,
        last_size=len(state.released),
        past=(*state.past, JudgedStep(state.released_at, len(state.released), verdict.value))[
            -MOST_PAST:
        ],
    )
    if verdict is Verdict.HEALTHY:
        step = min(2 * state.step, policy.most)
        closed = state.closed and len(state.released) < facts.limit
        after = replace(after, step=step, wait=policy.interval, closed=closed)
        return replace(after, unlike_error_seen=False, refusals=0)
    if verdict is Verdict.REFUSED:
        after = _refused(after, state, now, policy)
        if facts.gate.open and facts.opened_at > state.released_at:
            after = replace(after, closed=state.closed, closed_at=state.closed_at, why=state.why)
        return replace(after, due="") if _is_named_since(state, facts) else after
    if verdict is Verdict.OWN:
        return replace(after, step=1)
    return after


def _is_named_since(state: Ramp, facts: Facts) -> bool:
    """Whether the service has named a time since the step went out: that is when it is probed."""
    return facts.gate.by == SERVICE and facts.gate.since > state.released_at


def _refused(after: Ramp, state: Ramp, now: datetime, policy: Policy) -> Ramp:
    wait = min(2 * (state.wait or policy.interval), policy.longest)
    released = read(state.released_at) or now
    due = max(
        released + timedelta(seconds=wait),
        now + timedelta(seconds=min(policy.interval, policy.longest)),
    )
    why = state.why if state.closed else "the last step of the ramp failed"
    refusals = state.refusals + 1
    after = replace(after, closed=True, closed_at=iso(now), why=why)
    return replace(after, step=1, wait=wait, due=iso(due), refusals=refusals)


def _release(state: Ramp, facts: Facts, now: datetime, policy: Policy) -> Decision:
    waiting = [facts.jobs[pk] for pk in facts.waiting]
    state = _held(replace(state, waiting=len(waiting), named=_named(facts, now)), facts)
    if state.held or state.named:
        return Decision(state)
    if not waiting:
        return Decision(_idle(state, policy))
    jobs = _choose(state, waiting) if _due(state, facts, now, policy) else ()
    if not jobs:
        return Decision(state)
    state = replace(
        state,
        waiting=len(waiting) - len(jobs),
        released=tuple(_released(job, policy) for job in jobs),
        due="",
        wait=state.wait or policy.interval,
        step=min(state.step, policy.most),
        released_at=iso(now),
    )
    return Decision(state, jobs)


def _named(facts: Facts, now: datetime) -> str:
    """A time that the service named is when the next probe goes out, and none before."""
    until = read(facts.gate.until) if facts.gate.by == SERVICE else None
    return iso(until) if until and now < until else ""


def _idle(state: Ramp, policy: Policy) -> Ramp:
    """Nobody waits: the ramp begins again, and lets newcomers in."""
    state = replace(state, step=1, wait=policy.interval, due="", refusals=0, closed=False)
    return replace(state, unlike_error_seen=False)


def _due(state: Ramp, facts: Facts, now: datetime, policy: Policy) -> bool:
    """A schedule is not exact to the second, and a tick missed is an interval lost.

    A service that says that it is well is probed at once; one that says that it is not, as seldom
    as RAMP_MAX_INTERVAL allows, for its word may be wrong. Neither moves a time that it named.
    """
    due = read(state.due)
    failed_at = facts.gate.since if facts.gate.by == FAILURES else ""
    refused = state.refusals or failed_at
    if facts.well is not None and refused and facts.gate.by != SERVICE:
        last = read(max(state.last_at, failed_at))
        due = last + timedelta(seconds=policy.longest) if last and not facts.well else None
    return due is None or now >= due - timedelta(seconds=policy.interval / 20)


def _choose(state: Ramp, waiting: Iterable[Job]) -> tuple[Job, ...]:
    """The oldest of those that were tried as often: others before one that was refused twice.

    Suspects come when nobody else waits, and after a failure one by one; those first that failed
    least often by themselves, for failures of refused probes are the service's.
    """
    there = list(waiting)
    trusted = [job for job in there if digest(job.pk) not in state.suspects]
    if trusted:
        trusted.sort(
            key=lambda job: (_refusals(state, job) // TIRED, job.order, job.pk),
        )
        return tuple(trusted[: state.step])
    there.sort(key=lambda job: (job.attempt - _refusals(state, job), job.order, job.pk))
    return tuple(there[: state.step])


def _refusals(state: Ramp, job: Job) -> int:
    return state.service_failures.get(digest(job.pk), 0)


def _released(job: Job, policy: Policy) -> ReleasedJob:
    """What it took to fail counts only as far as the longest wait between two probes."""
    return ReleasedJob(
        pk=job.pk,
        attempt=job.attempt,
        error=job.error,
        since=job.since,
        took=min(job.took, policy.longest),
    )


def _held(state: Ramp, facts: Facts) -> Ramp:
    """Nobody knows what a hold changes, so after it the ramp begins with a probe, at once."""
    if not facts.held:
        return replace(state, held="", held_until="")
    return replace(state, held=facts.held, held_until=facts.gate.until, step=1, wait=0, due="")


def _forget(state: Ramp, facts: Facts) -> Ramp:
    """Remember nothing of jobs that are gone."""
    there = {digest(pk) for pk in facts.jobs}
    return replace(
        state,
        service_failures={m: n for m, n in state.service_failures.items() if m in there},
        suspects=state.suspects & there,
    )


def settle(state: Ramp, kept: frozenset[str]) -> Ramp:
    """The state after a release in which only these jobs went out."""
    return replace(state, released=tuple(each for each in state.released if each.pk in kept))


def gate_change(state: Ramp, slots: Slots, now: datetime) -> bool | None:
    """Whether the gate has to be opened (True) or closed (False) to be as the state says; or not.

    A gate that a person or a window closed is theirs, and until the time that the service named
    it is the service's.
    """
    gate = slots.gate(now)
    if state.closed and (gate.open or (gate.by == SERVICE and gate.until <= iso(now))):
        return False
    if not state.closed and not gate.open and gate.by in OURS:
        return True
    return None

"""Judges a step: what became of each job, and what that tells of the service. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib import moments
from chalicelib.job.ramp_state import Released, State, Verdict, digest

ALONE = 4
"""Failures are the jobs' own while at most one in so many fails and the others come through."""
TIRED = 2
"""After so many refused probes with the same job the next probe is another job."""
MOST_SERVICE_FAILURES = 100
"""A week of probes; a job that nobody else's success can tell from an outage ends as stuck too."""
NO_SLOT = "NoFreeSlot"
"""What the state machine calls it when a job waited for a slot in vain: it never got inside."""


@dataclass(frozen=True)
class Job:
    """One job as the claims table shows it; `since` is when it first failed.

    `waiting`: it can be released; `inside`: it holds a slot in the task; `from_start`: it would
    start from the beginning, as its execution is gone; `took` is seconds until it failed.
    """

    key: str
    execution: str
    since: datetime
    attempt: int = 0
    error: str = ""
    parked_at: datetime | None = None
    resumed_at: datetime | None = None
    waiting: bool = False
    stuck: bool = False
    inside: bool = False
    from_start: bool = False
    took: float = 0


class Result(StrEnum):
    """What became of a released job. GONE tells nothing of the service."""

    UNDECIDED = "undecided"
    HEALTHY = "healthy"
    FAILED = "failed"
    UNLIKE_FAILURE = "failed otherwise"
    GONE = "gone"


@dataclass(frozen=True)
class Observation:
    """A released job and what became of it."""

    released: Released
    result: Result


def result_of(
    released: Released,
    job: Job | None,
    ended: bool | None,
    now: datetime,
    fresh: bool,
    has_free_slots: bool,
    healthy_after: int,
) -> Result:
    """What became of one job. `ended`: it has no claim any more, and finished or not.

    `fresh`: it may only be on its way; `has_free_slots`: the task has free slots.
    """
    if job is None:
        return Result.HEALTHY if ended else Result.GONE
    if job.stuck:
        return Result.GONE
    if job.attempt > released.attempt:
        return _failed(released, job)
    if job.inside:
        return _inside(released, now, healthy_after)
    if job.waiting:
        moved = job.parked_at != moments.read(released.parked_at)
        return Result.UNDECIDED if fresh and not moved else Result.GONE
    return _outside(released, job, now, has_free_slots, healthy_after)


def _failed(released: Released, job: Job) -> Result:
    """One that died outside its task says nothing, nor does one that never got inside."""
    if job.from_start or job.error == NO_SLOT:
        return Result.GONE
    return Result.FAILED if job.error == released.error else Result.UNLIKE_FAILURE


def _inside(released: Released, now: datetime, healthy_after: int) -> Result:
    since = moments.read(released.inside_at) or now
    enough = timedelta(seconds=max(healthy_after, released.took))
    return Result.HEALTHY if now - since >= enough else Result.UNDECIDED


def _outside(
    released: Released, job: Job, now: datetime, has_free_slots: bool, healthy_after: int
) -> Result:
    """It goes on and holds no slot: it waits for one, or came through and is further on."""
    if released.inside_at:
        return Result.HEALTHY
    resumed = job.resumed_at or now
    passed = (
        has_free_slots
        and not released.from_start
        and now - resumed >= timedelta(seconds=healthy_after)
    )
    return Result.HEALTHY if passed else Result.UNDECIDED


def judge(
    state: State, observations: Sequence[Observation], jobs: Mapping[str, Job]
) -> tuple[Verdict, State]:
    """What the step tells, and the state with each failure put on somebody's account."""
    sure = [each for each in observations if digest(each.released.key) not in state.suspects]
    doubtful = [each for each in observations if digest(each.released.key) in state.suspects]
    healthy = [each for each in observations if each.result is Result.HEALTHY]
    unlike = _digests(sure, Result.UNLIKE_FAILURE)
    new = _new_failures(state, jobs)
    failed = _digests(sure, Result.FAILED) | new
    if len(unlike) > 1 or (unlike and (state.unlike_error_seen or failed)):
        failed |= unlike  # one may be a job of its own kind; two are the service's new error
    blamed = unlike - failed if healthy else set()
    state = replace(
        state,
        unlike_error_seen=state.unlike_error_seen or bool(unlike),
        suspects=state.suspects | blamed,
    )
    if not failed:
        verdict = _without_failures(healthy, doubtful)
    elif _few(len(failed), len(healthy)):
        verdict, state = Verdict.ALONE, replace(state, suspects=state.suspects | failed)
    else:
        return Verdict.REFUSED, _count_service_failures(state, failed - new)
    if healthy:
        state = _suspect_the_tired(state, healthy)
    return verdict, state


def _count_service_failures(state: State, failed: set[str]) -> State:
    """These failures are the service's, so they don't make a job stuck."""
    service_failures = dict(state.service_failures)
    for one in failed:
        service_failures[one] = min(service_failures.get(one, 0) + 1, MOST_SERVICE_FAILURES)
    return replace(state, service_failures=service_failures)


def _suspect_the_tired(state: State, healthy: Sequence[Observation]) -> State:
    """Others come through; who was refused time and again has now to show that it can, too."""
    tired = {one for one, times in state.service_failures.items() if times >= TIRED}
    came_through = {digest(each.released.key) for each in healthy}
    return replace(state, suspects=state.suspects | (tired - came_through))


def _without_failures(healthy: Sequence[Observation], doubtful: Sequence[Observation]) -> Verdict:
    """Suspects never speak against the service, but only those that come through speed it up."""
    failed = sum(each.result in (Result.FAILED, Result.UNLIKE_FAILURE) for each in doubtful)
    if failed:
        return Verdict.ALONE if _few(failed, len(healthy)) else Verdict.OWN
    return Verdict.HEALTHY if healthy else Verdict.NONE


def _few(failed: int, healthy: int) -> bool:
    return ALONE * failed <= failed + healthy


def _digests(observations: Sequence[Observation], result: Result) -> set[str]:
    return {digest(each.released.key) for each in observations if each.result is result}


def _new_failures(state: State, jobs: Mapping[str, Job]) -> set[str]:
    """Jobs that failed since the step went out, whoever started or replayed them."""
    released = moments.read(state.released_at)
    ours = {each.key for each in state.released}
    return {
        digest(job.key)
        for job in jobs.values()
        if job.key not in ours
        and job.attempt
        and not job.from_start
        and job.error != NO_SLOT
        and released is not None
        and job.parked_at is not None
        and job.parked_at > released
        and digest(job.key) not in state.suspects
    }

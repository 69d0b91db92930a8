"""Judges a step: what became of each job, and what that tells of the neighbour. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.job.ramp_state import Out, State, Verdict, mark, moment

ALONE = 4
"""Failures are the jobs' own while at most one in so many fails and the others come through."""
TIRED = 2
"""After so many refused probes with the same job the next probe is another job."""
MOST_EXCUSED = 100
"""A week of probes; a job that nobody else's success can tell from an outage ends as stuck too."""
NO_SLOT = "NoFreeSlot"
"""What the state machine calls it when a job waited for a place in vain: it never got inside."""


@dataclass(frozen=True)
class Job:
    """One job as the claims table shows it; `since` is when it first failed.

    `waiting`: it can be released; `inside`: it holds a place in the task; `anew`: its execution
    is gone, so that it would start from the beginning; `took` is seconds until it failed.
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
    anew: bool = False
    took: float = 0


class Sight(StrEnum):
    """What became of a released job. GONE tells nothing of the neighbour."""

    UNDECIDED = "undecided"
    HEALTHY = "healthy"
    FAILED = "failed"
    ODD = "failed otherwise"
    GONE = "gone"


@dataclass(frozen=True)
class Sighting:
    """A released job and what became of it."""

    out: Out
    sight: Sight


def look(
    out: Out,
    job: Job | None,
    ended: bool | None,
    now: datetime,
    fresh: bool,
    roomy: bool,
    healthy_after: int,
) -> Sight:
    """What became of one job. `ended`: it has no claim any more, and finished or not.

    `fresh`: it may only be on its way; `roomy`: the task has free places.
    """
    if job is None:
        return Sight.HEALTHY if ended else Sight.GONE
    if job.stuck:
        return Sight.GONE
    if job.attempt > out.attempt:
        return _failed(out, job)
    if job.inside:
        return _inside(out, now, healthy_after)
    if job.waiting:
        moved = job.parked_at != moment(out.parked_at)
        return Sight.UNDECIDED if fresh and not moved else Sight.GONE
    return _outside(out, job, now, roomy, healthy_after)


def _failed(out: Out, job: Job) -> Sight:
    """One that died outside its task says nothing, nor does one that never got inside."""
    if job.anew or job.error == NO_SLOT:
        return Sight.GONE
    return Sight.FAILED if job.error == out.error else Sight.ODD


def _inside(out: Out, now: datetime, healthy_after: int) -> Sight:
    since = moment(out.inside_at) or now
    enough = timedelta(seconds=max(healthy_after, out.took))
    return Sight.HEALTHY if now - since >= enough else Sight.UNDECIDED


def _outside(out: Out, job: Job, now: datetime, roomy: bool, healthy_after: int) -> Sight:
    """It goes on and holds no place: it waits for one, or came through and is further on."""
    if out.inside_at:
        return Sight.HEALTHY
    resumed = job.resumed_at or now
    passed = roomy and not out.anew and now - resumed >= timedelta(seconds=healthy_after)
    return Sight.HEALTHY if passed else Sight.UNDECIDED


def judge(
    state: State, sightings: Sequence[Sighting], jobs: Mapping[str, Job]
) -> tuple[Verdict, State]:
    """What the step tells, and the state with each failure put on somebody's account."""
    sure = [each for each in sightings if mark(each.out.key) not in state.suspects]
    doubtful = [each for each in sightings if mark(each.out.key) in state.suspects]
    healthy = [each for each in sightings if each.sight is Sight.HEALTHY]
    odd = _marks(sure, Sight.ODD)
    new = _new_failures(state, jobs)
    failed = _marks(sure, Sight.FAILED) | new
    if len(odd) > 1 or (odd and (state.odd or failed)):
        failed |= odd  # one may be a job of its own kind; two are a neighbour with a new excuse
    blamed = odd - failed if healthy else set()
    state = replace(state, odd=state.odd or bool(odd), suspects=state.suspects | blamed)
    if not failed:
        verdict = _without_failures(healthy, doubtful)
    elif _few(len(failed), len(healthy)):
        verdict, state = Verdict.ALONE, replace(state, suspects=state.suspects | failed)
    else:
        return Verdict.REFUSED, _excuse(state, failed - new)
    if healthy:
        state = _suspect_the_tired(state, healthy)
    return verdict, state


def _excuse(state: State, failed: set[str]) -> State:
    """These failures are the neighbour's, so they don't make a job stuck."""
    excused = dict(state.excused)
    for one in failed:
        excused[one] = min(excused.get(one, 0) + 1, MOST_EXCUSED)
    return replace(state, excused=excused)


def _suspect_the_tired(state: State, healthy: Sequence[Sighting]) -> State:
    """Others come through; who was refused time and again has now to show that it can, too."""
    tired = {one for one, times in state.excused.items() if times >= TIRED}
    came_through = {mark(each.out.key) for each in healthy}
    return replace(state, suspects=state.suspects | (tired - came_through))


def _without_failures(healthy: Sequence[Sighting], doubtful: Sequence[Sighting]) -> Verdict:
    """Suspects never speak against the neighbour, but only those that come through speed it up."""
    failed = sum(each.sight in (Sight.FAILED, Sight.ODD) for each in doubtful)
    if failed:
        return Verdict.ALONE if _few(failed, len(healthy)) else Verdict.OWN
    return Verdict.HEALTHY if healthy else Verdict.NONE


def _few(failed: int, healthy: int) -> bool:
    return ALONE * failed <= failed + healthy


def _marks(sightings: Sequence[Sighting], sight: Sight) -> set[str]:
    return {mark(each.out.key) for each in sightings if each.sight is sight}


def _new_failures(state: State, jobs: Mapping[str, Job]) -> set[str]:
    """Jobs that failed since the step went out, whoever started or replayed them."""
    released = moment(state.released_at)
    ours = {each.key for each in state.out}
    return {
        mark(job.key)
        for job in jobs.values()
        if job.key not in ours
        and job.attempt
        and not job.anew
        and job.error != NO_SLOT
        and released is not None
        and job.parked_at is not None
        and job.parked_at > released
        and mark(job.key) not in state.suspects
    }

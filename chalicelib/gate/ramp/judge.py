"""Judges a step: what became of each job, and what that tells of the service. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.job.claim import State
from chalicelib.job.ramp_state import ReleasedJob, Verdict, digest
from chalicelib.job.ramp_state import State as Ramp
from chalicelib.moments import read
from chalicelib.words import Word

ALONE = 4
"""Failures are the jobs' own while at most one job in this number fails, and the others succeed."""
TIRED = 2
"""Refused probes with the same job after which the next probe is another job."""
MOST_SERVICE_FAILURES = 100
"""A week of probes; a job that nobody else's success can tell from an outage ends as stuck too."""


@dataclass(frozen=True)
class Job:
    """One job as its claim shows it. `order` is its place among all jobs of the task.

    `since` is when its last wait began, `entered` when it last got into the task, `took` how many
    seconds it was inside until it failed. `dead`: its execution is gone, so it failed outside the
    task. `may_enter`: the gate is open, or it has a pass. An `ended` job's `state` is how it ended.
    """

    pk: str
    state: State
    order: str
    since: str
    attempt: int = 0
    error: str = ""
    failed_at: str = ""
    dead: bool = False
    entered: str = ""
    took: float = 0
    may_enter: bool = True
    ended: bool = False

    @property
    def key(self) -> str:
        """The job's key, for people."""
        return self.pk.partition("#")[2]


class Result(Word):
    """What became of a released job. GONE tells nothing of the service."""

    UNDECIDED = "undecided"
    HEALTHY = "healthy"
    FAILED = "failed"
    UNLIKE_FAILURE = "failed otherwise"
    GONE = "gone"


@dataclass(frozen=True)
class Observation:
    """A released job and what became of it."""

    released: ReleasedJob
    result: Result


def result_of(
    released: ReleasedJob, job: Job | None, now: datetime, fresh: bool, healthy_after: int
) -> Result:
    """What became of one job. `fresh`: it may only be on its way."""
    if job is None or (job.ended and job.state is not State.FINISHED):
        return Result.GONE
    if job.ended:
        return Result.HEALTHY
    if job.attempt > released.attempt and not job.dead:
        return Result.FAILED if job.error == released.error else Result.UNLIKE_FAILURE
    if job.state is State.RUNNING:
        return _inside(released, job, now, healthy_after)
    if job.state is State.LINE:
        return Result.UNDECIDED if fresh or job.may_enter else Result.GONE
    has_moved = job.since != released.since
    return Result.UNDECIDED if fresh and not has_moved else Result.GONE


def _inside(released: ReleasedJob, job: Job, now: datetime, healthy_after: int) -> Result:
    since = read(job.entered) or now
    enough = timedelta(seconds=max(healthy_after, released.took))
    return Result.HEALTHY if now - since >= enough else Result.UNDECIDED


def judge(
    state: Ramp, observations: Sequence[Observation], jobs: Mapping[str, Job]
) -> tuple[Verdict, Ramp]:
    """What the step tells, and the state with each failure put on somebody's account."""
    sure = [each for each in observations if digest(each.released.pk) not in state.suspects]
    doubtful = [each for each in observations if digest(each.released.pk) in state.suspects]
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
        state = state if healthy else _pass_over(state, unlike)
    elif _few(len(failed), len(healthy)):
        verdict, state = Verdict.ALONE, replace(state, suspects=state.suspects | failed)
    else:
        return Verdict.REFUSED, _count_service_failures(state, failed - new)
    if healthy:
        state = _suspect_the_tired(state, healthy)
    return verdict, state


def _count_service_failures(state: Ramp, failed: set[str]) -> Ramp:
    """Count failures that are the service's, so that they don't make a job stuck."""
    service_failures = dict(state.service_failures)
    for one in failed:
        service_failures[one] = min(service_failures.get(one, 0) + 1, MOST_SERVICE_FAILURES)
    return replace(state, service_failures=service_failures)


def _pass_over(state: Ramp, unlike: set[str]) -> Ramp:
    """Let the next probe be another job, which can tell whose fault the unlike error was."""
    failures = dict(state.service_failures)
    failures |= {one: max(TIRED, failures.get(one, 0)) for one in unlike}
    return replace(state, service_failures=failures)


def _suspect_the_tired(state: Ramp, healthy: Sequence[Observation]) -> Ramp:
    """Suspect a job that was refused again and again while others come through."""
    tired = {one for one, times in state.service_failures.items() if times >= TIRED}
    came_through = {digest(each.released.pk) for each in healthy}
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
    return {digest(each.released.pk) for each in observations if each.result is result}


def _new_failures(state: Ramp, jobs: Mapping[str, Job]) -> set[str]:
    """Jobs that failed since the step went out, whoever started or replayed them."""
    ours = {each.pk for each in state.released}
    return {
        digest(job.pk)
        for job in jobs.values()
        if job.pk not in ours
        and job.attempt
        and not job.dead
        and not job.ended
        and job.state in (State.PARKED, State.STUCK)
        and state.released_at
        and job.failed_at > state.released_at
        and digest(job.pk) not in state.suspects
    }

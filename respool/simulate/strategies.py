"""Three ways to put jobs back. The ramp is the very function that runs in the Lambda."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from chalicelib.gate.ramp.decide import Decision, Facts, Policy, decide, settle
from chalicelib.gate.ramp.judge import Job
from chalicelib.job.ramp_state import State, digest
from respool.simulate.services import HOUR, MINUTE
from respool.simulate.world import Place, SimJob, World

FRIDAY = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
MAX_ATTEMPTS = 5
DONE = Place.DONE

Strategy = Callable[[World], None]


def hourly(world: World) -> None:
    """Blind: every hour, whatever waits; nobody counts how often, as plain loops don't."""

    def again() -> None:
        for job in world.parked():
            world.release(job)
        world.at(world.now + HOUR, again)

    world.at(HOUR, again)


def everything(world: World) -> None:
    """By somebody who knows when the service is back: all at that moment, and each hour again
    what failed; with MAX_ATTEMPTS. A service that comes and goes is back when it first comes.
    """

    def replay() -> None:
        for job in world.parked():
            _put_back(world, job, 0)
        world.at(world.now + HOUR, replay)

    first = 0.0
    while world.service.down(first):
        first += MINUTE
    world.at(first, replay)


def ramp(world: World, policy: Policy | None = None) -> list[Decision]:
    """One tick every RAMP_INTERVAL; returns the list that its decisions will be in."""
    policy = policy or Policy()
    ticker = _Ticker(world, policy)
    world.at(policy.interval, ticker.tick)
    return ticker.decisions


class _Ticker:
    def __init__(self, world: World, policy: Policy) -> None:
        self._world = world
        self._policy = policy
        self._state = State("UncertainTask")
        self._by_key = {str(job.number): job for job in world.jobs}
        self.decisions: list[Decision] = []

    def tick(self) -> None:
        world, now = self._world, moment(self._world.now)
        facts = Facts(
            jobs={key: _job(job) for key, job in self._by_key.items() if job.place is not DONE},
            free=world.limit - world.inside,
            ended={each.key: self._by_key[each.key].place is DONE for each in self._state.released},
        )
        decision = decide(self._state, facts, now, self._policy)
        kept = {each.key for each in decision.state.released}
        for each in decision.release:
            service_failures = decision.state.service_failures.get(digest(each.key), 0)
            if not _put_back(world, self._by_key[each.key], service_failures):
                kept.discard(each.key)
        self._state = settle(decision.state, frozenset(kept), (), now)
        self.decisions.append(decision)
        world.at(world.now + self._policy.interval, self.tick)


def _put_back(world: World, job: SimJob, service_failures: int) -> bool:
    """As an unattended replay does; one that has failed too often is parked as stuck."""
    if job.attempt - service_failures >= MAX_ATTEMPTS:
        world.mark_stuck(job)
        return False
    world.release(job)
    return True


def moment(seconds: float) -> datetime:
    """The time of day."""
    return FRIDAY + timedelta(seconds=seconds)


def _job(job: SimJob) -> Job:
    return _seen(
        job.number, job.place, job.attempt, job.error, job.parked_at, job.resumed_at, job.took
    )


@lru_cache(maxsize=2048)
def _seen(
    number: int,
    place: Place,
    attempt: int,
    error: str,
    parked_at: float,
    resumed_at: float,
    took: float,
) -> Job:
    """As the claims table shows it; most jobs look the same at many ticks."""
    return Job(
        key=str(number),
        execution=str(number),
        since=FRIDAY,
        attempt=attempt,
        error=error,
        parked_at=moment(parked_at),
        resumed_at=moment(resumed_at),
        waiting=place is Place.PARKED,
        stuck=place is Place.STUCK,
        inside=place is Place.INSIDE,
        took=took,
    )

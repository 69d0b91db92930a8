"""Three ways to put jobs back. The ramp is the very function that runs in the Lambda."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from math import ceil

from chalicelib.gate.ramp.decide import Decision, Facts, Policy, decide, gate_change, settle
from chalicelib.gate.ramp.judge import Job
from chalicelib.gate.ramp.tick import MOST_STUCK
from chalicelib.job.claim import FOR_EVER, RAMP, SERVICE, State
from chalicelib.job.ramp_state import State as Ramp
from chalicelib.job.ramp_state import digest
from chalicelib.moments import iso
from chalicelib.settings import RAMP_CLOSE_AFTER
from respool.simulate.services import HOUR, MINUTE
from respool.simulate.world import TASK, Place, SimJob, World, moment

MAX_ATTEMPTS = 5
SEEN = 400
"""Jobs in line that a tick reads here: more than any step has."""
STATES = {
    Place.PARKED: State.PARKED,
    Place.IN_LINE: State.LINE,
    Place.INSIDE: State.RUNNING,
    Place.DONE: State.FINISHED,
    Place.STUCK: State.STUCK,
}

Strategy = Callable[[World], None]


def hourly(world: World) -> None:
    """Blind: every hour, whatever waits; nobody counts how often, as plain loops don't."""

    def again() -> None:
        for job in world.parked():
            world.release(job)
        world.at(world.now + HOUR, again)

    world.at(HOUR, again)


def everything(world: World) -> None:
    """Put all jobs back at the moment of recovery, as if somebody knew it, and hourly what failed.

    MAX_ATTEMPTS holds. A service that comes and goes is back when it first comes.
    """

    def replay() -> None:
        for job in world.parked():
            _put_back(world, job, 0)
        world.at(world.now + HOUR, replay)

    first = 0.0
    while world.service.down(first):
        first += MINUTE
    world.at(first, replay)


def ramp(world: World, policy: Policy | None = None, aware: bool = False) -> list[Decision]:
    """One tick every RAMP_INTERVAL; returns the list that its decisions will be in.

    Failures in a row close the gate. `aware`: HEALTH_URL tells the truth of the service.
    """
    policy = policy or Policy()
    world.slots = replace(world.slots, close_after=RAMP_CLOSE_AFTER)
    ticker = _Ticker(world, policy, aware)
    world.on_named = ticker.expect
    world.at(policy.interval, ticker.tick)
    return ticker.decisions


class _Ticker:
    def __init__(self, world: World, policy: Policy, aware: bool) -> None:
        self._world = world
        self._policy = policy
        self._aware = aware
        self._state = Ramp(TASK)
        self.decisions: list[Decision] = []

    def tick(self) -> None:
        """Tick, and again an interval later."""
        self._tick()
        self._world.at(self._world.now + self._policy.interval, self.tick)

    def expect(self, named: float) -> None:
        """Tick in the minute after the time that the service named, if it is still that."""
        self._world.at(ceil(named / MINUTE) * MINUTE, self._named)

    def _named(self) -> None:
        slots = self._world.slots
        if slots.closed_by == SERVICE and slots.named_until <= iso(moment(self._world.now)):
            self._tick()

    def _tick(self) -> None:
        """Once, and again where all that went out were stuck."""
        for _ in range(MOST_STUCK):
            if not self._step():
                break

    def _step(self) -> bool:
        world, now = self._world, moment(self._world.now)
        decision = decide(self._state, self._facts(now), now, self._policy)
        opens = gate_change(decision.state, world.slots, now)
        if opens is not None:
            until, by = ("", "") if opens else (FOR_EVER, RAMP)
            slots = replace(
                world.slots, closed_until=until, closed_by=by, named_until="", failed={}
            )
            world.set_gate(slots)
        stuck = {each.pk for each in decision.release if not self._release(each, decision.state)}
        kept = frozenset(each.pk for each in decision.state.released) - stuck
        self._state = settle(decision.state, kept)
        self.decisions.append(decision)
        return bool(decision.release) and not kept

    def _facts(self, now: datetime) -> Facts:
        world = self._world
        gate = world.slots.gate(now)
        waiting = world.parked() + ([] if gate.open else world.in_line(SEEN))
        released = [world.jobs[int(each.pk)] for each in self._state.released]
        return Facts(
            jobs={
                str(job.number): _job(job, gate.open or job.number in world.passes)
                for job in (*waiting, *released)
            },
            waiting=tuple(str(job.number) for job in waiting),
            limit=world.limit,
            gate=gate,
            well=not world.service.down(world.now) if self._aware else None,
        )

    def _release(self, job: Job, state: Ramp) -> bool:
        """Let a job in, by a pass where the gate is closed; False: it has failed too often."""
        failures = state.service_failures.get(digest(job.pk), 0)
        return _put_back(self._world, self._world.jobs[int(job.pk)], failures, state.closed)


def _put_back(world: World, job: SimJob, failures: int, by_pass: bool = False) -> bool:
    """Put one job back as an unattended replay does; one that failed too often is stuck."""
    if job.place is Place.PARKED and job.attempt - failures >= MAX_ATTEMPTS:
        world.make_stuck(job)
        return False
    world.release(job, by_pass)
    return True


def _job(job: SimJob, may_enter: bool) -> Job:
    return _seen(
        job.number, job.place, job.attempt, job.error, job.since, job.entered, job.took, may_enter
    )


@lru_cache(maxsize=65_536)
def _seen(
    number: int,
    place: Place,
    attempt: int,
    error: str,
    since: float,
    entered: float,
    took: float,
    may_enter: bool,
) -> Job:
    """A job as the claims table shows it; most jobs look the same at many ticks."""
    return Job(
        pk=str(number),
        state=STATES[place],
        order=f"{number:09}",
        since=iso(moment(since)),
        attempt=attempt,
        error=error,
        failed_at=iso(moment(since)) if place in (Place.PARKED, Place.STUCK) else "",
        entered=iso(moment(entered)),
        took=took,
        may_enter=may_enter,
        ended=place is Place.DONE,
    )

"""Looks at each task every few minutes: decides what has become of its incident, and tells people.

First the incident is written, with what it owes to people and that this is being tried; then the
messages go out; then it is written that they have. Nothing here touches a job, and whatever goes
wrong with a message is told in the log and tried again later.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from chalicelib import metrics
from chalicelib.errors import NotSent
from chalicelib.gate.gauges import Standing
from chalicelib.incidents.decide import Facts, decide, failed_at, is_quiet
from chalicelib.incidents.owing import given_up, owed, told, tried
from chalicelib.job.claim import Claim, Slots, State
from chalicelib.job.incident import Incident, Said
from chalicelib.job.patterns import pattern
from chalicelib.job.ports import Claims, Clock, Incidents, Ramps, Telemetry
from chalicelib.job.ramp_state import State as Ramp
from chalicelib.limits import BATCH_GET
from chalicelib.parking.waiting import is_near_end, may_be_near_end

MOST_READ = 4_000
"""Waiting jobs of a task that one look reads; as many fit into a page of the index."""
MOST_SAID = 5
LOOKED_UP = 20
"""Jobs whose messages are read, of those that failed last."""
MOST_MESSAGE = 300
SPARE = 15
"""Seconds that a message may take, before which no other one is begun."""


class Teller(Protocol):
    """What the watch needs of whoever sends messages."""

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways that are set up."""

    def send(self, way: str, incident: Incident) -> None:
        """Tell people of an incident as it stands. Raises NotSent."""


@dataclass(frozen=True)
class Watch:
    """Watches the stage's tasks; safe to run twice at the same time."""

    claims: Claims
    ramps: Ramps | None
    incidents: Incidents
    teller: Teller
    telemetry: Telemetry
    clock: Clock
    elapsed: Callable[[], float]

    def look(self, standings: Sequence[Standing], seconds: float) -> None:
        """Look at tasks as they stand. One that can't be served keeps no other from its turn."""
        deadline = self.elapsed() + seconds
        incidents = self.incidents.current([each.slots.task for each in standings])
        refusals: list[Exception] = []
        for standing in standings:
            try:
                self._task(standing, incidents.get(standing.slots.task), deadline)
            except Exception as refused:
                self.telemetry.warning(
                    "incident-not-told", task=standing.slots.task, reason=str(refused)
                )
                refusals.append(refused)
        if refusals:
            raise refusals[0]

    def _task(self, standing: Standing, before: Incident | None, deadline: float) -> None:
        gate = standing.slots.gate(self.clock())
        waiting = standing.parked.number + standing.stuck.number
        quiet = is_quiet(before, waiting, gate)
        after = before if quiet else decide(before, self._facts(standing, before))
        if after is None:
            return
        ways = self._may_be_sent(after, deadline)
        if after == before and not ways:
            return
        latest = self.incidents.put(tried(after, ways, self.clock()), before)
        if latest is not None and ways:
            self._send(latest, ways)

    def _may_be_sent(self, incident: Incident, deadline: float) -> list[str]:
        if self.elapsed() + SPARE > deadline:
            return []
        due = owed(incident, self.teller.ways, self.clock())
        return [way for way in due if way not in given_up(incident, due)]

    def _send(self, incident: Incident, ways: Sequence[str]) -> None:
        successes = [way for way in ways if self._sent(way, incident)]
        if successes:
            self.incidents.put(told(incident, successes, len(incident.news)), incident)

    def _sent(self, way: str, incident: Incident) -> bool:
        about = {"incident": incident.id, "task": incident.task, "way": way}
        try:
            self.teller.send(way, incident)
        except NotSent as refused:
            over = way in given_up(incident, [way])
            action = "message-given-up" if over else "message-not-sent"
            self.telemetry.warning(action, **about, reason=str(refused))
            self.telemetry.metric(metrics.MESSAGES_NOT_SENT)
            return False
        what = [news.what.value for news in incident.news[incident.post(way).told :]]
        self.telemetry.event("message-sent", **about, what=what)
        return True

    def _facts(self, standing: Standing, before: Incident | None) -> Facts:
        slots, now = standing.slots, self.clock()
        task = slots.task
        parked, stuck = (self._oldest(each, task) for each in (State.PARKED, State.STUCK))
        line = self._oldest(State.LINE, task) if standing.line.number else []
        failed = [job for job in line if job.attempt]
        failed_jobs = [*parked, *stuck, *failed]
        return Facts(
            task,
            now,
            failed_jobs,
            slots.gate(now),
            untried=max(0, max(standing.line.number, len(line)) - len(failed)),
            inside=self._inside(slots),
            near=self._near([*failed_jobs, *line[:LOOKED_UP]]),
            whole=max(map(len, (parked, stuck, line))) < MOST_READ,
            parked=max(len(parked), standing.parked.number)
            if len(parked) == MOST_READ
            else len(parked),
            stuck=max(len(stuck), standing.stuck.number) if len(stuck) == MOST_READ else len(stuck),
            said=self._said(failed_jobs, before),
            ramp=self._ramp(task),
        )

    def _ramp(self, task: str) -> Ramp | None:
        return self.ramps.get(task) if self.ramps is not None else None

    def _oldest(self, state: State, task: str) -> list[Claim]:
        return list(islice(self.claims.waiting(state, task), MOST_READ))

    def _inside(self, slots: Slots) -> int:
        """How many jobs in the task have failed before, of as many as one call reads."""
        names = sorted(slots.owners)[:BATCH_GET]
        claims = self.claims.look(names).values() if names else ()
        return sum(1 for job in claims if job.attempt and job.state is State.RUNNING)

    def _near(self, jobs: Sequence[Claim]) -> int:
        """How many will soon lose their execution; few can, and only those are looked at."""
        now = self.clock()
        suspects = [job.pk for job in jobs if may_be_near_end(job, now)][:BATCH_GET]
        claims = self.claims.look(suspects).values() if suspects else ()
        return sum(1 for job in claims if job.waits and is_near_end(job, now))

    def _said(self, jobs: Sequence[Claim], before: Incident | None) -> tuple[Said, ...] | None:
        """What those said that failed last; read again only where somebody has failed since."""
        last = before.last_failure_at if before else ""
        if not any(failed_at(job) > last for job in jobs):
            return None
        newest = sorted(jobs, key=failed_at, reverse=True)[:LOOKED_UP]
        failures = [job.failure for job in self.claims.look([job.pk for job in newest]).values()]
        kinds = Counter((one.name, pattern(one.message)) for one in failures)
        example = {(one.name, pattern(one.message)): one.message for one in failures}
        return tuple(
            Said(kind[0], example[kind][:MOST_MESSAGE], count)
            for kind, count in kinds.most_common(MOST_SAID)
        )

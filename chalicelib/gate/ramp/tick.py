"""One tick: look, decide, write down what will be released, release it, write down what was.

The order is what makes a crash harmless. Before the first write nothing has happened. After it,
the next tick finds in the claims what really went out; a second tick at the same time can't write,
so it releases nothing. A job is never out without being written down.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib import metrics, moments
from chalicelib.gate.ramp.decide import Decision, Facts, Policy, decide, settle, silence
from chalicelib.gate.ramp.judge import Job
from chalicelib.job.claim import Claim, Slots
from chalicelib.job.execution import Status
from chalicelib.job.plan import Action, Choice, Rules
from chalicelib.job.ports import Claims, Clock, Ramps, Spool, Telemetry, Workflow
from chalicelib.job.ramp_state import Released, State, Verdict, digest
from chalicelib.job.record import Record
from chalicelib.replaying.inspection import Inspection
from chalicelib.replaying.recovery import Outcome
from chalicelib.replaying.replay import Order, Replayer
from chalicelib.replaying.report import Report
from chalicelib.schedules import Window

SECONDS = 60
"""What a tick takes at most to release a step; a third of the LEASE, for calls that hang."""
SPOOLED_BY = timedelta(minutes=5)
"""A job's claim says that it is parked before its message is on the spool, but not by so much."""


@dataclass(frozen=True)
class Tick:
    """Acts on every uncertain task that has jobs; `new_id` names each run differently."""

    claims: Claims
    workflow: Workflow
    ramps: Ramps
    replayer: Replayer
    spool: Spool
    telemetry: Telemetry
    clock: Clock
    new_id: Callable[[], str]
    policy: Policy
    windows: tuple[Window, ...] = ()
    task_limit: int = 5
    max_attempts: int = 5
    first_task: str = "UncertainTask"

    def run(self, seconds: float) -> dict[str, Any]:
        """One tick for each task, within so many seconds; says what it did."""
        slots = {each.task: each for each in self.claims.slots()}
        claims = {claim.key: claim for claim in self.claims.claims()}
        tasks = {self.first_task, *slots, *(c.task for c in claims.values() if c.task)}
        each = min(SECONDS, seconds / len(tasks))
        return {
            task: self._task(claims, slots.get(task, Slots(task)), each) for task in sorted(tasks)
        }

    def _task(self, claims: dict[str, Claim], slots: Slots, seconds: float) -> dict[str, Any]:
        now, task = self.clock(), slots.task
        state = self.ramps.get(task)
        facts, state = self._facts(state, claims, slots, now)
        decision = decide(state, facts, now, self.policy)
        written = self._write(state, decision.state)
        if written is None:
            self.telemetry.event("ramp-overtaken", task=task)
            return {"overtaken": True}
        self._tell(decision, written)
        if decision.release:
            written = self._release(written, decision.release, now, seconds)
        return _told(written, decision)

    def _facts(
        self, state: State, claims: dict[str, Claim], slots: Slots, now: datetime
    ) -> tuple[Facts, State]:
        followed = [self._follow(each, claims, slots.task) for each in state.released]
        limit = self.task_limit if slots.limit is None else slots.limit
        held, until = silence(limit, self.windows, now)
        facts = Facts(
            jobs={
                claim.key: read_job(claim, slots.holders, now)
                for claim in claims.values()
                if (claim.task or self.first_task) == slots.task
            },
            free=limit - len(slots.holders),
            ended={each.key: ended for each, ended in followed},
            held=held,
            held_until=until,
        )
        return facts, replace(state, released=tuple(each for each, _ in followed))

    def _follow(
        self, released: Released, claims: dict[str, Claim], task: str
    ) -> tuple[Released, bool]:
        """The job under the key and execution that it has now; says whether it came through.

        Without a key in its input a job that is started anew has its new execution's name as key,
        and has never failed under it.
        """
        if (claim := claims.get(released.key)) is not None:
            elsewhere = (claim.task or self.first_task) != task
            return replace(released, execution=claim.execution), elsewhere
        found = self.workflow.describe(released.execution)
        if found.status in (Status.RUNNING, Status.SUCCEEDED):  # only Finish gives a claim back
            return released, True
        death = Record(execution=released.execution, redrives=found.redrives)
        successor = Inspection(self.workflow, self.claims).successor(death)
        name = successor.arn.rpartition(":")[2]
        if name in claims:
            return replace(released, key=name, execution=successor.arn, attempt=0), False
        return released, successor.status is Status.SUCCEEDED

    def _write(self, before: State, after: State) -> State | None:
        """Write the state, unless a tick without news would only say the same again."""
        if replace(after, by=before.by) == before and before.version:
            return before
        return self.ramps.put(replace(after, by=self.new_id()))

    def _release(self, state: State, jobs: Sequence[Job], now: datetime, seconds: float) -> State:
        outcomes: dict[str, Outcome] = {}

        def note(outcome: Outcome) -> None:
            if outcome.key not in outcomes or outcome.action is not Action.STALE:
                outcomes[outcome.key] = outcome

        report = self._replay(state, frozenset(job.key for job in jobs), now, seconds, note)
        lost = {job.key for job in jobs if job.key not in outcomes and not report.more}
        dropped = {key for key, each in outcomes.items() if each.action is Action.STUCK} | lost
        kept = frozenset(job.key for job in jobs) - dropped
        absent = {
            job.key
            for job in jobs
            if job.key in lost and job.parked_at and now - job.parked_at > SPOOLED_BY
        }
        self.telemetry.event(
            "ramp-released",
            task=state.task,
            step=state.step,
            released=len(kept),
            keys=sorted(kept)[:10],
        )
        if not dropped:
            return state
        settled = settle(state, kept, absent, now)
        return self.ramps.put(settled) or settled

    def _replay(
        self,
        state: State,
        keys: frozenset[str],
        now: datetime,
        seconds: float,
        note: Callable[[Outcome], None],
    ) -> Report:
        """Let the replay engine take exactly these jobs."""
        service_failures = {
            key: state.service_failures[digest(key)]
            for key in keys
            if digest(key) in state.service_failures
        }
        rules = Rules(
            began=now,
            max_attempts=self.max_attempts,
            choice=Choice(keys=keys),
            service_failures=service_failures,
        )
        replayer = replace(self.replayer, look_on=lambda o: note(o) if o.key in keys else None)
        return replayer.replay(self.spool, Order(len(keys), rules, seconds))

    def _tell(self, decision: Decision, state: State) -> None:
        if decision.verdict:
            self.telemetry.event(
                "ramp-verdict",
                task=state.task,
                verdict=decision.verdict.value,
                judged=state.last_size,
                key=state.last_key,
                step=state.step,
                due=state.due,
            )
            self.telemetry.metric(_COUNTED[decision.verdict], task=state.task)
        if decision.release:
            self.telemetry.metric(metrics.RAMP_STEP, len(decision.release), task=state.task)
            if len(decision.release) == 1:
                self.telemetry.metric(metrics.RAMP_PROBES, task=state.task)


_COUNTED = {
    Verdict.HEALTHY: metrics.RAMP_HEALTHY,
    Verdict.ALONE: metrics.RAMP_ALONE,
    Verdict.OWN: metrics.RAMP_ALONE,
    Verdict.REFUSED: metrics.RAMP_REFUSED,
}


def _told(state: State, decision: Decision) -> dict[str, Any]:
    released = len(state.released) if decision.release else 0
    told = {
        "verdict": decision.verdict.value,
        "step": state.step,
        "released": released,
        "out": len(state.released),
        "waiting": state.waiting,
        "due": state.due,
        "held": state.held,
    }
    return {name: value for name, value in told.items() if value != ""}


def read_job(claim: Claim, holders: frozenset[str], now: datetime) -> Job:
    """A claim as the ramp sees it; a time that can't be read counts as now."""
    parked, resumed = _time(claim.parked_at), _time(claim.resumed_at)
    begun = max((one for one in (resumed, _time(claim.claimed_at)) if one), default=None)
    inside = claim.execution in holders
    took = (parked - begun).total_seconds() if parked and begun else 0
    return Job(
        key=claim.key,
        execution=claim.execution,
        since=_time(claim.first_failed_at) or parked or now,
        attempt=claim.attempt,
        error=claim.failure.name,
        parked_at=parked,
        resumed_at=resumed,
        waiting=bool(claim.parked_at) and not claim.stuck_at and not inside,
        stuck=bool(claim.stuck_at),
        inside=inside,
        from_start=bool(claim.spooled_at),
        took=max(0.0, took),
    )


def _time(text: str) -> datetime | None:
    return moments.read(text) if text else None

"""One tick: look, decide, write down what will be released, release it, set the gate.

The order is what makes a crash harmless. Before the first write nothing has happened. After it,
the next tick finds in the claims what really went out; a second tick at the same time can't write,
so it releases nothing. A job is never out without being written down, and the gate is compared
with what is written down at every tick.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from chalicelib import metrics
from chalicelib.gate.ramp.decide import (
    Decision,
    Facts,
    Policy,
    decide,
    gate_change,
    held,
    settle,
)
from chalicelib.gate.ramp.judge import Job
from chalicelib.job.claim import FOR_EVER, RAMP, SERVICE, Claim, Slots, State
from chalicelib.job.plan import Action, Choice, Rules
from chalicelib.job.ports import Claims, Clock, Line, Ramps, Telemetry
from chalicelib.job.ramp_state import State as Ramp
from chalicelib.job.ramp_state import Verdict, digest
from chalicelib.job.replay import ChosenJob
from chalicelib.moments import iso, read
from chalicelib.replaying.outcome import Outcome
from chalicelib.replaying.replay import Order, Replayer

SECONDS = 60
"""What a tick takes at most to release a step; a third of the LEASE, for calls that hang."""
PASS_GOOD = timedelta(hours=6)
"""How long a job of a step may wait for a slot on its pass."""
MOST_STUCK = 50
"""Steps of nothing but stuck jobs that one tick puts aside."""
MOST = 10_000
"""Waiting jobs of one task that a tick reads, the oldest first."""


@dataclass(frozen=True)
class Tick:
    """Acts on every task that has slots; `new_id` names each run differently.

    `is_well` asks the service's own health check, before a job is spent on it; `tell_gate` says
    that a gate is closed or open again; `note` writes down which jobs go.
    """

    claims: Claims
    line: Line
    ramps: Ramps
    replayer: Replayer
    telemetry: Telemetry
    clock: Clock
    new_id: Callable[[], str]
    policy: Policy
    tell_gate: Callable[[Slots], None]
    note: Callable[[str, Sequence[ChosenJob]], None]
    max_attempts: int = 5
    is_well: Callable[[], bool | None] = lambda: None

    def run(self, seconds: float, only_named: bool = False) -> dict[str, Any]:
        """One tick for each task, within that many seconds; says what it did.

        `only_named`: where the time has come that the service itself named.

        A task that can't be served never keeps the others from it: what it raised is raised when
        all have been served.
        """
        tasks = self.line.tasks()
        each = min(SECONDS, seconds / max(1, len(tasks)))
        results: dict[str, Any] = {}
        refusals: list[Exception] = []
        for task in tasks:
            try:
                if not only_named or self._is_named(task):
                    results[task] = self._task(task, each)
            except Exception as refused:
                refusals.append(refused)
        if refusals:
            raise refusals[0]
        return results

    def _is_named(self, task: str) -> bool:
        now = self.clock()
        gate = self.line.slots(task).gate(now)
        return gate.by == SERVICE and gate.until <= iso(now)

    def _task(self, task: str, seconds: float) -> dict[str, Any]:
        """Tick once, and again where all that went out were stuck: they tell nothing."""
        ends = self.clock() + timedelta(seconds=seconds)
        for _ in range(MOST_STUCK):
            decision, in_vain = self._step(task, seconds)
            if not in_vain or self.clock() >= ends:
                break
        return decision

    def _step(self, task: str, seconds: float) -> tuple[dict[str, Any], bool]:
        now = self.clock()
        before = self.ramps.get(task)
        slots = self.line.slots(task)
        facts = self._facts(before, slots, now)
        decision = decide(before, facts, now, self.policy)
        state = self._write(before, decision.state)
        if state is None:
            self.telemetry.event("ramp-overtaken", task=task)
            return {"overtaken": True}, False
        self._tell(decision, state)
        self._set_gate(state, slots, now)
        if decision.release:
            state = self._release(state, decision.release, now, seconds)
        return _told(state, decision), bool(decision.release) and not state.released

    def _facts(self, state: Ramp, slots: Slots, now: datetime) -> Facts:
        gate = slots.gate(now)
        states = (State.PARKED,) if gate.open else (State.PARKED, State.LINE)
        oldest = [claim for each in states for claim in self._oldest(each, slots.task)]
        claims = {claim.pk: claim for claim in oldest}
        released = self.claims.look([each.pk for each in state.released], consistent=True)
        return Facts(
            jobs={
                pk: read_job(claim, gate.open or slots.passes.get(pk, "") > iso(now))
                for pk, claim in {**claims, **released}.items()
            },
            waiting=tuple(pk for pk in claims if _still_waits(released.get(pk))),
            limit=slots.limit,
            gate=gate,
            opened_at=slots.opened_at,
            well=self.is_well() if claims and not held(gate) else None,
        )

    def _oldest(self, state: State, task: str) -> list[Claim]:
        return list(islice(self.claims.waiting(state, task), MOST))

    def _write(self, before: Ramp, after: Ramp) -> Ramp | None:
        """Write the state, unless a tick without news would only say the same again."""
        if replace(after, by=before.by) == before and before.version:
            return before
        return self.ramps.put(replace(after, by=self.new_id()))

    def _set_gate(self, state: Ramp, slots: Slots, now: datetime) -> None:
        """Close or open the gate as the state has it, where it is the ramp's to do so."""
        opens = gate_change(state, slots, now)
        if opens is None:
            return
        at, task = iso(now), state.task
        if opens:
            after = self.line.open(task, RAMP, "the service is well again", at, over=slots)
        else:
            after = self.line.close(task, FOR_EVER, RAMP, state.why, at, over=slots)
        self.tell_gate(after)

    def _release(self, state: Ramp, jobs: Sequence[Job], now: datetime, seconds: float) -> Ramp:
        """Let exactly these jobs in: with a pass where the gate is closed, parked ones resumed."""
        pks = [job.pk for job in jobs]
        self.note(state.task, [_chosen(job) for job in jobs])
        if state.closed:
            self.line.give_pass(state.task, pks, iso(now + PASS_GOOD))
        parked = frozenset(job.pk for job in jobs if job.state is State.PARKED)
        stuck = self._replay(state, parked, seconds) if parked else set()
        kept = frozenset(pks) - stuck
        self.telemetry.event(
            "ramp-released",
            task=state.task,
            step=state.step,
            released=len(kept),
            keys=[job.key for job in jobs if job.pk in kept][:10],
        )
        if not stuck:
            return state
        settled = settle(state, kept)
        return self.ramps.put(settled) or settled

    def _replay(self, state: Ramp, pks: frozenset[str], seconds: float) -> set[str]:
        """Let the replay engine take these jobs; returns those that turned out to be stuck."""
        stuck: set[str] = set()

        def note(outcome: Outcome) -> None:
            if outcome.action is Action.STUCK:
                stuck.add(outcome.pk)

        failures = state.service_failures
        rules = Rules(
            max_attempts=self.max_attempts,
            choice=Choice(task=state.task, pks=pks),
            service_failures={
                job.pk: failures[digest(job.pk)]
                for job in state.released
                if digest(job.pk) in failures
            },
        )
        replace(self.replayer, look_on=note).replay(Order(len(pks), rules, seconds))
        return stuck

    def _tell(self, decision: Decision, state: Ramp) -> None:
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


def _told(state: Ramp, decision: Decision) -> dict[str, Any]:
    fields = {
        "verdict": decision.verdict.value,
        "step": state.step,
        "released": len(state.released) if decision.release else 0,
        "out": len(state.released),
        "waiting": state.waiting,
        "due": state.due,
        "held": state.held,
        "closed": state.closed,
    }
    return {name: value for name, value in fields.items() if value != ""}


def _chosen(job: Job) -> ChosenJob:
    return ChosenJob(job.pk, job.since, job.attempt, job.order.partition("#")[0])


def _still_waits(claim: Claim | None) -> bool:
    """Whether a job that the index lists waits; the index may be behind a consistent read."""
    return claim is None or (claim.waits and claim.state is not State.STUCK)


def read_job(claim: Claim, may_enter: bool) -> Job:
    """A claim as the ramp sees it."""
    end, start = read(claim.failed_at), read(claim.entered_at)
    took = (end - start).total_seconds() if end and start else 0
    return Job(
        pk=claim.pk,
        state=claim.state,
        order=claim.order,
        since=claim.since,
        attempt=claim.attempt,
        error=claim.error,
        failed_at=claim.failed_at,
        dead=bool(claim.dead_at),
        took=max(0.0, took),
        entered=claim.entered_at,
        may_enter=may_enter,
        ended=bool(claim.ended_at),
    )

"""Whatever happens in whatever order: in the end every job is done once, and nothing is left."""

import os
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chalicelib.errors import RespoolError
from chalicelib.job.execution import DEAD
from tests.crash import actors
from tests.crash.actors import Actor
from tests.crash.conditions import Condition, Surroundings
from tests.crash.watch import Watch
from tests.fakes.service import TASK
from tests.fakes.spool import Delivery
from tests.fakes.stage import FakeStage, Process
from tests.fakes.wire import Fault, Wire

EXAMPLES = int(os.environ.get("RANDOM_SCHEDULES", "200"))
LIMIT = 2
DAY = 24
ACTORS: dict[str, Actor] = {
    "replay": actors.replay,
    "replay two": actors.replay_two,
    "try one first": actors.try_one_first,
    "replay unattended": actors.replay_unattended,
    "replay stuck": actors.replay_stuck,
    "choose others": actors.choose_others,
    "sweep": actors.sweep,
    "trigger": actors.trigger,
    "admit": actors.admit,
    "tend": actors.tend,
    "ramp": actors.ramp,
    "spool": actors.spool,
    "states": actors.states,
    "open gate": actors.open_gate,
    "close gate": actors.close_gate,
    "limit 0": actors.limit_zero,
    "limit 1": actors.limit_one,
    "limit 2": actors.limit_two,
}
COUNTS = (actors.sweep, actors.tend)
"""Actors that count a line twice, five seconds apart: no index lags for that long."""
RIVALS = [None, *sorted(ACTORS.keys() - {"spool", "states"})]
STAGES: list[dict[str, str]] = [
    {},
    {"SPOOL_VIA": "sqs"},
    {"CLOSE_AFTER": "2"},
    {"RECOVERY": "ramp"},
]


class Schedules(RuleBasedStateMachine):
    """Jobs start, fail, are aborted and given up; processes act, and die where they will."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: Iterator[int] = count()
        self.jobs: list[str] = []
        self.unwanted: set[str] = set()

    @initialize(
        seed=st.integers(0, 999),
        delivery=st.sampled_from(Delivery),
        redrives=st.booleans(),
        refuses=st.booleans(),
        attempts=st.sampled_from(["1", "2", "5"]),
        chosen=st.sampled_from(STAGES),
    )
    def begin(
        self,
        seed: int,
        delivery: Delivery,
        redrives: bool,
        refuses: bool,
        attempts: str,
        chosen: dict[str, str],
    ) -> None:
        variables = {"MAX_ATTEMPTS": attempts, "COOL_DOWN": "60", **chosen}
        self.stage = FakeStage(seed, delivery, task_limit=LIMIT, **variables)
        self.watch = Watch(self.stage)
        self.stage.executions.redrives = redrives
        self.stage.executions.refuses = refuses
        self.stage.service.broken = True
        for keyed in (True, False):
            self.start(keyed, at_once=True)
        self.stage.service.broken = False
        self.stage.clock.pause(1800)

    @precondition(lambda self: len(self.jobs) < 6)
    @rule(keyed=st.booleans(), at_once=st.booleans())
    def start(self, keyed: bool, at_once: bool) -> None:
        n = next(self.numbers)
        job = f'{{"key":"key-{n}"}}' if keyed else f'{{"amount":{n}}}'
        arn = self.stage.executions.start(f"job-{n}", job)
        self.jobs.append(job)
        self.stage.machine.run_to(arn, "TakeSlot")
        if at_once:
            self.stage.machine.run()

    @rule(broken=st.booleans(), says=st.booleans())
    def change_the_service(self, broken: bool, says: bool) -> None:
        """It may say when it is back, rightly or not."""
        self.stage.service.broken = broken
        self.stage.service.message = "closed (Retry-After: 3600)" if says else "no answer"

    @rule(steps=st.integers(1, 12))
    def let_some_states_run(self, steps: int) -> None:
        for run in self.stage.executions.running()[:steps]:
            self.stage.machine.step(run)

    @rule()
    def let_everything_go_on(self) -> None:
        Surroundings(self.stage, Condition.CALM).go_on()

    @rule(lost=st.booleans(), backwards=st.booleans(), again=st.booleans())
    def hear_of_slots(self, lost: bool, backwards: bool, again: bool) -> None:
        """The mapping hands over what the stream has; one event each, where they come backwards."""
        stream = self.stage.table.stream
        records = [] if lost else list(stream)
        if not again:
            stream.clear()
        for record in reversed(records) if backwards else records:
            self._admit(record)

    def _admit(self, record: Any) -> None:
        actors.attempt(lambda process: process.admit({"Records": [record]}), self._process())

    def _process(self) -> Process:
        return self.stage.process()

    @rule(hours=st.sampled_from([0, 1, 30, 13 * DAY]))
    def let_time_pass(self, hours: int) -> None:
        """Nothing lags for long; and no stage is without a sweep for days."""
        self.stage.executions.catch_up()
        self._let_the_index_catch_up()
        self.stage.clock.pause(hours * 3600 + 1)
        if hours > DAY:
            actors.attempt(actors.sweep, self._process())

    @rule(lags=st.booleans(), entries=st.integers(0, 5))
    def let_the_index_lag(self, lags: bool, entries: int) -> None:
        index = self.stage.table.index
        index.catch_up(entries if lags else None)
        index.lagging = lags

    def _let_the_index_catch_up(self) -> None:
        self.stage.table.index.lagging = False
        self.stage.table.index.catch_up()

    @rule()
    def let_looks_lag(self) -> None:
        self.stage.executions.lag()

    @rule(pick=st.integers(0, 99))
    def abort(self, pick: int) -> None:
        """Not after the work was done: to abort then is to ask for it once more."""
        runs = [
            run for run in self.stage.executions.running() if not run.state.startswith("Finish")
        ]
        if runs:
            self.stage.executions.stop(runs[pick % len(runs)].arn, "Aborted", "by hand")

    @rule(pick=st.integers(0, 99))
    def write_late(self, pick: int) -> None:
        """The last call of one that has just died arrives after its end."""
        if dead := [self.stage.executions.runs[arn] for arn in self.stage.executions.ended]:
            run = dead[pick % len(dead)]
            if run.status in DEAD and run.state:
                self.stage.machine.write_late(run)

    @rule(lost=st.booleans(), again=st.booleans())
    def hear_of_ends(self, lost: bool, again: bool) -> None:
        ended, self.stage.executions.ended = self.stage.executions.ended, []
        for arn in [] if lost else ended * (2 if again else 1):
            self._process().engines.rescue.catch(arn)

    @rule(pick=st.integers(0, 99))
    def redrive_by_hand(self, pick: int) -> None:
        """In the console, of a job that nobody has restarted or given up."""
        owners = {claim.execution for claim in self.stage.waiting.values() if claim.dead_at}
        if dead := [arn for arn in sorted(owners) if arn in self.stage.executions.runs]:
            arn = dead[pick % len(dead)]
            try:
                self.stage.executions.redrive(arn)
            except RespoolError:
                return
            self.watch.by_hand.add(arn)

    @rule(
        what=st.sampled_from(sorted(ACTORS)),
        call=st.integers(0, 20),
        fault=st.sampled_from([None, *Fault]),
        rival=st.sampled_from(RIVALS),
        rival_at=st.integers(0, 20),
    )
    def act(
        self, what: str, call: int, fault: Fault | None, rival: str | None, rival_at: int
    ) -> None:
        wire = Wire()
        if fault:
            wire.break_at(call, fault)
        if rival:
            carries_on = ACTORS[what] not in actors.MACHINE
            wire.interrupt_at(rival_at, lambda: self._meanwhile(ACTORS[rival], carries_on))
        self._attempt(ACTORS[what], self.stage.process(wire))
        self.stage.machine.wire, self.stage.new_wire = Wire(), Wire

    def _attempt(self, act: Actor, process: Process) -> None:
        if act in COUNTS:
            self._let_the_index_catch_up()
        actors.attempt(act, process)

    def _meanwhile(self, rival: Actor, carries_on: bool) -> None:
        self._attempt(rival, self._process())
        if carries_on:
            self.stage.machine.run()

    @rule(pick=st.integers(0, 99), call=st.integers(0, 8), fault=st.sampled_from([None, *Fault]))
    def give_up(self, pick: int, call: int, fault: Fault | None) -> None:
        claims = sorted(self.stage.waiting.items())
        if not claims:
            return
        pk, claim = claims[pick % len(claims)]
        owners = [
            self.stage.executions.runs.get(arn) for arn in (claim.execution, claim.predecessor)
        ]
        runs = [run for run in owners if run is not None]
        if any(run.state.startswith("Finish") for run in runs):
            return
        self.unwanted |= {run.input for run in runs}
        wire = Wire().break_at(call, fault) if fault else Wire()
        key = pk.partition("#")[2]
        actors.attempt(
            lambda process: process.engines.give_up.end(key, "unwanted"), self.stage.process(wire)
        )

    @rule(pick=st.integers(0, 99))
    def let_through(self, pick: int) -> None:
        if waiting := sorted(self.stage.waiting):
            line = self._process().line
            line.give_pass(TASK, [waiting[pick % len(waiting)]], "2026-12-24T00:00:00.000Z")

    @invariant()
    def nobody_is_inside_without_a_slot(self) -> None:
        if hasattr(self, "watch"):
            assert not self.watch.seen

    def teardown(self) -> None:
        if not hasattr(self, "stage"):
            return
        around = Surroundings(self.stage, Condition.CALM)
        around.clear_up()
        actors.attempt(actors.limit_two, self._process())
        actors.until_quiet(self.stage, around, actors.replay, lambda: False)
        for _ in range(2):  # what nobody noted is noted again after 13 days
            self.stage.clock.pause(14 * DAY * 3600)
            actors.until_quiet(self.stage, around, actors.sweep, self._is_quiet)
        for job in self.jobs:
            done = self.stage.service.done[job]
            assert done == 1 or (job in self.unwanted and done == 0), (job, done)
        assert not self.stage.waiting
        slots = self.stage.slots
        assert (slots.owners, slots.waking, slots.waiting) == ({}, {}, 0)
        assert not self.stage.spool.bodies + self.stage.stuck.bodies
        assert not self.stage.executions.running()

    def _is_quiet(self) -> bool:
        stage = self.stage
        left = [*stage.waiting, *stage.spool.bodies, *stage.executions.running()]
        return not left and not stage.slots.owners and not stage.slots.waiting


def _profile(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=20,
        deadline=None,
        derandomize=examples < 1000,
        suppress_health_check=list(HealthCheck),
    )


def test_every_job_is_done_once_whatever_happens() -> None:
    run_state_machine_as_test(Schedules, settings=_profile(EXAMPLES))


@pytest.mark.soak
def test_the_same_holds_for_thousands_of_schedules() -> None:
    run_state_machine_as_test(Schedules, settings=_profile(max(EXAMPLES, 5000)))

"""Whatever happens in whatever order: in the end every job is done once, and nothing is left."""

import os
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.crash import actors
from tests.crash.actors import Actor
from tests.fakes.run import TASK
from tests.fakes.spool import Delivery
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Fault, Wire

EXAMPLES = int(os.environ.get("RANDOM_SCHEDULES", "300"))
LIMIT = 2
ACTORS: dict[str, Actor] = {
    "replay": actors.replay,
    "replay two": lambda process: process.replay(2),
    "replay stuck": actors.replay_stuck,
    "choose others": actors.choose_others,
    "sweep": actors.sweep,
    "trigger": actors.trigger,
    "spool": actors.spool,
}


class Schedules(RuleBasedStateMachine):
    """Jobs start, fail, are aborted and given up; processes act, and die where they will."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = FakeStage()
        self.numbers: Iterator[int] = count()
        self.jobs: list[str] = []
        self.unwanted: set[str] = set()

    @initialize(
        seed=st.integers(0, 999),
        delivery=st.sampled_from(Delivery),
        redrives=st.booleans(),
        refuses=st.booleans(),
        attempts=st.sampled_from([1, 2, 5]),
        via_sqs=st.booleans(),
    )
    def begin(
        self,
        seed: int,
        delivery: Delivery,
        redrives: bool,
        refuses: bool,
        attempts: int,
        via_sqs: bool,
    ) -> None:
        self.stage = FakeStage(seed, delivery, task_limit=LIMIT, max_attempts=attempts)
        self.stage.executions.redrives = redrives
        self.stage.executions.refuses = refuses
        self.stage.machine.via_sqs = via_sqs
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

    @rule(broken=st.booleans())
    def change_the_service(self, broken: bool) -> None:
        self.stage.service.broken = broken

    @rule(steps=st.integers(1, 12))
    def let_some_states_run(self, steps: int) -> None:
        for run in self.stage.executions.running()[:steps]:
            self.stage.machine.step(run)

    @rule()
    def let_the_jobs_run(self) -> None:
        self.stage.machine.run()

    @rule(hours=st.sampled_from([0, 1, 30, 13 * 24]))
    def let_time_pass(self, hours: int) -> None:
        self.stage.clock.pause(hours * 3600 + 1)

    @rule(pick=st.integers(0, 99))
    def abort(self, pick: int) -> None:
        """Not after the work was done: to abort then is to ask for it once more."""
        runs = [run for run in self.stage.executions.running() if run.state != "Finish"]
        if runs:
            self.stage.executions.stop(runs[pick % len(runs)].arn, "Aborted", "by hand")

    @rule(pick=st.integers(0, 99))
    def write_a_slot_late(self, pick: int) -> None:
        if dead := [arn for arn in self.stage.executions.ended if arn]:
            self.stage.table.enter(TASK, dead[pick % len(dead)], LIMIT)

    @rule(lost=st.booleans(), again=st.booleans())
    def hear_of_ends(self, lost: bool, again: bool) -> None:
        ended, self.stage.executions.ended = self.stage.executions.ended, []
        for arn in [] if lost else ended * (2 if again else 1):
            self.stage.process().rescue.catch(arn)

    @rule(
        what=st.sampled_from(sorted(ACTORS)),
        call=st.integers(0, 12),
        fault=st.sampled_from([None, *Fault]),
        rival=st.sampled_from([None, *sorted(ACTORS)]),
        rival_at=st.integers(0, 12),
    )
    def act(
        self, what: str, call: int, fault: Fault | None, rival: str | None, rival_at: int
    ) -> None:
        wire = Wire()
        if fault:
            wire.break_at(call, fault)
        if rival:
            wire.interrupt_at(rival_at, lambda: self._meanwhile(ACTORS[rival]))
        actors.attempt(ACTORS[what], self.stage.process(wire))
        self.stage.new_wire = Wire

    def _meanwhile(self, rival: Actor) -> None:
        actors.attempt(rival, self.stage.process())
        self.stage.machine.run()

    @rule(pick=st.integers(0, 99))
    def give_up(self, pick: int) -> None:
        claims = sorted(self.stage.table.jobs)
        if not claims:
            return
        key = claims[pick % len(claims)]
        owner = self.stage.executions.runs.get(self.stage.table.jobs[key].execution)
        if owner is None or owner.state == "Finish":
            return
        self.unwanted.add(owner.input)
        actors.attempt(lambda process: process.give_up.end(key, "unwanted"), self.stage.process())

    def teardown(self) -> None:
        actors.until_quiet(self.stage, actors.replay)
        for _ in range(3):  # what waits for a restart is spooled again after ten days
            self.stage.clock.pause(11 * 86_400)
            actors.until_quiet(self.stage, actors.sweep)
        for job in self.jobs:
            done = self.stage.service.done[job]
            assert done == 1 or (job in self.unwanted and done == 0), (job, done)
        assert not self.stage.table.jobs
        assert not self.stage.table.held
        assert not self.stage.spool.bodies + self.stage.stuck.bodies
        assert not self.stage.executions.running()


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

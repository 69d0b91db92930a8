"""The matrix: situations x calls x faults x deliveries, and what became of the jobs in each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.crash import actors, situations
from tests.crash.actors import Actor
from tests.fakes.spool import Delivery
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Fault, Wire

NO_FAULT = None


@dataclass(frozen=True)
class Scenario:
    """Somebody acts on a job. `wanted` is how often its work may be completed in the end."""

    part: str
    name: str
    prepare: Callable[[FakeStage], object]
    act: Actor
    rival: Actor | None = None
    job: str = situations.KEYED
    wanted: tuple[int, ...] = (1,)
    wanted_with_rival: tuple[int, ...] | None = None
    left: frozenset[str] = frozenset()
    max_attempts: int = 5
    redrives: bool = True
    refuses: bool = False


@dataclass(frozen=True)
class Case:
    """One scenario with one fault at one call; a rival acts right before call `rival_at`."""

    scenario: Scenario
    delivery: Delivery
    call: int
    name: str
    fault: Fault | None
    rival_at: int | None = None

    def __str__(self) -> str:
        fault = self.fault or "no fault"
        return f"{self.scenario.name}: {fault} at call {self.call} ({self.name}), {self.delivery}"


@dataclass
class Verdict:
    """What became of the job, and what was left behind."""

    lost: bool
    doubled: bool
    leaks: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether all went as it should."""
        return not (self.lost or self.doubled or self.leaks)


def stage_for(scenario: Scenario, delivery: Delivery) -> FakeStage:
    """A stage in which the scenario's situation has come about."""
    stage = FakeStage(delivery=delivery, max_attempts=scenario.max_attempts)
    stage.cool_down = 60
    stage.executions.redrives = scenario.redrives
    stage.executions.refuses = scenario.refuses
    scenario.prepare(stage)
    return stage


def calls_of(scenario: Scenario, delivery: Delivery) -> list[str]:
    """The calls that the scenario makes when nothing goes wrong."""
    wire = Wire()
    scenario.act(stage_for(scenario, delivery).process(wire))
    return wire.calls


def cases_of(scenario: Scenario, every_pair: bool = False) -> Iterator[Case]:
    """Every fault at every call, under every delivery."""
    for delivery in Delivery:
        concurrent = delivery is Delivery.CONCURRENTLY
        for call, name in enumerate(calls_of(scenario, delivery)):
            for fault in (NO_FAULT, *Fault):
                if fault is NO_FAULT and not concurrent and call:
                    continue
                for rival_at in _rivals(call, concurrent, every_pair):
                    yield Case(scenario, delivery, call, name, fault, rival_at)


def _rivals(call: int, concurrent: bool, every_pair: bool) -> list[int | None]:
    if not concurrent:
        return [None]
    return list(range(call + 1)) if every_pair else [call]


def try_out(case: Case) -> Verdict:
    """Let it happen, run everything again until it is quiet, and look."""
    scenario = case.scenario
    stage = stage_for(scenario, case.delivery)
    wire = Wire()
    if case.fault:
        wire.break_at(case.call, case.fault)
    if case.rival_at is not None:
        wire.interrupt_at(case.rival_at, lambda: _meanwhile(stage, scenario))
    actors.attempt(scenario.act, stage.process(wire))
    actors.until_quiet(stage, scenario.act)
    return _judge(case, stage)


def _meanwhile(stage: FakeStage, scenario: Scenario) -> None:
    """The rival acts to its end, and the jobs go on."""
    stage.service.broken = False
    actors.attempt(scenario.rival or scenario.act, stage.process())
    if scenario.act not in (actors.states, actors.states_resumed):
        stage.machine.run()


def _judge(case: Case, stage: FakeStage) -> Verdict:
    scenario = case.scenario
    wanted = scenario.wanted
    if case.rival_at is not None and scenario.wanted_with_rival:
        wanted = scenario.wanted_with_rival
    done = stage.service.done[scenario.job]
    others = sum(stage.service.done.values()) - done
    leaks = [f"claim of {key!r}: {claim}" for key, claim in stage.table.jobs.items()]
    leaks += [f"slot in {task}: {holders}" for task, holders in stage.table.held.items()]
    bodies = [*stage.spool.bodies, *stage.stuck.bodies]
    leaks += [f"message {body}" for body in bodies if body not in scenario.left]
    leaks += [f"{run.arn} still runs, in {run.state}" for run in stage.executions.running()]
    leaks += [f"{body!r} is gone" for body in scenario.left if body not in bodies]
    return Verdict(done < min(wanted), done > max(wanted) or others > 0, leaks)

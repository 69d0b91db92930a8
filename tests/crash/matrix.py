"""The matrix: situations x calls x faults x conditions, and what became of the jobs in each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.crash import actors, situations
from tests.crash.actors import Actor
from tests.crash.conditions import Condition, Surroundings
from tests.crash.watch import Watch
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Fault, Wire

NO_FAULT = None
READS = ("Query", "GetItem", "Describe", "List", "Receive", "GetQueue", "GetExecution", "BatchGet")


@dataclass(frozen=True)
class Scenario:
    """Somebody acts on a job. `wanted` is how often its work may be completed in the end.

    `left` are messages that shall stay; `refused` are inputs whose work is not to be done, unless
    a rival lets the other job of that key end. `home` is the machine whose job it is; empty is the
    stage's own.
    """

    part: str
    name: str
    prepare: Callable[[FakeStage], object]
    act: Actor
    rival: Actor | None = None
    job: str = situations.KEYED
    wanted: tuple[int, ...] = (1,)
    wanted_with_rival: tuple[int, ...] | None = None
    left: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    redrives: bool = True
    refuses: bool = False
    limit: int = 5
    settings: tuple[tuple[str, str], ...] = ()
    home: str = ""


@dataclass(frozen=True)
class Case:
    """One scenario with one fault at one call; a rival acts right before call `rival_at`."""

    scenario: Scenario
    condition: Condition
    call: int
    name: str
    fault: Fault | None
    rival_at: int | None = None

    def __str__(self) -> str:
        fault = self.fault or "no fault"
        rival = "" if self.rival_at is None else f", interrupted at {self.rival_at}"
        about = f"{self.scenario.part}: {self.scenario.name}"
        return f"{about}: {fault} at call {self.call} ({self.name}){rival}, {self.condition}"


@dataclass
class Verdict:
    """What became of the jobs, what was left behind, and what should not have been meanwhile."""

    lost: bool
    doubled: bool
    leaks: list[str] = field(default_factory=list)
    crowded: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether all went as it should."""
        return not (self.lost or self.doubled or self.leaks or self.crowded)


def stage_for(scenario: Scenario, condition: Condition) -> FakeStage:
    """A stage in which the scenario's situation has come about."""
    settings = {"COOL_DOWN": "60", **dict(scenario.settings)}
    stage = FakeStage(0, condition.delivery, scenario.limit, home=scenario.home, **settings)
    stage.executions.redrives = scenario.redrives
    stage.executions.refuses = scenario.refuses
    scenario.prepare(stage)
    return stage


def calls_of(scenario: Scenario, condition: Condition = Condition.CALM) -> list[str]:
    """The calls that the scenario makes when nothing goes wrong."""
    wire = Wire()
    stage = stage_for(scenario, condition)
    Surroundings(stage, condition).begin()
    actors.attempt(scenario.act, stage.process(wire))
    return wire.calls


def cases_of(scenario: Scenario, every_pair: bool = False) -> Iterator[Case]:
    """Every fault at every call, under every condition; once more without any fault."""
    for condition in Condition:
        rival = condition is Condition.RIVAL
        for call, name in enumerate(calls_of(scenario, condition)):
            for fault in _faults(name, every_time=rival or not call):
                for rival_at in _rivals(call, rival, every_pair):
                    yield Case(scenario, condition, call, name, fault, rival_at)


def _faults(name: str, every_time: bool) -> list[Fault | None]:
    """Those that the call can meet; only a write meets another transaction."""
    faults: list[Fault | None] = [NO_FAULT] if every_time else []
    is_read = name.startswith(READS)
    return faults + [each for each in Fault if not (is_read and each is Fault.CONFLICT)]


def _rivals(call: int, rival: bool, every_pair: bool) -> list[int | None]:
    if not rival:
        return [None]
    return list(range(call + 1)) if every_pair else [call]


def try_out(case: Case) -> Verdict:
    """Let it happen, run everything again until it is quiet, and look."""
    scenario = case.scenario
    stage = stage_for(scenario, case.condition)
    around, watch = Surroundings(stage, case.condition), Watch(stage)
    around.begin()
    wire = Wire()
    if case.fault:
        wire.break_at(case.call, case.fault)
    if case.rival_at is not None:
        wire.interrupt_at(case.rival_at, lambda: _meanwhile(stage, scenario, around))
    actors.attempt(scenario.act, stage.process(wire))
    actors.until_quiet(stage, around, scenario.act, lambda: not _leaks(scenario, stage))
    return _judge(case, stage, watch)


def _meanwhile(stage: FakeStage, scenario: Scenario, around: Surroundings) -> None:
    """The rival acts to its end, and the jobs go on."""
    stage.service.broken = False
    actors.attempt(scenario.rival or scenario.act, stage.process())
    if scenario.act not in actors.MACHINE:
        around.go_on()


def _judge(case: Case, stage: FakeStage, watch: Watch) -> Verdict:
    scenario = case.scenario
    wanted = scenario.wanted
    if case.rival_at is not None and scenario.wanted_with_rival:
        wanted = scenario.wanted_with_rival
    done = stage.service.done
    jobs = {run.input for run in stage.executions.runs.values()} - scenario.refused
    others = [done[job] for job in jobs if job != scenario.job]
    unwanted = any(done[job] > (case.rival_at is not None) for job in scenario.refused)
    return Verdict(
        lost=done[scenario.job] < min(wanted) or 0 in others,
        doubled=done[scenario.job] > max(wanted) or max(others, default=1) > 1 or unwanted,
        leaks=_leaks(scenario, stage),
        crowded=watch.seen,
    )


def _leaks(scenario: Scenario, stage: FakeStage) -> list[str]:
    slots = stage.slots
    leaks = [f"claim of {claim.key}: {claim}" for claim in stage.waiting.values()]
    held = {"owners": slots.owners, "waking": slots.waking, "in line": slots.waiting}
    leaks += [f"{what}: {who}" for what, who in held.items() if who]
    bodies = [*stage.spool.bodies, *stage.stuck.bodies]
    leaks += [f"message {body[:200]}" for body in bodies if body not in scenario.left]
    leaks += [f"{run.arn} still runs, in {run.state}" for run in stage.executions.running()]
    leaks += [f"{body!r} is gone" for body in scenario.left if body not in bodies]
    return leaks

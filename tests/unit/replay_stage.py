"""A stage in memory with waiting jobs, and what a replay made of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.job.claim import JOB, Claim
from chalicelib.job.plan import Rules
from chalicelib.parking.repairs import Repairs
from chalicelib.replaying.outcome import Outcome
from chalicelib.replaying.replay import Order, Replayer
from chalicelib.replaying.report import Report
from tests.fakes.service import TASK
from tests.fakes.spool import FakeSpool
from tests.fakes.stage import FakeStage, Process
from tests.fakes.wire import Wire

RULES = ("max_attempts", "cool_down", "stuck", "choice", "service_failures")


def given(key: str) -> str:
    """The input of the job with that key."""
    return json.dumps({"key": key})


def change(stage: "ReplayStage", pk: str, **members: Any) -> None:
    """Change members of an item of the table."""
    table = stage.memory.table
    table.put(pk, {**table.items[pk], **members})


@dataclass
class ReplayStage:
    """Jobs are parked, aborted and put back; `outcomes` are those of the last replay."""

    memory: FakeStage = field(default_factory=FakeStage)
    outcomes: list[Outcome] = field(default_factory=list)

    def park(self, *keys: str, error: str = "ConnectionError") -> None:
        """Let jobs fail and be parked; the service is well again afterwards."""
        self.memory.service.broken, self.memory.service.error = True, error
        for key in keys:
            self.memory.executions.start(f"job-{key}", given(key))
            self.memory.run()
        self.memory.service.broken = False
        self.memory.clock.pause(60)

    def arn(self, key: str) -> str:
        """The execution that the job began with."""
        return self.memory.executions.arn(f"job-{key}")

    def claim(self, key: str) -> Claim:
        """The job's claim."""
        return self.memory.claims[JOB + key]

    def abort(self, key: str, state: str = TASK) -> str:
        """Let a job come as far as that state, and abort it there; the rescue hears of it."""
        arn = self.memory.executions.start(f"job-{key}", given(key))
        self.memory.machine.run_to(arn, state)
        self.stop(arn)
        return arn

    def stop(self, arn: str, heard: bool = True) -> None:
        """Abort an execution by hand."""
        self.memory.executions.stop(arn, "Aborted", "by hand")
        if heard:
            self.hear()
        self.memory.clock.pause(60)

    def hear(self) -> None:
        """Let the rescue hear of every end."""
        while self.memory.executions.ended:
            arn = self.memory.executions.ended.pop(0)
            self.memory.process().engines.rescue.catch(arn)

    def engine(self, process: Process | None = None, **changes: Any) -> Replayer:
        """The engine of a process of its own, with other parts where they are given."""
        return replace((process or self.memory.process()).engines.replayer, **changes)

    def pausing(self, pause: Callable[[float], None]) -> Replayer:
        """The engine of a process of its own, which lets time pass in that way."""
        engine = self.engine()
        return replace(engine, recovery=replace(engine.recovery, pause=pause), pause=pause)

    def wait(self, key: str) -> None:
        """Let the job's first execution go on until it ends, or waits for something."""
        self.memory.machine.run_to(self.arn(key), "nowhere")

    def replay(
        self,
        count: int = 1000,
        process: Process | None = None,
        attended: bool = True,
        engine: Replayer | None = None,
        **order: Any,
    ) -> Report:
        """Replay as a person does, or unattended; `order` are fields of Order and of Rules."""
        engine = engine or self.engine(process)
        chosen = {name: order.pop(name) for name in RULES if name in order}
        defaults = {"max_attempts": self.memory.settings.max_attempts}
        rules = Rules(attended=attended, **{**defaults, **chosen})
        self.outcomes = []
        watched = replace(engine, look_on=self._watch(engine.look_on))
        return watched.replay(Order(count, rules, **{"seconds": 60, **order}))

    def _watch(self, other: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
        def look_on(outcome: Outcome) -> None:
            self.outcomes.append(outcome)
            other(outcome)

        return look_on

    def slow(self, seconds: float) -> Process:
        """A process each of whose calls takes so long."""
        return self.memory.process(Wire(lambda: self.memory.clock.pause(seconds)))

    def visible(self, stuck: bool = False) -> list[str]:
        """The bodies that another process can take right now, without waiting for any."""
        queue = self.memory.stuck if stuck else self.memory.spool
        reader, bodies = FakeSpool(queue, Wire(), wait=0), []
        for _ in range(60):  # a short poll asks some of the servers
            bodies += [message.body for message in reader.receive(10, 600)]
        return sorted(bodies)

    def noted(self) -> list[str]:
        """The keys of the jobs whose notes are on the spool."""
        return sorted(str(json.loads(body)["key"]) for body in self.memory.spool.bodies)

    def finish(self) -> list[str]:
        """Let all jobs go on; the keys of those whose work is done, once for each time."""
        self.memory.run()
        done = self.memory.service.done
        return sorted(str(json.loads(job)["key"]) for job in done.elements())

    def snapshot(self) -> Any:
        """Everything that a replay could change."""
        memory = self.memory
        runs = {
            arn: (run.status, run.state, run.token, run.redrives)
            for arn, run in memory.executions.runs.items()
        }
        queues = sorted(memory.spool.bodies), sorted(memory.stuck.bodies)
        return runs, memory.table.copy_items(), queues


class TheirJob:
    """A job of another machine: its stage, and what becomes of it."""

    pk: str
    memory: FakeStage

    @property
    def claim(self) -> Claim:
        """The job's claim."""
        return self.memory.claims[self.pk]

    def sweep(self) -> Repairs:
        """A sweep, which is refused nothing."""
        repairs = self.memory.process().engines.sweep.run(600)
        assert repairs.refused == []
        return repairs

    def replay(self, wire: Wire | None = None, **rules: Any) -> Outcome:
        """What a person's replay makes of it."""
        recovery = self.memory.process(wire or Wire()).engines.recovery
        return recovery.recover(self.claim, Rules(attended=True, **rules), recovery.patience(1e9))

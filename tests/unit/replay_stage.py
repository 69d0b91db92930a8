"""A stage in memory with spooled jobs, and what a replay made of them."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.replaying.recovery import Outcome
from chalicelib.replaying.replay import Order
from chalicelib.replaying.report import Report
from tests.fakes.run import TASK
from tests.fakes.spool import FakeSpool
from tests.fakes.stage import FakeStage, Process
from tests.fakes.wire import Wire


def given(key: str) -> str:
    """The input of the job with that key."""
    return json.dumps({"key": key})


@dataclass
class ReplayStage:
    """Jobs are parked, aborted and put back; `outcomes` are those of the last replay."""

    fakes: FakeStage = field(default_factory=FakeStage)
    outcomes: list[Outcome] = field(default_factory=list)

    def park(self, *keys: str) -> None:
        """Let jobs fail and be spooled; the service is well again afterwards."""
        self.fakes.service.broken = True
        for key in keys:
            self.fakes.executions.start(f"job-{key}", given(key))
        self.fakes.machine.run()
        self.fakes.service.broken = False
        self.fakes.clock.pause(60)

    def arn(self, key: str) -> str:
        """The execution that the job began with."""
        return self.fakes.executions.arn(f"job-{key}")

    def abort(self, key: str, state: str = TASK) -> str:
        """Let a job come as far as that state, and abort it there; the rescue hears of it."""
        arn = self.fakes.executions.start(f"job-{key}", given(key))
        self.fakes.machine.run_to(arn, state)
        self.fakes.executions.stop(arn, "Aborted", "by hand")
        self.hear()
        self.fakes.clock.pause(60)
        return arn

    def hear(self) -> None:
        """Let the rescue hear of every end."""
        while self.fakes.executions.ended:
            self.fakes.process().rescue.catch(self.fakes.executions.ended.pop(0))

    def replay(
        self, count: int = 1000, process: Process | None = None, stuck: bool = False, **order: Any
    ) -> Report:
        """Replay as people and schedules do; `order` are fields of Order and of Rules."""
        process = process or self.fakes.process()
        fields = {name: order.pop(name) for name in ("seconds", "rate", "dry_run") if name in order}
        rules = process.rules(take_stuck=stuck, **order)
        self.outcomes = []
        engine = replace(process.replayer, look_on=self._watch(process))
        queue = process.stuck if stuck else process.spool
        return engine.replay(queue, Order(count, rules, **{"seconds": 60, **fields}))

    def _watch(self, process: Process) -> Any:
        others = process.replayer.look_on

        def look_on(outcome: Outcome) -> None:
            self.outcomes.append(outcome)
            others(outcome)

        return look_on

    def slow(self, seconds: float) -> Process:
        """A process each of whose calls takes so long."""
        return self.fakes.process(Wire(lambda: self.fakes.clock.pause(seconds)))

    def visible(self, stuck: bool = False) -> list[str]:
        """The bodies that another process can take right now, without waiting for any."""
        queue = self.fakes.stuck if stuck else self.fakes.spool
        reader, bodies = FakeSpool(queue, Wire(), wait=0), []
        for _ in range(60):  # a short poll asks some of the servers
            bodies += [message.body for message in reader.receive(10, 600)]
        return sorted(bodies)

    def finish(self) -> list[str]:
        """Let all jobs go on; the keys of those whose work is done, once for each time."""
        self.fakes.machine.run()
        done = self.fakes.service.done
        return sorted(str(json.loads(job)["key"]) for job in done.elements())

    def snapshot(self) -> Any:
        """Everything that a replay could change."""
        fakes = self.fakes
        runs = {
            arn: (run.status, run.state, run.token, run.redrives)
            for arn, run in fakes.executions.runs.items()
        }
        jobs, holders = dict(fakes.table.jobs), {t: set(h) for t, h in fakes.table.held.items()}
        tombstones, limits = dict(fakes.table.tombstones), dict(fakes.table.limits)
        queues = sorted(fakes.spool.bodies), sorted(fakes.stuck.bodies)
        return runs, jobs, holders, tombstones, limits, queues

"""A stage in memory whose ramp is ticked by hand."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from chalicelib.gate.ramp.decide import Policy
from chalicelib.gate.ramp.tick import Tick
from chalicelib.job.ramp_state import State, decode
from chalicelib.schedules import Window
from tests.fakes.ramps import FakeRamps
from tests.fakes.stage import FakeStage, Process
from tests.fakes.wire import Wire

TASK = "UncertainTask"
INTERVAL = 600


@dataclass
class RampStage:
    """Jobs, a downstream service and a ramp; ticks are as far apart as RAMP_INTERVAL says."""

    fakes: FakeStage = field(default_factory=FakeStage)
    policy: Policy = field(default_factory=Policy)
    windows: tuple[Window, ...] = ()
    states: dict[str, str] = field(default_factory=dict)
    ids: Callable[[], int] = field(default_factory=lambda: count().__next__)

    def park(self, *keys: str) -> None:
        """Let jobs fail, one a second."""
        self.fakes.service.broken = True
        for key in keys:
            self.fakes.executions.start(f"run-{key}", json.dumps({"key": key}))
            self.fakes.machine.run()
            self.fakes.clock.pause(1)

    def tick_of(
        self, wire: Wire | None = None, process: Process | None = None
    ) -> tuple[Tick, Process]:
        """A process that can tick: a new one, unless one is given."""
        process = process or self.fakes.process(wire)
        tick = Tick(
            process.claims,
            process.workflow,
            FakeRamps(self.fakes.table, self.states, process.wire),
            process.replayer,
            process.spool,
            process.telemetry,
            self.fakes.clock.now,
            lambda: f"tick-{self.ids()}",
            self.policy,
            self.windows,
            self.fakes.task_limit,
            self.fakes.max_attempts,
        )
        return tick, process

    def tick(self, wire: Wire | None = None) -> dict[str, Any]:
        """One tick, and the jobs go on as far as they can."""
        told: dict[str, Any] = self.tick_of(wire)[0].run(600)[TASK]
        self.fakes.machine.run()
        return told

    def later(self, seconds: float = INTERVAL) -> dict[str, Any]:
        """Let time pass, then tick."""
        self.fakes.clock.pause(seconds)
        return self.tick()

    @property
    def state(self) -> State:
        """What the ramp remembers."""
        return decode(self.states[TASK])

    @property
    def calls(self) -> int:
        """How often the service was called."""
        return sum(self.fakes.service.visits.values())

    @property
    def done(self) -> int:
        """How many jobs the service has served."""
        return sum(self.fakes.service.done.values())

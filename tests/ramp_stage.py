"""A stage in memory whose ramp is ticked by hand."""

import json
from dataclasses import dataclass, field
from typing import Any

from chalicelib.job.ramp_state import State
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage, Process
from tests.fakes.wire import Wire

INTERVAL = 600


def ramp_stage(**settings: str) -> FakeStage:
    """A stage with the ramp, whose gate only the ramp closes unless CLOSE_AFTER says otherwise."""
    chosen: dict[str, Any] = {"RECOVERY": "ramp", "CLOSE_AFTER": "1000", **settings}
    return FakeStage(**chosen)


@dataclass
class RampStage:
    """Jobs, a service and a ramp; ticks are as far apart as RAMP_INTERVAL says."""

    fakes: FakeStage = field(default_factory=ramp_stage)

    def start(self, *keys: str) -> None:
        """Start jobs, one a second."""
        for key in keys:
            self.fakes.executions.start(f"run-{key}", json.dumps({"key": key}))
            self.fakes.run()
            self.fakes.clock.pause(1)

    def park(self, *keys: str) -> None:
        """Let jobs fail, one a second."""
        self.fakes.service.broken = True
        self.start(*keys)

    def tick(self, wire: Wire | None = None, process: Process | None = None) -> dict[str, Any]:
        """One tick, and the jobs go on as far as they can."""
        process = process or self.fakes.process(wire)
        told: dict[str, Any] = process.engines.ramp.run(600)[TASK]
        self.fakes.run()
        return told

    def later(self, seconds: float = INTERVAL) -> dict[str, Any]:
        """Let time pass, then tick."""
        self.fakes.clock.pause(seconds)
        return self.tick()

    @property
    def state(self) -> State:
        """What the ramp remembers."""
        return self.fakes.process().ramps.get(TASK)

    @property
    def calls(self) -> int:
        """How often the service was called."""
        return sum(self.fakes.service.visits.values())

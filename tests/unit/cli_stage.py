"""A stage in memory behind the command line."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.job.overview import View, view
from chalicelib.job.ramp_state import State
from chalicelib.names import Names
from chalicelib.replaying.replay import Order
from chalicelib.replaying.requests import Request
from chalicelib.settings import Settings
from chalicelib.stage import Stage
from respool.cli.account import Account
from respool.cli.context import Context
from respool.cli.run import run
from tests.fakes.stage import FakeStage, Process

NAMES = Names("respool-memory", "aws", "us-east-1", "123456789012")


class FakeOverview:
    """What people see of a table in memory."""

    def __init__(self, process: Process, ramps: list[State]) -> None:
        self._process = process
        self._ramps = ramps

    def read(self, after: datetime | None = None) -> View:
        """All jobs, tasks and ramps."""
        del after  # every look is a new one
        claims, now = self._process.claims, self._process.stage.clock.now()
        return view(list(claims.claims()), list(claims.slots()), now, self._ramps)

    def forget(self) -> None:
        """It remembers nothing."""


class MemoryTrigger:
    """A trigger that is switched at once."""

    def __init__(self) -> None:
        self.enabled = False

    def state(self) -> str:
        """Enabled or disabled."""
        return "enabled" if self.enabled else "disabled"

    def switch(self, enabled: bool) -> str:
        """Switch it."""
        self.enabled = enabled
        return self.state()


class SteppedStage(Stage):
    """A stage whose replays begin when its own clock says."""

    clock: Callable[[], datetime]

    def _order(self, request: Request, seconds: float) -> Order:
        order = super()._order(request, seconds)
        return replace(order, rules=replace(order.rules, began=self.clock()))


class MemoryAccount(Account):
    """An account with one stage, in memory."""

    def __init__(self, fakes: FakeStage) -> None:
        super().__init__(None, "memory")
        self.process = fakes.process()
        self.process.__dict__["telemetry"] = self.metrics
        self.trigger = MemoryTrigger()
        self.events: list[dict[str, Any]] = []
        self.sent = 0
        self.settings = Settings()
        self.ramps: list[State] = []

    def stage(self) -> Stage:
        """A stage whose adapters are the process's."""
        wired = SteppedStage(NAMES, self.settings, None, self.metrics)
        wired.__dict__.update(
            spool=self.process.spool,
            stuck=self.process.stuck,
            workflow=self.process.workflow,
            claims=self.process.claims,
            clock=self.process.stage.clock.now,
            overview=FakeOverview(self.process, self.ramps),
            mapping=self.trigger,
            replayer=self.process.replayer,
            give_up=self.process.give_up,
            sweep=self.process.sweep,
        )
        return wired

    def history(self, execution: str) -> Iterator[dict[str, Any]]:
        """What the test has laid out."""
        del execution
        return iter(self.events)

    def page(self) -> str:
        """Some URL."""
        return "https://abc123.execute-api.us-east-1.amazonaws.com/api/"

    def send_metrics(self) -> None:
        """Count that it was asked."""
        self.sent += 1


class Shell:
    """Runs commands against one stage in memory."""

    def __init__(self, fakes: FakeStage) -> None:
        self.fakes = fakes
        self.account = MemoryAccount(fakes)
        self.found: list[tuple[str, str | None, str | None]] = []

    def __call__(self, *words: str) -> int:
        return run(words, Context(self._find, self.fakes.clock.now))

    def _find(self, stage: str, profile: str | None, region: str | None) -> Account:
        self.found.append((stage, profile, region))
        return self.account

    def fail(self, *keys: str) -> None:
        """Start a job for each key while the service is broken, and let them park."""
        self.fakes.service.broken = True
        for key in keys:
            self.account.process.workflow.start(f"run-{key}", f'{{"key": "{key}"}}')
        self.fakes.machine.run()
        self.fakes.clock.pause(1)

    def repair(self) -> None:
        """The service is well again."""
        self.fakes.service.broken = False

    def finished(self) -> list[str]:
        """The inputs of the jobs that are done, once for each time."""
        self.fakes.machine.run()
        return sorted(self.fakes.service.done.elements())

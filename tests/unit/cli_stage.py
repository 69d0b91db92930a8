"""A stage in memory behind the command line."""

from typing import Any

from chalicelib.api.stage import Stage
from chalicelib.aws.tokens import Kind, Token
from chalicelib.errors import BadRequest, NotFound
from respool.cli.account import Account
from respool.cli.context import Context
from respool.cli.run import run
from tests.fakes.stage import FakeStage
from tests.fakes.stand_in import stand_in
from tests.fakes.wire import Wire


class FakeTokens:
    """Named tokens in memory."""

    def __init__(self) -> None:
        self.kinds: dict[str, Kind] = {}
        self.days: dict[str, int | None] = {}

    def create(self, name: str, kind: Kind, days: int | None = None) -> str:
        """Make one. Raises BadRequest for a name that is none."""
        self.days[name] = days
        if not name:
            raise BadRequest("'' can't be a token's name")
        self.kinds[name] = kind
        return f"rsp_{name}"

    def list(self) -> list[Token]:
        """All of them."""
        return [Token(name, kind, "2026-11-24T09:00:00Z") for name, kind in self.kinds.items()]

    def revoke(self, name: str) -> None:
        """End one."""
        del self.kinds[name]


class MemoryAccount(Account):
    """An account with one stage, in memory. `audited` are the audit lines that were handed over."""

    def __init__(self, fakes: FakeStage, wire: Wire | None = None) -> None:
        super().__init__(stand_in(None), "memory")
        self.process = fakes.process(wire)
        self.process.telemetry = self.metrics  # type: ignore[assignment]
        self.names: Any = FakeTokens()
        self.sent = 0
        self.audited: list[dict[str, Any]] = []
        self.refuses_audit = False
        self.who = "kim"

    def stage(self) -> Stage:
        """A stage over the process's engines."""
        return Stage(self.process.engines, "respool-memory")

    def tokens(self) -> Any:
        """Tokens in memory."""
        return self.names

    def page(self) -> str:
        """Some URL."""
        return "https://abc123.execute-api.us-east-1.amazonaws.com/api/"

    def send_metrics(self) -> None:
        """Count that it was asked."""
        self.sent += 1

    def send_audit(self, at: str) -> None:
        """Keep the lines."""
        del at
        lines, self.metrics.audit = self.metrics.audit, []
        if lines and self.refuses_audit:
            raise NotFound("CreateLogStream for /aws/lambda/respool-memory: there is none")
        self.audited += lines


class Shell:
    """Runs commands against one stage in memory."""

    def __init__(self, fakes: FakeStage, wire: Wire | None = None) -> None:
        self.fakes = fakes
        self.account = MemoryAccount(fakes, wire)
        self.found: list[tuple[str, str | None, str | None]] = []

    def __call__(self, *words: str) -> int:
        return run(words, Context(self._find, self.fakes.clock.now))

    def _find(self, stage: str, profile: str | None, region: str | None) -> Account:
        self.found.append((stage, profile, region))
        return self.account

    def start(self, *keys: str) -> None:
        """Start a job for each key, and let all go on."""
        for key in keys:
            self.fakes.process().workflow.start(f"run-{key[:60]}", f'{{"key": "{key}"}}')
        self.fakes.run()

    def fail(self, *keys: str) -> None:
        """Start a job for each key while the service is broken, and let them park."""
        self.fakes.service.broken = True
        self.start(*keys)
        self.fakes.clock.pause(4)

    def repair(self) -> None:
        """The service is well again."""
        self.fakes.service.broken = False

    def waiting(self) -> list[str]:
        """The keys of the jobs that have not ended."""
        return sorted(claim.key for claim in self.fakes.waiting.values())

    def finished(self) -> list[str]:
        """The inputs of the jobs that are done, once for each time."""
        self.fakes.run()
        return sorted(self.fakes.service.done.elements())

"""A stage in memory behind the API, and jobs laid out on its table."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from chalicelib.api.stage import Stage
from chalicelib.aws.items import value
from chalicelib.job.claim import State
from chalicelib.moments import iso
from tests.fakes.clock import START
from tests.fakes.service import TASK
from tests.fakes.spool import Delivery
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Wire


def moment(minutes: float) -> str:
    """So many minutes after the fakes' clock began; negative: before."""
    return iso(START + timedelta(minutes=minutes))


def job(
    key: str,
    minutes: float = 0,
    state: State = State.PARKED,
    task: str = TASK,
    error: str = "ConnectionError",
    message: str = "no answer",
    attempt: int = 1,
    **more: str | int,
) -> dict[str, Any]:
    """A job's item: it began that many minutes after the clock, and stands like this since."""
    when = moment(minutes)
    waits = {} if state is State.RUNNING else {"queue": f"{state}#{task}", "token": "t" * 50}
    failed = {"failedAt": when, "firstFailedAt": when, "error": error, "cause": message}
    plain: dict[str, str | int] = {
        "pk": f"job#{key}",
        "execution": f"arn:aws:states:us-east-1:123456789012:execution:respool-memory:{key[:70]}",
        "state": state.value,
        "task": task,
        "order": f"{when}#{key[:200]}",
        "since": when,
        "claimedAt": when,
        "attempt": attempt,
        **waits,
        **(failed if attempt else {}),
    }
    return {name: value(content) for name, content in {**plain, **more}.items()}


def ended(key: str, how: State) -> dict[str, Any]:
    """The item of a job that has ended."""
    item = job(key, state=State.RUNNING)
    return item | {"endedAt": value(moment(1)), "how": value(how.value)}


def slots(task: str = TASK, inside: int = 0, limit: int = 5, **more: Any) -> dict[str, Any]:
    """A task's item; those inside are `in-0` and so on."""
    plain: dict[str, Any] = {
        "pk": f"slots#{task}",
        "owners": {f"job#in-{n}": f"arn:in-{n}" for n in range(inside)},
        "waking": {},
        "passes": {},
        "failed": {},
        "waiting": 0,
        "limit": limit,
        "closeAfter": 1_000_000,
        "queue": "tasks",
        "order": task,
    }
    return {name: value(content) for name, content in {**plain, **more}.items()}


class ApiStage:
    """The stage, its world, and the calls that were made."""

    def __init__(self, *items: dict[str, Any], **settings: str) -> None:
        self.memory = FakeStage(0, Delivery.ONCE, 5, None, **settings)
        self.memory.table.load(items)
        self.wire = Wire()
        self.process = self.memory.process(self.wire)
        self.stage = Stage(self.process.engines, "respool-memory")

    def lay(self, *items: dict[str, Any]) -> None:
        """Put items on the table; the next look sees them."""
        self.memory.table.load(items)
        self.stage.changed()

    def fail(self, *keys: str) -> None:
        """Let real jobs fail and park."""
        self.memory.service.broken = True
        for number, key in enumerate(keys):
            self.memory.process().workflow.start(f"run-{number}", f'{{"key": "{key}"}}')
        self.memory.run()
        self.memory.service.broken = False
        self.stage.changed()

    def calls(self, act: Callable[[], Any]) -> list[str]:
        """The calls that something makes."""
        before = len(self.wire.calls)
        act()
        return self.wire.calls[before:]

    def audit(self) -> list[dict[str, Any]]:
        """The audit lines."""
        return [fields for action, fields in self.process.telemetry.lines if action == "audit"]

"""A whole stage in memory, and the processes that work on it."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import cached_property
from typing import Any, ParamSpec, TypeVar

from chalicelib.job.plan import Rules
from chalicelib.parking.error_spool import Spooling
from chalicelib.parking.give_up import GiveUp
from chalicelib.parking.rescue import Rescue
from chalicelib.parking.sweep import Repairs, Sweep
from chalicelib.replaying.recovery import Recovery
from chalicelib.replaying.replay import Order, Replayer
from chalicelib.replaying.report import Report
from chalicelib.replaying.trigger import Trigger
from tests.fakes.claims import FakeClaims, Table
from tests.fakes.clock import SteppedClock
from tests.fakes.executions import Executions
from tests.fakes.machine import Machine
from tests.fakes.run import Service
from tests.fakes.spool import Delivery, FakeSpool, Queue
from tests.fakes.telemetry import FakeTelemetry
from tests.fakes.wire import Wire
from tests.fakes.workflow import FakeWorkflow

P = ParamSpec("P")
T = TypeVar("T")


class Inline(Executor):
    """Does each piece of work at once, in the caller's thread: the same order every time."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Do it; what it raises comes out of the future."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as problem:
            future.set_exception(problem)
        return future


class FakeStage:
    """Queues, table, executions and a clock. `new_wire` makes each spool Lambda's wire."""

    def __init__(
        self,
        seed: int = 0,
        delivery: Delivery = Delivery.ONCE,
        task_limit: int = 5,
        max_attempts: int = 5,
    ) -> None:
        self.clock = SteppedClock()
        self.spool = Queue(self.clock, seed, delivery)
        self.stuck = Queue(self.clock, seed, delivery)
        self.table = Table()
        self.service = Service()
        self.executions = Executions(self.clock)
        self.task_limit = task_limit
        self.max_attempts = max_attempts
        self.cool_down = 900
        self.new_wire: Callable[[], Wire] = Wire
        self.machine = Machine(
            self.clock,
            self.executions,
            self.table,
            self.spool,
            self.service,
            lambda payload: self.process(self.new_wire()).spooling.take(payload),
            task_limit,
        )

    def process(self, wire: Wire | None = None) -> "Process":
        """A new process with a wire of its own."""
        return Process(self, wire or Wire())


class Process:
    """A Lambda or a person's machine: the engines, wired to AWS in memory."""

    def __init__(self, stage: FakeStage, wire: Wire) -> None:
        self.stage = stage
        self.wire = wire
        self.telemetry = FakeTelemetry()
        self.spool = FakeSpool(stage.spool, wire)
        self.stuck = FakeSpool(stage.stuck, wire)
        self.workflow = FakeWorkflow(stage.executions, wire)
        self.claims = FakeClaims(stage.table, wire)

    @cached_property
    def rescue(self) -> Rescue:
        """What catches jobs that fell."""
        clock = self.stage.clock
        return Rescue(self.workflow, self.claims, self.spool, self.telemetry, clock.now)

    @cached_property
    def spooling(self) -> Spooling:
        """What the spool Lambda does."""
        return Spooling(self.workflow, self.spool, self.rescue, self.telemetry)

    @cached_property
    def recovery(self) -> Recovery:
        """What recovers one job."""
        return Recovery(
            self.workflow,
            self.claims,
            self.stuck,
            self.telemetry,
            self.stage.clock.now,
            self.stage.task_limit,
        )

    @cached_property
    def replayer(self) -> Replayer:
        """What puts jobs back, one after another."""
        clock = self.stage.clock
        return Replayer(self.recovery, self.telemetry, clock.elapsed, clock.pause, workers=Inline)

    @cached_property
    def give_up(self) -> GiveUp:
        """What ends jobs for good."""
        queues = (self.spool, self.stuck)
        return GiveUp(self.workflow, self.claims, queues, self.telemetry, self.stage.clock.now)

    def rules(self, **more: Any) -> Rules:
        """What holds for a replay that begins now."""
        return Rules(self.stage.clock.now(), self.stage.max_attempts, **more)

    def replay(self, count: int = 100, seconds: float = 60, **more: Any) -> Report:
        """Put jobs back, chosen by `more` (fields of Rules)."""
        stuck = more.get("take_stuck", False)
        order = Order(count, self.rules(**more), seconds)
        return self.replayer.replay(self.stuck if stuck else self.spool, order)

    def sweep(self, seconds: float = 600) -> Repairs:
        """Repair what events missed."""
        clock = self.stage.clock
        sweep = Sweep(
            self.workflow,
            self.claims,
            self.rescue,
            self.telemetry,
            clock.now,
            clock.elapsed,
            clock.pause,
        )
        return sweep.run(seconds)

    def trigger(self, event: dict[str, Any], seconds: float = 60) -> dict[str, Any]:
        """Settle the messages of an SQS event."""
        order = Order(0, self.rules(cool_down=self.stage.cool_down), seconds)
        return Trigger(self.replayer, self.spool).take(event, order)

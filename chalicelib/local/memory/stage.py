"""A whole stage in memory, and the processes that work on it."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import cached_property
from typing import Any, ParamSpec, TypeVar

from chalicelib.giveup import GiveUp
from chalicelib.local.memory.claims import MemoryClaims, Table
from chalicelib.local.memory.clock import SteppedClock
from chalicelib.local.memory.executions import Executions
from chalicelib.local.memory.journal import MemoryJournal
from chalicelib.local.memory.machine import Machine
from chalicelib.local.memory.run import Neighbour
from chalicelib.local.memory.spool import Delivery, MemorySpool, Queue
from chalicelib.local.memory.wire import Wire
from chalicelib.local.memory.workflow import MemoryWorkflow
from chalicelib.net import Net
from chalicelib.plan import Rules
from chalicelib.recovery import Recovery
from chalicelib.replay import Order, Replayer
from chalicelib.report import Report
from chalicelib.spooling import Spooling
from chalicelib.sweep import Repairs, Sweep
from chalicelib.trigger import Trigger

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


class MemoryStage:
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
        self.neighbour = Neighbour()
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
            self.neighbour,
            lambda payload: self.process(self.new_wire()).spooling.take(payload),
            task_limit,
        )

    def process(self, wire: Wire | None = None) -> "Process":
        """A new process with a wire of its own."""
        return Process(self, wire or Wire())


class Process:
    """A Lambda or a person's machine: the engines, wired to AWS in memory."""

    def __init__(self, stage: MemoryStage, wire: Wire) -> None:
        self.stage = stage
        self.wire = wire
        self.journal = MemoryJournal()
        self.spool = MemorySpool(stage.spool, wire)
        self.stuck = MemorySpool(stage.stuck, wire)
        self.workflow = MemoryWorkflow(stage.executions, wire)
        self.claims = MemoryClaims(stage.table, wire)

    @cached_property
    def net(self) -> Net:
        """What catches jobs that fell."""
        clock = self.stage.clock
        return Net(self.workflow, self.claims, self.spool, self.journal, clock.now)

    @cached_property
    def spooling(self) -> Spooling:
        """What the spool Lambda does."""
        return Spooling(self.workflow, self.spool, self.net, self.journal)

    @cached_property
    def recovery(self) -> Recovery:
        """What recovers one job."""
        return Recovery(
            self.workflow,
            self.claims,
            self.stuck,
            self.journal,
            self.stage.clock.now,
            self.stage.task_limit,
        )

    @cached_property
    def replayer(self) -> Replayer:
        """What puts jobs back, one after another."""
        clock = self.stage.clock
        return Replayer(self.recovery, self.journal, clock.elapsed, clock.pause, workers=Inline)

    @cached_property
    def give_up(self) -> GiveUp:
        """What ends jobs for good."""
        queues = (self.spool, self.stuck)
        return GiveUp(self.workflow, self.claims, queues, self.journal, self.stage.clock.now)

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
            self.net,
            self.journal,
            clock.now,
            clock.elapsed,
            clock.pause,
        )
        return sweep.run(seconds)

    def trigger(self, event: dict[str, Any], seconds: float = 60) -> dict[str, Any]:
        """Settle the messages of an SQS event."""
        order = Order(0, self.rules(cool_down=self.stage.cool_down), seconds)
        return Trigger(self.replayer, self.spool).take(event, order)

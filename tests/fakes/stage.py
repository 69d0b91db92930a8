"""A whole stage in memory, and the processes that work on it."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from functools import cache, cached_property
from typing import Any, ParamSpec, TypeVar

from chalicelib.aws.claims_table import DynamoClaims
from chalicelib.aws.incident_table import DynamoIncidents
from chalicelib.aws.line_table import DynamoLine
from chalicelib.aws.listing_table import DynamoListing
from chalicelib.aws.ramp_table import DynamoRamps
from chalicelib.aws.replay_table import DynamoReplays
from chalicelib.engines import Engines
from chalicelib.job.claim import Claim, Slots, job_pk
from chalicelib.settings import NEVER, Settings
from tests.fakes.clock import SteppedClock
from tests.fakes.definition import TABLE, adopted, deployed
from tests.fakes.dynamodb import FakeDynamoDb
from tests.fakes.executions import Executions
from tests.fakes.machine import Machine
from tests.fakes.mapping import FakeMapping
from tests.fakes.posts import FakePosts, Posted
from tests.fakes.resources import Resources
from tests.fakes.service import TASK, Service
from tests.fakes.spool import Delivery, FakeSpool, Queue
from tests.fakes.stand_in import stand_in
from tests.fakes.table import FakeTable, Item
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


@cache
def _made_by_a_deploy(task: str, task_limit: int, close_after: int) -> tuple[Item, ...]:
    """The items that a deploy leaves in a new table."""
    table = FakeTable()
    line = DynamoLine(stand_in(FakeDynamoDb(table, Wire())), TABLE)
    line.apply_settings(task, task_limit, close_after)
    return tuple(table.items.values())


class FakeStage:
    """Queues, table, executions, service and a clock, as after a deploy with these settings.

    `new_wire` makes the wire of each Lambda that AWS itself calls: the spool Lambda and `admit`.
    `dynamodb` is another DynamoDB's client, in place of the one in memory. `home` is the machine
    whose jobs are looked at: an adopted one that the settings list; empty is the stage's own.
    """

    def __init__(
        self,
        seed: int = 0,
        delivery: Delivery = Delivery.ONCE,
        task_limit: int = 5,
        dynamodb: Any = None,
        home: str = "",
        **settings: str,
    ) -> None:
        self.home = home
        self.settings = Settings.read({"TASK_LIMIT": str(task_limit), **settings})
        close_after = self.settings.close_after
        self.clock = SteppedClock()
        self.spool = Queue(self.clock, seed, delivery)
        self.stuck = Queue(self.clock, seed, delivery)
        self.table = FakeTable()
        self.table.tells_parked = self.settings.spool_via == "sqs"
        self.service = Service()
        self.executions = Executions(self.clock)
        self.mapping = FakeMapping()
        self.posted = Posted()
        self.handed_over: list[str] = []
        self.new_wire: Callable[[], Wire] = Wire
        self._dynamodb = dynamodb
        self.definition = deployed(
            self.settings.spool_via, 0 if close_after == NEVER else close_after
        )
        self.machine = Machine(
            self.clock,
            self.executions,
            self.definition,
            Resources(
                self.client,
                self.spool.send,
                self.service,
                lambda payload: self.process(self.new_wire()).engines.spooling.take(payload),
            ),
        )
        if home:
            failures = 0 if close_after == NEVER else close_after
            self.executions.definitions[home] = adopted(home, failures)
        if dynamodb is None:
            self.table.load(_made_by_a_deploy(self.task, task_limit, close_after))
        else:
            DynamoLine(dynamodb, TABLE).apply_settings(self.task, task_limit, close_after)

    @property
    def task(self) -> str:
        """The uncertain task's name."""
        return f"{self.home}/{TASK}" if self.home else TASK

    def pk(self, key: str) -> str:
        """The claim's own key of a job of that key."""
        return job_pk(key, self.home)

    def arn(self, name: str) -> str:
        """The ARN that an execution of that name has."""
        return self.executions.arn(name, self.home)

    def start(self, name: str, job: str) -> str:
        """Start an execution with that input; returns its ARN."""
        return self.executions.start(name, job, self.home)

    def client(self, wire: Wire, name: str = "") -> Any:
        """A DynamoDB client over a wire, which calls each call by that name."""
        return self._dynamodb or FakeDynamoDb(self.table, wire, name)

    def process(self, wire: Wire | None = None) -> "Process":
        """A new process with a wire of its own."""
        return Process(self, wire or Wire())

    @property
    def claims(self) -> dict[str, Claim]:
        """All claims by their keys, ended ones too, seen from outside."""
        return self.process().claims.get_many([pk for pk in self.table.items if pk[:3] == "job"])

    @property
    def waiting(self) -> dict[str, Claim]:
        """The claims of jobs that have not ended."""
        return {pk: claim for pk, claim in self.claims.items() if not claim.ended_at}

    @property
    def slots(self) -> Slots:
        """The slots of the uncertain task."""
        return self.process().line.slots(self.task)

    def admit(self, *records: Mapping[str, Any], seconds: float = 60) -> Any:
        """Hand records of the stream to `admit`, by default all that there are."""
        batch = records or tuple(self.table.stream)
        if not records:
            self.table.stream.clear()
        if not batch:
            return {}
        return self.process(self.new_wire()).admit({"Records": list(batch)}, seconds)

    def run(self) -> None:
        """Let everything go on that needs nobody: executions, and `admit` behind the stream."""
        self.machine.run()
        while self.table.stream:
            self.admit()
            self.machine.run()


class Process:
    """A Lambda or a person's machine: the engines, wired to AWS in memory."""

    def __init__(self, stage: FakeStage, wire: Wire) -> None:
        self.stage = stage
        self.wire = wire
        self.telemetry = FakeTelemetry()
        self.spool = FakeSpool(stage.spool, wire)
        self.stuck = FakeSpool(stage.stuck, wire)
        self.workflow = FakeWorkflow(stage.executions, wire, stage.definition)
        client = stage.client(wire)
        timing: dict[str, Callable[..., Any]] = {
            "pause": stage.clock.pause,
            "jitter": lambda: 0.5,
        }
        self.claims = DynamoClaims(client, TABLE, **timing)
        self.line = DynamoLine(client, TABLE, **timing)
        self.ramps = DynamoRamps(client, TABLE)
        self.replays = DynamoReplays(client, TABLE, **timing)
        self.incidents = DynamoIncidents(client, TABLE, **timing)
        self.listing = DynamoListing(client, TABLE, **timing)
        self.posts = FakePosts(stage.posted, wire)
        self.mapping = stage.mapping
        self.prefix = "respool-memory"

    def hand_over(self, replay: str) -> None:
        """Let another reprocess Lambda carry on a replay, some time."""
        self.wire.call("Invoke", lambda: self.stage.handed_over.append(replay))

    def is_well(self, url: str) -> bool:
        """What the service's health check says: the truth."""
        del url
        return not self.stage.service.broken

    @cached_property
    def engines(self) -> Engines:
        """The engines, built as in Lambda."""
        return Engines(
            world=self, settings=self.stage.settings, clock=self.stage.clock, workers=Inline
        )

    def admit(self, event: Mapping[str, Any], seconds: float = 60) -> Any:
        """What the Lambda `admit` does with an event."""
        return self.engines.admission.take(event, seconds)

    def tick(self, seconds: float = 50) -> Any:
        """What the Lambda `admit` does every five minutes."""
        return self.engines.admit({}, seconds)

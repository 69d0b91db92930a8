"""The article's loop under the same faults, in the situations that it knows."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chalicelib.errors import RespoolError
from chalicelib.job.execution import Status
from tests.article import Loop, spool
from tests.fakes.spool import Delivery, FakeSpool
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Died, Fault, Wire
from tests.fakes.workflow import FakeWorkflow

KEY = "12345"
INPUT = json.dumps({"key": KEY})
Act = Callable[["Article", Wire], object]


class Article:
    """Its state machine: the task fails, a Lambda spools the key, the execution SUCCEEDS."""

    def __init__(self, delivery: Delivery) -> None:
        self.stage = FakeStage(delivery=delivery)
        self.broken = False
        self.done = 0

    def run(self, wire: Wire | None = None) -> None:
        """Let every execution run to its end."""
        for run in self.stage.executions.running():
            status = Status.SUCCEEDED
            if not self.broken:
                self.done += 1
            elif not self._spooled(wire or Wire()):
                status = Status.FAILED
            self.stage.executions.close(run, status, "", "")

    def _spooled(self, wire: Wire) -> bool:
        try:
            spool(FakeSpool(self.stage.spool, wire, wait=0), KEY)
        except Died:
            return False  # nothing tries again, and nothing catches the execution's end
        return True

    def replay(self, wire: Wire) -> None:
        """One replay of everything."""
        queue = FakeSpool(self.stage.spool, wire, wait=0)
        Loop(queue, FakeWorkflow(self.stage.executions, wire, self.stage.definition)).replay(100)


def fail(article: Article, wire: Wire) -> None:
    """A job fails and is spooled."""
    article.broken = True
    article.run(wire)
    article.broken = False


def replay(article: Article, wire: Wire) -> None:
    """A spooled job is replayed."""
    article.replay(wire)


def _started(article: Article) -> None:
    article.stage.executions.start("first", INPUT)


def _spooled(article: Article) -> None:
    _started(article)
    fail(article, Wire())
    article.stage.clock.pause(1800)


@dataclass(frozen=True)
class Part:
    """One of the two things that it does."""

    name: str
    prepare: Callable[[Article], None]
    act: Act


PARTS = (Part("spool", _started, fail), Part("replay", _spooled, replay))


@dataclass(frozen=True)
class Result:
    """What became of the job in one case."""

    part: str
    lost: bool
    doubled: bool


def results() -> Iterator[Result]:
    """Every fault at every call, under every delivery."""
    for part in PARTS:
        for delivery in Delivery:
            for call in range(len(_calls(part, delivery))):
                for fault in Fault:
                    yield _try_out(part, delivery, call, fault)


def _ready(part: Part, delivery: Delivery) -> Article:
    article = Article(delivery)
    part.prepare(article)
    return article


def _calls(part: Part, delivery: Delivery) -> list[str]:
    wire = Wire()
    part.act(_ready(part, delivery), wire)
    return wire.calls


def _try_out(part: Part, delivery: Delivery, call: int, fault: Fault) -> Result:
    article = _ready(part, delivery)
    wire = Wire().break_at(call, fault)
    if delivery is Delivery.CONCURRENTLY:
        wire.interrupt_at(call, lambda: article.replay(Wire()))
    _attempt(article, part.act, wire)
    for _ in range(5):
        article.broken = False
        article.run()
        article.stage.clock.pause(3600)
        _attempt(article, replay, Wire())
    article.run()
    return Result(part.name, article.done == 0, article.done > 1)


def _attempt(article: Article, act: Act, wire: Wire) -> None:
    try:
        act(article, wire)
    except (RespoolError, Died):
        wire.dead = True

"""What a failure costs that comes late, and what a parked job costs while it waits."""

from collections.abc import Iterator

from tests.article import Loop
from tests.bench.figures import Figure
from tests.fakes.spool import FakeSpool
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Wire
from tests.fakes.workflow import FakeWorkflow

WEEK = 7 * 86_400
UPSTREAM = ("A", "B")


def _failed_at_the_last_step() -> FakeStage:
    stage = FakeStage()
    stage.machine.upstream = UPSTREAM
    stage.service.broken = True
    stage.executions.start("job", '{"key":"12345"}')
    stage.machine.run()
    stage.service.broken = False
    stage.clock.pause(60)
    return stage


def repeated_work() -> Iterator[Figure]:
    """Steps done again after a failure at the last of three."""
    stage = _failed_at_the_last_step()
    stage.process().replay()
    stage.machine.run()
    ours = stage.service.steps.total() - len(UPSTREAM)

    theirs = _failed_at_the_last_step()
    theirs.table.jobs.clear()  # its execution ended when it had spooled the key
    queue = FakeSpool(theirs.spool, Wire(), wait=2)
    Loop(queue, FakeWorkflow(theirs.executions, Wire())).replay(1)
    theirs.machine.run()
    again = theirs.service.steps.total() - len(UPSTREAM)
    yield Figure("upstream steps repeated, failure at the last of 3", ours, limit=0, loop=again)


def parked_week() -> Iterator[Figure]:
    """Requests and transitions while a parked job waits for a week."""
    stage = _failed_at_the_last_step()
    (run,) = stage.executions.running()
    lambdas: list[Wire] = []
    stage.new_wire = lambda: lambdas.append(Wire()) or lambdas[-1]  # type: ignore[func-returns-value]
    events, requests = run.events, len(stage.machine.wire.calls)
    for _ in range(7 * 24):
        stage.clock.pause(3600)
        stage.machine.run()
    requests = len(stage.machine.wire.calls) - requests + sum(len(w.calls) for w in lambdas)
    waited = run.events - events
    stage.process().replay()
    stage.machine.run()
    # The loop's execution has ended by then: it waits for nothing, and starts all over again.
    yield Figure("requests while a job is parked for a week", requests, limit=0, loop=0)
    yield Figure("history events while a job is parked for a week", waited, limit=0)
    yield Figure("completed afterwards", stage.service.done.total(), limit=1, at_least=True)

"""What a failure costs that comes late, and what a parked job costs while it waits."""

import json
from collections.abc import Iterator
from itertools import pairwise

from chalicelib.job.plan import Rules
from chalicelib.replaying.replay import Order
from tests.article import Loop
from tests.bench.figures import Figure
from tests.fakes.definition import Definition, deployed_json, read
from tests.fakes.spool import FakeSpool
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Wire
from tests.fakes.workflow import FakeWorkflow

WEEK = 7 * 86_400
UPSTREAM = ("A", "B")
ORDER = Order(1, Rules(attended=True))


def _of_three_steps() -> Definition:
    """The project's definition with two steps of a pipeline before its uncertain task."""
    definition = json.loads(deployed_json())
    states = definition["States"]
    states["ClaimJob"]["Default"] = UPSTREAM[0]
    for name, following in pairwise((*UPSTREAM, "TakeSlot")):
        states[name] = {"Type": "Pass", "QueryLanguage": "JSONPath", "Next": following}
    return read(definition)


def _failed_at_the_last_step() -> FakeStage:
    stage = FakeStage()
    stage.machine.definition = _of_three_steps()
    stage.service.broken = True
    stage.executions.start("job", '{"key":"12345"}')
    stage.run()
    stage.service.broken = False
    stage.clock.pause(60)
    return stage


def _steps(stage: FakeStage) -> int:
    """How often a step upstream of the task was begun, by all executions."""
    entered = [name for run in stage.executions.runs.values() for _, name, _ in run.history]
    return sum(name in UPSTREAM for name in entered)


def repeated_work() -> Iterator[Figure]:
    """Steps done again after a failure at the last of three."""
    stage = _failed_at_the_last_step()
    stage.process().engines.replayer.replay(ORDER)
    stage.run()
    ours = _steps(stage) - len(UPSTREAM)

    theirs = _failed_at_the_last_step()
    theirs.table.put("job#12345", None)  # its execution ended when it had spooled the key
    queue = FakeSpool(theirs.spool, Wire(), wait=2)
    Loop(queue, FakeWorkflow(theirs.executions, Wire(), theirs.definition)).replay(1)
    theirs.run()
    again = _steps(theirs) - len(UPSTREAM)
    yield Figure("upstream steps repeated, failure at the last of 3", ours, limit=0, loop=again)


def parked_week() -> Iterator[Figure]:
    """Requests and transitions while a parked job waits for a week."""
    stage = _failed_at_the_last_step()
    (run,) = stage.executions.running()
    lambdas: list[Wire] = []
    stage.new_wire = lambda: lambdas.append(Wire()) or lambdas[-1]  # type: ignore[func-returns-value]
    before, requests = run.transitions, len(stage.machine.wire.calls)
    for _ in range(7 * 24):
        stage.clock.pause(3600)
        stage.run()
    requests = len(stage.machine.wire.calls) - requests + sum(len(w.calls) for w in lambdas)
    waited = run.transitions - before
    stage.process().engines.replayer.replay(ORDER)
    stage.run()
    # The loop's execution has ended by then: it waits for nothing, and starts all over again.
    yield Figure("requests while a job is parked for a week", requests, limit=0, loop=0)
    yield Figure("transitions while a job is parked for a week", waited, limit=0)
    yield Figure("completed afterwards", stage.service.done.total(), limit=1, at_least=True)
    yield Figure(
        "transitions: fails, is parked, is replayed, works",
        run.transitions - len(UPSTREAM),
        limit=9,
    )

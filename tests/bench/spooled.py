"""Stages in memory with many spooled jobs, and processes that really take their time."""

import contextlib
import os
import time
from collections.abc import Iterator
from functools import partial

from chalicelib.job.plan import Rules
from chalicelib.replaying.recovery import Recovery
from chalicelib.replaying.replay import Order, Replayer
from chalicelib.replaying.report import Report
from chalicelib.telemetry import LambdaTelemetry
from tests.article import Loop
from tests.fakes.spool import FakeSpool
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Wire
from tests.fakes.workflow import FakeWorkflow


def spooled(jobs: int) -> FakeStage:
    """A stage on whose spool so many parked jobs wait; their task would work now."""
    stage = FakeStage(task_limit=jobs)
    stage.service.broken = True
    for n in range(jobs):
        stage.executions.start(f"job-{n}", f'{{"key":"{n}","order":"{n:08}"}}')
    stage.machine.run()
    stage.service.broken = False
    stage.clock.pause(3600)
    return stage


def slow_wire(seconds: float) -> Wire:
    """A wire on which each call takes so long, in real time."""
    return Wire(partial(time.sleep, seconds) if seconds else lambda: None)


def replay(stage: FakeStage, wire: Wire, jobs: int) -> Report:
    """Replay so many jobs as the Lambda does: its threads, its telemetry, real time."""
    process = stage.process(wire)
    telemetry = LambdaTelemetry("bench")
    recovery = Recovery(
        process.workflow, process.claims, process.stuck, telemetry, stage.clock.now, jobs
    )
    replayer = Replayer(recovery, telemetry, time.monotonic, time.sleep)
    with silence():
        return replayer.replay(process.spool, Order(jobs, Rules(stage.clock.now()), 600))


def loop(stage: FakeStage, wire: Wire, jobs: int) -> int:
    """The article's loop over the same queue and the same Step Functions."""
    queue = FakeSpool(stage.spool, wire, wait=0)
    workflow = FakeWorkflow(stage.executions, wire)
    done = 0
    while done < jobs:  # it stops at an empty short poll; somebody starts it again
        done += Loop(queue, workflow).replay(jobs - done)
    return done


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Let what is written to standard output go nowhere, but let it be written."""
    kept = os.dup(1)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)

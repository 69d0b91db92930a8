"""Stages in memory with many parked jobs, and processes that really take their time."""

import contextlib
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from chalicelib.engines import Engines
from chalicelib.job.plan import Choice, Rules
from chalicelib.job.ports import THREADS
from chalicelib.job.replay import Kind
from chalicelib.replaying.keeping import Provenance
from chalicelib.replaying.replay import Order
from chalicelib.replaying.report import Report
from chalicelib.telemetry import LambdaTelemetry
from tests.article import Loop
from tests.fakes.run import Run
from tests.fakes.spool import FakeSpool
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Wire
from tests.fakes.workflow import FakeWorkflow

MODEL = "model-of-a-job"
PRESS = Provenance(Kind.PRESS, "bench")
ERROR = "ConnectionError"


def parked(jobs: int, error: Callable[[int], str] = lambda _: ERROR) -> FakeStage:
    """A stage with that many parked jobs and their notes; their task would work now.

    One job goes its whole way; the others are copies of its execution, claim and note.
    """
    stage = FakeStage(task_limit=min(jobs, 1000))
    stage.service.broken = True
    stage.executions.start(MODEL, json.dumps({"key": MODEL, "order": "a parcel"}))
    stage.machine.run()
    stage.service.broken = False
    (model,), (note,) = stage.executions.running(), stage.spool.bodies
    run = replace(model, history=[])
    item = json.dumps(stage.table.items[f"job#{MODEL}"])
    spool = stage.process().spool
    spool.delete(spool.receive(10, 60))
    stage.executions.stop(run.arn, "Model", "")
    stage.executions.ended.clear()
    stage.table.put(f"job#{MODEL}", None)
    for n in range(jobs):
        key = f"{n:07}"
        of_job = partial(_of_job, key=key, token=run.token, error=error(n))
        stage.executions.put(_copy(run, of_job))
        stage.table.put(f"job#{key}", json.loads(of_job(item)))
        stage.spool.send(of_job(note))
    stage.clock.pause(3600)
    return stage


def _of_job(text: str, key: str, token: str, error: str) -> str:
    return text.replace(MODEL, key).replace(f'"{token}"', f'"{token}-{key}"').replace(ERROR, error)


def _copy(run: Run, of_job: Callable[[str], str]) -> Run:
    text = of_job(run.input)
    variables = json.loads(of_job(json.dumps(run.variables)))
    return replace(
        run,
        arn=of_job(run.arn),
        input=text,
        value=json.loads(text),
        variables=variables,
        token=json.loads(of_job(json.dumps(run.token))),
        tries=Counter(),
        history=[],
    )


def slow_wire(seconds: float) -> Wire:
    """A wire on which each call takes so long, in real time."""
    return Wire(partial(time.sleep, seconds) if seconds else lambda: None)


class RealTime:
    """Seconds that really pass, on the day that it is in memory."""

    def __init__(self, stage: FakeStage) -> None:
        self.now = stage.clock.now
        self.elapsed = time.monotonic
        self.pause = time.sleep


def engines(stage: FakeStage, wire: Wire) -> Engines:
    """The engines as in Lambda: their threads, their telemetry, real time."""
    process = stage.process(wire)
    world: Any = process
    world.telemetry = LambdaTelemetry("bench")
    return Engines(
        world=world,
        settings=stage.settings,
        clock=RealTime(stage),
        workers=lambda: ThreadPoolExecutor(THREADS),
    )


def replay(stage: FakeStage, wire: Wire, jobs: int, choice: Choice | None = None) -> Report:
    """Replay that many jobs as the Lambda does."""
    order = Order(jobs, Rules(attended=True, choice=choice or Choice()), 600)
    with silence():
        report, _ = engines(stage, wire).keeping.run(order, PRESS)
    return report


def loop(stage: FakeStage, wire: Wire, jobs: int) -> int:
    """The article's loop over the same queue and the same Step Functions."""
    queue = FakeSpool(stage.spool, wire, wait=0)
    workflow = FakeWorkflow(stage.executions, wire, stage.definition)
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

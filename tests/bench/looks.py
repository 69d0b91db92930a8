"""The page's look at a hundred thousand jobs that wait."""

import time
from collections.abc import Iterator
from typing import Any

from chalicelib.api.groups import group_jobs
from chalicelib.api.jobs import list_jobs
from chalicelib.api.stage import Stage
from tests.bench.figures import Figure
from tests.bench.spooled import parked
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Wire

JOBS = 100_000
DELAY = 0.015


def page() -> Iterator[Figure]:
    """Counts, groups and the first page, by one process that has looked at nothing before."""
    stage = _waiting(JOBS)
    wire = Wire()
    seen = Stage(stage.process(wire).engines, "respool-bench")
    began = time.process_time()
    groups = group_jobs(seen.overview.read(), seen.messages, seen.prefix, {})
    listed = list_jobs(seen, {})
    seconds = time.process_time() - began + DELAY * len(wire.calls)  # one after the other
    if not groups["groups"] or len(listed["jobs"]) != 50:
        raise AssertionError("the look shows nothing")
    yield Figure("page's look at 100,000 waiting jobs, at 15 ms a call", seconds, "s", limit=1)
    yield Figure("its calls", len(wire.calls), limit=30)


def _waiting(jobs: int) -> FakeStage:
    """Claims alone, which share what they have in common: so many executions are not needed."""
    stage = parked(1)
    (model,) = (item for pk, item in stage.table.items.items() if pk.startswith("job#"))
    for n in range(1, jobs):
        stage.table.put(f"job#{n:07}", _copy(model, n))
    return stage


def _copy(model: Any, n: int) -> Any:
    key = f"{n:07}"
    order = model["order"]["S"].partition("#")[0]
    return {**model, "pk": {"S": f"job#{key}"}, "order": {"S": f"{order}#{key}"}}

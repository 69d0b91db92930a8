"""A person's pass: who gets one, that it lets in within the limit, and what is told of it."""

import json
from contextlib import suppress
from typing import Any

import pytest

from chalicelib.errors import BadRequest, RespoolError
from chalicelib.job.claim import job_pk
from chalicelib.job.plan import Choice
from chalicelib.replaying.report import Report
from chalicelib.replaying.requests import Request, check_pass, read_event
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Died, Fault, Wire


def closed(parked: int = 3, waiting: int = 2, limit: int = 5) -> FakeStage:
    """A stage with jobs parked (p0...) and in line (w0...) behind a gate that somebody closed."""
    stage = FakeStage(task_limit=limit)
    stage.service.broken = True
    start(stage, *(f"p{n}" for n in range(parked)))
    stage.process().engines.gates.close(TASK, None, "anna", "moving house")
    start(stage, *(f"w{n}" for n in range(waiting)))
    stage.service.broken = False
    return stage


def start(stage: FakeStage, *keys: str) -> None:
    for key in keys:
        stage.executions.start(f"run-{key}", json.dumps({"key": key}))
        stage.run()


def replay(stage: FakeStage, *keys: str, wire: Wire | None = None, **more: Any) -> Report:
    """A person's replay of these jobs on passes."""
    request = Request(choice=Choice(pks=frozenset(map(job_pk, keys))), by_pass=True)
    if more:
        request = Request(**{"choice": request.choice, "by_pass": True, **more})
    return stage.process(wire).engines.replay(request, 60, attended=True)


def done(stage: FakeStage) -> set[str]:
    stage.run()
    return {json.loads(text)["key"] for text in stage.service.done}


def test_named_jobs_go_through_a_closed_gate_whether_parked_or_in_line() -> None:
    stage = closed()
    report = replay(stage, "p1", "w1").as_json()

    assert (report["replayed"], report["resumed"], report["passes"]) == (2, 1, 2)
    assert "in_line" not in report
    assert done(stage) == {"p1", "w1"}
    assert stage.slots.passes == {}


def test_one_is_tried_first_with_a_count_of_one() -> None:
    stage = closed()

    assert replay(stage, count=1, choice=Choice()).passes == 1
    assert done(stage) == {"p0"}


def test_passes_let_in_no_more_than_the_limit() -> None:
    stage = closed(parked=3, waiting=0, limit=1)
    most: list[int] = []
    stage.service.on_visit = lambda _: most.append(len(stage.slots.owners))

    replay(stage, "p0", "p1", "p2")
    assert done(stage) == {"p0", "p1", "p2"}
    assert set(most) == {1}


def test_without_passes_jobs_move_into_line_and_none_is_called_resumed() -> None:
    stage = closed()
    preview = replay(stage, "p0", "p1", by_pass=False, dry_run=True).as_json()
    report = replay(stage, "p0", "p1", by_pass=False).as_json()

    assert [each["action"] for each in preview["plan"]] == ["line", "line"]
    assert "its gate is closed by anna: moving house" in preview["plan"][0]["reason"]
    assert (preview["replayed"], preview["in_line"], preview["resumed"]) == (2, 2, 0)
    assert (report["replayed"], report["in_line"], report["resumed"]) == (2, 2, 0)
    assert done(stage) == set()
    assert stage.slots.waiting == 4


def test_the_preview_tells_what_passes_would_do_and_gives_none() -> None:
    stage = closed()
    preview = replay(stage, "p0", "w0", dry_run=True).as_json()

    assert [each["action"] for each in preview["plan"]] == ["resume", "pass"]
    assert preview["passes"] == 2
    assert stage.slots.passes == {}


def test_an_unattended_replay_takes_nothing_and_says_why() -> None:
    report = closed().process().engines.replay(Request(), 60).as_json()

    assert report["replayed"] == 0
    assert report["held"] == [
        {"task": TASK, "reason": "its gate is closed by anna: moving house"},
    ]


def test_under_an_open_gate_nobody_needs_a_pass() -> None:
    stage = closed()
    stage.process().engines.gates.open(TASK, "anna", "")

    report = replay(stage, "p0").as_json()
    assert (report["resumed"], report.get("passes")) == (1, None)
    assert stage.slots.passes == {}


@pytest.mark.parametrize("fault", [Fault.DIED_BEFORE, Fault.DIED_AFTER, Fault.UNANSWERED])
def test_a_replay_that_dies_on_the_way_leaves_each_job_waiting_or_done_once(fault: Fault) -> None:
    calls = Wire()
    replay(closed(), "p0", "w0", wire=calls)
    for call in range(len(calls.calls)):
        stage = closed()
        with suppress(Died, RespoolError):
            replay(stage, "p0", "w0", wire=Wire().break_at(call, fault))
        stage.run()
        replay(stage, "p0", "w0")

        assert {"p0", "w0"} <= done(stage)
        assert set(stage.service.done.values()) == {1}


@pytest.mark.parametrize(
    "event", [{"pass": True}, {"pass": "true", "max": 2}, {"pass": True, "task": TASK}]
)
def test_a_pass_is_for_jobs_that_are_named_or_for_one(event: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="give key, keys or ids, or max=1"):
        read_event(event)


def test_a_schedule_gives_no_pass() -> None:
    with pytest.raises(BadRequest, match="unknown parameter 'pass'"):
        read_event({"unattended": True, "pass": True, "max": 1})


def test_whoever_names_a_job_may_give_it_a_pass() -> None:
    request = Request(choice=Choice(key="a"), by_pass=True)

    assert check_pass(request) is request

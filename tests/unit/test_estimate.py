"""What a preview foresees: within 15 % of what then happens, and unknown where nobody can tell."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.job.claim import FOR_EVER, Slots
from chalicelib.job.plan import Action
from chalicelib.moments import iso
from chalicelib.replaying.estimate import TRANSITION, Pace, estimate, pace
from chalicelib.replaying.outcome import Outcome
from chalicelib.replaying.requests import Request
from tests.bench.line import Model
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.unit.replay_stage import ReplayStage, given

NOW = datetime(2026, 11, 26, 2, tzinfo=UTC)
KNOWN = Pace(seconds=60, rest=30, transitions=3, whole=5)


def plan(count: int, action: Action = Action.RESUME, attempt: int = 1) -> list[Outcome]:
    return [Outcome(str(n), action, "", task=TASK, attempt=attempt) for n in range(count)]


def seconds(jobs: int, rate: float = 0, **slots: Any) -> float | None:
    task = {TASK: Slots(TASK, **{"limit": 5, **slots})}
    return estimate(plan(jobs), task, {TASK: KNOWN}, NOW, rate, 5).seconds


@pytest.mark.parametrize(("jobs", "limit"), [(12, 5), (60, 5), (60, 3), (200, 20)])
def test_time_and_transitions_come_within_15_per_cent_of_what_happens(
    jobs: int, limit: int
) -> None:
    stage = ReplayStage(FakeStage(task_limit=limit))
    model = Model(stage.memory, 600)
    for n in range(5):
        stage.memory.executions.start(f"before-{n}", given(f"before-{n}"))
    model.run()
    stage.memory.service.on_visit = lambda _: None
    stage.park(*(f"{n:03}" for n in range(jobs)))
    model = Model(stage.memory, 600)
    start = model.now
    before = {run.arn: run.transitions for run in stage.memory.executions.running()}

    engines = stage.memory.process().engines
    report, foreseen = engines.preview(Request(count=jobs), 60, attended=True)
    engines.replay(Request(count=jobs), 60, attended=True)
    model.run()

    took = max(model.entered.values()) + 600 - start
    runs = stage.memory.executions.runs
    transitions = sum(runs[arn].transitions - number for arn, number in before.items())
    assert len(report.plan or []) == foreseen.jobs == jobs
    assert foreseen.seconds == pytest.approx(took, rel=0.15)
    assert foreseen.transitions == pytest.approx(transitions, rel=0.15)
    assert foreseen.calls_per_hour == pytest.approx(min(jobs, limit * 6), rel=0.15)


def test_one_that_finds_a_slot_takes_as_long_as_the_last_ones_did() -> None:
    assert seconds(1) == 90


def test_who_stands_in_line_goes_first_and_who_is_inside_is_half_way() -> None:
    assert seconds(5, waiting=5) == 150
    assert seconds(5, owners=dict.fromkeys("abcde", "arn")) == 120


def test_a_pace_that_was_asked_for_is_kept() -> None:
    assert seconds(10, rate=0.01) == 900 + 90


def test_a_gate_that_opens_at_a_known_time_is_waited_for() -> None:
    until = iso(NOW + timedelta(hours=1))
    assert seconds(1, closed_until=until, closed_by="kim") == 3690


@pytest.mark.parametrize("slots", [{"limit": 0}, {"closed_until": FOR_EVER, "closed_by": "kim"}])
def test_behind_a_gate_of_which_nobody_knows_when_it_opens_the_time_is_unknown(
    slots: dict[str, Any],
) -> None:
    assert seconds(1, **slots) is None


def test_where_no_job_has_come_through_yet_time_cost_and_calls_are_unknown() -> None:
    stage = ReplayStage()
    stage.park("a")

    _, foreseen = stage.memory.process().engines.preview(Request(), 60, attended=True)

    assert foreseen.as_json(NOW) == {
        "jobs": 1,
        "seconds": None,
        "finish_at": None,
        "transitions": None,
        "dollars": None,
        "calls_per_hour": None,
        "stuck_if_failed": 0,
    }


def test_a_restart_pays_for_every_step_again() -> None:
    task = {TASK: Slots(TASK, limit=5)}
    some = [*plan(2), *plan(2, Action.RESTART)]

    figures = estimate(some, task, {TASK: KNOWN}, NOW, 0, 5).as_json(NOW)

    assert figures["transitions"] == 2 * 3 + 2 * 5
    assert figures["dollars"] == pytest.approx(16 * TRANSITION)


def test_jobs_of_which_unattended_replays_would_leave_off_are_counted() -> None:
    some = [*plan(3, attempt=3), *plan(2, attempt=4), *plan(1, Action.STALE, attempt=9)]
    assert estimate(some, {}, {}, NOW, 0, 5).stuck_if_failed == 2


def test_nothing_to_put_back_is_nothing_to_wait_for() -> None:
    figures = estimate([], {}, {}, NOW).as_json(NOW)
    assert (figures["jobs"], figures["seconds"], figures["dollars"]) == (0, 0, 0)


def test_a_history_tells_the_last_stay_in_the_task_and_what_came_after() -> None:
    def event(second: float, kind: str, state: str = "") -> dict[str, Any]:
        details = {"stateEnteredEventDetails": {"name": state}} if state else {}
        return {"type": kind, "timestamp": NOW + timedelta(seconds=second), **details}

    events = [
        event(0, "ExecutionStarted"),
        event(0, "TaskStateEntered", "ClaimJob"),
        event(1, "TaskStateEntered", "TakeSlot"),
        event(2, "TaskStateEntered", TASK),
        event(9, "TaskStateEntered", "Park"),
        event(99, "TaskStateExited"),
        event(99, "TaskStateEntered", "TakeSlot"),
        event(100, "TaskStateEntered", TASK),
        event(101, "TaskScheduled"),
        event(130, "TaskStateExited"),
        event(130, "TaskStateEntered", "StepC"),
        event(190, "TaskStateExited"),
        event(190, "ExecutionSucceeded"),
    ]

    assert pace(events, TASK) == Pace(seconds=30, rest=60, transitions=3, whole=7)
    assert pace(events, "Another") is None

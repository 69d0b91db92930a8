"""Jobs that wait are counted by the table, once the lines have been served."""

import json
from typing import Any

import pytest

from chalicelib import metrics
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage, Process


def counted(stage: FakeStage) -> dict[str, float]:
    """The gauges that one look tells."""
    process = stage.process()
    process.engines.gauges.tell()
    return told(process)


def told(process: Process) -> dict[str, float]:
    gauges = (metrics.PARKED_NOW, metrics.LINE_NOW, metrics.STUCK_NOW, metrics.BLOCKED_NOW)
    names = (*gauges, metrics.UNUSABLE_NOW)
    return {name: value for name, value in process.telemetry.counts.items() if name in names}


def start(stage: FakeStage, *keys: str) -> None:
    for key in keys:
        stage.process().workflow.start(key, json.dumps({"key": key}))
    stage.run()


def test_nothing_that_waits_is_told_as_nought() -> None:
    assert counted(FakeStage()) == {
        metrics.PARKED_NOW: 0,
        metrics.LINE_NOW: 0,
        metrics.STUCK_NOW: 0,
        metrics.BLOCKED_NOW: 0,
        metrics.UNUSABLE_NOW: 0,
    }


def test_parked_jobs_are_counted_though_their_notes_were_doubled_and_purged() -> None:
    stage = FakeStage()
    stage.service.broken = True
    start(stage, *"abc")
    spool = stage.process().spool
    for body in stage.spool.bodies:
        spool.send(body)
    assert counted(stage)[metrics.PARKED_NOW] == 3
    while notes := spool.receive(10, 60):
        spool.delete(notes)
    assert counted(stage)[metrics.PARKED_NOW] == 3


def test_messages_without_a_claim_are_counted_apart_from_stuck_jobs() -> None:
    stage = FakeStage()
    stage.process().stuck.send("{not to be read")
    now = counted(stage)
    assert (now[metrics.UNUSABLE_NOW], now[metrics.STUCK_NOW]) == (1, 0)


def test_a_line_behind_a_closed_gate_is_not_blocked() -> None:
    stage = FakeStage()
    stage.process().engines.gates.close(TASK, None, "kim", "testing")
    start(stage, *"ab")
    now = counted(stage)
    assert (now[metrics.LINE_NOW], now[metrics.BLOCKED_NOW]) == (2, 0)


def test_a_line_that_has_room_and_is_not_served_is_blocked() -> None:
    stage = FakeStage()
    stage.process().engines.gates.close(TASK, None, "kim", "testing")
    start(stage, *"ab")
    stage.process().engines.gates.open(TASK, "kim", "done")
    assert counted(stage)[metrics.BLOCKED_NOW] == 1


@pytest.mark.parametrize(("event", "counts"), [({"Records": []}, 0), ({"task": TASK}, 0), ({}, 5)])
def test_only_a_call_for_all_tasks_counts(event: Any, counts: int) -> None:
    process = FakeStage().process()
    process.engines.admit(event, 60)
    assert len(told(process)) == counts

"""The gate: who closes it and opens it, and the maintenance windows that close it by themselves."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib import metrics
from chalicelib.errors import BadRequest
from chalicelib.gate.windows import Span, upcoming
from chalicelib.job.claim import FOR_EVER
from chalicelib.moments import iso
from chalicelib.schedules import read_windows
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage, Process


@pytest.fixture
def stage() -> FakeStage:
    return FakeStage(CLOSE_AFTER="5")


def test_a_limit_of_0_closes_the_gate_and_keeps_the_stored_limit(stage: FakeStage) -> None:
    slots = stage.process().engines.gates.set_limit(TASK, 0, "anna", "they asked us to")

    assert slots == stage.slots
    assert slots.limit == 5
    gate = slots.gate(stage.clock.now())
    assert (gate.open, gate.by, gate.why, gate.until) == (
        False,
        "anna",
        "limit 0: they asked us to",
        "",
    )


def test_any_other_limit_opens_a_gate_that_0_closed(stage: FakeStage) -> None:
    gates = stage.process().engines.gates
    gates.set_limit(TASK, 0, "anna", "")
    stage.clock.pause(60)

    slots = gates.set_limit(TASK, 7, "ben", "again")

    assert slots.gate(stage.clock.now()).open
    assert (slots.limit, slots.limit_by, slots.limit_why) == (7, "ben", "again")


def test_a_limit_opens_no_gate_that_somebody_closed(stage: FakeStage) -> None:
    gates = stage.process().engines.gates
    gates.close(TASK, None, "anna", "they are moving house")

    slots = gates.set_limit(TASK, 7, "ben", "")

    assert slots.limit == 7
    assert slots.gate(stage.clock.now()).by == "anna"


def test_a_limit_opens_no_gate_that_failures_closed(stage: FakeStage) -> None:
    stage.service.broken = True
    for n in range(5):
        stage.executions.start(f"job-{n}", f'{{"key":"{n}"}}')
    stage.machine.run()
    gates = stage.process().engines.gates
    gates.set_limit(TASK, 0, "anna", "")

    slots = gates.set_limit(TASK, 7, "anna", "")

    assert slots.gate(stage.clock.now()).by == "failures"


def test_opening_forgets_the_failures(stage: FakeStage) -> None:
    stage.service.broken = True
    for n in range(5):
        stage.executions.start(f"job-{n}", f'{{"key":"{n}"}}')
    stage.machine.run()
    assert not stage.slots.gate(stage.clock.now()).open

    slots = stage.process().engines.gates.open(TASK, "anna", "they are back")

    assert slots.gate(stage.clock.now()).open
    assert slots.failed == {}


def test_counting_that_begins_counts_no_failure_from_before() -> None:
    stage = FakeStage(CLOSE_AFTER="off")
    stage.service.broken = True
    stage.executions.start("a", '{"key":"a"}')
    stage.run()
    assert stage.slots.failed

    slots = stage.process().line.apply_settings(TASK, 5, 1)

    assert slots.failed == {}
    assert slots.gate(stage.clock.now()).open


def test_a_gate_is_closed_until_then_and_open_from_then_on(stage: FakeStage) -> None:
    until = stage.clock.now() + timedelta(hours=2)

    slots = stage.process().engines.gates.close(TASK, until, "anna", "")

    assert slots.gate(until - timedelta(milliseconds=1)).until == "2026-11-24T11:00:00.000Z"
    assert slots.gate(until).open


def test_a_gate_that_nobody_gave_an_end_is_closed_for_ever(stage: FakeStage) -> None:
    assert stage.process().engines.gates.close(TASK, None, "anna", "").closed_until == FOR_EVER


def test_an_end_in_the_past_is_refused(stage: FakeStage) -> None:
    with pytest.raises(BadRequest, match="is in the past"):
        stage.process().engines.gates.close(TASK, stage.clock.now(), "anna", "")


def test_a_window_is_written_once(stage: FakeStage) -> None:
    stage = FakeStage(HOLD_WINDOWS="cron(0 22 * * ? *) 2h UTC")
    stage.process().engines.gates.prepare(TASK)
    process = stage.process()

    slots = process.engines.gates.prepare(TASK)

    assert process.wire.calls == ["GetItem"]
    assert slots.window_why == "cron(0 22 * * ? *) 2h UTC"


def test_a_window_that_no_setting_names_any_more_is_taken_away(stage: FakeStage) -> None:
    stage.process().line.set_window(TASK, "2026-11-24T08:00:00.000Z", FOR_EVER, "old")
    assert not stage.slots.gate(stage.clock.now()).open

    stage.process().engines.gates.prepare(TASK)

    assert stage.slots.gate(stage.clock.now()).open


def test_a_zone_without_data_leaves_the_stored_window_and_is_told() -> None:
    stage = FakeStage(HOLD_WINDOWS="cron(0 22 * * ? *) 2h Nowhere/AtAll")
    stage.process().line.set_window(TASK, "2026-11-24T08:00:00.000Z", FOR_EVER, "stored")
    process = stage.process()

    slots = process.engines.gates.prepare(TASK)

    assert slots.window_why == "stored"
    assert process.telemetry.actions == ["window-not-read", "gate-closed"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("windows", "now", "span"),
    [
        ("", "2026-11-24T09:00", None),
        ("cron(0 10 * * ? *) 2h UTC", "2026-11-24T09:00", ("24T10:00", "24T12:00")),
        ("cron(0 10 * * ? *) 2h UTC", "2026-11-24T11:59", ("24T10:00", "24T12:00")),
        ("cron(0 10 * * ? *) 2h UTC", "2026-11-24T12:00", ("25T10:00", "25T12:00")),
        ("cron(0 10 ? * FRI *) 2h UTC", "2026-11-24T09:00", None),  # more than two days ahead
        ("cron(0 19 * * ? *) 2h Asia/Tokyo", "2026-11-24T09:00", ("24T10:00", "24T12:00")),
        (
            "cron(0 10 * * ? *) 2h UTC; cron(0 12 * * ? *) 1h UTC",
            "2026-11-24T09:00",
            ("24T10:00", "24T13:00"),
        ),
        (
            "cron(0 10 * * ? *) 5h UTC; cron(0 12 * * ? *) 1h UTC",
            "2026-11-24T12:30",
            ("24T10:00", "24T15:00"),
        ),
        ("cron(0 0 24 * ? *) 31d UTC", "2026-12-21T23:00", ("-11-24T00:00", "-12-25T00:00")),
        ("cron(0/30 * * * ? *) 20m UTC", "2026-11-24T09:10", ("24T09:00", "24T09:20")),
    ],
)
def test_the_window_under_way_or_next_is_found(
    windows: str, now: str, span: tuple[str, str] | None
) -> None:
    window = upcoming(read_windows(windows) if windows else (), at(now))

    if span is None:
        assert window is None
    else:
        assert isinstance(window, Span)
        assert window.begins.isoformat().endswith(f"{span[0]}:00+00:00")
        assert window.ends.isoformat().endswith(f"{span[1]}:00+00:00")


def told(process: Process) -> list[str]:
    """What people were told of gates."""
    return [action for action in process.telemetry.actions if action.startswith("gate-")]


def test_a_gate_that_failures_closed_is_told_once_and_once_that_it_is_open_again(
    stage: FakeStage,
) -> None:
    stage.service.broken = True
    for n in range(5):
        stage.executions.start(f"job-{n}", f'{{"key":"{n}"}}')
    stage.machine.run()

    first, second = stage.process(), stage.process()
    first.admit({})
    second.admit({})
    assert (told(first), told(second)) == (["gate-closed"], [])
    fields = next(fields for action, fields in first.telemetry.lines if action == "gate-closed")
    assert (fields["by"], fields["failed"]) == ("failures", 5)
    assert first.telemetry.counts[metrics.GATE_CLOSED] == 1

    stage.process().engines.gates.open(TASK, "anna", "they are back")
    first, second = stage.process(), stage.process()
    first.admit({})
    second.admit({})
    assert (told(first), told(second)) == (["gate-opened"], [])


def test_of_two_who_see_it_at_once_one_tells(stage: FakeStage) -> None:
    stage.process().engines.gates.close(TASK, None, "anna", "")
    process, other = stage.process(), stage.process()
    stale = stage.slots
    other.engines.gates.tell(stale)

    process.engines.gates.tell(stale)
    assert (told(other), told(process)) == (["gate-closed"], [])


def test_a_window_is_told_when_it_begins_and_when_it_ends_by_the_clock() -> None:
    stage = FakeStage()
    begins, ends = (stage.clock.now() + timedelta(minutes=m) for m in (10, 20))
    stage.process().line.set_window(TASK, iso(begins), iso(ends), "announced")
    seen = []
    for _ in range(5):
        process = stage.process()
        process.engines.gates.tell(stage.slots)
        seen.append(told(process))
        stage.clock.pause(300)

    assert seen == [[], [], ["gate-closed"], [], ["gate-opened"]]

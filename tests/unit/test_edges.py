"""Where rules end: the last value that is still allowed, and the first that is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.errors import BadRequest, Unreadable
from chalicelib.gate.hearing import _heeds
from chalicelib.gate.windows import upcoming
from chalicelib.job.claim import JOB, SERVICE, Claim, Slots
from chalicelib.job.execution import Status
from chalicelib.job.key import _whole
from chalicelib.job.plan import Action, Facts, Rules
from chalicelib.job.record import MOST_COUNTED, Record, read
from chalicelib.job.replay import Course, Kind, Replay
from chalicelib.job.restarts import read_restart_name, restart_name
from chalicelib.moments import iso
from chalicelib.replaying.keeping import _is_nothing, _put_back, report_of
from chalicelib.replaying.replay import Order
from chalicelib.replaying.report import Report
from chalicelib.replaying.requests import MOST_TEXT, read_text
from chalicelib.replaying.restart import _successor
from chalicelib.replaying.sorting import _is_spent
from chalicelib.schedules import read_windows
from tests.fakes.stage import FakeStage
from tests.unit.replay_stage import ReplayStage

START = "2026-11-24T09:00:00.000Z"
NOTE = {"respool": 1, "key": "k", "execution": "arn:first"}


@pytest.mark.parametrize("sign", ["x", "鍵"])
def test_text_in_a_request_has_at_most_a_kibibyte(sign: str) -> None:
    most = sign * (MOST_TEXT // len(sign.encode()))
    assert read_text({"task": most}, "task") == most
    with pytest.raises(BadRequest, match="at most 1024 bytes"):
        read_text({"task": most + sign}, "task")


@pytest.mark.parametrize("attempt", [0, MOST_COUNTED])
def test_a_note_counts_to_a_million(attempt: int) -> None:
    assert read({**NOTE, "attempt": attempt}).attempt == attempt


@pytest.mark.parametrize("attempt", [-1, MOST_COUNTED + 1, 1.5, True, "1"])
def test_a_note_with_another_count_is_no_note(attempt: Any) -> None:
    with pytest.raises(Unreadable, match="attempt"):
        read({**NOTE, "attempt": attempt})


def test_a_name_in_a_note_has_at_most_256_characters() -> None:
    longest = "t" * 256
    assert read({**NOTE, "task": longest}).task == longest
    with pytest.raises(Unreadable, match="task is longer than 256 characters"):
        read({**NOTE, "task": longest + "t"})


@pytest.mark.parametrize(("attempt", "spent"), [(299, True), (300, True), (301, False)])
def test_a_note_is_spent_up_to_the_attempt_that_went_on(attempt: int, spent: bool) -> None:
    record = Record(key="k", execution="arn:first", attempt=attempt)
    assert _is_spent(record, {"arn:first": 300}) is spent
    assert not _is_spent(record, {"arn:other": 300})


@pytest.mark.parametrize("attempt", [0, 1, 2, 3, 9])
def test_a_shared_execution_s_restart_has_failed_once_more_than_its_name_says(
    attempt: int,
) -> None:
    claim = Claim(JOB + "k/1/Charge", "arn:a:first", order=f"{START}#k", attempt=attempt)
    restart = restart_name(claim)
    name, pk = _successor(
        replace(claim, execution=f"arn:a:{restart}", attempt=77),
        Facts(Status.ABORTED, input="{}"),
        alone=False,
    )
    origin = read_restart_name(name)
    assert origin is not None
    assert (origin.attempt, origin.started_at, pk) == (attempt + 1, START, claim.pk)


def test_the_first_restart_of_a_shared_execution_has_failed_once() -> None:
    claim = Claim(JOB + "k/1/Charge", "arn:a:first", order=f"{START}#k", attempt=5)
    name, _ = _successor(claim, Facts(Status.ABORTED, input="{}"), alone=False)
    origin = read_restart_name(name)
    assert origin is not None
    assert origin.attempt == 1


def test_a_dry_run_counts_the_slots_that_its_redrives_would_take() -> None:
    stage = ReplayStage(FakeStage(task_limit=3))
    for key in ("1", "2", "3"):
        stage.abort(key)
    stage.memory.process().line.set_limit("UncertainTask", 2, "kim", "", stage.memory.clock.iso())
    order = Order(10, Rules(attended=True), 60, dry_run=True)

    plan = stage.memory.process().engines.replayer.replay(order).plan or []

    assert [job["action"] for job in plan] == ["redrive", "redrive", "line"]


REPLAY = Replay(
    "id", Kind.PRESS, put_back=6, counts={"resume": 6}, refused=7, failed=(("job#a", "why"),)
)


@pytest.mark.parametrize("course", list(Course))
def test_a_kept_replay_s_report_says_what_it_came_to(course: Course) -> None:
    report = report_of(replace(REPLAY, course=course))
    assert report.more is (course is Course.RUNNING)
    assert (report.counts[Action.RESUME], report.unnamed) == (6, 6)
    assert [(job["key"], job["reason"]) for job in report.failed] == [("a", "why")]


def test_jobs_that_a_dead_run_put_back_are_added() -> None:
    after = _put_back(REPLAY, 3)
    assert (after.put_back, after.counts) == (9, {"resume": 9})
    assert _put_back(REPLAY, 0) is REPLAY


@pytest.mark.parametrize(
    ("kind", "version", "report", "nothing"),
    [
        (Kind.SCHEDULE, 0, Report(), True),
        (Kind.PRESS, 0, Report(), False),
        (Kind.SCHEDULE, 1, Report(), False),
        (Kind.SCHEDULE, 0, Report(more=True), False),
        (Kind.SCHEDULE, 0, Report(failed=[{"key": "a", "reason": "why"}]), False),
        (Kind.SCHEDULE, 0, Report(counts={**Report().counts, Action.STALE: 1}), False),
    ],
)
def test_only_a_schedule_that_found_nothing_is_not_kept(
    kind: Kind, version: int, report: Report, nothing: bool
) -> None:
    kept: Any = SimpleNamespace(replay=replace(REPLAY, kind=kind, version=version))
    assert _is_nothing(kept, report) is nothing


@pytest.mark.parametrize("digits", [1, 15, 18, 19])
def test_a_whole_number_of_up_to_19_digits_is_read_as_it_is(digits: int) -> None:
    assert _whole("1" * digits) == int("1" * digits)


def test_a_longer_number_is_read_without_its_last_digits_and_is_no_key() -> None:
    assert isinstance(_whole("1" * 20), float)


NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(("hours", "is_near"), [(47, True), (48, True), (49, False)])
def test_a_window_is_seen_two_days_before_it_begins(hours: int, is_near: bool) -> None:
    start = NOON + timedelta(hours=hours)
    text = f"cron({start.minute} {start.hour} {start.day} {start.month} ? {start.year}) 1h UTC"
    assert (upcoming(read_windows(text), NOON) is not None) is is_near


LATER = NOON + timedelta(hours=2)


@pytest.mark.parametrize("named", [NOON, NOON + timedelta(hours=1), LATER + timedelta(hours=1)])
@pytest.mark.parametrize("is_newer", [True, False])
def test_a_gate_closed_by_the_service_heeds_a_newer_word_and_a_later_end(
    named: datetime, is_newer: bool
) -> None:
    closed_at = NOON - timedelta(minutes=5)
    slots = Slots(
        "Call",
        closed_until=iso(LATER + timedelta(hours=1)),
        closed_at=iso(closed_at),
        closed_by=SERVICE,
        named_until=iso(named),
    )
    failed_at = closed_at + timedelta(seconds=1 if is_newer else 0)
    assert _heeds(slots, failed_at, LATER, NOON) is (is_newer or named < LATER)
    assert not _heeds(replace(slots, named_until=iso(LATER)), failed_at, LATER, NOON)

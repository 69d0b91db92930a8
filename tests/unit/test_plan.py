"""Each job gets the cheapest recovery that the facts allow."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.job.execution import Status
from chalicelib.job.plan import (
    ENDS,
    Action,
    Choice,
    Decision,
    Facts,
    Rules,
    admit,
    decide,
    needs_facts,
)
from chalicelib.job.record import Failure, Record

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
RULES = Rules(began=NOW)
PARKED = Record(
    key="k",
    execution="arn:e",
    task="UncertainTask",
    attempt=1,
    error=Failure("ConnectionError", "down"),
    failed_at="2026-11-23T22:10:00.000Z",
    token="token",
)
FALLEN = replace(PARKED, token="")
BARE = Record(key="k", input={"key": "k"})
EARLIER = NOW - timedelta(minutes=1)
DEAD = (Status.FAILED, Status.TIMED_OUT, Status.ABORTED)


def action(record: Record, facts: Facts | None) -> Action:
    return decide(record, facts, NOW).action


def admitted(record: Record, rules: Rules, spooled_at: datetime = EARLIER) -> Decision | None:
    return admit(record, spooled_at, NOW, rules)


def test_a_parked_job_is_resumed_without_a_look_at_its_execution() -> None:
    assert not needs_facts(PARKED)
    assert action(PARKED, None) is Action.RESUME


def test_a_bare_job_is_started_without_a_look() -> None:
    assert not needs_facts(BARE)
    assert action(BARE, None) is Action.RESTART


def test_a_fallen_job_is_looked_at_first() -> None:
    assert needs_facts(FALLEN)


@pytest.mark.parametrize("record", [PARKED, FALLEN])
def test_a_finished_job_is_stale(record: Record) -> None:
    assert action(record, Facts(Status.SUCCEEDED)) is Action.STALE


@pytest.mark.parametrize("error", sorted(ENDS))
def test_a_job_that_was_meant_to_end_is_stale(error: str) -> None:
    assert action(PARKED, Facts(Status.FAILED, error=error)) is Action.STALE


@pytest.mark.parametrize("status", [*DEAD, Status.MISSING])
def test_a_job_given_up_is_stale_whatever_its_execution_says(status: Status) -> None:
    assert action(FALLEN, Facts(status, given_up=True)) is Action.STALE


def test_a_spent_token_of_a_running_job_is_stale() -> None:
    assert action(PARKED, Facts(Status.RUNNING, token_refused=True)) is Action.STALE


def test_a_running_job_without_a_token_is_stale() -> None:
    assert action(FALLEN, Facts(Status.RUNNING)) is Action.STALE


@pytest.mark.parametrize("status", [*DEAD, Status.MISSING])
def test_a_job_whose_execution_is_gone_is_restarted(status: Status) -> None:
    assert action(PARKED, Facts(status, token_refused=True)) is Action.RESTART


def test_a_job_that_was_restarted_before_is_stale() -> None:
    assert action(FALLEN, Facts(Status.FAILED, successor=True)) is Action.STALE


REDRIVABLE = Facts(
    Status.FAILED, stopped_at=NOW - timedelta(days=13), redrivable=True, events=24_998
)


def test_a_failed_job_is_redriven_while_that_is_possible() -> None:
    assert action(FALLEN, REDRIVABLE) is Action.REDRIVE


@pytest.mark.parametrize(
    "change",
    [
        {"redrivable": False},
        {"events": 24_999},
        {"failed_in_fail_state": True},
        {"stopped_at": NOW - timedelta(days=14)},
        {"stopped_at": None},
        {"status": Status.MISSING},
    ],
)
def test_a_failed_job_that_can_not_be_redriven_is_restarted(change: dict[str, object]) -> None:
    assert action(FALLEN, replace(REDRIVABLE, **change)) is Action.RESTART  # type: ignore[arg-type]


def test_a_job_spooled_after_the_replay_began_is_left() -> None:
    decision = admitted(PARKED, RULES, spooled_at=NOW + timedelta(milliseconds=1))

    assert decision is not None
    assert decision.action is Action.LEAVE


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (Choice(), True),
        (Choice(task="UncertainTask"), True),
        (Choice(task="Other"), False),
        (Choice(error="ConnectionError"), True),
        (Choice(error="Other"), False),
        (Choice(key="k"), True),
        (Choice(key="other"), False),
        (Choice(older_than=17_400), True),
        (Choice(older_than=17_401), False),
    ],
)
def test_only_chosen_jobs_are_taken(choice: Choice, taken: bool) -> None:
    assert (admitted(PARKED, replace(RULES, choice=choice)) is None) is taken


def test_a_job_that_has_not_cooled_down_is_left_for_as_long_as_that_takes() -> None:
    hot = replace(PARKED, failed_at=(NOW - timedelta(seconds=300)).isoformat())

    decision = admitted(hot, replace(RULES, cool_down=900))

    assert decision is not None
    assert decision.action is Action.LEAVE
    assert 600 <= decision.wait <= 601


def test_a_job_without_a_readable_time_cools_down_from_when_it_was_spooled() -> None:
    odd = replace(PARKED, failed_at="last Friday")

    assert admitted(odd, replace(RULES, cool_down=59)) is None
    assert admitted(odd, replace(RULES, cool_down=61)) is not None


def test_a_job_that_failed_too_often_is_stuck() -> None:
    decision = admitted(replace(PARKED, attempt=5), RULES)

    assert decision is not None
    assert decision.action is Action.STUCK


def test_a_person_can_take_a_stuck_job() -> None:
    assert admitted(replace(PARKED, attempt=5), replace(RULES, take_stuck=True)) is None

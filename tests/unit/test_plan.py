"""Each job gets the cheapest recovery that the facts allow."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.job.claim import Claim, State
from chalicelib.job.execution import DEAD, Status
from chalicelib.job.plan import (
    ENDS,
    TOO_LARGE,
    Action,
    Choice,
    Decision,
    Facts,
    Rules,
    after,
    decide,
    needs_slot,
    screen,
    standing,
)
from chalicelib.moments import iso

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
FAILED_AT = NOW - timedelta(seconds=17_400)
PARKED = Claim(
    pk="job#k",
    execution="arn:e",
    state=State.PARKED,
    task="UncertainTask",
    order="2026-11-23T20:00:00.000Z#k",
    since=iso(FAILED_AT + timedelta(seconds=1)),
    attempt=1,
    error="ConnectionError",
    cause="down",
    failed_at=iso(FAILED_AT),
    token="token",
)
FALLEN = replace(PARKED, token="", dead_at=iso(FAILED_AT))
STUCK = replace(PARKED, state=State.STUCK, attempt=5)
UNATTENDED, ATTENDED = Rules(), Rules(attended=True)
REDRIVABLE = Facts(
    Status.FAILED,
    error="States.Runtime",
    stopped_at=NOW - timedelta(days=13),
    redrivable=True,
    events=24_998,
    input="{}",
)


def action(claim: Claim, facts: Facts | None) -> Action:
    return decide(claim, facts, NOW).action


def screened(claim: Claim, rules: Rules) -> Action | None:
    decision = screen(claim, NOW, rules)
    return decision.action if decision else None


def test_a_parked_job_is_resumed_without_a_look_at_its_execution() -> None:
    assert action(PARKED, None) is Action.RESUME


def test_a_job_that_has_finished_is_stale_and_its_claim_ends() -> None:
    assert decide(FALLEN, Facts(Status.SUCCEEDED), NOW).ends is State.FINISHED


@pytest.mark.parametrize("error", sorted(ENDS))
def test_a_job_that_was_meant_to_end_is_stale_and_its_claim_ends(error: str) -> None:
    decision = decide(FALLEN, replace(REDRIVABLE, error=error), NOW)
    how = State.GIVEN_UP if error == "GivenUp" else State.FAILED
    assert (decision.action, decision.ends) == (Action.STALE, how)


def test_a_job_that_ended_in_a_fail_state_has_ended_as_its_author_meant() -> None:
    decision = decide(FALLEN, replace(REDRIVABLE, in_fail_state=True), NOW)
    assert (decision.action, decision.ends) == (Action.STALE, State.FAILED)


def test_a_dead_job_whose_execution_runs_has_gone_on_and_its_claim_is_left_alone() -> None:
    decision = decide(FALLEN, Facts(Status.RUNNING), NOW)
    assert (decision.action, decision.ends) == (Action.STALE, None)


def test_a_dead_job_is_redriven_while_that_is_possible() -> None:
    assert action(FALLEN, REDRIVABLE) is Action.REDRIVE


@pytest.mark.parametrize(
    "change",
    [
        {"redrivable": False},
        {"events": 24_999},
        {"stopped_at": NOW - timedelta(days=14)},
        {"stopped_at": None},
        {"status": Status.MISSING},
    ],
)
def test_a_dead_job_that_can_not_be_redriven_is_restarted(change: dict[str, Any]) -> None:
    assert action(FALLEN, replace(REDRIVABLE, **change)) is Action.RESTART


@pytest.mark.parametrize("status", [*DEAD, Status.MISSING])
def test_a_job_whose_input_nobody_knows_is_left(status: Status) -> None:
    assert action(FALLEN, Facts(status)) is Action.LEAVE


def test_a_restart_that_never_started_is_started() -> None:
    handed_over = replace(FALLEN, predecessor="arn:dead")
    assert action(handed_over, Facts(Status.MISSING, input="{}")) is Action.RESTART


@pytest.mark.parametrize(
    ("task", "failed_in", "needed"),
    [
        ("UncertainTask", "UncertainTask", True),
        ("UncertainTask", "Park", False),
        ("UncertainTask", "", True),
        ("orders/Call", "Call", True),
        ("orders/Call", "Park: Call", False),
        ("orders/Park", "Park", True),
        ("payments", "Call", True),
        ("payments", "WaitInLine", False),
    ],
)
def test_only_a_redrive_inside_the_task_needs_a_slot(
    task: str, failed_in: str, needed: bool
) -> None:
    inside = replace(FALLEN, task=task, entered_at=FALLEN.dead_at)
    assert needs_slot(inside, failed_in) is needed
    assert not needs_slot(replace(FALLEN, task=task), failed_in)


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
        (Choice(pks=frozenset({"job#k", "job#l"})), True),
        (Choice(pks=frozenset({"job#l"})), False),
        (Choice(older_than=17_400), True),
        (Choice(older_than=17_401), False),
    ],
)
def test_only_chosen_jobs_are_taken(choice: Choice, taken: bool) -> None:
    assert choice.takes(PARKED, NOW) is taken


def test_a_job_that_has_not_cooled_down_is_left_for_as_long_as_that_takes() -> None:
    hot = replace(PARKED, failed_at=iso(NOW - timedelta(seconds=300)))
    decision = screen(hot, NOW, Rules(cool_down=900))
    assert decision == Decision(Action.LEAVE, "failed only a moment ago", 601)


@pytest.mark.parametrize(("waited", "left"), [(59, True), (60, False)])
def test_a_job_without_a_readable_time_cools_down_from_when_it_was_parked(
    waited: int, left: bool
) -> None:
    odd = replace(PARKED, failed_at="last Friday", since=iso(NOW - timedelta(seconds=waited)))
    assert (screened(odd, Rules(cool_down=60)) is Action.LEAVE) is left


@pytest.mark.parametrize(
    "claim", [replace(PARKED, attempt=5), replace(PARKED, error=TOO_LARGE), STUCK]
)
def test_an_unattended_replay_takes_no_job_that_failed_too_often(claim: Claim) -> None:
    refused = Action.STALE if claim.state is State.STUCK else Action.STUCK
    assert screened(claim, UNATTENDED) is refused


def test_failures_of_the_service_itself_make_no_job_stuck() -> None:
    often = replace(PARKED, attempt=5)
    assert screened(often, Rules(service_failures={often.pk: 1})) is None
    assert screened(often, Rules(service_failures={"other": 1})) is Action.STUCK


@pytest.mark.parametrize("attempt", [1, 5, 500])
def test_no_number_of_failures_stops_a_person(attempt: int) -> None:
    hot = replace(PARKED, attempt=attempt, failed_at=iso(NOW))
    assert screened(hot, replace(ATTENDED, max_attempts=1, cool_down=900)) is None


@pytest.mark.parametrize(
    ("rules", "taken"),
    [
        (ATTENDED, False),
        (Rules(attended=True, stuck=True), True),
        (Rules(attended=True, choice=Choice(key="k")), True),
        (Rules(attended=True, choice=Choice(pks=frozenset({"job#k"}))), True),
        (Rules(stuck=True), False),
        (Rules(choice=Choice(key="k")), False),
    ],
)
def test_a_stuck_job_goes_on_where_a_person_asks_for_it_by_name_or_for_all_stuck_ones(
    rules: Rules, taken: bool
) -> None:
    assert (screened(STUCK, rules) is None) is taken


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (replace(PARKED, state=State.RUNNING), "is running"),
        (replace(PARKED, state=State.LINE), "stands in line for UncertainTask since 2026"),
        (replace(PARKED, state=State.FINISHED, ended_at="2026-11-24"), "has ended (finished)"),
    ],
)
def test_what_does_not_wait_parked_is_told_as_it_stands(claim: Claim, words: str) -> None:
    assert screened(claim, ATTENDED) is Action.STALE
    assert standing(claim).startswith(words)


def test_the_next_time_of_a_claim_is_never_the_one_that_it_has() -> None:
    assert after(NOW, PARKED) == "2026-11-24T03:00:00.000Z"
    assert after(NOW, replace(PARKED, since=iso(NOW))) == "2026-11-24T03:00:00.001Z"
    ahead = replace(PARKED, since="2026-11-24T03:00:09.999Z")
    assert after(NOW, ahead) == "2026-11-24T03:00:10.000Z"

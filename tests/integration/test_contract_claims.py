"""The claims in memory and those on DynamoDB keep the same promises."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from chalicelib.aws.calling import client
from chalicelib.aws.claims_table import DynamoClaims
from chalicelib.errors import AwsError
from chalicelib.job.claim import Claim, Slots
from chalicelib.job.ports import Claims
from chalicelib.job.record import Failure
from tests.fakes.claims import FakeClaims, Table
from tests.fakes.wire import Wire

TABLE = "respool-test-claims"
TASK = "UncertainTask"
OWNER, SUCCESSOR, OTHER = "arn:owner", "arn:successor", "arn:other"
DEAD = Claim(
    key="k",
    execution=OWNER,
    claimed_at="2026-11-24T01:00:00.000Z",
    parked_at="2026-11-24T02:00:00.000Z",
    spooled_at="2026-11-24T02:00:01.000Z",
    first_failed_at="2026-11-23T22:10:00.000Z",
    task=TASK,
    attempt=2,
    failure=Failure("ConnectionError", "down"),
)


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        yield client("dynamodb", boto3.Session(region_name="us-east-1"))


def on_dynamodb(dynamodb: Any) -> DynamoClaims:
    """An empty table."""
    if TABLE in dynamodb.list_tables()["TableNames"]:
        dynamodb.delete_table(TableName=TABLE)
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return DynamoClaims(dynamodb, TABLE)


@pytest.fixture(params=["fakes", "dynamodb"])
def claims(request: pytest.FixtureRequest) -> Claims:
    if request.param == "fakes":
        return FakeClaims(Table(), Wire())
    return on_dynamodb(request.getfixturevalue("dynamodb"))


def test_a_claim_reads_back_as_it_was_written(claims: Claims) -> None:
    assert claims.mark_spooled(DEAD)
    assert claims.get("k") == DEAD
    assert list(claims.claims()) == [DEAD]


def test_a_key_that_nobody_has_is_none(claims: Claims) -> None:
    assert claims.get("k") is None
    assert list(claims.claims()) == []


def test_nobody_else_can_mark_hand_over_or_release_a_claim(claims: Claims) -> None:
    claims.mark_spooled(DEAD)
    assert not claims.mark_spooled(replace(DEAD, execution=OTHER, attempt=9))
    assert not claims.hand_over("k", OTHER, SUCCESSOR)
    assert not claims.release("k", OTHER)
    claims.mark_stuck("k", OTHER, "now")
    assert claims.get("k") == DEAD


def test_marking_again_keeps_when_it_was_claimed_and_changes_the_rest(claims: Claims) -> None:
    claims.mark_spooled(DEAD)
    assert claims.mark_spooled(replace(DEAD, claimed_at="later", spooled_at="", attempt=3))
    assert claims.get("k") == replace(DEAD, spooled_at="", attempt=3)


def test_a_mark_keeps_that_the_job_is_stuck(claims: Claims) -> None:
    claims.mark_spooled(DEAD)
    claims.mark_stuck("k", OWNER, "now")
    claims.mark_spooled(DEAD)
    assert claims.get("k") == replace(DEAD, stuck_at="now")


def test_a_renewal_is_marked_where_nothing_has_happened_since(claims: Claims) -> None:
    claims.mark_spooled(DEAD)
    claims.mark_renewed(replace(DEAD, parked_at="earlier"), "now")
    claims.mark_renewed(replace(DEAD, execution=OTHER), "now")
    assert claims.get("k") == DEAD
    claims.mark_renewed(DEAD, "now")
    assert claims.get("k") == replace(DEAD, spooled_at="now")


def test_a_renewal_never_brings_back_a_claim(claims: Claims) -> None:
    claims.mark_renewed(DEAD, "now")
    assert claims.get("k") is None


def test_a_redriven_claim_stays_parked_until_it_goes_on(claims: Claims) -> None:
    claims.mark_spooled(DEAD)
    claims.mark_stuck("k", OWNER, "before")
    assert claims.mark_redriven("k", OWNER)
    assert claims.get("k") == replace(DEAD, spooled_at="")
    assert claims.mark_resumed("k", OWNER, DEAD.parked_at, "now")
    assert claims.get("k") == replace(DEAD, parked_at="", spooled_at="", resumed_at="now")


def test_a_claim_that_was_parked_since_is_not_marked_as_going_on(claims: Claims) -> None:
    claims.mark_spooled(DEAD)
    assert not claims.mark_resumed("k", OWNER, "earlier", "now")
    assert claims.get("k") == DEAD


def test_nobody_redrives_a_claim_of_another_or_none(claims: Claims) -> None:
    assert not claims.mark_redriven("k", OWNER)
    assert not claims.mark_resumed("k", OWNER, DEAD.parked_at, "now")
    claims.mark_spooled(DEAD)
    assert not claims.mark_redriven("k", OTHER)
    assert not claims.mark_resumed("k", OTHER, DEAD.parked_at, "now")
    assert claims.get("k") == DEAD


def test_a_long_message_is_cut(claims: Claims) -> None:
    claims.mark_spooled(replace(DEAD, failure=Failure("E", "m" * 5000)))
    claim = claims.get("k")
    assert claim is not None
    assert claim.failure == Failure("E", "m" * 1000)


def test_an_heir_owns_what_was_handed_over_and_nothing_else_changes(claims: Claims) -> None:
    claims.mark_spooled(DEAD)
    assert claims.hand_over("k", OWNER, SUCCESSOR)
    assert claims.get("k") == replace(DEAD, execution=SUCCESSOR, predecessor=OWNER)


def test_handing_over_twice_is_no_error_and_nobody_else_s_turn(claims: Claims) -> None:
    claims.mark_spooled(DEAD)
    assert claims.hand_over("k", OWNER, SUCCESSOR)
    assert claims.hand_over("k", OWNER, SUCCESSOR)
    assert not claims.hand_over("k", OWNER, OTHER)


def test_a_key_that_nobody_has_can_be_handed_over_and_stays_nobody_s(claims: Claims) -> None:
    assert claims.hand_over("k", OWNER, SUCCESSOR)
    assert claims.get("k") is None


def test_a_claim_is_released_once(claims: Claims) -> None:
    claims.mark_spooled(DEAD)
    assert claims.release("k", OWNER)
    assert not claims.release("k", OWNER)
    assert claims.get("k") is None


def test_a_claim_that_is_not_there_can_not_be_stuck(claims: Claims) -> None:
    claims.mark_stuck("k", OWNER, "now")
    assert claims.get("k") is None


@pytest.mark.parametrize("key", ["\u3042", "a b#c", "k" * 1024, "\U0001f600"])
def test_a_key_may_hold_any_character(claims: Claims, key: str) -> None:
    claims.mark_spooled(replace(DEAD, key=key))
    assert claims.get(key) == replace(DEAD, key=key)


def test_a_task_takes_as_many_as_its_limit_and_no_more(claims: Claims) -> None:
    assert [claims.take_slot(TASK, e, 2) for e in (OWNER, SUCCESSOR, OTHER)] == [True, True, False]
    assert list(claims.slots()) == [Slots(TASK, frozenset({OWNER, SUCCESSOR}))]


def test_who_is_inside_may_enter_again_also_when_it_is_full_or_held(claims: Claims) -> None:
    claims.take_slot(TASK, OWNER, 1)
    assert claims.take_slot(TASK, OWNER, 1)
    claims.set_limit(TASK, 0)
    assert claims.take_slot(TASK, OWNER, 1)
    assert not claims.take_slot(TASK, OTHER, 1)


@pytest.mark.parametrize(("default", "limit"), [(0, None), (5, 0)])
def test_a_hold_lets_nobody_in(claims: Claims, default: int, limit: int | None) -> None:
    claims.set_limit(TASK, limit)
    assert not claims.take_slot(TASK, OWNER, default)


def test_a_limit_that_somebody_set_goes_before_the_stage_s_until_it_is_unset(
    claims: Claims,
) -> None:
    claims.set_limit(TASK, 1)
    assert list(claims.slots()) == [Slots(TASK, frozenset(), 1)]
    assert [claims.take_slot(TASK, e, 5) for e in (OWNER, SUCCESSOR)] == [True, False]
    claims.set_limit(TASK, None)
    assert claims.take_slot(TASK, SUCCESSOR, 5)


def test_a_slot_freed_twice_is_free_once(claims: Claims) -> None:
    claims.take_slot(TASK, OWNER, 1)
    claims.take_slot("Other", OWNER, 1)
    claims.free_slot(TASK, OWNER)
    claims.free_slot(TASK, OWNER)
    assert {slots.task: slots.holders for slots in claims.slots()} == {
        TASK: frozenset(),
        "Other": frozenset({OWNER}),
    }
    assert [claims.take_slot(TASK, e, 1) for e in (SUCCESSOR, OTHER)] == [True, False]


def test_a_death_is_remembered_and_what_became_of_it_can_change(claims: Claims) -> None:
    claims.put_tombstone("d", "renewing", 2_000_000_000)
    claims.put_tombstone("d", "spooled", 2_000_000_000)
    assert claims.tombstones(["d", "unknown"]) == {"d": "spooled"}


def test_more_than_a_hundred_deaths_are_asked_for_at_once(claims: Claims) -> None:
    for n in range(0, 250, 25):
        claims.put_tombstone(f"d{n}", "ended", 2_000_000_000)
    found = claims.tombstones([f"d{n}" for n in range(250)])
    assert found == {f"d{n}": "ended" for n in range(0, 250, 25)}


def test_no_deaths_are_asked_for_in_no_call(claims: Claims) -> None:
    assert claims.tombstones([]) == {}


def test_one_death_asked_for_twice_is_refused(claims: Claims) -> None:
    with pytest.raises(AwsError):
        claims.tombstones(["d", "d"])


def test_tombstones_slots_and_claims_are_never_taken_for_each_other(claims: Claims) -> None:
    claims.mark_spooled(DEAD)
    claims.take_slot(TASK, OWNER, 1)
    claims.put_tombstone(OWNER, "spooled", 2_000_000_000)
    assert [claim.key for claim in claims.claims()] == ["k"]
    assert [slots.task for slots in claims.slots()] == [TASK]


keys = st.sampled_from(["k", "l"])
executions = st.sampled_from([OWNER, SUCCESSOR, OTHER])
tasks = st.sampled_from([TASK, "Other"])
written = st.builds(
    Claim,
    keys,
    executions,
    predecessor=st.sampled_from(["", OWNER]),
    claimed_at=st.sampled_from(["", "t1", "t2"]),
    parked_at=st.sampled_from(["", "t1"]),
    spooled_at=st.sampled_from(["", "t3"]),
    attempt=st.integers(0, 3),
)
calls = st.one_of(
    st.tuples(st.just("mark_spooled"), written),
    st.tuples(st.just("hand_over"), keys, executions, executions),
    st.tuples(st.just("mark_renewed"), written, st.just("now")),
    st.tuples(st.just("mark_redriven"), keys, executions),
    st.tuples(st.just("mark_resumed"), keys, executions, st.just("t1"), st.just("t4")),
    st.tuples(st.just("mark_stuck"), keys, executions, st.just("now")),
    st.tuples(st.just("release"), keys, executions),
    st.tuples(st.just("take_slot"), tasks, executions, st.integers(0, 2)),
    st.tuples(st.just("free_slot"), tasks, executions),
    st.tuples(st.just("set_limit"), tasks, st.sampled_from([None, 0, 1, 2])),
    st.tuples(
        st.just("put_tombstone"), executions, st.sampled_from(["ended", "spooled"]), st.just(2**31)
    ),
)


def _all(claims: Claims) -> list[Any]:
    """What is in a table, as its readers see it."""
    jobs = sorted(claims.claims(), key=lambda claim: claim.key)
    slots = sorted(claims.slots(), key=lambda each: each.task)
    return [jobs, slots, claims.tombstones([OWNER, SUCCESSOR, OTHER])]


def _hold_to_each_other(dynamodb: Any, script: list[tuple[Any, ...]]) -> None:
    fakes, real = FakeClaims(Table(), Wire()), on_dynamodb(dynamodb)
    for method, *given_to_it in script:
        answers = [getattr(each, method)(*given_to_it) for each in (fakes, real)]
        assert answers[0] == answers[1], (method, given_to_it)
    assert _all(fakes) == _all(real)


def _examples(count: int) -> settings:
    return settings(
        max_examples=count,
        derandomize=count < 1000,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@given(script=st.lists(calls, min_size=4, max_size=10))
@_examples(10)
def test_whatever_is_done_both_answer_and_hold_the_same(
    dynamodb: Any, script: list[tuple[Any, ...]]
) -> None:
    _hold_to_each_other(dynamodb, script)


@pytest.mark.soak
@given(script=st.lists(calls, min_size=5, max_size=30))
@_examples(1000)
def test_the_same_holds_for_a_thousand_scripts(
    dynamodb: Any, script: list[tuple[Any, ...]]
) -> None:
    _hold_to_each_other(dynamodb, script)

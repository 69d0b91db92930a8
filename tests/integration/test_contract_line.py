"""What a task's slots, line and gate promise, on moto and on the DynamoDB in memory alike."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.aws.claims_table import DynamoClaims
from chalicelib.aws.line_table import DynamoLine
from chalicelib.errors import NotFound
from chalicelib.job.claim import FOR_EVER, Claim, Slots, State
from tests.fakes.definition import TABLE
from tests.fakes.dynamodb import FakeDynamoDb
from tests.fakes.service import TASK
from tests.fakes.table import FakeTable
from tests.fakes.wire import Wire
from tests.integration.tables import empty_table, moto_dynamodb

AT, LATER = "2026-11-24T02:00:00.000Z", "2026-11-24T03:00:00.000Z"
WHOLE = Slots(TASK, limit=2, close_after=5, limit_set=2)


@dataclass
class Side:
    claims: DynamoClaims
    line: DynamoLine

    def in_line(self, number: int = 1) -> Claim:
        """A job that stands in line (a dead one, since no state machine runs here)."""
        pk, owner = f"job#{number}", f"arn:{number}"
        order = f"2026-11-24T00:00:00.00{number}Z#{number}"
        dead = Claim(pk, owner, State.PARKED, TASK, order, attempt=1, dead_at=AT)
        assert self.claims.park_dead(dead, AT)
        assert self.claims.join_line(replace(dead, since=AT), AT)
        return self.now(pk)

    def now(self, pk: str) -> Claim:
        claim = self.claims.get(pk)
        assert claim is not None
        return claim

    @property
    def slots(self) -> Slots:
        return self.line.slots(TASK)


@pytest.fixture(scope="module")
def moto() -> Iterator[Any]:
    with moto_dynamodb() as client:
        yield client


@pytest.fixture(params=["memory", "moto"])
def empty(request: pytest.FixtureRequest) -> Side:
    client: Any = FakeDynamoDb(FakeTable(), Wire())
    if request.param == "moto":
        client = request.getfixturevalue("moto")
        empty_table(client)
    return Side(DynamoClaims(client, TABLE), DynamoLine(client, TABLE))


@pytest.fixture
def side(empty: Side) -> Side:
    empty.line.complete(TASK, 2, 5)
    return empty


def test_a_task_that_nobody_knows_has_incomplete_slots(empty: Side) -> None:
    assert empty.line.tasks() == []
    assert empty.slots == Slots(TASK, complete=False)


def test_what_the_item_lacks_is_made_and_what_it_has_stays(empty: Side) -> None:
    assert empty.line.complete(TASK, 2, 5) == WHOLE
    empty.line.set_limit(TASK, 7, "me", "why", AT)
    empty.line.complete("Another", 1, 1)
    assert empty.line.complete(TASK, 3, 9).limit == 7
    assert empty.line.tasks() == ["Another", TASK]


def test_a_job_may_be_in_line_before_the_item_is_whole(empty: Side) -> None:
    claim = empty.in_line()
    assert (empty.slots.waiting, empty.slots.complete) == (1, False)
    assert not empty.line.admit(claim, AT, by_pass=False)
    empty.line.complete(TASK, 2, 5)
    assert empty.slots == replace(WHOLE, waiting=1)
    assert empty.line.admit(claim, AT, by_pass=False)


def test_a_free_slot_ends_a_wait_and_the_count_goes_down_when_the_token_is_answered(
    side: Side,
) -> None:
    claim = side.in_line()
    assert [side.line.admit(claim, LATER, by_pass=False) for _ in range(2)] == [True, False]
    inside = replace(WHOLE, owners={"job#1": "arn:1"}, waking={"job#1": AT}, waiting=1)
    assert side.slots == inside
    assert side.now("job#1") == replace(claim, state=State.RUNNING, entered_at=LATER)
    assert list(side.claims.waiting(State.LINE, TASK)) == []
    assert not side.line.woken(TASK, "job#1", LATER)
    assert [side.line.woken(TASK, "job#1", AT) for _ in range(2)] == [True, False]
    assert side.slots == replace(inside, waking={}, waiting=0)


def test_no_more_are_let_in_than_the_limit_says_and_a_changed_one_holds_at_once(
    side: Side,
) -> None:
    claims = [side.in_line(number) for number in range(4)]
    let_in = [side.line.admit(claim, LATER, by_pass=False) for claim in claims]
    assert let_in == [True, True, False, False]
    assert side.line.set_limit(TASK, 3, "me", "why", LATER).limit_by == "me"
    assert side.line.admit(claims[2], LATER, by_pass=False)
    assert not side.line.admit(claims[3], LATER, by_pass=False)


def test_a_wait_that_is_over_is_not_ended_again(side: Side) -> None:
    claim = side.in_line()
    assert not side.line.admit(replace(claim, since=LATER), LATER, by_pass=False)
    assert not side.line.admit(replace(claim, execution="arn:2"), LATER, by_pass=False)
    assert side.claims.end(claim, State.GIVEN_UP, LATER, 2**31)
    assert not side.line.admit(claim, LATER, by_pass=False)
    assert side.slots == WHOLE


def test_a_closed_gate_lets_in_those_alone_whose_pass_is_still_good(side: Side) -> None:
    claim = side.in_line()
    closed = side.line.close(TASK, FOR_EVER, "me", "it is down", AT)
    told = (closed.closed_until, closed.closed_by, closed.closed_why, closed.closed_at)
    assert told == (FOR_EVER, "me", "it is down", AT)
    assert not side.line.admit(claim, LATER, by_pass=False)
    assert not side.line.admit(claim, LATER, by_pass=True)
    side.line.give_pass(TASK, [claim.pk], LATER)
    assert not side.line.admit(claim, LATER, by_pass=True)
    assert side.line.admit(claim, AT, by_pass=True)
    assert side.slots.passes == {}


@pytest.mark.parametrize(("until", "open"), [(AT, True), (LATER, True), (FOR_EVER, False)])
def test_a_gate_opens_by_the_clock(side: Side, until: str, open: bool) -> None:
    claim = side.in_line()
    side.line.close(TASK, until, "me", "", AT)
    assert side.line.admit(claim, LATER, by_pass=False) is open


def test_an_opened_gate_forgets_why_it_was_closed_and_the_failures(side: Side) -> None:
    claim = side.in_line()
    side.line.close(TASK, FOR_EVER, "me", "it is down", AT)
    opened = replace(WHOLE, waiting=1, opened_at=LATER)
    assert side.line.open(TASK, "me", "", LATER) == opened
    assert side.line.admit(claim, LATER, by_pass=False)


@pytest.mark.parametrize(
    ("begins", "ends", "open"),
    [(AT, FOR_EVER, False), (AT, LATER, True), (FOR_EVER, FOR_EVER, True), ("", "", True)],
)
def test_a_window_closes_the_gate_while_it_lasts(
    side: Side, begins: str, ends: str, open: bool
) -> None:
    claim = side.in_line()
    side.line.set_window(TASK, AT, FOR_EVER, "repairs")
    side.line.set_window(TASK, begins, ends, "repairs")
    assert side.slots.window_from == begins
    assert side.line.admit(claim, LATER, by_pass=False) is open


def test_a_closing_over_another_than_was_seen_changes_nothing(side: Side) -> None:
    before = side.slots
    by_ramp = side.line.close(TASK, FOR_EVER, "ramp", "", AT, over=before)
    by_hand = side.line.close(TASK, FOR_EVER, "me", "", LATER)
    assert side.line.close(TASK, LATER, "ramp", "", LATER, over=by_ramp) == by_hand
    assert side.line.open(TASK, "ramp", "", LATER, over=by_ramp) == by_hand
    opened = side.line.open(TASK, "ramp", "", LATER, over=by_hand)
    assert opened == replace(WHOLE, opened_at=LATER)
    assert side.line.close(TASK, FOR_EVER, "service", "", LATER, over=before) == opened


def test_a_time_that_the_service_named_goes_with_the_closing(side: Side) -> None:
    named = side.line.close(TASK, FOR_EVER, "service", "busy", AT, named=LATER)
    assert (named.named_until, side.slots.named_until) == (LATER, LATER)
    assert side.line.close(TASK, FOR_EVER, "me", "", AT).named_until == ""
    side.line.close(TASK, FOR_EVER, "service", "busy", AT, named=LATER)
    assert side.line.open(TASK, "me", "", LATER).named_until == ""


def test_passes_are_given_and_taken_back_in_any_number(side: Side) -> None:
    pks = [f"job#{number}" for number in range(250)]
    side.line.give_pass(TASK, pks, LATER)
    assert side.slots.passes == dict.fromkeys(pks, LATER)
    side.line.drop_passes(TASK, [*pks[:249], "job#nobody"])
    assert list(side.slots.passes) == [pks[249]]
    side.line.give_pass(TASK, [], LATER)
    side.line.drop_passes("Nowhere", pks)


def test_no_pass_is_given_where_there_are_no_slots(empty: Side) -> None:
    with pytest.raises(NotFound, match="has no slots yet"):
        empty.line.give_pass(TASK, ["job#1"], LATER)


def test_a_slot_is_freed_for_the_execution_that_has_it(side: Side) -> None:
    side.line.admit(side.in_line(), LATER, by_pass=False)
    assert not side.line.free_slot(TASK, "job#1", "arn:another")
    assert [side.line.free_slot(TASK, "job#1", "arn:1") for _ in range(2)] == [True, False]
    assert side.slots.owners == {}


def test_a_line_is_counted_anew_where_nothing_has_happened(side: Side) -> None:
    claim = side.in_line()
    assert not side.line.recount(replace(side.slots, waiting=2), 3)
    assert side.line.recount(side.slots, 3)
    assert side.slots.waiting == 3
    side.line.admit(claim, LATER, by_pass=False)
    assert not side.line.recount(side.slots, 1)


def test_a_deploy_writes_a_limit_where_its_setting_has_changed(empty: Side) -> None:
    assert empty.line.apply_settings(TASK, 2, 5) == WHOLE
    empty.line.set_limit(TASK, 9, "me", "why", AT)
    by_hand = replace(WHOLE, limit=9, limit_by="me", limit_why="why", limit_at=AT)
    assert empty.line.apply_settings(TASK, 2, 5) == by_hand
    assert empty.line.apply_settings(TASK, 2, 7) == replace(by_hand, close_after=7)
    assert empty.line.apply_settings(TASK, 3, 7) == replace(
        WHOLE, limit=3, limit_set=3, close_after=7
    )

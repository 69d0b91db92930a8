"""What the claims promise, on moto and on the DynamoDB in memory alike."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.aws.claims_table import DynamoClaims
from chalicelib.aws.line_table import DynamoLine
from chalicelib.job.claim import Claim, State
from chalicelib.job.ports import Count
from tests.fakes.definition import TABLE
from tests.fakes.dynamodb import FakeDynamoDb
from tests.fakes.service import TASK
from tests.fakes.table import FakeTable
from tests.fakes.wire import Wire
from tests.integration.tables import empty_table, moto_dynamodb

OWNER, SUCCESSOR, OTHER = "arn:owner", "arn:successor", "arn:other"
DIED, AT, LATER = "2026-11-24T01:59:00.000Z", "2026-11-24T02:00:00.000Z", "2026-11-24T03:00:00.000Z"
DEAD = Claim(
    pk="job#k",
    execution=OWNER,
    state=State.PARKED,
    task=TASK,
    order="2026-11-23T22:00:00.000Z#k",
    attempt=2,
    error="Aborted",
    cause="by hand",
    failed_at=DIED,
    first_failed_at="2026-11-23T22:10:00.000Z",
    claimed_at="2026-11-24T01:00:00.000Z",
    dead_at=DIED,
)


@dataclass
class Side:
    claims: DynamoClaims
    line: DynamoLine

    def dead(self, **other: Any) -> Claim:
        """A claim of a dead job, as it stands once it is parked."""
        assert self.claims.park_dead(replace(DEAD, **other), AT)
        return self.now(replace(DEAD, **other).pk)

    def now(self, pk: str = "job#k") -> Claim:
        claim = self.claims.get(pk)
        assert claim is not None
        return claim


@pytest.fixture(scope="module")
def moto() -> Iterator[Any]:
    with moto_dynamodb() as client:
        yield client


@pytest.fixture(params=["memory", "moto"])
def side(request: pytest.FixtureRequest) -> Side:
    client: Any = FakeDynamoDb(FakeTable(), Wire())
    if request.param == "moto":
        client = request.getfixturevalue("moto")
        empty_table(client)
    side = Side(DynamoClaims(client, TABLE), DynamoLine(client, TABLE))
    side.line.complete(TASK, 2, 5)
    return side


def test_a_key_that_nobody_has_is_none(side: Side) -> None:
    assert side.claims.get("job#k") is None
    assert side.claims.get_many(["job#k"]) == {}
    assert side.claims.get_many([]) == {}


def test_a_dead_job_is_parked_as_it_was_written(side: Side) -> None:
    assert side.dead() == replace(DEAD, since=AT)
    (listed,) = side.claims.waiting(State.PARKED, TASK)
    assert listed == replace(DEAD, since=AT, execution="", cause="", claimed_at="")


def test_the_same_death_is_written_once(side: Side) -> None:
    before = side.dead()
    assert not side.claims.park_dead(DEAD, LATER)
    assert side.now() == before


def test_another_death_of_the_execution_is_written_and_counts_no_failure_twice(side: Side) -> None:
    side.dead()
    assert side.claims.park_dead(replace(DEAD, dead_at=LATER, attempt=1, first_failed_at=""), LATER)
    assert side.now() == replace(DEAD, dead_at=LATER, since=LATER)


def test_the_death_of_one_who_does_not_own_the_key_changes_nothing(side: Side) -> None:
    before = side.dead()
    assert not side.claims.park_dead(replace(DEAD, execution=OTHER), LATER)
    assert side.now() == before


def test_a_key_that_another_job_has_ended_with_is_free_for_the_dead(side: Side) -> None:
    other = side.dead(execution=OTHER)
    side.claims.end(other, State.GIVEN_UP, LATER, 2**31)
    assert side.claims.park_dead(DEAD, LATER)
    assert side.now() == replace(DEAD, since=LATER)


def test_a_job_that_has_ended_is_not_brought_back_by_its_death(side: Side) -> None:
    side.claims.end(side.dead(), State.GIVEN_UP, LATER, 2**31)
    assert not side.claims.park_dead(replace(DEAD, dead_at=LATER), LATER)
    assert side.now().state is State.GIVEN_UP


def test_a_death_in_line_gives_the_place_back(side: Side) -> None:
    assert side.claims.join_line(side.dead(), LATER)
    assert side.line.slots(TASK).waiting == 1
    assert side.claims.park_dead(replace(DEAD, dead_at=LATER), LATER)
    assert side.line.slots(TASK).waiting == 0
    assert side.now().state is State.PARKED


def test_a_death_between_the_slot_and_the_wake_up_gives_both_back(side: Side) -> None:
    side.claims.join_line(side.dead(), LATER)
    assert side.line.admit(side.now(), LATER, by_pass=False)
    assert side.claims.park_dead(replace(DEAD, dead_at=LATER), LATER)
    slots = side.line.slots(TASK)
    assert (slots.owners, slots.waking, slots.waiting) == ({}, {}, 0)


def test_a_dead_job_takes_a_slot_and_stays_dead_until_it_runs_again(side: Side) -> None:
    dead = side.dead()
    assert side.claims.take_slot(dead, LATER)
    assert side.line.slots(TASK).owners == {dead.pk: OWNER}
    inside = replace(dead, state=State.RUNNING, since=LATER, entered_at=LATER)
    assert side.now() == inside
    assert list(side.claims.waiting(State.PARKED, TASK)) == []
    assert side.claims.mark_running(side.now())
    assert side.now() == replace(inside, dead_at="")


def test_of_two_who_saw_the_same_death_one_takes_the_slot(side: Side) -> None:
    dead = side.dead()
    assert [side.claims.take_slot(dead, LATER) for _ in range(2)] == [True, False]


def test_a_dead_job_gets_no_slot_where_it_is_full_or_somebody_waits(side: Side) -> None:
    side.line.set_limit(TASK, 1, "me", "", AT)
    jobs = [side.dead(pk=f"job#{n}", execution=f"arn:{n}") for n in range(3)]
    assert [side.claims.take_slot(job, LATER) for job in jobs[:2]] == [True, False]
    side.line.set_limit(TASK, 3, "me", "", AT)
    assert side.claims.join_line(jobs[1], LATER)
    assert not side.claims.take_slot(jobs[2], LATER)
    side.line.give_pass(TASK, [jobs[2].pk], AT)
    assert not side.claims.take_slot(jobs[2], LATER)
    side.line.give_pass(TASK, [jobs[2].pk], "2026-11-24T03:00:00.001Z")
    assert side.claims.take_slot(jobs[2], LATER)
    assert side.line.slots(TASK).passes == {}


@pytest.mark.parametrize("state", [State.PARKED, State.STUCK])
def test_a_slot_that_was_taken_in_vain_is_given_back(side: Side, state: State) -> None:
    dead = side.dead(state=state)
    side.claims.take_slot(dead, LATER)
    assert side.claims.leave_again(dead, LATER)
    assert side.now() == replace(dead, since=LATER, entered_at=LATER)
    assert side.line.slots(TASK).owners == {}
    assert not side.claims.leave_again(dead, LATER)


def test_a_redrive_that_needs_no_slot_is_begun_by_one(side: Side) -> None:
    dead = side.dead()
    assert [side.claims.begin_redrive(dead, LATER) for _ in range(2)] == [True, False]
    assert side.now() == replace(dead, since=LATER)
    assert not side.claims.hand_over(dead, SUCCESSOR, dead.pk)
    assert [claim.pk for claim in side.claims.waiting(State.PARKED, TASK)] == [dead.pk]


def test_a_successor_owns_what_was_handed_over_once(side: Side) -> None:
    dead = side.dead()
    assert [side.claims.hand_over(dead, SUCCESSOR, dead.pk) for _ in range(2)] == [True, False]
    assert side.now() == replace(dead, execution=SUCCESSOR, predecessor=OWNER)
    assert [claim.pk for claim in side.claims.waiting(State.PARKED, TASK)] == [dead.pk]


def test_a_successor_with_another_key_ends_the_old_claim_and_has_slot_and_pass(side: Side) -> None:
    dead = side.dead()
    side.line.give_pass(TASK, [dead.pk], LATER)
    assert side.claims.hand_over(dead, SUCCESSOR, "job#new")
    order = "2026-11-23T22:00:00.000Z#new"
    made = replace(dead, pk="job#new", execution=SUCCESSOR, predecessor=OWNER, order=order)
    assert side.now("job#new") == made
    old = side.now()
    assert (old.state, old.ended_at, old.execution) == (State.FAILED, DIED, OWNER)
    assert old.expires_at == 1_804_125_540
    assert side.line.slots(TASK).passes == {"job#new": LATER}
    assert [claim.pk for claim in side.claims.waiting(State.PARKED, TASK)] == ["job#new"]


def test_a_slot_goes_along_to_another_key(side: Side) -> None:
    dead = side.dead()
    side.claims.take_slot(dead, LATER)
    assert side.claims.hand_over(side.now(), SUCCESSOR, "job#new")
    assert side.line.slots(TASK).owners == {"job#new": SUCCESSOR}


def test_a_key_in_use_is_not_taken_by_a_successor(side: Side) -> None:
    dead, other = side.dead(), side.dead(pk="job#new", execution=OTHER)
    assert not side.claims.hand_over(dead, SUCCESSOR, "job#new")
    assert (side.now(), side.now("job#new")) == (dead, other)


def test_a_job_ends_once_and_frees_what_it_has(side: Side) -> None:
    dead = side.dead(predecessor=OTHER)
    side.claims.take_slot(dead, LATER)
    assert not side.claims.end(replace(dead, execution=OTHER), State.GIVEN_UP, LATER, 2**31)
    assert side.claims.end(dead, State.GIVEN_UP, LATER, 2**31)
    assert not side.claims.end(dead, State.FINISHED, LATER, 2**31)
    ended: dict[str, Any] = {
        "state": State.GIVEN_UP,
        "ended_at": LATER,
        "expires_at": 2**31,
        "since": LATER,
        "entered_at": LATER,
    }
    gone: dict[str, Any] = {"first_failed_at": "", "predecessor": "", "dead_at": ""}
    assert side.now() == replace(dead, **ended, **gone)
    assert side.line.slots(TASK).owners == {}
    assert list(side.claims.waiting(State.PARKED, TASK)) == []


def test_a_job_that_ends_in_line_is_counted_no_more_and_has_no_pass(side: Side) -> None:
    side.claims.join_line(side.dead(), LATER)
    side.line.give_pass(TASK, ["job#k"], LATER)
    assert side.claims.end(side.now(), State.GIVEN_UP, LATER, 2**31)
    slots = side.line.slots(TASK)
    assert (slots.waiting, slots.passes) == (0, {})


def test_a_parked_job_is_stuck_once_and_only_as_it_stands(side: Side) -> None:
    dead = side.dead()
    for other in (replace(dead, attempt=1), replace(dead, execution=OTHER)):
        assert not side.claims.mark_stuck(other, LATER)
    assert [side.claims.mark_stuck(dead, LATER) for _ in range(2)] == [True, False]
    assert side.now() == replace(dead, state=State.STUCK, since=LATER)
    assert [claim.pk for claim in side.claims.waiting(State.STUCK, TASK)] == [dead.pk]
    assert list(side.claims.waiting(State.PARKED, TASK)) == []


def test_a_note_is_marked_where_the_job_still_waits(side: Side) -> None:
    dead = side.dead()
    assert not side.claims.mark_noted(replace(dead, attempt=1), LATER)
    assert side.claims.mark_noted(dead, LATER)
    assert side.now() == replace(dead, noted_at=LATER)
    side.claims.take_slot(side.now(), LATER)
    assert not side.claims.mark_noted(side.now(), AT)


def test_a_note_that_was_sent_before_the_claim_is_written_is_marked_with_it(side: Side) -> None:
    assert side.dead(noted_at=LATER).noted_at == LATER


@pytest.mark.parametrize("key", ["\u3042", "a b#c", "k" * 1024, "\U0001f600", "$.-`"])
def test_a_key_may_hold_any_character(side: Side, key: str) -> None:
    dead = side.dead(pk=f"job#{key}", order="")
    assert dead.key == key
    assert dead.order == f"{AT}#{key[:200]}"
    assert side.claims.take_slot(dead, LATER)
    assert side.line.slots(TASK).owners == {dead.pk: OWNER}


def test_half_characters_in_a_cause_are_no_error(side: Side) -> None:
    assert side.dead(cause="\ud800 half").cause == "? half"


def test_jobs_are_listed_oldest_first_and_page_by_page(side: Side) -> None:
    orders = [f"2026-11-{day}T00:00:00.000Z#k" for day in (12, 10, 11)]
    for number, order in enumerate(orders):
        side.dead(pk=f"job#{number}", order=order)
    listed = [claim.order for claim in side.claims.waiting(State.PARKED, TASK, limit=1)]
    assert listed == sorted(orders)
    behind = side.claims.waiting(State.PARKED, TASK, after=sorted(orders)[0])
    assert [claim.order for claim in behind] == sorted(orders)[1:]
    assert side.claims.count(State.PARKED, TASK) == Count(3)
    assert side.claims.count(State.PARKED, TASK, after=sorted(orders)[0]) == Count(2)
    assert side.claims.count(State.LINE, TASK) == Count(0)


def test_more_than_a_hundred_claims_are_read_at_once_and_twice_asked_is_once_read(
    side: Side,
) -> None:
    pks = [side.dead(pk=f"job#{n}").pk for n in range(0, 230, 23)]
    asked = [f"job#{n}" for n in range(230)] * 2
    assert sorted(side.claims.get_many(asked)) == sorted(pks)
    assert side.claims.look(asked) == side.claims.get_many(asked)


def test_a_death_is_remembered_and_what_became_of_it_can_change(side: Side) -> None:
    side.claims.put_tombstone("d", "parked", 2_000_000_000)
    side.claims.put_tombstone("d", "ended", 2_000_000_000)
    assert side.claims.tombstones(["d", "unknown", "d"]) == {"d": "ended"}
    assert side.claims.tombstones([]) == {}


def test_a_dead_job_parks_where_its_task_has_no_slots_item(side: Side) -> None:
    dead = side.dead(task="Other")
    assert side.claims.end(dead, State.GIVEN_UP, LATER, 2**31)
    assert not side.claims.take_slot(side.dead(pk="job#l", task="Other"), LATER)

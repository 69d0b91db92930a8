"""Where the ramp's state is kept: the same on moto's DynamoDB and on the one in memory."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.aws.ramp_table import DynamoRamps
from chalicelib.job.ports import Ramps
from chalicelib.job.ramp_state import ReleasedJob, State, Verdict
from tests.fakes.definition import TABLE
from tests.fakes.dynamodb import FakeDynamoDb
from tests.fakes.stand_in import stand_in
from tests.fakes.table import FakeTable
from tests.fakes.wire import Wire
from tests.integration.tables import empty_table, moto_dynamodb

KEY = 'あ"\\<𠮷>\n\x7f'
OUT = ReleasedJob(f"job#{KEY}", 2, "E", "2026-11-24T14:00:00.000Z", 1.5)
FULL = State(
    "A task; '名'",
    step=8,
    wait=1200,
    due="2026-11-24T15:00:00.000Z",
    released_at="2026-11-24T14:20:00.000Z",
    released=(OUT, replace(OUT, pk="job#b")),
    service_failures={"f00": 2},
    suspects=frozenset({"f00", "ba5"}),
    unlike_error_seen=True,
    refusals=3,
    last=Verdict.REFUSED,
    last_key=KEY,
    last_size=1,
    held="limit 0",
    closed=True,
    why="refused",
    by="a",
)


@pytest.fixture(params=["moto", "memory"])
def access(request: pytest.FixtureRequest) -> Iterator[Callable[[], Ramps]]:
    """Makes the access of one more process."""
    if request.param == "memory":
        table = FakeTable()
        yield lambda: DynamoRamps(stand_in(FakeDynamoDb(table, Wire())), TABLE)
        return
    with moto_dynamodb() as client:
        empty_table(client)
        made: Any = client
        yield lambda: DynamoRamps(made, TABLE)


def test_a_task_without_a_state_has_a_new_one(access: Callable[[], Ramps]) -> None:
    assert access().get("UncertainTask") == State("UncertainTask")


def test_what_is_written_is_read_as_it_was(access: Callable[[], Ramps]) -> None:
    written = access().put(FULL)

    assert written == replace(FULL, version=1)
    assert access().get(FULL.task) == written


def test_of_two_who_follow_the_same_version_only_one_can_write(access: Callable[[], Ramps]) -> None:
    first = access().put(State("t", by="first"))
    assert first
    assert access().put(State("t", by="second")) is None

    assert access().put(replace(first, by="third"))
    assert access().put(replace(first, by="fourth")) is None
    assert (access().get("t").by, access().get("t").version) == ("third", 2)


def test_a_write_whose_answer_was_lost_is_found_again_by_its_writer_alone(
    access: Callable[[], Ramps],
) -> None:
    ours = State("t", step=2, by="ours")
    written = access().put(ours)

    assert access().put(ours) == written
    assert access().put(replace(ours, by="theirs")) is None


def test_a_state_is_not_written_where_one_was_deleted(access: Callable[[], Ramps]) -> None:
    assert access().put(State("t", version=7)) is None


def test_each_task_has_its_own(access: Callable[[], Ramps]) -> None:
    access().put(State("a", step=2))
    access().put(State("b", step=4))

    assert (access().get("a").step, access().get("b").step) == (2, 4)

"""What keeping a replay promises, on moto and on the DynamoDB in memory alike."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.aws.replay_table import DynamoReplays
from chalicelib.job.replay import ChosenJob, Course, Kind, Replay
from tests.fakes.definition import TABLE
from tests.fakes.dynamodb import FakeDynamoDb
from tests.fakes.table import FakeTable
from tests.fakes.wire import Wire
from tests.integration.tables import empty_table, moto_dynamodb

AT = "2026-11-24T02:00:00.000Z"
NEW = Replay("0123", Kind.PRESS, "kim", "well again", {"max": 3}, 3, AT, run="one")


@pytest.fixture(scope="module")
def moto() -> Iterator[Any]:
    with moto_dynamodb() as client:
        yield client


@pytest.fixture(params=["memory", "moto"])
def replays(request: pytest.FixtureRequest) -> DynamoReplays:
    client: Any = FakeDynamoDb(FakeTable(), Wire())
    if request.param == "moto":
        client = request.getfixturevalue("moto")
        empty_table(client)
    return DynamoReplays(client, TABLE)


def jobs(first: int, last: int) -> list[ChosenJob]:
    return [ChosenJob(f"job#{n}", AT, 1, AT) for n in range(first, last)]


def test_it_is_read_as_it_was_written(replays: DynamoReplays) -> None:
    written = replays.put(NEW, keys=["a", "b"])

    assert written == replace(NEW, version=1)
    assert replays.get("0123") == written
    assert replays.get("4567") is None


def test_only_one_of_two_begins(replays: DynamoReplays) -> None:
    assert replays.put(NEW) is not None
    assert replays.put(replace(NEW, run="two")) is None


def test_a_write_whose_answer_was_lost_is_found_again(replays: DynamoReplays) -> None:
    first = replays.put(NEW)
    assert replays.put(NEW) == first


def test_only_who_saw_the_last_version_writes(replays: DynamoReplays) -> None:
    first = replays.put(NEW)
    assert first is not None
    second = replays.put(replace(first, put_back=1))

    assert replays.put(replace(first, put_back=2)) is None
    assert replays.get("0123") == second


def test_what_was_refused_adds_no_jobs(replays: DynamoReplays) -> None:
    first = replays.put(replace(NEW, jobs=2), jobs(0, 2))
    assert first is not None
    assert replays.put(replace(first, version=7, jobs=3), jobs(2, 3)) is None

    assert replays.jobs(first) == jobs(0, 2)


def test_its_list_grows_over_many_items_in_order(replays: DynamoReplays) -> None:
    replay = replays.put(replace(NEW, jobs=70), jobs(0, 70))
    for first, last in ((70, 170), (170, 171), (171, 271)):
        assert replay is not None
        replay = replays.put(replace(replay, jobs=last), jobs(first, last))

    assert replay is not None
    assert replays.jobs(replay) == jobs(0, 271)


def test_thousands_of_keys_are_kept_in_order(replays: DynamoReplays) -> None:
    keys = [f"key-{n}" for n in range(3_000)]
    replay = replays.put(replace(NEW, keys=len(keys)), keys=keys)

    assert replay is not None
    assert replays.keys(replay) == keys


def test_the_newest_come_first_whether_under_way_or_settled(replays: DynamoReplays) -> None:
    over = replace(NEW, course=Course.DONE, counted_at=AT)
    for n in range(6):
        began = f"2026-11-24T02:00:0{n}.000Z"
        replays.put(replace(over if n % 2 else NEW, id=str(n), started_at=began))

    page = replays.newest(4)
    assert [each.id for each in page] == ["5", "4", "3", "2"]
    assert [each.id for each in replays.newest(4, page[-1].order)] == ["1", "0"]
    assert [each.id for each in replays.open()] == ["4", "2", "0"]

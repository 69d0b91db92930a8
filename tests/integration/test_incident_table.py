"""Where incidents are kept: the same on moto's DynamoDB and on the one in memory."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.aws.incident_table import DynamoIncidents
from chalicelib.job.incident import Change, Incident, News, Point, Post, Said, What, name_of
from tests.fakes.definition import TABLE
from tests.fakes.dynamodb import FakeDynamoDb
from tests.fakes.stand_in import stand_in
from tests.fakes.table import FakeTable
from tests.fakes.wire import Wire
from tests.integration.tables import empty_table, moto_dynamodb

TASK = 'あ#"\\<𠮷>\n\x7f'
SINCE = "2026-11-24T09:00:05.004Z"
FULL = Incident(
    TASK,
    name_of(TASK, SINCE),
    SINCE,
    "2026-11-24T09:05:00.000Z",
    parked=3,
    said=(Said("E", "\ud83d half a sign", 3),),
    news=(News(SINCE, What.BEGUN), News(SINCE, What.CLOSED)),
    changes=(Change(SINCE, "gate-closed", "failures", "why"),),
    curve=(Point(SINCE, 3, 0, 3, 0),),
    posts={"mail": Post(1), "webhook": Post(0, 3, SINCE)},
)


@pytest.fixture(params=["moto", "memory"])
def access(request: pytest.FixtureRequest) -> Iterator[Callable[[], DynamoIncidents]]:
    """Makes the access of one more process."""
    if request.param == "memory":
        table = FakeTable()
        yield lambda: DynamoIncidents(stand_in(FakeDynamoDb(table, Wire())), TABLE)
        return
    with moto_dynamodb() as client:
        empty_table(client)
        made: Any = client
        yield lambda: DynamoIncidents(made, TABLE)


def test_what_is_written_is_read_as_it_was(access: Callable[[], DynamoIncidents]) -> None:
    written = access().put(FULL, None)

    assert written == replace(FULL, version=1)
    assert access().current([TASK, "Another"]) == {TASK: written}
    assert access().list(5) == [written]
    assert access().find(FULL.id) == written


def test_of_two_who_saw_the_same_one_writes(access: Callable[[], DynamoIncidents]) -> None:
    assert access().put(FULL, None)
    assert access().put(FULL, None) is None
    seen = access().current([TASK])[TASK]
    assert access().put(replace(seen, parked=4), seen)
    assert access().put(replace(seen, parked=5), seen) is None
    assert access().current([TASK])[TASK].parked == 4


def test_one_that_is_over_makes_room_and_stays(access: Callable[[], DynamoIncidents]) -> None:
    over = access().put(replace(FULL, over_at="2026-11-24T10:00:00.000Z"), None)
    later = "2026-11-25T09:00:00.000Z"
    new = access().put(replace(FULL, id=name_of(TASK, later), since=later), over)
    assert new
    assert new.version == 2

    assert [each.id for each in access().list(5)] == [new.id, FULL.id]
    assert access().list(1) == [new]
    assert [each.id for each in access().list(5, before=new.id)] == [FULL.id]
    assert access().find(FULL.id) == over
    assert access().find("20990101T000000-00000000") is None


def test_one_that_is_over_is_forgotten_in_time(access: Callable[[], DynamoIncidents]) -> None:
    table = access()
    table.put(replace(FULL, over_at="2026-11-24T10:00:00.000Z"), None)
    item: Any = table._table.get(f"incident#{TASK}")

    assert item["expiresAt"]["N"] == "1803290400"  # 2027-02-22, 10:00 UTC


def test_where_the_page_is_is_noted_by_each_deploy(access: Callable[[], DynamoIncidents]) -> None:
    assert access().page() == ""
    access().note_page("https://a.example/api/")
    access().note_page("https://b.example/api/")

    assert access().page() == "https://b.example/api/"

"""Since when which machines are served: the same on moto's DynamoDB and on the one in memory."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.aws.listing_table import DynamoListing
from tests.fakes.definition import TABLE
from tests.fakes.dynamodb import FakeDynamoDb
from tests.fakes.stand_in import stand_in
from tests.fakes.table import FakeTable
from tests.fakes.wire import Wire
from tests.integration.tables import empty_table, moto_dynamodb

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=3)


@pytest.fixture(params=["moto", "memory"])
def access(request: pytest.FixtureRequest) -> Iterator[Callable[[], DynamoListing]]:
    """Makes the access of one more process."""
    if request.param == "memory":
        table = FakeTable()
        yield lambda: DynamoListing(stand_in(FakeDynamoDb(table, Wire())), TABLE)
        return
    with moto_dynamodb() as client:
        empty_table(client)
        made: Any = client
        yield lambda: DynamoListing(made, TABLE)


def test_a_machine_keeps_the_date_on_which_it_was_listed(
    access: Callable[[], DynamoListing],
) -> None:
    assert access().since(["orders"], NOW) == {"orders": NOW}
    assert access().since(["orders", "billing"], LATER) == {"orders": NOW, "billing": LATER}
    assert access().since(["billing", "orders"], LATER) == {"orders": NOW, "billing": LATER}


def test_a_machine_that_was_taken_off_the_list_begins_anew(
    access: Callable[[], DynamoListing],
) -> None:
    access().since(["orders"], NOW)
    assert access().since([], LATER) == {}
    assert access().since(["orders"], LATER) == {"orders": LATER}


def test_without_machines_nothing_is_written(access: Callable[[], DynamoListing]) -> None:
    listing = access()
    assert listing.since([], NOW) == {}
    assert listing.since(["orders"], LATER) == {"orders": LATER}

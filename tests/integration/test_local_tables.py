"""The emulator's tables do what AWS's do where the product leans on it."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ministack.services import dynamodb

from respool.local.patches.tables import writes_are_atomic

TABLE = "places"
LIMIT = 2
EACH = 12


@pytest.fixture
def table() -> Iterator[None]:
    """An empty table, in a Python that changes threads as often as it can."""
    dynamodb._create_table(
        {
            "TableName": TABLE,
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
    )
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)
    dynamodb._delete_table({"TableName": TABLE})


def _enter(task: int, who: int) -> bool:
    status, *_ = dynamodb._update_item(
        {
            "TableName": TABLE,
            "Key": {"pk": {"S": f"task-{task}"}},
            "UpdateExpression": "ADD holders :mine",
            "ConditionExpression": "attribute_not_exists(holders) OR size(holders) < :limit",
            "ExpressionAttributeValues": {":mine": {"SS": [str(who)]}, ":limit": {"N": str(LIMIT)}},
        }
    )
    return bool(status == 200)


@pytest.mark.usefixtures("table")
def test_of_many_conditional_writes_at_once_only_as_many_succeed_as_may() -> None:
    writes_are_atomic()
    entered: list[Any] = []
    with ThreadPoolExecutor(EACH) as pool:
        for task in range(40):
            entered.append(sum(pool.map(lambda who, task=task: _enter(task, who), range(EACH))))

    assert entered == [LIMIT] * len(entered)

"""The claims table as DynamoDB offers it: reads by key, pages of the index, conditional writes."""

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.aws.calling import calling
from chalicelib.aws.items import Item, pk, values
from chalicelib.errors import Conflict, Refused, Throttled
from chalicelib.job.ports import Count
from chalicelib.limits import BATCH_GET

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import UpdateTypeDef

INDEX = "waiting"
TRIES = 6
"""How often a write or a batch is asked for again, with up to two seconds in between."""
_NAMES = {f"#{name}": name for name in ("state", "order", "error", "limit", "token")}
"""Attributes whose names DynamoDB keeps to itself."""
_PLACEHOLDER = re.compile(r"#\w+")


@dataclass(frozen=True)
class Update:
    """One conditional change of one item; `names` are those besides DynamoDB's reserved words."""

    pk: str
    change: str
    condition: str = ""
    values: Mapping[str, Item] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def parameters(self, table: str) -> "UpdateTypeDef":
        """The arguments of UpdateItem, with no name or value that no expression uses."""
        arguments: UpdateTypeDef = {
            "TableName": table,
            "Key": pk(self.pk),
            "UpdateExpression": self.change,
        }
        placeholders = set(_PLACEHOLDER.findall(f"{self.change} {self.condition}"))
        if names := {
            name: text for name, text in (_NAMES | {**self.names}).items() if name in placeholders
        }:
            arguments["ExpressionAttributeNames"] = names
        if self.condition:
            arguments["ConditionExpression"] = self.condition
        if self.values:
            arguments["ExpressionAttributeValues"] = dict(self.values)
        return arguments


class Table:
    """One table; `pause` lets seconds pass, and `jitter` says which part of a wait is waited."""

    def __init__(
        self,
        client: "DynamoDBClient",
        name: str,
        pause: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._name = name
        self._pause = pause
        self._jitter = jitter

    def get(self, name: str) -> Item | None:
        """One item, read consistently."""
        with calling("GetItem", name):
            answer = self._client.get_item(TableName=self._name, Key=pk(name), ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    def get_batch(
        self, names: Sequence[str], consistent: bool = True, projection: str = ""
    ) -> Iterator[Item]:
        """Items by their keys, in no order, a hundred a call. Raises Throttled."""
        keys = [pk(name) for name in dict.fromkeys(names)]
        how: dict[str, Any] = {"ConsistentRead": consistent}
        if projection:
            placeholders = set(_PLACEHOLDER.findall(projection))
            how["ProjectionExpression"] = projection
            how["ExpressionAttributeNames"] = {n: t for n, t in _NAMES.items() if n in placeholders}
        for start in range(0, len(keys), BATCH_GET):
            request = {self._name: {"Keys": keys[start : start + BATCH_GET], **how}}
            yield from self._one_batch(request)

    def _one_batch(self, request: dict[str, Any]) -> Iterator[Item]:
        for attempt in range(TRIES):
            with calling("BatchGetItem", self._name):
                answer = self._client.batch_get_item(RequestItems=request)
            yield from answer["Responses"].get(self._name, [])
            request = answer.get("UnprocessedKeys") or {}
            if not request:
                return
            self._wait(attempt)
        raise Throttled(
            f"BatchGetItem for {self._name}: DynamoDB left keys out {TRIES} times: try again later"
        )

    def query(self, queue: str, after: str = "", limit: int = 0) -> Iterator[Item]:
        """What the index lists in a partition, in its order, behind `after`; page by page.

        A page has `limit` entries; with 0 as many as fit into a mebibyte.
        """
        size = {"Limit": limit} if limit else {}
        for answer in self._pages(queue, after, size):
            yield from answer["Items"]

    def count(self, queue: str, after: str = "", most: int = 0) -> Count:
        """How many the index lists behind `after`, by at most `most` pages (0: all) of 1 MiB."""
        total = 0
        for number, answer in enumerate(self._pages(queue, after, {"Select": "COUNT"}), 1):
            total += int(answer["Count"])
            if number == most and "LastEvaluatedKey" in answer:
                return Count(total, whole=False)
        return Count(total)

    def _pages(self, queue: str, after: str, how: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        begins: dict[str, Any] = {}
        while True:
            answer = self._query(queue, after, {**how, **begins})
            yield answer
            if "LastEvaluatedKey" not in answer:
                return
            begins = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _query(self, queue: str, after: str, page: Mapping[str, Any]) -> Mapping[str, Any]:
        query: dict[str, Any] = {"KeyConditionExpression": "queue = :queue"}
        query["ExpressionAttributeValues"] = values(queue=queue)
        if after:
            query["KeyConditionExpression"] += " AND #order > :after"
            query["ExpressionAttributeNames"] = {"#order": "order"}
            query["ExpressionAttributeValues"] |= values(after=after)
        with calling("Query", queue):
            return self._client.query(TableName=self._name, IndexName=INDEX, **query, **page)

    def update(self, update: Update) -> bool:
        """Change one item; False where its condition does not hold. Raises Conflict."""
        try:
            self.changed(update)
        except Refused:
            return False
        return True

    def changed(self, update: Update) -> Item:
        """The item after its change. Raises Refused, and Conflict where transactions go on."""
        for attempt in range(TRIES):
            try:
                with calling("UpdateItem", update.pk):
                    answer = self._client.update_item(
                        **update.parameters(self._name), ReturnValues="ALL_NEW"
                    )
            except Conflict:
                self._wait(attempt)
                continue
            return dict(answer["Attributes"])
        raise Conflict(
            f"UpdateItem for {update.pk}: other writes came in between each time: try again"
        )

    def write(self, *updates: Update) -> bool:
        """Change several items, all or none; False where a condition fails. Raises Conflict."""
        about = " and ".join(update.pk for update in updates)
        try:
            with calling("TransactWriteItems", about):
                self._client.transact_write_items(
                    TransactItems=[{"Update": each.parameters(self._name)} for each in updates]
                )
        except Refused:
            return False
        return True

    def _wait(self, attempt: int) -> None:
        self._pause(self._jitter() * min(2.0, 0.05 * 2**attempt))

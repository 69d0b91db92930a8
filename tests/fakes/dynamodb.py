"""DynamoDB's client in memory: the calls that respool makes, and the SDK's own errors."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from tests.fakes.conditions import condition
from tests.fakes.grammar import Invalid
from tests.fakes.table import FakeTable, Item
from tests.fakes.updates import changes
from tests.fakes.wire import Wire

T = TypeVar("T")
PAGE = 4000
"""Entries of the index that fit into a mebibyte."""
MOST_KEY = 2048


class FakeDynamoDb:
    """One process's client. `name` says what the wire calls a call; else by its operation."""

    def __init__(self, table: FakeTable, wire: Wire, name: str = "") -> None:
        self._table = table
        self._wire = wire
        self._name = name

    def _call(self, operation: str, effect: Callable[[], T]) -> T:
        def atomic() -> T:
            with self._table.hold:
                try:
                    return effect()
                except Invalid as invalid:
                    raise _error("ValidationException", str(invalid), operation) from invalid

        write = operation in ("UpdateItem", "TransactWriteItems")
        return self._wire.call(
            self._name or operation, atomic, (lambda: conflict(operation)) if write else None
        )

    def get_item(self, **asked: Any) -> dict[str, Any]:
        """One item."""
        pk = _pk(asked["Key"])

        def effect() -> dict[str, Any]:
            item = self._table.get(pk)
            return {} if item is None else {"Item": dict(item)}

        return self._call("GetItem", effect)

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:
        """Up to a hundred items, or what is asked for of them."""
        ((table, asked),) = RequestItems.items()
        pks = [_pk(key) for key in asked["Keys"]]

        def effect() -> dict[str, Any]:
            if not 0 < len(pks) <= 100 or len(set(pks)) != len(pks):
                raise Invalid("Provided list of item keys contains duplicates, or too many")
            items = [item for pk in pks if (item := self._table.get(pk)) is not None]
            names = asked.get("ExpressionAttributeNames", {})
            if "ProjectionExpression" in asked:
                wanted = [name.strip() for name in asked["ProjectionExpression"].split(",")]
                kept = {names.get(name, name) for name in wanted}
                items = [{n: v for n, v in item.items() if n in kept} for item in items]
            return {"Responses": {table: [dict(item) for item in items]}, "UnprocessedKeys": {}}

        return self._call("BatchGetItem", effect)

    def query(
        self,
        *,
        IndexName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: Mapping[str, Any],
        Limit: int = PAGE,
        Select: str = "",
        ExclusiveStartKey: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        """A page of the index `waiting`: of one queue, perhaps behind an order."""
        values = ExpressionAttributeValues
        queue = values[":queue"]["S"]
        start = (values.get(":after", {}).get("S", ""), None)
        if ExclusiveStartKey:
            start = (ExclusiveStartKey["order"]["S"], ExclusiveStartKey["pk"]["S"])

        def effect() -> dict[str, Any]:
            if (IndexName, KeyConditionExpression) not in _QUERIES:
                raise Invalid(f"no query like {KeyConditionExpression} on {IndexName}")
            found = list(islice(self._table.index.after(queue, *start), Limit))
            answer: dict[str, Any] = {"Count": len(found)}
            if Select != "COUNT":
                answer["Items"] = [dict(entry) for entry in found]
            if len(found) == Limit:
                keys = ("pk", "queue", "order")
                answer["LastEvaluatedKey"] = {name: found[-1][name] for name in keys}
            return answer

        return self._call("Query", effect)

    def update_item(self, *, ReturnValues: str = "NONE", **update: Any) -> dict[str, Any]:
        """Change one item where its condition holds."""
        told = update.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        pk = _pk(update["Key"])

        def effect() -> dict[str, Any]:
            new = self._changed(pk, update)
            if new is None:
                old = self._table.get(pk)
                more = {"Item": dict(old)} if told and old else {}
                raise _error(
                    "ConditionalCheckFailedException",
                    "The conditional request failed",
                    "UpdateItem",
                    **more,
                )
            self._table.put(pk, new)
            return {"Attributes": dict(new)} if ReturnValues == "ALL_NEW" else {}

        return self._call("UpdateItem", effect)

    def transact_write_items(self, *, TransactItems: list[Mapping[str, Any]]) -> dict[str, Any]:
        """Change several items, all or none."""
        updates = [item["Update"] for item in TransactItems]
        pks = [_pk(update["Key"]) for update in updates]

        def effect() -> dict[str, Any]:
            if len(set(pks)) != len(pks):
                raise Invalid("Transaction request cannot include multiple operations on one item")
            new = [self._changed(pk, update) for pk, update in zip(pks, updates, strict=True)]
            if None in new:
                raise _cancelled(["ConditionalCheckFailed" if each is None else "" for each in new])
            for pk, item in zip(pks, new, strict=True):
                self._table.put(pk, item)
            return {}

        return self._call("TransactWriteItems", effect)

    def _changed(self, pk: str, update: Mapping[str, Any]) -> Item | None:
        """The item as the update makes it; None where the condition does not hold."""
        names = update.get("ExpressionAttributeNames", {})
        values = update.get("ExpressionAttributeValues", {})
        wanted = changes(update["UpdateExpression"])
        used = wanted.used
        test = None
        if "ConditionExpression" in update:
            test = condition(update["ConditionExpression"])
            used |= test.used
        if used != {*names, *values}:
            raise Invalid(f"Placeholders unused or undefined: {used ^ {*names, *values}}")
        old = self._table.get(pk)
        if test is not None and not test.holds(old or {}, names, values):
            return None
        new = wanted.of(old or {"pk": {"S": pk}}, names, values)
        for name, value in new.items():
            if old is None or old.get(name) is not value:
                _check(name, value)
        return new


def _pk(key: Mapping[str, Any]) -> str:
    pk = key["pk"]["S"]
    if set(key) != {"pk"} or not 0 < len(pk.encode()) <= MOST_KEY:
        raise _error("ValidationException", "Key does not match the schema", "a call")
    return str(pk)


def _check(name: str, value: Any) -> None:
    """What DynamoDB refuses in an item: values that are none, and empty keys of an index."""
    if not isinstance(value, Mapping) or len(value) != 1:
        raise Invalid(f"The value of {name} is none: {value!r}")
    ((kind, inner),) = value.items()
    if kind == "S" and (not isinstance(inner, str) or (not inner and name in _KEYS)):
        raise Invalid(f"{name} is no text, or an empty one: {inner!r}")
    if kind == "N" and not isinstance(inner, str):
        raise Invalid(f"{name} is a number that is not written as text: {inner!r}")


_KEYS = ("pk", "queue", "order")
_QUERIES = {
    ("waiting", "queue = :queue"),
    ("waiting", "queue = :queue AND #order > :after"),
}


def _error(code: str, message: str, operation: str, **more: Any) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, **more}
    return ClientError(answer, operation)


def _cancelled(reasons: list[str]) -> ClientError:
    told = ", ".join(reason or "None" for reason in reasons)
    return _error(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{told}]",
        "TransactWriteItems",
        CancellationReasons=[{"Code": reason or "None"} for reason in reasons],
    )


def conflict(operation: str) -> ClientError:
    """What a write meets that another transaction is in the way of."""
    if operation == "TransactWriteItems":
        return _cancelled(["TransactionConflict"])
    return _error("TransactionConflictException", "Transaction is ongoing for the item", operation)

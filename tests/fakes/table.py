"""A DynamoDB table in memory: items, an index that may lag, and a stream of what changed."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

Item = Mapping[str, Any]
PROJECTED = frozenset(
    {
        "pk",
        "queue",
        "order",
        "since",
        "attempt",
        "failedAt",
        "firstFailedAt",
        "error",
        "noted",
        "notedAt",
        "deadAt",
    }
)
"""What the index `waiting` holds of an item."""


def _entry(item: Item | None) -> Item | None:
    """What the index holds of an item; nothing of one that lacks its keys."""
    if item is None or "queue" not in item or "order" not in item:
        return None
    return {name: value for name, value in item.items() if name in PROJECTED}


@dataclass
class Index:
    """The sparse index by `queue`, in order; while it lags, changes wait to be caught up with."""

    lagging: bool = False
    held: list[tuple[str, Item | None]] = field(default_factory=list)
    _entries: dict[str, Item] = field(default_factory=dict)
    _partitions: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def put(self, pk: str, old: Item | None, new: Item | None) -> None:
        """Take over what an item's change means for the index, now or later."""
        before, after = _entry(old), _entry(new)
        if before == after:
            return
        if self.lagging:
            self.held.append((pk, after))
        else:
            self._apply(pk, after)

    def catch_up(self, count: int | None = None) -> None:
        """Take over the oldest changes that were held back, or all."""
        for _ in range(len(self.held) if count is None else min(count, len(self.held))):
            self._apply(*self.held.pop(0))

    def _apply(self, pk: str, entry: Item | None) -> None:
        old = self._entries.pop(pk, None)
        if old is not None:
            places = self._partitions[old["queue"]["S"]]
            del places[bisect_left(places, (old["order"]["S"], pk))]
        if entry is not None:
            self._entries[pk] = entry
            insort(self._partitions.setdefault(entry["queue"]["S"], []), (entry["order"]["S"], pk))

    def after(self, queue: str, order: str, pk: str | None) -> Iterator[Item]:
        """The entries of a partition behind an order, or behind that very entry."""
        places = self._partitions.get(queue, [])
        if pk is None:  # behind every entry of that order
            begins = bisect_right(places, order, key=lambda place: place[0]) if order else 0
        else:
            begins = bisect_right(places, (order, pk))
        for place in places[begins:]:
            yield self._entries[place[1]]


class FakeTable:
    """The items, shared by every process; `hold` makes what happens inside it atomic.

    An item is never changed in place: who has read one has it as it was.
    """

    def __init__(self) -> None:
        self.hold = RLock()
        self.items: dict[str, Item] = {}
        self.index = Index()
        self.tells_parked = False
        """Whether the mapping tells of parked jobs, as with SPOOL_VIA=sqs."""
        self.stream: list[dict[str, Any]] = []
        """What the mapping to `admit` would be handed, oldest first."""
        self.on_write: Callable[[str, Item | None, Item | None], None] = lambda *_: None
        """Hears of each change: the key, the item as it was, and as it is."""

    def get(self, pk: str) -> Item | None:
        """An item as it is now."""
        return self.items.get(pk)

    def put(self, pk: str, item: Item | None) -> None:
        """Write an item whole, or delete it; index and stream hear of what really changed."""
        with self.hold:
            old = self.items.get(pk)
            if item == old:
                return
            if item is None:
                del self.items[pk]
            else:
                self.items[pk] = item
            self.index.put(pk, old, item)
            if item is not None and self._concerns_admit(pk, item):
                self.stream.append(_record(pk, item))
            self.on_write(pk, old, item)

    def _concerns_admit(self, pk: str, item: Item) -> bool:
        """The mapping's filters: slots of a task where somebody stands in line, and parked jobs."""
        if pk.startswith("slots#"):
            return bool(item.get("waiting", {}).get("N", "0") != "0")
        queue = str(item.get("queue", {}).get("S", ""))
        return self.tells_parked and pk.startswith("job") and queue.startswith("parked#")

    def of(self, prefix: str) -> list[Item]:
        """All items whose key begins so, for tests to look at."""
        with self.hold:
            return [item for pk, item in self.items.items() if pk.startswith(prefix)]

    def copy_items(self) -> dict[str, Item]:
        """All items by their keys, for tests to compare."""
        with self.hold:
            return deepcopy(self.items)

    def load(self, items: Iterable[Item]) -> None:
        """Put many items."""
        for item in items:
            self.put(item["pk"]["S"], item)


def _record(pk: str, item: Item) -> dict[str, Any]:
    return {
        "eventSource": "aws:dynamodb",
        "dynamodb": {"Keys": {"pk": {"S": pk}}, "NewImage": dict(item)},
    }

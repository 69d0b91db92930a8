"""Where replays are kept: items of the claims table, `replay#<id>` and its lists behind it.

Each write says which version it follows, so of two at once only one can write; what a replay
has chosen is written in one transaction with how far it is.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from chalicelib.aws.items import Item, values
from chalicelib.aws.table import Table, Update
from chalicelib.job.replay import KEPT_DAYS, REPLAY, ChosenJob, Replay, decode, encode
from chalicelib.moments import read

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OPEN, OVER = "replays#open", "replays#over"
"""The partitions of the index: of those that are under way or not settled, and of all others."""
PER_ITEM = 100
"""Jobs, or keys, in one item: of the longest keys it has 220 KB."""
AT_ONCE = 25
"""Lists that go into one transaction, which takes 4 MB."""
DAY = 86_400


class DynamoReplays:
    """The replays on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str, **timing: Callable[..., Any]) -> None:
        """`timing`: how the table waits between two tries, for tests (see Table)."""
        self._table = Table(client, table, **timing)

    def get(self, id: str) -> Replay | None:
        """The replay of that id, read consistently."""
        item = self._table.get(REPLAY + id)
        return _read(item) if item else None

    def put(
        self, replay: Replay, jobs: Sequence[ChosenJob] = (), keys: Sequence[str] = ()
    ) -> Replay | None:
        """Write it over the version that it came from; None where that is not there any more.

        `jobs` are added to the end of its list, and `jobs` of the replay counts them already.
        """
        new = replace(replay, version=replay.version + 1)
        head = Update(
            REPLAY + new.id,
            "SET queue = :queue, #order = :order, doc = :doc, version = :new, expiresAt = :end",
            "version = :old" if replay.version else "attribute_not_exists(pk)",
            values(
                queue=OVER if new.settled else OPEN,
                order=new.order,
                doc=encode(new),
                new=new.version,
                end=_end(new),
                **({"old": replay.version} if replay.version else {}),
            ),
        )
        first = new.jobs - len(jobs)
        texts = [json.dumps([each.pk, each.since, each.attempt, each.started_at]) for each in jobs]
        key_items = _lists(new, "keys", 0, keys)
        for at in range(0, len(key_items), AT_ONCE):
            self._table.write(*key_items[at : at + AT_ONCE])
        is_written = self._write([head, *_lists(new, "jobs", first, texts)])
        return new if is_written else self._mine(new)

    def jobs(self, replay: Replay) -> list[ChosenJob]:
        """A replay's jobs, in the order in which it chose them."""
        texts = self._list(replay, "jobs", replay.jobs)
        return [ChosenJob(*json.loads(text)) for text in texts]

    def keys(self, replay: Replay) -> list[str]:
        """The keys that it was asked for by name."""
        return self._list(replay, "keys", replay.keys)

    def open(self) -> list[Replay]:
        """Replays under way, and those whose jobs' outcomes may still change; the newest first."""
        return self._of(self._table.query(OPEN))

    def newest(self, most: int, after: str = "") -> list[Replay]:
        """Replays behind that order, `most` of them at most, the newest first."""
        items = [
            item
            for queue in (OPEN, OVER)
            for item in islice(self._table.query(queue, after, most), most)
        ]
        items.sort(key=lambda item: str(item["order"]["S"]))
        return self._of(items[:most])

    def _of(self, items: Iterator[Item] | Sequence[Item]) -> list[Replay]:
        names = [str(item["pk"]["S"]) for item in items]
        replays = [_read(item) for item in self._table.get_batch(names, consistent=False)]
        return sorted(replays, key=lambda replay: replay.order)

    def _write(self, updates: Sequence[Update]) -> bool:
        if len(updates) == 1:
            return self._table.update(updates[0])
        return self._table.write(*updates)

    def _mine(self, new: Replay) -> Replay | None:
        """A write of ours whose answer was lost is found again by what it wrote."""
        return new if self.get(new.id) == new else None

    def _list(self, replay: Replay, name: str, number: int) -> list[str]:
        pks = [_item(replay, name, each) for each in range(0, number, PER_ITEM)]
        items = {str(item["pk"]["S"]): item for item in self._table.get_batch(pks)}
        return [
            str(items[pk][f"n{n}"]["S"])
            for n in range(number)
            if f"n{n}" in items.get(pk := _item(replay, name, n), {})
        ]


def _lists(replay: Replay, name: str, first: int, texts: Sequence[str]) -> list[Update]:
    """The items that further texts go to, which have their numbers as names."""
    parts: dict[str, dict[str, str]] = {}
    for n, text in enumerate(texts, first):
        parts.setdefault(_item(replay, name, n), {})[f"n{n}"] = text
    return [
        Update(
            pk,
            "SET " + ", ".join(f"{each} = :{each}" for each in part) + ", expiresAt = :end",
            values=values(**part, end=_end(replay)),
        )
        for pk, part in parts.items()
    ]


def _item(replay: Replay, name: str, number: int) -> str:
    return f"{REPLAY}{replay.id}#{name}#{number // PER_ITEM}"


def _read(item: Item) -> Replay:
    return decode(item["doc"]["S"], int(item["version"]["N"]))


def _end(replay: Replay) -> int:
    start: Any = read(replay.started_at)
    return int(start.timestamp()) + KEPT_DAYS * DAY

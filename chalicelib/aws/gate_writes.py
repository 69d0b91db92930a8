"""A task's limit, gate and passes on DynamoDB, as people, deploys and the ramp write them."""

from collections.abc import Mapping, Sequence

from chalicelib.aws.items import SLOTS, TASKS, Item, read_slots, values
from chalicelib.aws.table import Table, Update
from chalicelib.errors import NotFound, Refused
from chalicelib.job.claim import Slots

MOST_PASSES = 100
"""Passes that one write gives or takes back; an expression has 4 KB."""
UNCOUNTED = "off"
"""The one name under which jobs fail whose failures close no gate, as ClaimJob says."""
_LISTED = "queue = :tasks, #order = :task"
"""What makes the index list the task."""


class GateWrites:
    """What others than jobs write into a task's slots. Conflicts are waited out."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def complete(self, task: str, limit: int, close_after: int) -> Slots:
        """Make what the item lacks; what is there stays.

        Each map has a value of its own: one value in several places is one map to some stores.
        """
        defaults: dict[str, str | int | Mapping[str, str]] = {
            "owners": {},
            "waking": {},
            "passes": {},
            "failed": {},
            "waiting": 0,
            "limitSet": limit,
            "closeAfter": close_after,
        }
        sets = [f"{name} = if_not_exists({name}, :{name})" for name in defaults]
        sets.append("#limit = if_not_exists(#limit, :limitSet)")
        return self._changed(task, f"SET {', '.join(sets)}, {_LISTED}", values(**defaults))

    def apply_settings(self, task: str, limit: int, close_after: int) -> Slots:
        """Make the item whole, and take over settings that changed since they were last written.

        What somebody set by hand stays until the setting itself changes.
        """
        self.complete(task, limit, close_after)
        # Jobs whose failures nobody counted have left one entry, which was not in a row.
        placeholders = values(after=close_after, tasks=TASKS, task=task)
        counting = f"SET closeAfter = :after, {_LISTED} REMOVE failed.#uncounted"
        self._table.changed(
            Update(SLOTS + task, counting, "", placeholders, {"#uncounted": UNCOUNTED})
        )
        change = "SET #limit = :limit, limitSet = :limit REMOVE limitBy, limitWhy, limitAt"
        self._table.update(Update(SLOTS + task, change, "limitSet <> :limit", values(limit=limit)))
        item = self._table.get(SLOTS + task)
        return read_slots(item) if item else Slots(task, complete=False)

    def set_limit(self, task: str, limit: int, by: str, why: str, at: str) -> Slots:
        """Let at most `limit` jobs in at once, from now on, for all."""
        change = f"SET #limit = :limit, limitBy = :by, limitWhy = :why, limitAt = :at, {_LISTED}"
        return self._changed(task, change, values(limit=limit, by=by, why=why, at=at))

    def close(
        self,
        task: str,
        until: str,
        by: str,
        why: str,
        at: str,
        over: Slots | None = None,
        named: str = "",
    ) -> Slots:
        """Close the gate until then (ISO 8601; FOR_EVER: until somebody opens it).

        With `over`, only where it was neither closed nor opened since it was seen so. `named` is
        the time that the service named.
        """
        change = (
            "SET closedUntil = :until, closedBy = :by, closedWhy = :why, closedAt = :at,"
            f" namedUntil = :named, {_LISTED}"
        )
        placeholders = values(until=until, by=by, why=why, at=at, named=named)
        return self._changed(task, change, placeholders, over)

    def open(self, task: str, by: str, why: str, at: str, over: Slots | None = None) -> Slots:
        """Open the gate and forget the failures in a row; the item says who opened it last.

        `over` as in `close`.
        """
        change = (
            "SET failed = :none, openedBy = :by, openedWhy = :why, openedAt = :at,"
            f" {_LISTED} REMOVE closedUntil, closedBy, closedWhy, closedAt, namedUntil"
        )
        return self._changed(task, change, values(none={}, by=by, why=why, at=at), over)

    def note_told(self, slots: Slots, word: str) -> bool:
        """Note what people are told of the gate; False where somebody has noted it already."""
        condition = "told = :was" if slots.told else "attribute_not_exists(told)"
        placeholders = values(told=word) | (values(was=slots.told) if slots.told else {})
        return self._table.update(
            Update(SLOTS + slots.task, "SET told = :told", condition, placeholders)
        )

    def set_window(self, task: str, begins: str, ends: str, why: str) -> None:
        """Write down the maintenance window under way or next; empty: there is none."""
        if not begins:
            change = f"SET {_LISTED} REMOVE windowFrom, windowUntil, windowWhy"
            self._changed(task, change, {})
            return
        change = f"SET windowFrom = :begins, windowUntil = :ends, windowWhy = :why, {_LISTED}"
        self._changed(task, change, values(begins=begins, ends=ends, why=why))

    def give_pass(self, task: str, pks: Sequence[str], until: str) -> None:
        """Let these jobs through a closed gate until then, within the limit. Raises NotFound."""
        for some in _portions(pks):
            sets = ", ".join(f"passes.{name} = :until" for name in some)
            update = Update(
                SLOTS + task, f"SET {sets}", "attribute_exists(passes)", values(until=until), some
            )
            try:
                self._table.changed(update)
            except Refused as refused:
                raise NotFound(
                    f"the task {task} has no slots yet, so no job can have a pass: deploy again"
                ) from refused

    def drop_passes(self, task: str, pks: Sequence[str]) -> None:
        """Take passes back."""
        for some in _portions(pks):
            removals = ", ".join(f"passes.{name}" for name in some)
            self._table.update(
                Update(SLOTS + task, f"REMOVE {removals}", "attribute_exists(passes)", {}, some)
            )

    def _changed(
        self, task: str, change: str, placeholders: Mapping[str, Item], over: Slots | None = None
    ) -> Slots:
        """The item after the change, or as it is where its gate is not as it was seen."""
        whole = {**placeholders, **values(tasks=TASKS, task=task)}
        condition = ""
        if over is not None:
            moments = {"closedAt": over.closed_at, "openedAt": over.opened_at}
            condition = " AND ".join(
                f"{name} = :seen{name}" if at else f"attribute_not_exists({name})"
                for name, at in moments.items()
            )
            whole |= values(**{f"seen{name}": at for name, at in moments.items() if at})
        try:
            return read_slots(self._table.changed(Update(SLOTS + task, change, condition, whole)))
        except Refused:
            item = self._table.get(SLOTS + task)
            return read_slots(item) if item else Slots(task, complete=False)


def _portions(pks: Sequence[str]) -> list[dict[str, str]]:
    """Names for keys, as many as go into one write."""
    different = list(dict.fromkeys(pks))
    return [
        {f"#pass{n}": pk for n, pk in enumerate(different[start : start + MOST_PASSES])}
        for start in range(0, len(different), MOST_PASSES)
    ]

"""The claims table in memory: each method is one atomic, conditional write or one read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from threading import RLock
from typing import TypeVar

from chalicelib.errors import Refused
from chalicelib.job.claim import Claim, Slots
from chalicelib.job.record import Failure
from tests.fakes.wire import Wire

T = TypeVar("T")


class Table:
    """The items, shared by every process; `hold` makes what happens inside it atomic."""

    def __init__(self) -> None:
        self.hold = RLock()
        self.jobs: dict[str, Claim] = {}
        self.holders: dict[str, set[str]] = {}
        self.limits: dict[str, int] = {}
        self.tombstones: dict[str, tuple[str, int]] = {}

    @property
    def held(self) -> dict[str, set[str]]:
        """The tasks that somebody is in, or left without saying so."""
        return {task: holders for task, holders in self.holders.items() if holders}

    def change(self, key: str, execution: str, new: Callable[[Claim], Claim | None]) -> bool:
        """Write a claim anew, or with None delete it, where the execution owns it."""
        with self.hold:
            old = self.jobs.get(key)
            if old is None or old.execution != execution:
                return False
            claim = new(old)
            if claim is None:
                del self.jobs[key]
            else:
                self.jobs[key] = claim
            return True

    def enter(self, task: str, execution: str, default_limit: int) -> bool:
        """Take a slot where there is one, or where it is held already."""
        with self.hold:
            holders = self.holders.get(task, set())
            if execution not in holders:
                if len(holders) >= self.limits.get(task, default_limit):
                    return False
                self.holders.setdefault(task, set()).add(execution)
            return True

    def leave(self, task: str, execution: str) -> None:
        """Give a slot back."""
        with self.hold:
            self.holders.setdefault(task, set()).discard(execution)


class FakeClaims:
    """One process's access to the table."""

    def __init__(self, table: Table, wire: Wire) -> None:
        self._table = table
        self._wire = wire

    def _call(self, name: str, effect: Callable[[], T]) -> T:
        def atomic() -> T:
            with self._table.hold:
                return effect()

        return self._wire.call(name, atomic)

    def get(self, key: str) -> Claim | None:
        """The claim on a key."""
        return self._call("GetItem", lambda: self._table.jobs.get(key))

    def claims(self) -> Iterator[Claim]:
        """All claims, as they stood when they were read."""
        return iter(self._call("Scan", lambda: list(self._table.jobs.values())))

    def slots(self) -> Iterator[Slots]:
        """All tasks that were ever entered, or limited."""
        return iter(self._call("Scan", self._slots))

    def _slots(self) -> list[Slots]:
        table = self._table
        return [
            Slots(task, frozenset(table.holders.get(task, ())), table.limits.get(task))
            for task in table.holders.keys() | table.limits.keys()
        ]

    def hand_over(self, key: str, owner: str, successor: str) -> bool:
        """Let the successor own what the owner owned, or nobody."""
        return self._call("UpdateItem", lambda: self._hand_over(key, owner, successor))

    def _hand_over(self, key: str, owner: str, successor: str) -> bool:
        claim = self._table.jobs.get(key)
        if claim is None:
            return True
        return self._table.change(
            key,
            owner if claim.execution == owner else successor,
            lambda old: replace(old, execution=successor, predecessor=owner),
        )

    def mark_spooled(self, claim: Claim) -> bool:
        """Write a dead owner's claim whole; False where somebody else owns the key."""
        return self._call("UpdateItem", lambda: self._mark_spooled(claim))

    def _mark_spooled(self, claim: Claim) -> bool:
        old = self._table.jobs.get(claim.key)
        if old is not None and old.execution != claim.execution:
            return False
        kept = old or claim
        failure = Failure(claim.failure.name[:256], claim.failure.message[:1000])
        self._table.jobs[claim.key] = replace(
            claim,
            claimed_at=kept.claimed_at,
            resumed_at=old.resumed_at if old else "",
            stuck_at=old.stuck_at if old else "",
            failure=failure,
        )
        return True

    def mark_renewed(self, claim: Claim, at: str) -> None:
        """Say that its message was sent anew, where the claim stands as it did."""

        def renewed(old: Claim) -> Claim:
            return replace(old, spooled_at=at) if old.parked_at == claim.parked_at else old

        self._call("UpdateItem", lambda: self._table.change(claim.key, claim.execution, renewed))

    def mark_redriven(self, key: str, execution: str) -> bool:
        """Say that a dead owner is about to live again."""

        def redriven(old: Claim) -> Claim:
            return replace(old, stuck_at="", spooled_at="")

        return self._call("UpdateItem", lambda: self._table.change(key, execution, redriven))

    def mark_resumed(self, key: str, execution: str, parked_at: str, at: str) -> bool:
        """Say that it goes on, where it was parked then."""

        def mark() -> bool:
            old = self._table.jobs.get(key)
            if old is None or old.parked_at != parked_at:
                return False
            return self._table.change(
                key, execution, lambda _: replace(old, parked_at="", resumed_at=at)
            )

        return self._call("UpdateItem", mark)

    def mark_stuck(self, key: str, execution: str, at: str) -> None:
        """Say in the claim that the job is stuck."""
        self._call(
            "UpdateItem",
            lambda: self._table.change(key, execution, lambda old: replace(old, stuck_at=at)),
        )

    def release(self, key: str, execution: str) -> bool:
        """Give the key back, where that execution owns it."""
        return self._call("DeleteItem", lambda: self._table.change(key, execution, lambda _: None))

    def take_slot(self, task: str, execution: str, default_limit: int) -> bool:
        """Let the execution into the task; False where it is full or held."""
        return self._call("UpdateItem", lambda: self._table.enter(task, execution, default_limit))

    def free_slot(self, task: str, execution: str) -> None:
        """Take the execution out of the task."""
        self._call("UpdateItem", lambda: self._table.leave(task, execution))

    def set_limit(self, task: str, limit: int | None) -> None:
        """Limit a task; None goes back to the stage's setting."""
        self._call("UpdateItem", lambda: self._set_limit(task, limit))

    def _set_limit(self, task: str, limit: int | None) -> None:
        self._table.holders.setdefault(task, set())
        if limit is None:
            self._table.limits.pop(task, None)
        else:
            self._table.limits[task] = limit

    def tombstones(self, deaths: Sequence[str]) -> dict[str, str]:
        """Which of these deaths were dealt with, a hundred a call."""
        found: dict[str, str] = {}
        for start in range(0, len(deaths), 100):
            asked = deaths[start : start + 100]
            found |= self._call("BatchGetItem", lambda a=asked: self._tombstones(a))  # type: ignore[misc]
        return found

    def _tombstones(self, deaths: Sequence[str]) -> dict[str, str]:
        if len(set(deaths)) != len(deaths):
            raise Refused("BatchGetItem: ValidationException: duplicates")
        tombstones = self._table.tombstones
        return {death: tombstones[death][0] for death in deaths if death in tombstones}

    def put_tombstone(self, death: str, how: str, expires: int) -> None:
        """Remember that this death was dealt with."""

        def write() -> None:
            self._table.tombstones[death] = (how, expires)

        self._call("UpdateItem", write)

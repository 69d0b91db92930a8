"""Claims written on DynamoDB while their jobs wait, die, come back or end."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from chalicelib.aws.entering import MAY_ENTER
from chalicelib.aws.items import DEAD, SLOTS, Item, in_index, read_slots, values
from chalicelib.aws.leaving import leave, waits
from chalicelib.aws.table import Table, Update
from chalicelib.job.claim import Claim, Slots, State
from chalicelib.moments import read

_MINE = "execution = :me AND attribute_not_exists(endedAt)"
_AS_SEEN = f"{_MINE} AND since = :seen AND deadAt = :dead"
_FREE = "attribute_not_exists(pk) OR attribute_exists(endedAt)"
_KEPT = timedelta(days=100)
"""How long the claim of a key stays that a restart gave up for its own name: longer than Step
Functions keeps the dead execution (90 days), whose late writes it turns away."""


class ClaimWrites:
    """The writing half of the claims."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def mark_stuck(self, claim: Claim, at: str) -> bool:
        """From parked to stuck, where it is parked with this execution and attempt."""
        return self._table.update(
            Update(
                claim.pk,
                "SET #state = :state, queue = :queue, since = :since",
                f"{_MINE} AND #state = :parked AND attempt = :attempt",
                waits(claim, State.STUCK, at)
                | values(me=claim.execution, parked=State.PARKED.value, attempt=claim.attempt),
            )
        )

    def mark_noted(self, claim: Claim, at: str) -> bool:
        """Say that its note was sent (again), where it still waits as it did."""
        return self._table.update(
            Update(
                claim.pk,
                "SET noted = :yes, notedAt = :at",
                f"{_MINE} AND attempt = :attempt AND attribute_exists(queue)",
                values(me=claim.execution, attempt=claim.attempt, yes="yes", at=at),
            )
        )

    def park_dead(self, claim: Claim, at: str) -> bool:
        """Park a job whose execution died, free its slot or place in line, keep no token.

        False where another execution owns the key, or this very death is written already.
        """

        def parked(old: Claim | None) -> Update | None:
            if old is None or (old.ended_at and old.execution != claim.execution):
                return _whole(claim, at)
            if old.ended_at or old.execution != claim.execution or old.dead_at == claim.dead_at:
                return None
            return _whole(_kept(old, claim), at)

        return leave(self._table, claim, parked)

    def take_slot(self, claim: Claim, at: str) -> bool:
        """Let a dead job in before its redrive, by TakeSlot's own rules; False where it can't.

        It stays dead until somebody says that it runs again: who looks at the slots sees that.
        """
        return self._table.write(
            Update(
                SLOTS + claim.task,
                "SET owners.#me = :execution REMOVE passes.#me",
                f"attribute_exists(owners.#me) OR ({MAY_ENTER})",
                values(execution=claim.execution, now=at, zero=0),
                {"#me": claim.pk},
            ),
            Update(
                claim.pk,
                "SET #state = :state, since = :since, enteredAt = :since REMOVE queue, #token",
                f"{_AS_SEEN} AND attribute_exists(queue)",
                _seen(claim) | values(state=State.RUNNING.value, since=at),
            ),
        )

    def join_line(self, claim: Claim, at: str) -> bool:
        """Put a dead job that finds no slot in line; `admit` redrives or restarts it."""
        return self._table.write(
            Update(
                SLOTS + claim.task,
                "ADD waiting :one",
                "attribute_not_exists(owners.#me)",
                values(one=1),
                {"#me": claim.pk},
            ),
            Update(
                claim.pk,
                "SET #state = :state, queue = :queue, since = :since REMOVE #token",
                f"{_AS_SEEN} AND attribute_exists(queue) AND queue <> :queue",
                _seen(claim) | waits(claim, State.LINE, at),
            ),
        )

    def leave_again(self, claim: Claim, at: str) -> bool:
        """Take back `take_slot` where the redrive was refused: parked and dead as `claim` says."""

        def parked(old: Claim | None) -> Update | None:
            if old is None or old.ended_at or old.execution != claim.execution:
                return None
            if old.dead_at != claim.dead_at or old.state in (State.PARKED, State.STUCK):
                return None
            state = claim.state if claim.state is State.STUCK else State.PARKED
            change = "SET #state = :state, queue = :queue, since = :since REMOVE #token"
            return Update(claim.pk, change, "", waits(old, state, at))

        return leave(self._table, claim, parked)

    def begin_redrive(self, claim: Claim, at: str) -> bool:
        """Say that a dead job is about to be redriven where it needs no slot; its `since` is `at`.

        It stays parked and dead; whoever saw it before can neither redrive it nor hand it over.
        """
        given = _seen(claim) | values(since=at)
        return self._table.update(Update(claim.pk, "SET since = :since", _AS_SEEN, given))

    def revive(self, claim: Claim) -> bool:
        """Say that a dead job's execution runs again: running, and no longer dead or parked."""
        change = "SET #state = :state REMOVE queue, deadAt, #token"
        given = _seen(claim) | values(state=State.RUNNING.value)
        return self._table.update(Update(claim.pk, change, _AS_SEEN, given))

    def hand_over(self, claim: Claim, successor: str, pk: str) -> bool:
        """Let the restart own what the dead execution owned, before it starts."""
        if pk != claim.pk:
            return self._move(claim, successor, pk)
        change = "SET execution = :successor, predecessor = :me"
        given = _seen(claim) | values(successor=successor)
        return self._table.update(Update(pk, change, _AS_SEEN, given))

    def _move(self, claim: Claim, successor: str, pk: str) -> bool:
        """End the claim of the dead execution's name and make one of the successor's."""
        order = f"{claim.started_at}#{pk.partition('#')[2][:200]}"
        made = replace(
            claim, pk=pk, execution=successor, predecessor=claim.execution, order=order, token=""
        )
        died = read(claim.dead_at)
        expires = int((died + _KEPT).timestamp()) if died else 0
        ended = Update(
            claim.pk,
            f"{_ENDED} REMOVE queue, #token, firstFailedAt, predecessor",
            _AS_SEEN,
            _seen(claim) | _ending(State.FAILED, claim.dead_at, expires),
        )
        new = _whole(made, claim.since)
        new = replace(new, condition=_FREE)
        return self._table.write(*self._slot_moves(claim, successor, pk), ended, new)

    def _slot_moves(self, claim: Claim, successor: str, pk: str) -> list[Update]:
        """Its slot and its pass go along to the new key."""
        item = self._table.get(SLOTS + claim.task)
        slots = read_slots(item) if item else Slots(claim.task)
        sets, gone, conditions = [], [], []
        given: dict[str, Item] = {}
        if slots.owners.get(claim.pk) == claim.execution:
            sets.append("owners.#new = :successor")
            gone.append("owners.#old")
            conditions.append("owners.#old = :execution")
            given |= values(successor=successor, execution=claim.execution)
        if claim.pk in slots.passes:
            sets.append("passes.#new = :until")
            gone.append("passes.#old")
            given |= values(until=slots.passes[claim.pk])
        if not sets:
            return []
        change = f"SET {', '.join(sets)} REMOVE {', '.join(gone)}"
        names = {"#new": pk, "#old": claim.pk}
        return [Update(SLOTS + claim.task, change, " AND ".join(conditions), given, names)]

    def end(self, claim: Claim, how: State, at: str, expires: int) -> bool:
        """End a job and free its slot or its place in line; False where it is not its any more."""

        def ended(old: Claim | None) -> Update | None:
            if old is None or old.ended_at or old.execution != claim.execution:
                return None
            change = f"{_ENDED} REMOVE queue, #token, firstFailedAt, predecessor, deadAt"
            return Update(claim.pk, change, "", _ending(how, at, expires))

        return leave(self._table, claim, ended, passes=True)

    def tombstones(self, deaths: Sequence[str]) -> dict[str, str]:
        """Which of these deaths were dealt with, and how; a hundred a call."""
        items = self._table.get_batch([DEAD + death for death in deaths])
        return {item["pk"]["S"].removeprefix(DEAD): item["how"]["S"] for item in items}

    def put_tombstone(self, death: str, how: str, expires: int) -> None:
        """Remember until then (seconds since 1970) that this death was dealt with."""
        given = values(how=how, expires=expires)
        self._table.changed(Update(DEAD + death, "SET how = :how, expiresAt = :expires", "", given))


_ENDED = "SET endedAt = :ended, how = :how, expiresAt = :expires"


def _kept(old: Claim, new: Claim) -> Claim:
    """The new claim with what an execution's own late write may have put into the old one."""
    return replace(
        new,
        attempt=max(old.attempt, new.attempt),
        first_failed_at=old.first_failed_at or new.first_failed_at,
        claimed_at=old.claimed_at or new.claimed_at,
        predecessor=old.predecessor or new.predecessor,
    )


def _ending(how: State, at: str, expires: int) -> dict[str, Item]:
    return values(ended=at, how=how.value, expires=expires)


def _seen(claim: Claim) -> dict[str, Item]:
    """The values of _AS_SEEN: whoever saw the claim earlier, or later, is refused."""
    return values(me=claim.execution, seen=claim.since, dead=claim.dead_at)


def _whole(claim: Claim, at: str) -> Update:
    """Everything that a dead job's claim says."""
    state = claim.state if in_index(claim) else State.PARKED
    given = waits(claim, state, at) | values(
        execution=claim.execution,
        task=claim.task,
        order=claim.order or f"{at}#{claim.key[:200]}",
        attempt=claim.attempt,
        failed=claim.failed_at,
        first=claim.first_failed_at or claim.failed_at,
        error=claim.error,
        cause=claim.cause,
        noted="yes" if claim.noted_at else "no",
        claimed=claim.claimed_at,
        dead=claim.dead_at,
    )
    change = (
        "SET #state = :state, queue = :queue, since = :since, execution = :execution,"
        " task = :task, #order = :order, attempt = :attempt, failedAt = :failed,"
        " firstFailedAt = :first, #error = :error, cause = :cause, noted = :noted,"
        " claimedAt = :claimed, deadAt = :dead"
    )
    gone = ["#token", "endedAt", "how", "expiresAt"]
    for name, text in (("notedAt", claim.noted_at), ("predecessor", claim.predecessor)):
        if text:
            change += f", {name} = :{name}"
            given |= values(**{name: text})
        else:
            gone.append(name)
    return Update(claim.pk, f"{change} REMOVE {', '.join(gone)}", "", given)

"""How a restart takes over from a dead execution whose key was its own name."""

from dataclasses import replace
from datetime import timedelta

from chalicelib.aws.claim_changes import AS_SEEN, ENDED, FREE, ending, seen, whole
from chalicelib.aws.items import SLOTS, Item, read_slots, values
from chalicelib.aws.table import Table, Update
from chalicelib.job.claim import Claim, Slots, State
from chalicelib.moments import read

_KEPT = timedelta(days=100)
"""How long the claim of a key stays that a restart gave up for its own name: longer than Step
Functions keeps the dead execution (90 days), whose late writes it turns away."""


def move(table: Table, claim: Claim, successor: str, pk: str) -> bool:
    """End the claim of the dead execution's name and make one of the successor's."""
    order = f"{claim.started_at}#{pk.partition('#')[2][:200]}"
    successor_claim = replace(
        claim, pk=pk, execution=successor, predecessor=claim.execution, order=order, token=""
    )
    died = read(claim.dead_at)
    expires = int((died + _KEPT).timestamp()) if died else 0
    ended = Update(
        claim.pk,
        f"{ENDED} REMOVE queue, #token, firstFailedAt, predecessor",
        AS_SEEN,
        seen(claim) | ending(State.FAILED, claim.dead_at, expires),
    )
    new = whole(successor_claim, claim.since)
    new = replace(new, condition=FREE)
    return table.write(*_slot_moves(table, claim, successor, pk), ended, new)


def _slot_moves(table: Table, claim: Claim, successor: str, pk: str) -> list[Update]:
    """Move the job's slot and its pass to the new key."""
    item = table.get(SLOTS + claim.task)
    slots = read_slots(item) if item else Slots(claim.task)
    sets, removals, conditions = [], [], []
    placeholders: dict[str, Item] = {}
    if slots.owners.get(claim.pk) == claim.execution:
        sets.append("owners.#new = :successor")
        removals.append("owners.#old")
        conditions.append("owners.#old = :execution")
        placeholders |= values(successor=successor, execution=claim.execution)
    if claim.pk in slots.passes:
        sets.append("passes.#new = :until")
        removals.append("passes.#old")
        placeholders |= values(until=slots.passes[claim.pk])
    if not sets:
        return []
    change = f"SET {', '.join(sets)} REMOVE {', '.join(removals)}"
    names = {"#new": pk, "#old": claim.pk}
    return [Update(SLOTS + claim.task, change, " AND ".join(conditions), placeholders, names)]

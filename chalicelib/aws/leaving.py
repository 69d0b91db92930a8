"""How a claim leaves its slot or its place in line: as it stands, in one transaction."""

from collections.abc import Callable

from chalicelib.aws.items import SLOTS, Item, queue, read_claim, read_slots, values
from chalicelib.aws.table import Table, Update
from chalicelib.errors import Conflict
from chalicelib.job.claim import Claim, Slots, State

TRIES = 3
"""How often a claim is read again that changed between the reading and the writing."""

NewClaim = Callable[[Claim | None], Update | None]
"""The claim's own change, once it is known how the claim stands; None: there is nothing to do."""


def leave(table: Table, claim: Claim, new: NewClaim, passes: bool = False) -> bool:
    """Change a claim and free what it has of its task's slots, both or neither.

    With `passes` its pass goes, too. False where `new` says so. Raises Conflict.
    """
    for _ in range(TRIES):
        item = table.get(claim.pk)
        old = read_claim(item) if item else None
        change = new(old)
        if change is None:
            return False
        freed = _freed(_slots(table, old or claim), old or claim, claim.execution, passes)
        if table.write(*([freed] if freed else []), _as_seen(change, item)):
            return True
    raise Conflict(f"the claim {claim.pk} changed at each of several tries: try again")


def _slots(table: Table, claim: Claim) -> Slots:
    item = table.get(SLOTS + claim.task)
    return read_slots(item) if item else Slots(claim.task)


def _freed(slots: Slots, claim: Claim, execution: str, passes: bool) -> Update | None:
    """What the slots' item loses with the claim; conditional on what it holds of it now."""
    removals, conditions = [], []
    placeholders: dict[str, Item] = {}
    in_line = claim.state is State.LINE and claim.execution == execution and not claim.ended_at
    less = int(in_line)
    if slots.owners.get(claim.pk) == execution:
        removals.append("owners.#me")
        conditions.append("owners.#me = :execution")
        placeholders |= values(execution=execution)
    if claim.pk in slots.waking:
        removals.append("waking.#me")
        conditions.append("waking.#me = :since")
        placeholders |= values(since=slots.waking[claim.pk])
        less += 1
    if passes and claim.pk in slots.passes:
        removals.append("passes.#me")
    if not removals and not less:
        return None
    changes = [f"REMOVE {', '.join(removals)}"] if removals else []
    if less:
        changes.append("ADD waiting :less")
        placeholders |= values(less=-less)
    return Update(
        SLOTS + slots.task,
        " ".join(changes),
        " AND ".join(conditions),
        placeholders,
        {"#me": claim.pk},
    )


def _as_seen(change: Update, item: Item | None) -> Update:
    """The claim's change, conditional on the item's being what was read."""
    if item is None:
        condition, placeholders = "attribute_not_exists(pk)", {}
    else:
        values = {
            name: item[name] for name in ("execution", "state", "since", "endedAt") if name in item
        }
        names = {"state": "#state"}
        condition = " AND ".join(
            f"{names.get(name, name)} = :seen_{name}"
            if name in values
            else f"attribute_not_exists({names.get(name, name)})"
            for name in ("execution", "state", "since", "endedAt")
        )
        placeholders = {f":seen_{name}": value for name, value in values.items()}
    return Update(
        change.pk, change.change, condition, {**change.values, **placeholders}, change.names
    )


def waits(claim: Claim, state: State, at: str) -> dict[str, Item]:
    """The values that say how a claim waits from now on."""
    return values(state=state.value, queue=queue(state, claim.task), since=at)

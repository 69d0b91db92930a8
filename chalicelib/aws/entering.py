"""When a task lets a job in: the conditions of TakeSlot in the state machine."""

OPEN = (
    "(attribute_not_exists(closedUntil) OR closedUntil <= :now)"
    " AND (attribute_not_exists(windowFrom) OR windowFrom > :now OR windowUntil <= :now)"
    " AND size(failed) < closeAfter"
)
"""The gate is open at `:now`."""
LET_THROUGH = "passes.#me > :now"
"""The job has a pass, which is still good."""
FREE = "attribute_exists(owners) AND size(owners) < #limit"
"""A slot is free, in an item that has slots at all."""
MAY_ENTER = f"{FREE} AND ({LET_THROUGH} OR (waiting = :zero AND {OPEN}))"
"""A newcomer gets a slot: there is one, and nobody waits before an open gate, or it has a pass."""

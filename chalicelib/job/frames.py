"""What respool has put into a state machine's definition. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

INSIDE = ("ItemProcessor", "Iterator", "Branches")


@dataclass(frozen=True)
class Frames:
    """`states`: the names of those that speak of a job's claim; `tasks`: the names by which slots,
    limits and gates go."""

    states: frozenset[str]
    tasks: frozenset[str]


def frames_in(definition: Mapping[str, Any]) -> Frames:
    """Read them off a definition; a deploy may have dropped its comments, so they tell nothing."""
    states = list(_states(definition))
    return Frames(
        frozenset(name for name, state in states if "$respool" in json.dumps(state)),
        frozenset(
            str(value["task"])
            for _, state in states
            for value in state.get("Assign", {}).values()
            if isinstance(value, dict) and {"pk", "task"} <= value.keys()
        ),
    )


def _states(machine: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All states, each without the machines inside it, whose states come by themselves."""
    for name, state in machine.get("States", {}).items():
        yield name, {field: value for field, value in state.items() if field not in INSIDE}
        for field in INSIDE:
            inside = state.get(field, [])
            for each in inside if isinstance(inside, list) else [inside]:
                yield from _states(each)

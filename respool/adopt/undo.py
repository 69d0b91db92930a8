"""Takes our states out again: the definition as it was before it was adopted."""

import json
from typing import Any

from respool.adopt.frame import CHANGED, UNDO
from respool.adopt.reading import loads
from respool.adopt.refusals import Refused
from respool.adopt.scopes import pointers, scopes
from respool.deploy.definition import Definition, State

MARK = "respool: "


def is_ours(state: State) -> bool:
    """Whether `adopt` has added the state."""
    return str(state.get("Comment", "")).startswith(MARK)


def undo(definition: Definition) -> Definition:
    """The definition as it was before it was adopted, its fields in their order. Raises Refused."""
    result: Definition = loads(json.dumps(definition, ensure_ascii=False))
    for scope in list(scopes(result)):
        _clear(scope.machine)
    return result


def _clear(machine: Definition) -> None:
    states: dict[str, State] = machine["States"]
    ways: dict[str, str] = {}
    for name, state in states.items():
        if is_ours(state):
            task, fields = remembered(name, state)
            if task:
                ways[name] = task
                if task not in states:
                    raise Refused(f"{name!r} belongs to {task!r}, which is gone. Take it out.")
                states[task] = _restored(states[task], fields)
            elif state.get("Type") == "Pass" and "Next" in state:
                ways[name] = state["Next"]
    leftovers = [name for name, each in states.items() if is_ours(each)]
    if leftovers and not ways:
        raise Refused(
            f"{leftovers[0]!r} is a state of respool's, but no adopted task is there. Take it out."
        )
    machine["States"] = {name: each for name, each in states.items() if not is_ours(each)}
    machine["StartAt"] = _behind(machine["StartAt"], ways)
    for state in machine["States"].values():
        for holder, field in pointers(state):
            holder[field] = _behind(holder[field], ways)


def remembered(name: str, state: State) -> tuple[str, dict[str, Any]]:
    """The task that a ClaimJob stands before, and what of it was changed."""
    _, mark, text = str(state["Comment"]).partition(UNDO)
    if not mark:
        return "", {}
    try:
        ((task, fields),) = loads(text).items()
    except (ValueError, AttributeError) as wrong:
        raise Refused(f"The comment of {name!r} was changed. Put it back as it was.") from wrong
    return str(task), fields


def _restored(task: State, fields: dict[str, Any]) -> State:
    state: State = {}
    for name, value in task.items():
        if name == "Next" and fields.get("End") is not None:
            state["End"] = fields["End"]
        elif name not in CHANGED or name not in fields:
            state[name] = value
        elif fields[name] is not None:
            state[name] = fields[name]
    return state


def _behind(name: str, ways: dict[str, str]) -> str:
    seen: set[str] = set()
    while name in ways and name not in seen:
        seen.add(name)
        name = ways[name]
    return name

"""Whether a definition of the stage's own still is as adopt made it: where jobs go, with what."""

from typing import Any

from respool.adopt.definition import Choices, adopt
from respool.adopt.refusals import Refused
from respool.adopt.scopes import Scope, scopes
from respool.adopt.undo import is_ours, remembered, undo
from respool.deploy.definition import Definition, State

WAYS = ("Type", "Next", "Default", "End", "InputPath", "OutputPath", "ResultPath", "Output")


def changed(definition: Definition) -> list[str]:
    """The states that lead elsewhere, or take something else, than adopt would have them do.

    Empty as well where the comments that adopt wrote are gone, so that nothing can be compared.
    """
    tasks = {name: label for scope in scopes(definition) for name, label in _tasks(scope)}
    if not tasks:
        return []
    ours = _shapes(definition)
    names: list[str] = []
    for one_retry in (False, True):
        try:
            again = _shapes(adopt(undo(definition), Choices(tasks, one_retry=one_retry)))
        except Refused:
            return []
        names = sorted(name for name in {*ours, *again} if ours.get(name) != again.get(name))
        if not names:
            return []
    return names


def _tasks(scope: Scope) -> list[tuple[str, str]]:
    """The chosen tasks of a scope, by the way to them, with the names of their slots."""
    tasks = []
    for name, state in scope.states:
        task = remembered(name, state)[0] if is_ours(state) else ""
        if task:
            labels = [
                str(one["task"])
                for one in state.get("Assign", {}).values()
                if isinstance(one, dict) and "task" in one
            ]
            tasks.append(("/".join((*scope.path, task)), labels[0] if labels else ""))
    return tasks


def _shapes(definition: Definition) -> dict[str, Any]:
    shapes = {}
    for scope in scopes(definition):
        path = "".join(f"{each}/" for each in scope.path)
        shapes[path + "(StartAt)"] = scope.machine["StartAt"]
        for name, state in scope.states:
            shapes[path + name] = _shape(state)
    return shapes


def _shape(state: State) -> Any:
    holders = [*state.get("Catch", []), *state.get("Choices", [])]
    ways = [
        {field: holder.get(field) for field in (*WAYS, "ErrorEquals") if field in holder}
        for holder in holders
    ]
    return {field: state[field] for field in WAYS if field in state}, ways

"""What a definition must fulfil before it is deployed; AWS refuses the rest by itself, but late."""

from collections.abc import Collection, Iterator

from chalicelib.limits import NAME
from respool.deploy.checks import arguments, expressions, frames, languages, shapes
from respool.deploy.definition import (
    Definition,
    State,
    all_states,
    language_of,
    listed,
    machines,
    placeholders,
    states_of,
    strings,
)

TYPES = ("Task", "Choice", "Wait", "Pass", "Parallel", "Map", "Succeed", "Fail")


def findings(definition: Definition, names: Collection[str]) -> Iterator[str]:
    """What is wrong with a definition whose placeholders may have the known names, and the remedy.

    Each finding begins with the state where it is.
    """
    yield from frames.findings(definition)
    yield from shapes.findings(definition)
    variables = expressions.variables_of(definition)
    for place, machine in machines(definition):
        yield from _machine_findings(machine, f"{place}: " if place else "")
        for name, state in states_of(machine):
            yield from languages.findings(name, state, language_of(state, definition))
            yield from _language_findings(name, state, definition, variables)
    for name, state in all_states(definition):
        yield from arguments.findings(name, state)
        yield from _unknown_placeholders(name, state, names)


def _language_findings(
    name: str, state: State, definition: Definition, variables: Collection[str]
) -> Iterator[str]:
    if language_of(state, definition) == "JSONata":
        yield from expressions.findings(name, state, variables)
        yield from _expression_findings(name, state)


def _machine_findings(machine: Definition, place: str) -> Iterator[str]:
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        yield f"{place}States is missing or empty. List the states there."
        return
    for name, state in states.items():
        if not isinstance(state, dict):
            yield f"{place}state {name} is not a JSON object."
        elif len(name) > NAME:
            yield f"{place}state {name}: its name has {len(name)} characters, 80 are allowed."
    yield from (place + finding for finding in _way_findings(machine, dict(states_of(machine))))


def _way_findings(machine: Definition, states: dict[str, State]) -> Iterator[str]:
    start = machine.get("StartAt")
    if start not in states:
        yield f"StartAt names {start!r}, which is not a state. Name one of: {', '.join(states)}."
        return
    for name, state in states.items():
        if state.get("Type") not in TYPES:
            yield f"state {name}: Type {state.get('Type')!r} is none of {', '.join(TYPES)}."
        for target in _targets(state):
            if target not in states:
                yield f"state {name}: leads to {target!r}, which is not a state. Rename or add it."
        if state.get("Type") not in ("Choice", "Succeed", "Fail") and _ends(state) != 1:
            yield f"state {name}: has to have either Next or End, and not both."
    for name in sorted(set(states) - _reachable(str(start), states)):
        yield f"state {name}: no state leads there. Remove it, or name it in a Next."


def _targets(state: State) -> list[str]:
    holders = [state, *listed(state, "Choices"), *listed(state, "Catch")]
    targets = [holder.get("Next") for holder in holders] + [state.get("Default")]
    return [str(target) for target in targets if target is not None]


def _ends(state: State) -> int:
    return ("Next" in state) + (state.get("End") is True)


def _reachable(start: str, states: dict[str, State]) -> set[str]:
    reached: set[str] = set()
    ahead = [start]
    while ahead:
        name = ahead.pop()
        if name in states and name not in reached:
            reached.add(name)
            ahead += _targets(states[name])
    return reached


def _unknown_placeholders(name: str, state: State, names: Collection[str]) -> Iterator[str]:
    inner = {k: v for k, v in state.items() if k not in ("Branches", "ItemProcessor", "Iterator")}
    for placeholder in sorted(placeholders(inner) - set(names)):
        yield (
            f"state {name}: ${{{placeholder}}} stands for nothing. Use one of"
            f" {', '.join(f'${{{one}}}' for one in sorted(names))}: a Lambda of app.py by its name"
            " in CamelCase."
        )


def _expression_findings(name: str, state: State) -> Iterator[str]:
    for text in strings(state):
        if text.startswith("{%") != text.endswith("%}"):
            yield f"state {name}: {text[:40]!r} has to begin with {{% and end with %}}, or neither."

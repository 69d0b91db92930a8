"""What a definition must fulfil before it is deployed; AWS refuses the rest by itself, but late."""

import re
from collections.abc import Collection, Iterator, Mapping

from respool.deploy.definition import (
    Definition,
    State,
    all_states,
    machines,
    placeholders,
    states_of,
    strings,
)

RETENTION = 1_209_600
"""Seconds that the spool keeps a message: a token must time out before, to be spooled anew."""

REQUIRED = ("ClaimJob", "TakeSlot", "ParkJob", "ErrorSpool", "SpoolDirectly", "ResumeJob", "Finish")
TYPES = ("Task", "Choice", "Wait", "Pass", "Parallel", "Map", "Succeed", "Fail")
MAX_NAME = 80


def findings(definition: Definition, known: Collection[str]) -> Iterator[str]:
    """What is wrong with a definition whose placeholders may have the known names, and the remedy.

    Each finding begins with the state where it is.
    """
    if definition.get("QueryLanguage") != "JSONata":
        yield 'QueryLanguage is not "JSONata". Set it at the top of the file.'
    top = dict(states_of(definition))
    for name in REQUIRED:
        if name not in top:
            yield f"state {name} is missing. Copy it from the statemachine.json of the project."
    for place, machine in machines(definition):
        yield from _machine_findings(machine, f"{place}: " if place else "")
    for name, state in all_states(definition):
        yield from _task_findings(name, state, top)
        yield from _unknown_placeholders(name, state, known)
        yield from _token_findings(name, state)
        yield from _expression_findings(name, state)


def _machine_findings(machine: Definition, place: str) -> Iterator[str]:
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        yield f"{place}States is missing or empty. List the states there."
        return
    for name, state in states.items():
        if not isinstance(state, dict):
            yield f"{place}state {name} is no JSON object."
        elif len(name) > MAX_NAME:
            yield f"{place}state {name}: its name has {len(name)} characters, 80 are allowed."
    yield from (place + finding for finding in _way_findings(machine, dict(states_of(machine))))


def _way_findings(machine: Definition, states: dict[str, State]) -> Iterator[str]:
    start = machine.get("StartAt")
    if start not in states:
        yield f"StartAt names {start!r}, which is no state. Name one of: {', '.join(states)}."
        return
    for name, state in states.items():
        if state.get("Type") not in TYPES:
            yield f"state {name}: Type {state.get('Type')!r} is none of {', '.join(TYPES)}."
        for target in _targets(state):
            if target not in states:
                yield f"state {name}: leads to {target!r}, which is no state. Rename or add it."
        if state.get("Type") not in ("Choice", "Succeed", "Fail") and _ends(state) != 1:
            yield f"state {name}: has to have either Next or End, and not both."
    for name in sorted(set(states) - _reachable(str(start), states)):
        yield f"state {name}: no state leads there. Remove it, or name it in a Next."


def _targets(state: State) -> list[str]:
    holders = [state, *_list(state, "Choices"), *_list(state, "Catch")]
    found = [holder.get("Next") for holder in holders] + [state.get("Default")]
    return [str(target) for target in found if target is not None]


def _list(state: State, name: str) -> list[State]:
    found = state.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


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


def _unknown_placeholders(name: str, state: State, known: Collection[str]) -> Iterator[str]:
    inner = {k: v for k, v in state.items() if k not in ("Branches", "ItemProcessor", "Iterator")}
    for placeholder in sorted(placeholders(inner) - set(known)):
        yield (
            f"state {name}: nothing is known as ${{{placeholder}}}. Known are"
            f" {', '.join(f'${{{one}}}' for one in sorted(known))}: a Lambda of app.py by its name"
            " in CamelCase."
        )


def _token_findings(name: str, state: State) -> Iterator[str]:
    if not str(state.get("Resource", "")).endswith(".waitForTaskToken"):
        return
    seconds = state.get("TimeoutSeconds")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds < RETENTION:
        yield (
            f"state {name}: waits for a task token with TimeoutSeconds {seconds!r}. Set a number"
            f" under {RETENTION} (14 days): a job must be spooled anew before SQS drops it."
        )
    elif not _catches(state, "States.Timeout"):
        yield f'state {name}: does not catch "States.Timeout". Let it lead back to ErrorSpool.'


def _task_findings(name: str, state: State, top: Mapping[str, State]) -> Iterator[str]:
    """Slots and records name an uncertain task by its state, which a redrive has to find."""
    for holder in [state, *_list(state, "Catch")]:
        assigned = holder.get("Assign")
        task = assigned.get("task") if isinstance(assigned, dict) else None
        if not isinstance(task, str) or task.startswith("{%"):
            continue
        if task not in top:
            yield (
                f"state {name}: assigns the task {task!r}, which is no state. Name the uncertain"
                " task's state there: its slots and its failures go by that name."
            )
        elif not _catches(top[task], "States.ALL"):
            yield (
                f'state {task}: is an uncertain task, and does not catch "States.ALL". Give it'
                " the Catch of UncertainTask, or a failure ends the job instead of parking it."
            )


def _catches(state: State, error: str) -> bool:
    names = [set(catcher.get("ErrorEquals", ())) for catcher in _list(state, "Catch")]
    return any(caught & {error, "States.ALL"} for caught in names)


def _expression_findings(name: str, state: State) -> Iterator[str]:
    for text in strings(state):
        if text.startswith("{%") != text.endswith("%}"):
            yield f"state {name}: {text[:40]!r} has to begin with {{% and end with %}}, or neither."
        elif re.match(r"\s*\$\.", text):
            yield f"state {name}: {text[:40]!r} is JSONPath. Write it in JSONata, inside {{% %}}."

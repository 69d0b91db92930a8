"""The state machine's definition: read, varied by SPOOL_VIA, its placeholders found and filled."""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")

Definition = dict[str, Any]
State = dict[str, Any]


INVOKE = "arn:aws:states:::lambda:invoke"
SEND = "arn:aws:states:::sqs:sendMessage"
SPOOLED = (
    "{% ($text := $string($states.context.Execution.Input); $length($text) > 55000"
    " or $contains($text, /[0-9]{16}|[0-9]e\\+/) ? null : $states.context.Execution.Input) %}"
)
"""The input as a note without a Lambda holds it.

Not one that might not fit into 256 KiB beside a cause of 4,000 characters, nor one whose numbers an
expression would round: a note with null there is one by reference, the execution has the input.
"""


def spooling_via(definition: Definition, via: str) -> Definition:
    """The definition as SPOOL_VIA wants it: with `sqs`, its notes are sent without a Lambda.

    A note is the same, and has the input, which else the Lambda adds.
    """
    if via != "sqs":
        return definition
    result: Definition = copy.deepcopy(definition)
    for _, machine in machines(result):
        states = dict(states_of(machine))
        sends = [name for name, state in states.items() if _calls_error_spool(state)]
        claims = [
            (state["Assign"], suffix) for state in states.values() for suffix in _claim(state)
        ]
        for name in sends if claims else []:
            _send_directly(states[name], claims[0][1])
            for assigned, suffix in claims:
                assigned[f"respoolInput{suffix}"] = SPOOLED
    return result


def _calls_error_spool(state: State) -> bool:
    arguments = state.get("Parameters") or state.get("Arguments")
    return isinstance(arguments, dict) and arguments.get("FunctionName") == "${ErrorSpool}"


def _claim(state: State) -> list[str]:
    """What ends the names of a frame's variables, where one begins; a machine's frames share it."""
    assigned = state.get("Assign")
    return [
        name.removeprefix("respool")
        for name, value in (assigned.items() if isinstance(assigned, dict) else ())
        if isinstance(value, dict) and {"pk", "task"} <= value.keys()
    ]


def _send_directly(state: State, suffix: str) -> None:
    part = "Parameters" if "Parameters" in state else "Arguments"
    variable = f"$respoolInput{suffix}"
    kept = {"input.$": variable} if part == "Parameters" else {"input": f"{{% {variable} %}}"}
    body = {**state[part]["Payload"], **kept}
    state["Resource"] = SEND
    state[part] = {"QueueUrl": "${SpoolUrl}", "MessageBody": body}


def language_of(state: State, machine: Definition) -> str:
    """JSONPath or JSONata: a state's own query language, else its machine's."""
    return str(state.get("QueryLanguage") or machine.get("QueryLanguage") or "JSONPath")


def machines(definition: Definition) -> Iterator[tuple[str, Definition]]:
    """The machine and those inside its Map and Parallel states, each with its place."""
    yield "", definition
    for name, state in states_of(definition):
        inner = [(part, state.get(part)) for part in ("ItemProcessor", "Iterator")]
        branches = state.get("Branches")
        if isinstance(branches, list):
            inner += [(f"Branches[{n}]", branch) for n, branch in enumerate(branches)]
        for part, machine in inner:
            if isinstance(machine, dict):
                for place, nested in machines(machine):
                    yield f"{name}.{part}" + (f".{place}" if place else ""), nested


def listed(state: State, field: str) -> list[State]:
    """A state's catchers, retriers or rules, those that are objects."""
    value = state.get(field)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def states_of(definition: Definition) -> list[tuple[str, State]]:
    """The states of one machine, those that are objects."""
    states = definition.get("States")
    if not isinstance(states, dict):
        return []
    return [(name, state) for name, state in states.items() if isinstance(state, dict)]


def all_states(definition: Definition) -> list[tuple[str, State]]:
    """Every state at any depth."""
    return [state for _, machine in machines(definition) for state in states_of(machine)]


def placeholders(value: Any) -> set[str]:
    """The names inside `${...}` in all strings of a JSON value."""
    return {name for text in strings(value) for name in PLACEHOLDER.findall(text)}


def strings(value: Any) -> Iterator[str]:
    """All strings in a JSON value, the names of its fields aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def fill(value: Any, values: Mapping[str, str]) -> Any:
    """The JSON value with its placeholders filled, as CloudFormation fills them."""
    return rewrite(value, lambda text: PLACEHOLDER.sub(lambda m: values.get(m[1], m[0]), text))


def rewrite(value: Any, change: Callable[[str], Any]) -> Any:
    """The JSON value with every string changed, the names of its fields aside."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: rewrite(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [rewrite(inner, change) for inner in value]
    return value

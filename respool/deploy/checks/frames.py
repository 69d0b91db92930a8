"""What must hold of the states that respool has put around a task: by what they do, not by name."""

import json
from collections.abc import Iterator, Mapping

from respool.adopt.frame import UNDO
from respool.deploy.checks import languages
from respool.deploy.definition import Definition, State, listed, machines, states_of

WAITS = ".waitForTaskToken"
GIVEN_UP = "GivenUp"
"""The error by which a waiting job is ended for good."""
ADOPT = "Adopt it again: name the task in UNCERTAIN_TASKS, or run respool adopt."


EFFECTS = {
    "takes a slot in the task": "SET owners.#me = :execution",
    "stands in line for it": "ADD waiting :one",
    "parks the job": "SET failed.#counts = :failed",
    "says that the job has ended": "SET endedAt = :now",
}
"""What each frame does at the least, by the writes of its states."""


def findings(definition: Definition) -> Iterator[str]:
    """What is missing of the frames, or would let a job be lost, each with its state."""
    for _, machine in machines(definition):
        states = dict(states_of(machine))
        claims = [name for name, state in states.items() if _assigned(state)]
        for what, does in EFFECTS.items():
            if sum(does in _said(state) for state in states.values()) < len(claims):
                yield f"state {claims[0]}: no state {what}. {ADOPT}"
        for name, state in states.items():
            if is_wait(state):
                yield from _of_wait(name, state)
        for name in claims:
            yield from _of_claim(name, states)


def _of_claim(name: str, states: Mapping[str, State]) -> Iterator[str]:
    for task in _tasks(states[name]):
        if task not in states:
            yield f"state {name}: is for the task {task!r}, which is not a state beside it. {ADOPT}"
        elif not any("States.ALL" in one.get("ErrorEquals", ()) for one in _catchers(states[task])):
            yield (
                f'state {task}: is an uncertain task, and does not catch "States.ALL", so that a'
                f" failure ends the job instead of parking it. {ADOPT}"
            )


def _catchers(state: State) -> list[State]:
    return listed(state, "Catch")


def is_wait(state: State) -> bool:
    """Whether a job waits there, for as long as it takes."""
    return str(state.get("Resource", "")).endswith(WAITS) and "$respool" in _said(state)


def _said(state: State) -> str:
    return json.dumps([state.get("Parameters"), state.get("Arguments")], ensure_ascii=False)


def _of_wait(name: str, state: State) -> Iterator[str]:
    for field in ("TimeoutSeconds", "HeartbeatSeconds"):
        if field in state:
            yield (
                f"state {name}: has {field}, and a job waits there for as long as it takes. Take"
                " it out."
            )
    first = next((one for one in listed(state, "Retry") if _takes(one)), {"MaxAttempts": 0})
    if first.get("MaxAttempts", 1) != 0:
        yield (f'state {name}: retries "{GIVEN_UP}", by which a waiting job is ended. {ADOPT}')


def _takes(holder: State) -> bool:
    return bool({GIVEN_UP, "States.ALL"} & set(holder.get("ErrorEquals", ())))


def _assigned(state: State) -> list[str]:
    """The tasks that a claim of this state is for, whatever the variable's name."""
    return [
        str(value["task"])
        for _, holder in languages.parts(state)
        for value in _values(holder)
        if isinstance(value, dict) and {"pk", "task"} <= value.keys()
    ]


def _values(holder: State) -> list[object]:
    assigned = holder.get("Assign")
    return list(assigned.values()) if isinstance(assigned, dict) else []


def _tasks(state: State) -> list[str]:
    """The states that it claims for: as its comment tells, else by the names of their slots."""
    _, _, text = str(state.get("Comment", "")).partition(UNDO)
    try:
        return list(json.loads(text))
    except ValueError:
        return _assigned(state)

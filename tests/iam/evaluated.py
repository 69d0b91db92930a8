"""The definition's Task states as they call AWS: placeholders filled, parameters resolved."""

from typing import Any

from respool.deploy.definition import Definition, State, states_of
from tests.frame import Run

WAITING = ".waitForTaskToken"


def tasks(machine: str, via: str, url: str) -> list[tuple[str, Any]]:
    """Each Task's resource and arguments, as an execution has them whose task failed before."""
    run = Run({"key": "k"}, "one", via=via, path=machine, values={"SpoolUrl": url})
    run.claim()
    run.fail("E", "why")
    run.variables["respoolNoted"] = "yes"
    states: Definition = {"States": run.states}
    return [
        (state["Resource"].removesuffix(WAITING), _arguments(run, name, state))
        for name, state in states_of(states)
        if state["Type"] == "Task"
    ]


def _arguments(run: Run, name: str, state: State) -> Any:
    """Of a JSONata state only what is no expression counts: whom it calls."""
    if "Parameters" in state:
        return run.parameters(name, token="t" * 10)
    return state.get("Arguments", {})

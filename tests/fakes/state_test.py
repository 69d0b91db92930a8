"""Step Functions' TestState in memory, with the variables and mocks that the emulator lacks."""

import json
from typing import Any

from chalicelib.job.execution import Status
from tests.fakes.clock import SteppedClock
from tests.fakes.definition import Definition, State
from tests.fakes.executions import Executions
from tests.fakes.machine import Machine
from tests.fakes.resources import Resources, StateFailed
from tests.fakes.run import Run
from tests.fakes.wire import Wire


class Mocked(Resources):
    """What a tested state calls: it gives the error or the result that was sent along."""

    def __init__(self, mock: dict[str, Any]) -> None:
        self.wire = Wire()
        self._mock = mock

    def call(self, _run: Run, _state: State, _arguments: Any) -> Any:
        """The mock's result. Raises StateFailed."""
        if wrong := self._mock.get("errorOutput"):
            raise StateFailed(wrong["error"], wrong["cause"])
        return json.loads(self._mock.get("result", "{}"))


class StateTest:
    """A client of Step Functions that runs single states of one definition."""

    def __init__(self, definition: Definition, texts: dict[str, Any]) -> None:
        self._definition = definition
        self._texts = texts
        self.asked: list[dict[str, Any]] = []
        self.diagnostics: list[dict[str, str]] = []

    def validate_state_machine_definition(self, **_: Any) -> dict[str, Any]:
        """What it was told to find."""
        return {"result": "FAIL" if self.diagnostics else "OK", "diagnostics": self.diagnostics}

    def test_state(self, **asked: Any) -> dict[str, Any]:
        """Run the state that has this definition until it leads on, retries or ends."""
        self.asked.append(asked)
        state = json.loads(asked["definition"])
        (name,) = (one for one, text in self._texts.items() if text == state)
        clock = SteppedClock()
        executions = Executions(clock)
        machine = Machine(clock, executions, self._definition, Mocked(asked.get("mock", {})))
        context = json.loads(asked["context"])["Execution"]
        run = executions.runs[executions.start(context["Name"], asked["input"])]
        machine.step(run) if state["Type"] == "Choice" else run.enter(name, 0, clock.now())
        if state["Type"] != "Choice":
            run.variables = json.loads(asked["variables"])
            tried = asked.get("stateConfiguration", {}).get("retrierRetryCount", 0)
            run.tries.update(dict.fromkeys(range(9), tried))
            machine.step(run)
        return _answer(run, name)


def _answer(run: Run, name: str) -> dict[str, Any]:
    told: dict[str, Any] = {"inspectionData": {"variables": json.dumps(run.variables)}}
    if run.status is Status.FAILED:
        return {**told, "status": "FAILED", "error": run.error, "cause": run.cause}
    if run.state == name:
        return {**told, "status": "RETRIABLE"}
    return {**told, "status": "SUCCEEDED", "nextState": run.state}

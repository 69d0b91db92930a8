"""The states of a definition, evaluated as Step Functions would, without running anything."""

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ministack.services import stepfunctions

from respool.deploy.definition import Definition, fill, spooling_via
from respool.local.patches import expressions, numbers, variables

expressions.strings_keep_their_characters()
numbers.expressions_compute_in_doubles()
numbers.large_numbers_are_written_in_full()
variables.json_path_states_have_variables()
variables.rules_and_catchers_speak_their_states_language()

TABLE = "respool-dev-claims"
NOW = "2026-11-24T01:00:00.000Z"
STARTED = "2026-11-24T00:00:00Z"
MACHINE = "arn:aws:states:us-east-1:123456789012:execution:respool-dev"
DAY = 86_400
VALUES = {
    "Claims": TABLE,
    "UncertainTask": "arn:aws:lambda:us-east-1:123456789012:function:respool-dev-uncertain_task",
    "ErrorSpool": "arn:aws:lambda:us-east-1:123456789012:function:respool-dev-error_spool",
    "SpoolUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/respool-dev-spool",
    "CloseAfter": "5",
    "HistorySeconds": str(30 * DAY),
}


class EvaluationError(Exception):
    """Step Functions calls it States.QueryEvaluationError."""


def read(path: str = "statemachine.json", via: str = "lambda") -> Definition:
    """A definition as it is deployed, its placeholders not yet filled."""
    return spooling_via(json.loads(Path(path).read_text()), via)


@dataclass
class Run:
    """One execution: what it was started with, and its workflow variables."""

    job: Any
    name: str = "name"
    via: str = "lambda"
    path: str = "statemachine.json"
    values: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states = fill(read(self.path, self.via), VALUES | self.values)["States"]
        self.begins = next(name for name in self.states if name.partition(": ")[0] == "ClaimJob")
        self.task = self.states[self.begins]["Assign"]["respool"]["task"]

    @property
    def execution(self) -> str:
        """Its ARN."""
        return f"{MACHINE}:{self.name}"

    def claim(self) -> str:
        """Enter the first task's ClaimJob; the state that comes next."""
        try:
            _, after = stepfunctions._execute_choice(
                self.states[self.begins], self.job, self._context()
            )
        except stepfunctions._ExecutionError as failed:
            raise EvaluationError(failed.error, failed.cause) from failed
        return str(after)

    def fail(self, error: str | None, cause: str | None) -> Any:
        """Let the uncertain task fail for good; what its catcher, or NoteFailure, keeps of it."""
        context = self._context()
        state = self.states[self.task]
        catcher = state["Catch"][-1]
        told = {"Error": error, "Cause": cause}
        variables._running.set((state, context))
        language = state.get("QueryLanguage", "JSONPath")
        stepfunctions._apply_catcher(catcher, {}, context, language, told)
        if catcher["Next"].partition(": ")[0] == "NoteFailure":
            self.enter(catcher["Next"])
        return self.variables["respoolFailure"]

    def enter(self, name: str) -> None:
        """Let a Pass state assign its variables."""
        stepfunctions._execute_pass(self.states[name], {}, self._context())

    def succeed(self) -> None:
        """Let the uncertain task succeed."""
        context = self._context()
        state = self.states[self.task]
        variables._running.set((state, context))
        stepfunctions._apply_state_assign(state, {}, context, result={})

    def parameters(self, state: str, now: str = NOW, token: str = "") -> Any:
        """What a JSONPath state calls its service with."""
        template = copy.deepcopy(self.states[state]["Parameters"])
        return variables.resolved(template, {}, self._context(now, token))

    def cause(self, state: str) -> str:
        """What a Fail state says."""
        return str(
            stepfunctions._fail_state_error(self.states[state], self.job, self._context())[1]
        )

    def _context(self, now: str = NOW, token: str = "") -> dict[str, Any]:
        return {
            "QueryLanguage": "JSONPath",
            "Execution": {
                "Id": self.execution,
                "Input": self.job,
                "Name": self.name,
                "StartTime": STARTED,
            },
            "State": {"EnteredTime": now},
            "Task": {"Token": token},
            "variables": self.variables,
        }

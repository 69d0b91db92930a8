"""The deployed definition of the state machine, read into states that the fake machine obeys."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from chalicelib.job.frames import Frames, frames_in
from respool.adopt.definition import Choices, adopt
from respool.deploy.definition import fill, spooling_via
from tests.fakes.service import TASK
from tests.fakes.templates import Template, jsonata, jsonpath, path

FILE = Path(__file__).parents[2] / "statemachine.json"
PLAIN = FILE.parent / "docs/pipelines/plain/one-task.json"
TABLE = "respool-memory-claims"
LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function:"
UNCERTAIN_TASK = f"{LAMBDA}uncertain_task"
ERROR_SPOOL = f"{LAMBDA}error_spool"


@dataclass(frozen=True)
class Rule:
    """A retrier or a catcher: which errors it takes, and what it says then."""

    errors: tuple[str, ...]
    fields: Mapping[str, Any]
    assign: Template | None
    output: Template

    def takes(self, error: str) -> bool:
        """Whether it is about that error; States.Runtime is nobody's."""
        if error == "States.Runtime":
            return False
        if "States.TaskFailed" in self.errors and error != "States.Timeout":
            return True
        return error in self.errors or "States.ALL" in self.errors


@dataclass(frozen=True)
class State:
    """One state, its templates read."""

    name: str
    fields: Mapping[str, Any]
    retriers: tuple[Rule, ...]
    catchers: tuple[Rule, ...]
    choices: tuple[tuple[Template, Template | None, str], ...]
    arguments: Template | None
    assign: Template | None
    output: Template
    error: Template
    cause: Template

    @property
    def type(self) -> str:
        """Task, Choice, Pass, Succeed or Fail."""
        return str(self.fields["Type"])

    @property
    def jsonata(self) -> bool:
        """Whether it speaks JSONata."""
        return self.fields.get("QueryLanguage") == "JSONata"

    @property
    def next(self) -> str:
        """The state behind it; empty at the end."""
        return "" if self.fields.get("End") else str(self.fields["Next"])

    @property
    def resource(self) -> str:
        """What a Task calls."""
        return str(self.fields.get("Resource", ""))

    @property
    def waits(self) -> bool:
        """Whether a Task waits for its token after the call."""
        return self.resource.endswith(".waitForTaskToken")


@dataclass(frozen=True)
class Definition:
    """A whole state machine."""

    start: str
    states: Mapping[str, State]

    @cached_property
    def frames(self) -> Frames:
        """What respool has put into it."""
        return frames_in({"States": {name: each.fields for name, each in self.states.items()}})


VALUES = {
    "Claims": TABLE,
    "UncertainTask": UNCERTAIN_TASK,
    "ErrorSpool": ERROR_SPOOL,
    "SpoolUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/respool-memory-spool",
    "CloseAfter": "0",
    "HistorySeconds": str(30 * 86_400),
}


@cache
def bare() -> Definition:
    """Somebody's own definition, with none of our states: the uncertain task alone."""
    task = {"Type": "Task", "Resource": UNCERTAIN_TASK, "End": True}
    return read({"StartAt": TASK, "States": {TASK: task}})


@cache
def adopted(machine: str, close_after: int = 0) -> Definition:
    """Another machine's definition, whose uncertain task `respool adopt` has put a frame around."""
    plain = json.loads(PLAIN.read_text("utf-8"))
    values = {**VALUES, "CloseAfter": str(close_after)}
    return read(fill(adopt(plain, Choices({TASK: ""}, machine, values=values)), values))


@cache
def deployed(via: str = "lambda", close_after: int = 0) -> Definition:
    """The project's definition, filled as a deploy fills it."""
    return read(_filled(via, CloseAfter=str(close_after)))


def deployed_json(via: str = "lambda", **values: str) -> str:
    """The project's definition as text, filled with these values where they are given."""
    return json.dumps(_filled(via, **values))


def _filled(via: str, **values: str) -> Any:
    definition = spooling_via(json.loads(FILE.read_text("utf-8")), via)
    return fill(definition, {**VALUES, **values})


def read(definition: Mapping[str, Any]) -> Definition:
    """A definition with all placeholders filled."""
    language = definition.get("QueryLanguage", "JSONPath")
    states = {
        name: _state(name, {"QueryLanguage": language, **fields})
        for name, fields in definition["States"].items()
    }
    return Definition(definition["StartAt"], states)


def _state(name: str, fields: Mapping[str, Any]) -> State:
    speaks = jsonata if fields["QueryLanguage"] == "JSONata" else jsonpath
    arguments = fields.get("Arguments", fields.get("Parameters"))
    return State(
        name=name,
        fields=fields,
        retriers=tuple(_rule(each, speaks) for each in fields.get("Retry", ())),
        catchers=tuple(_rule(each, speaks) for each in fields.get("Catch", ())),
        choices=tuple(
            (jsonata(each["Condition"]), _optional(each, "Assign", speaks), each["Next"])
            for each in fields.get("Choices", ())
        ),
        arguments=None if arguments is None else speaks(arguments),
        assign=_optional(fields, "Assign", speaks),
        output=_output(fields),
        error=speaks(fields.get("Error", "")),
        cause=speaks(fields.get("Cause", "")),
    )


def _rule(fields: Mapping[str, Any], speaks: Callable[[Any], Template]) -> Rule:
    kept = "input" if fields.get("ResultPath", "$") is None else "result"
    output = speaks(fields["Output"]) if "Output" in fields else lambda scope: scope[kept]
    assign = _optional(fields, "Assign", speaks)
    if assign is not None and speaks is jsonpath:  # `$` is the error output there
        assign = _of_result(assign)
    return Rule(tuple(fields["ErrorEquals"]), fields, assign, output)


def _of_result(template: Template) -> Template:
    return lambda scope: template({**scope, "input": scope["result"]})


def _optional(
    fields: Mapping[str, Any], name: str, speaks: Callable[[Any], Template]
) -> Template | None:
    return speaks(fields[name]) if name in fields else None


def _output(fields: Mapping[str, Any]) -> Template:
    """What a state hands on, out of its input and its result."""
    if fields["QueryLanguage"] == "JSONata":
        if "Output" in fields:
            return jsonata(fields["Output"])
        kept = fields["Type"] in ("Choice", "Pass", "Succeed")
        return lambda scope: scope["input"] if kept else scope["result"]
    if fields.get("ResultPath", "$") not in (None, "$"):
        raise NotImplementedError(f"ResultPath {fields['ResultPath']}")
    chosen = path(fields.get("OutputPath", "$"))
    return lambda scope: chosen(
        scope if fields.get("ResultPath", "$") is None else {**scope, "input": scope["result"]}
    )

"""What a state machine's definition computes: JSONata, and JSONPath with its intrinsic functions.

Each template is read once; what JSONata made of the same values is remembered.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from jsonata import Jsonata
from jsonata.utils import Utils

Scope = Mapping[str, Any]
"""`input`, `context`, `variables`, `now` and `millis`; with JSONata `states` besides."""
Template = Callable[[Scope], Any]
MOST_REMEMBERED = 20_000


class EvaluationError(Exception):
    """What Step Functions calls States.QueryEvaluationError."""


def jsonata(value: Any) -> Template:
    """A JSON value in which texts like `{% ... %}` are JSONata."""
    if "{%" not in repr(value):
        return lambda _: value
    if isinstance(value, dict):
        members = {name: jsonata(each) for name, each in value.items()}
        return lambda scope: {name: each(scope) for name, each in members.items()}
    if isinstance(value, list):
        items = [jsonata(each) for each in value]
        return lambda scope: [each(scope) for each in items]
    if isinstance(value, str) and value.startswith("{%") and value.endswith("%}"):
        return _Expression(value[2:-2])
    return lambda _: value


class _Expression:
    def __init__(self, text: str) -> None:
        self._compiled = Jsonata(text)
        self._compiled.set_output_convert_nulls(False)
        self._scope: Scope = {}
        self._compiled.register_lambda("now", lambda: self._scope["now"])
        self._compiled.register_lambda("millis", lambda: self._scope["millis"])
        self._remembered: dict[str, Any] = {}

    def __call__(self, scope: Scope) -> Any:
        known = scope["fingerprint"]
        if known not in self._remembered:
            if len(self._remembered) > MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[known] = self._evaluate(scope)
        return self._remembered[known]

    def _evaluate(self, scope: Scope) -> Any:
        self._scope = scope
        try:
            value = self._compiled.evaluate(None, {**scope["variables"], "states": scope["states"]})
        except Exception as problem:
            raise EvaluationError(str(problem)) from problem
        if value is None:
            raise EvaluationError("the expression's result is undefined")
        return Utils.convert_nulls(value)


def jsonpath(value: Any) -> Template:
    """A JSON value in which members like `name.$` are paths or intrinsic functions."""
    if ".$'" not in repr(value):
        return lambda _: value
    if isinstance(value, dict):
        members = {
            name.removesuffix(".$"): path(each) if name.endswith(".$") else jsonpath(each)
            for name, each in value.items()
        }
        return lambda scope: {name: each(scope) for name, each in members.items()}
    if isinstance(value, list):
        items = [jsonpath(each) for each in value]
        return lambda scope: [each(scope) for each in items]
    return lambda _: value


def path(text: str) -> Template:
    """One path, `$.a` in the input, `$$.a` in the context, `$a.b` in a variable; or a function."""
    if text.startswith("States."):
        return _function(text)
    if text.startswith("'"):
        return lambda _: text[1:-1]
    if not text.startswith("$"):
        return lambda _: json.loads(text)
    steps = text.lstrip("$").split(".")
    if text.startswith("$$"):
        return lambda scope: _look(scope["context"], steps[1:], text)
    if steps[0]:
        return lambda scope: _look(scope["variables"], steps, text)
    return lambda scope: _look(scope["input"], steps[1:], text)


def _look(value: Any, steps: list[str], text: str) -> Any:
    for step in steps:
        if not isinstance(value, dict) or step not in value:
            raise EvaluationError(f"the path {text} leads nowhere")
        value = value[step]
    return value


def _function(text: str) -> Template:
    name, _, inner = text.partition("(")
    arguments = [path(each.strip()) for each in _split(inner.removesuffix(")"))]
    return lambda scope: _FUNCTIONS[name]([argument(scope) for argument in arguments])


def _split(text: str) -> list[str]:
    """The arguments of a function, which may hold commas in quotes and in parentheses."""
    parts, depth, quoted = [""], 0, False
    for character in text:
        quoted ^= character == "'"
        depth += (character == "(") - (character == ")")
        if character == "," and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _format(values: list[Any]) -> str:
    pieces = values[0].split("{}")
    if len(pieces) != len(values):
        raise EvaluationError(f"States.Format({values[0]}) has {len(values) - 1} values")
    texts = [each if isinstance(each, str) else json.dumps(each) for each in values[1:]]
    filled = [text for pair in zip(pieces, [*texts, ""], strict=True) for text in pair]
    return "".join(filled)


_FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "States.Format": _format,
    "States.StringToJson": lambda values: json.loads(values[0]),
    "States.JsonToString": lambda values: json.dumps(values[0], separators=(",", ":")),
}

"""The largest payloads that a definition's states can build, by evaluating its expressions.

Step Functions ends an execution whose payload is too large, and no Catch holds it: what a state
adds to a job near the limit must not push it over. So every expression and every payload template
is evaluated on the largest jobs and errors there can be, by the emulator, which has AWS's own
functions too.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from chalicelib.limits import CAUSE, PAYLOAD
from respool.deploy.definition import (
    PLACEHOLDER,
    Definition,
    State,
    all_states,
    language_of,
    rewrite,
    strings,
)

MOST_VARIABLES = 10_485_760
"""Bytes of all variables of an execution."""
FILLERS = ("x", "\u3042", "\U0001f600", "\x01")
"""Characters of one, three and four bytes, and one that JSON writes with six."""
ROOM = 1024
"""Bytes that a job, and what its tasks answer, must leave free for what a pipeline adds to it."""
MOST_TOKEN = 2048
"""Characters of a task token."""
MOST_ROUNDS = 5
"""A variable may be made of others, which are made of others."""
_ARN = "arn:aws:states:us-east-1:123456789012:execution:respool-dev:" + "n" * 80
_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:respool-dev"
_NOW = "2026-11-24T01:00:00.000Z"
_THRESHOLD = re.compile(r"\b([1-9]\d{4,5})\b")


def findings(definition: Definition, room: int = ROOM) -> Iterator[str]:
    """What a state may build that Step Functions would not carry, each with its state."""
    yield from _judged(json.dumps(definition), room)[0]


def unjudged(definition: Definition, room: int = ROOM) -> tuple[str, ...]:
    """The parts that could not be evaluated, for want of what a service answers."""
    return _judged(json.dumps(definition), room)[1]


@cache
def _judged(text: str, room: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Stages differ in names alone; so a long one stands for all."""
    definition = rewrite(json.loads(text), lambda one: PLACEHOLDER.sub(_stand_in, one))
    sizes: dict[str, int] = {}
    places: set[str] = set()
    parts: set[str] = set()
    for job in _jobs(definition, PAYLOAD - room):
        run = _Run(definition, job)
        run.judge()
        places |= run.known
        parts |= run.parts
        for place, size in run.largest.items():
            sizes[place] = max(sizes.get(place, 0), size)
    problems = tuple(
        f"{place} may have {size} bytes, Step Functions takes {_limit(place)}."
        for place, size in sizes.items()
        if size > _limit(place)
    )
    return problems, tuple(sorted(parts - places))


def _stand_in(placeholder: re.Match[str]) -> str:
    return "9" * 10 if placeholder[1] in _NUMBERS else "p" * 150


_NUMBERS = ("CloseAfter", "HistorySeconds")
"""Placeholders that an expression reads as a number."""


def _limit(place: str) -> int:
    return MOST_VARIABLES if place == VARIABLES else PAYLOAD


VARIABLES = "all variables together"
"""The place that stands for every variable of an execution."""


def _jobs(definition: Definition, most: int) -> Iterator[tuple[str, Any]]:
    """The largest jobs, and those at each threshold that an expression names."""
    thresholds = {int(one) for text in strings(definition) for one in _THRESHOLD.findall(text)}
    key = "\u3042" * 341
    for filler in FILLERS:
        one = len(json.dumps(filler, ensure_ascii=False)) - 2
        frame = json.dumps({"key": key, "x": ""}, ensure_ascii=False, separators=(",", ":"))
        bytes_of_one = size_of(filler) - 2
        whole = (most - len(frame.encode())) // bytes_of_one
        yield filler, {"key": key, "x": filler * whole}
        for threshold in thresholds:
            fits = min((threshold - len(frame)) // one, whole)
            yield filler, {"key": key, "x": filler * max(fits, 0)}


def size_of(value: Any) -> int:
    """Bytes of a JSON value in UTF-8."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


@dataclass
class _Run:
    """One job's way through all states, with each variable as large as any state makes it."""

    definition: Definition
    job: tuple[str, Any]
    variables: dict[str, Any] = field(default_factory=dict)
    largest: dict[str, int] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    parts: set[str] = field(default_factory=set)

    def judge(self) -> None:
        """Measure every part of every state."""
        states = all_states(self.definition)
        before = -1
        for _ in range(MOST_ROUNDS):
            for name, state in states:
                for place, template, seen in _each(name, state, "Assign"):
                    self._assign(place, template, seen, state)
            if (now := size_of(self.variables)) == before:
                break
            before = now
        for name, state in states:
            for place, template, seen in _built(name, state):
                for states_now in self._seen(seen, state):
                    self._measure(place, self._evaluate(state, template, states_now))
            self._measure_output(name, state)
        self.largest[VARIABLES] = before

    def _assign(self, place: str, template: Any, seen: str, state: State) -> None:
        for states_now in self._seen(seen, state):
            values = self._evaluate(state, template, states_now)
            self._measure(place, values)
            for name, value in (values or {}).items():
                is_assigned = name in self.variables
                if not is_assigned or size_of(value) > size_of(self.variables[name]):
                    self.variables[name] = value

    def _measure_output(self, name: str, state: State) -> None:
        """What a JSONPath state makes of its input and its result."""
        path = state.get("ResultPath", "$")
        if state.get("Type") != "Task" or path in (None, "$"):
            return
        if language_of(state, self.definition) == "JSONPath":
            (seen,) = self._seen("result", state)
            selector = state.get("ResultSelector")
            result = self._evaluate(state, selector, seen) if selector else seen["result"]
            self._measure(f"state {name}: ResultPath", [self.job[1], result])

    def _measure(self, place: str, value: Any) -> None:
        self.parts.add(place)
        if value is not None:
            self.known.add(place)
            self.largest[place] = max(self.largest.get(place, 0), size_of(value))

    def _seen(self, seen: str, state: State) -> list[dict[str, Any]]:
        filler, job = self.job
        if seen == "errorOutput":
            return [{"errorOutput": one} for one in _errors(filler)]
        if seen == "input":
            return [{"input": job}]
        return [{"result": _CLAIM if ":dynamodb:" in state.get("Resource", "") else job}]

    def _evaluate(self, state: State, template: Any, states_now: dict[str, Any]) -> Any:
        """What a template makes; None where a variable or an answer is not known here."""
        from ministack.services import stepfunctions

        from respool.local.patches import expressions, variables

        expressions.strings_keep_their_characters()
        context = {
            "Execution": {"Id": _ARN, "Input": self.job[1], "Name": "n" * 80, "StartTime": _NOW},
            "State": {"EnteredTime": _NOW, "Name": "s" * 80},
            "StateMachine": {"Id": _MACHINE, "Name": "respool-dev"},
            "Task": {"Token": "T" * MOST_TOKEN},
            "variables": self.variables,
        }
        try:
            if language_of(state, self.definition) == "JSONPath":
                (seen,) = states_now.values()
                return variables.resolved(template, seen, context)
            return stepfunctions._apply_jsonata_template(
                template,
                self.job[1],
                context,
                states_now.get("result"),
                states_now.get("errorOutput"),
            )
        except (stepfunctions._ExecutionError, AttributeError, LookupError, TypeError, ValueError):
            return None


def _built(name: str, state: dict[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """Every payload that a state makes, variables aside: where, of what, and from what."""
    for part in ("Arguments", "Output", "Items", "ItemSelector"):
        yield from _each(name, state, part)
    for part, seen in (("Parameters", "input"), ("ResultSelector", "result")):
        if part in state:
            yield f"state {name}: {part}", state[part], seen


def _each(name: str, state: dict[str, Any], part: str) -> Iterator[tuple[str, Any, str]]:
    if part in state:
        yield f"state {name}: {part}", state[part], "result"
    for place, seen in (("Catch", "errorOutput"), ("Choices", "result")):
        for n, one in enumerate(state.get(place, [])):
            if part in one:
                yield f"state {name}: {place}[{n}].{part}", one[part], seen


_ITEM = {
    "pk": {"S": "job#" + "\u3042" * 341},
    "execution": {"S": _ARN},
    "attempt": {"N": "1000"},
    "firstFailedAt": {"S": _NOW},
    "error": {"S": "n" * 256},
    "cause": {"S": "\u3042" * 4000},
    "runs": {"N": "1" * 10},
}
_CLAIM = {"Attributes": _ITEM, "Item": _ITEM}
"""What DynamoDB answers; whatever else is called answers with as much as it may."""


def _errors(filler: str) -> Iterator[dict[str, str]]:
    """An error of any service, and a Lambda's, whose cause is JSON."""
    yield {"Error": "n" * 256, "Cause": filler * CAUSE}
    members = {"errorMessage": filler * 1000, "errorType": "n" * 2900}
    for ascii_only in (True, False):
        cause = json.dumps(members, ensure_ascii=ascii_only)
        if len(cause) > 4000:
            cause = json.dumps({**members, "errorType": "n"}, ensure_ascii=ascii_only)
        yield {"Error": "n" * 256, "Cause": cause[:CAUSE]}

"""The frame as frame.json has it, filled for one task."""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from respool.adopt.naming import OURS, literal
from respool.deploy.definition import State, fill, rewrite

OF_TABLE = [
    f"DynamoDb.{name}"
    for name in (
        "TransactionCanceledException",
        "TransactionConflictException",
        "TransactionInProgressException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceededException",
        "ThrottlingException",
        "InternalServerErrorException",
        "ResourceNotFoundException",
        "DynamoDbException",
        "SdkClientException",
    )
]
"""What a write of ours may fail with; a job that is given up ends with its task's own error."""


@cache
def _frame() -> Any:
    return json.loads(files("respool.adopt").joinpath("frame.json").read_text("utf-8"))


@dataclass(frozen=True)
class Filling:
    """What the frame's blanks are for one task; `suffix` ends our variables' names there."""

    task: str
    name: str
    key: str
    pk: str
    input: str
    suffix: str
    values: Mapping[str, str]
    state: Callable[[str], str]
    """The name in this machine of one of the frame's states; of <TASK> and <AFTER> as well."""

    def named(self, local: str) -> State:
        """The frame's state of that name, filled."""
        state: State = self._filled(_frame()["States"][local])
        return state

    def part(self, *path: str) -> Any:
        """Another part of the frame, filled: what a chosen task is given."""
        node = _frame()
        for step in path:
            node = node[step]
        return self._filled(node)

    def _filled(self, value: Any) -> Any:
        result = rewrite(fill(copy.deepcopy(value), self.values), self._text)
        result = self._pointing(result)
        return _assigning(result, self.suffix) if self.suffix else result

    def _text(self, text: str) -> str:
        if text == "<NAME>":
            return self.name
        for blank, filled in (("<PK>", self.pk), ("<KEY>", self.key), ("<INPUT>", self.input)):
            text = text.replace(blank, filled)
        if not self.suffix:
            return text
        for name in sorted(OURS, key=len, reverse=True):
            for end in (".", " ", ")", ",", "]"):
                text = text.replace(f"${name}{end}", f"${name}{self.suffix}{end}")
            if text.endswith(f"${name}"):
                text += self.suffix
        return text

    def _pointing(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: self.state(each)
                if name in ("Next", "Default") and isinstance(each, str)
                else self._pointing(each)
                for name, each in value.items()
            }
        return [self._pointing(each) for each in value] if isinstance(value, list) else value


def _assigning(value: Any, suffix: str) -> Any:
    if isinstance(value, dict):
        return {
            name: _renamed(each, suffix)
            if name == "Assign" and isinstance(each, dict)
            else _assigning(each, suffix)
            for name, each in value.items()
        }
    return [_assigning(each, suffix) for each in value] if isinstance(value, list) else value


def _renamed(assign: State, suffix: str) -> State:
    return {
        f"{name[:-2]}{suffix}.$" if name.endswith(".$") else f"{name}{suffix}": each
        for name, each in assign.items()
    }


def item_number(variable: str, after: str) -> State:
    """A state that keeps an item's number for the items inside it."""
    state = copy.deepcopy(_frame()["States"]["NoteItem"])
    number = state["Assign"]["respoolItem"]
    return {**state, "Assign": {variable: number}, "Next": after}


def quoted(text: str) -> str:
    """A text in an Assign, where one that looks like an expression would be read as one."""
    return f"{{% {literal(text)} %}}" if text.startswith("{%") else text

"""Values of a JSON or YAML file, each with the place where its text stands."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import yaml

from respool.adopt.reading import TAG, Loader, dumped

Step = str | int
_BLANK = re.compile(r"[ \t\r\n]*")
_READ = json.JSONDecoder(parse_constant=lambda name: name)


class Node(Protocol):
    """A value, from `start` to `end` of its file's text."""

    @property
    def start(self) -> int:
        """Where the node begins in the text."""

    @property
    def end(self) -> int:
        """Behind its last character."""

    @property
    def value(self) -> Any:
        """The node's value as Python reads it."""

    def child(self, step: Step) -> "Node":
        """What stands in it under a name or a number; under its own tag, what is tagged."""

    def written(self, value: Any) -> str:
        """Another value as text for the node's place."""


@dataclass(frozen=True)
class JsonNode:
    """A value of a JSON file."""

    text: str
    start: int = 0

    @classmethod
    def of(cls, text: str) -> "JsonNode":
        """A file's one value."""
        return cls(text, len(_BLANK.match(text)[0]))  # type: ignore[index]

    @property
    def end(self) -> int:
        """Behind its last character."""
        return _READ.raw_decode(self.text, self.start)[1]

    @property
    def value(self) -> Any:
        """The node's value as JSON means it."""
        return _READ.raw_decode(self.text, self.start)[0]

    def child(self, step: Step) -> "JsonNode":
        """What stands in it under a name or a number; the last one where a name is repeated."""
        nodes = [at for name, at in self._children() if name == step]
        return JsonNode(self.text, nodes[-1])

    def _children(self) -> Iterator[tuple[Step, int]]:
        is_object, at, number = self.text[self.start] == "{", self._skip(self.start + 1), 0
        while self.text[at] not in "]}":
            name: Step = number
            if is_object:
                name, at = _READ.raw_decode(self.text, at)
                at = self._skip(self._skip(at) + 1)
            yield name, at
            at = self._skip(_READ.raw_decode(self.text, at)[1])
            at = self._skip(at + 1) if self.text[at] == "," else at
            number += 1

    def _skip(self, at: int) -> int:
        return at + len(_BLANK.match(self.text, at)[0])  # type: ignore[index]

    def written(self, value: Any) -> str:
        """A value as JSON text, as far to the right as the line that it begins on."""
        line = self.text.rfind("\n", 0, self.start) + 1
        margin = _BLANK.match(self.text, line)[0]  # type: ignore[index]
        return json.dumps(value, ensure_ascii=False, indent=2).replace("\n", "\n" + margin)


@dataclass(frozen=True)
class YamlNode:
    """A value of a YAML file; `column` is that of the name, or the dash, before it."""

    text: str
    node: Any
    column: int = 0
    behind_tag: bool = False

    @property
    def start(self) -> int:
        """Where the node begins in the text; behind its tag, if that was the step to it."""
        at = int(self.node.start_mark.index)
        if not self.behind_tag:
            return at
        at += len(self.node.tag)
        return at + len(_BLANK.match(self.text, at)[0])  # type: ignore[index]

    @property
    def end(self) -> int:
        """Behind its last character; blank lines and comments after it are not its own."""
        last = self.node
        while isinstance(last, yaml.CollectionNode) and not last.flow_style and last.value:
            last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
        end = int(last.end_mark.index)
        return len(self.text[:end].rstrip())

    @property
    def value(self) -> Any:
        """The value, with each tag as the name of an object's one field."""
        value = construct(self.node)
        return value[TAG + self.node.tag] if self.behind_tag else value

    def child(self, step: Step) -> "YamlNode":
        """What stands in it under a name or a number; under its own tag, what is tagged."""
        if step == TAG + self.node.tag:
            return replace(self, behind_tag=True)
        if isinstance(step, int):
            return YamlNode(self.text, self.node.value[step], self.node.start_mark.column)
        name, value = next(pair for pair in self.node.value[::-1] if pair[0].value == step)
        return YamlNode(self.text, value, name.start_mark.column)

    def written(self, value: Any) -> str:
        """A value as YAML: text of several lines as a block, an object in the style that it had."""
        margin = "\n" + " " * (self.column + 2)
        if isinstance(value, str) and "\n" in value:
            return "|" + margin + value.rstrip("\n").replace("\n", margin)
        if isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        flow = bool(self.node.flow_style)
        text = dumped(value, flow).rstrip("\n")
        if flow:
            return text
        begin = self.start - self.text.rfind("\n", 0, self.start) - 1
        return re.sub(r"\n(?=[^\n])", "\n" + " " * begin, text)


def construct(node: Any) -> Any:
    """The value of a YAML node, as JSON has it."""
    loader = Loader("")
    try:
        return json.loads(json.dumps(loader.construct_document(node)))
    finally:
        loader.dispose()


def compose(text: str) -> YamlNode:
    """A YAML file's one value. Raises YAMLError."""
    return YamlNode(text, yaml.compose(text, Loader))

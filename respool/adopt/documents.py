"""A file to adopt: a definition, or a template that holds some."""

from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from respool.adopt.cloudformation import Machine, machines
from respool.adopt.nodes import JsonNode, Node, compose
from respool.adopt.places import meant, places
from respool.adopt.reading import is_yaml, read, write
from respool.adopt.refusals import Refused
from respool.deploy.definition import Definition


@dataclass(frozen=True)
class Document:
    """A file's text, and the state machines in it."""

    file: str
    text: str
    machines: list[Machine]

    @classmethod
    def of(cls, text: str, file: str) -> "Document":
        """Read a file's text. Raises Refused."""
        template = _template(text, file)
        if template is None:
            return cls(file, text, [Machine("", read(text, file))])
        return cls(file, text, machines(template, file))

    def chosen(self, resource: str, name: str, tasks: Sequence[str]) -> Machine:
        """The machine of that resource; else the one of that name, or with these tasks.

        Raises Refused where that is not exactly one.
        """
        ways = [
            [each for each in self.machines if each.id == resource],
            [each for each in self.machines if name and each.name == name],
            [each for each in self.machines if _has(each, tasks)],
        ]
        candidates = ways[0] if resource else next((way for way in ways[1:] if way), self.machines)
        if len(candidates) == 1:
            return candidates[0]
        ids = ", ".join(each.id for each in self.machines if each.id)
        if resource:
            raise Refused(
                f"{self.file} has no state machine {resource!r}. Its state machines are: {ids}."
                if ids
                else f"{self.file} is not a template. Leave --resource out."
            )
        raise Refused(f"{self.file} has several state machines. Name one with --resource: {ids}.")

    def put(self, changed: Sequence[tuple[Machine, Definition]]) -> str:
        """The text with other definitions in place of those; all else byte for byte."""
        text = self.text
        for machine, definition in sorted(changed, key=_place, reverse=True):
            if machine.form is None:
                return write(definition, self.file)
            node = machine.form.node
            definition_text = node.written(machine.form.value(definition))
            text = text[: node.start] + definition_text + text[node.end :]
        return text


def _place(change: tuple[Machine, Definition]) -> int:
    return change[0].form.node.start if change[0].form else 0


def _has(machine: Machine, tasks: Sequence[str]) -> bool:
    spots = places(machine.definition)
    return bool(tasks) and all(meant(spots, task) for task in tasks)


def _template(text: str, file: str) -> Node | None:
    """The file's value where that is a template; None where it is something else."""
    try:
        node: Node = compose(text) if is_yaml(file) else JsonNode.of(text)
        value = node.value
    except (ValueError, RecursionError, yaml.YAMLError, AttributeError):
        return None  # a definition with bare placeholders; or nothing at all, as `read` will say
    is_one = isinstance(value, dict) and isinstance(value.get("Resources"), dict)
    return node if is_one and "States" not in value else None

"""State machines in templates of CloudFormation and SAM, as cdk synth and sam build write them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from respool.adopt.nodes import Node
from respool.adopt.reading import TAG, compact, loads, write
from respool.adopt.refusals import Refused
from respool.deploy.definition import Definition

KINDS = {
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "StateMachineType"),
    "AWS::Serverless::StateMachine": ("Name", "Type"),
}
"""The types of resources, and which of their properties say the name, and STANDARD or EXPRESS."""
_WHERE = ("Definition", "DefinitionString")
_ELSEWHERE = ("DefinitionUri", "DefinitionS3Location")
_SUB, _JOIN = ("Fn::Sub", f"{TAG}!Sub"), ("Fn::Join", f"{TAG}!Join")
_PART = re.compile(r"\$\{\ue010(\d+)\ue011\}")


class Form(Protocol):
    """How a template holds a definition."""

    @property
    def node(self) -> Node:
        """What another definition is put in place of."""

    def read(self) -> Any:
        """The definition. Raises ValueError."""

    def value(self, definition: Definition) -> Any:
        """What stands in its place for that definition."""


@dataclass(frozen=True)
class Whole:
    """An object of the template."""

    node: Node

    def read(self) -> Any:
        """The object."""
        return self.node.value

    def value(self, definition: Definition) -> Any:
        """The object."""
        return definition


@dataclass(frozen=True)
class Text:
    """JSON in a text, alone or in Fn::Sub."""

    node: Node

    def read(self) -> Any:
        """What the text says."""
        return loads(self.node.value)

    def value(self, definition: Definition) -> Any:
        """The text: on one line if it was on one."""
        return write(definition) if "\n" in self.node.value.strip() else compact(definition)


@dataclass(frozen=True)
class JoinedText:
    """JSON in pieces, with values of the template between them: Fn::Join."""

    node: Node

    def read(self) -> Any:
        """What the pieces say together; the template's values are placeholders."""
        between, parts = self.node.value
        pieces = [one if isinstance(one, str) else _name(n) for n, one in enumerate(parts)]
        return loads(between.join(pieces))

    def value(self, definition: Definition) -> Any:
        """Pieces again, each value of the template where its placeholder stands."""
        parts = self.node.value[1]
        pieces = _PART.split(compact(definition))
        values = [one if n % 2 == 0 else parts[int(one)] for n, one in enumerate(pieces)]
        return ["", [one for one in values if one != ""]]


def _name(number: int) -> str:
    return f"${{\ue010{number}\ue011}}"


@dataclass(frozen=True)
class Machine:
    """A state machine, with what is known of it; `id` is its resource's, empty without a template.

    `name` and `kind` (STANDARD, EXPRESS) are empty where nothing, or no plain text, says them.
    """

    id: str
    definition: Definition
    name: str = ""
    kind: str = ""
    form: Form | None = None


def machines(template: Node, file: str) -> list[Machine]:
    """The state machines of a template. Raises Refused where there is none that can be read."""
    resources: Mapping[str, Any] = template.value["Resources"]
    every: list[Machine] = []
    others: list[str] = []
    for id, resource in resources.items():
        if isinstance(resource, dict) and resource.get("Type") in KINDS:
            properties = resource.get("Properties") or {}
            at = [name for name in _WHERE if name in properties]
            if at:
                node = template.child("Resources").child(id).child("Properties").child(at[0])
                every.append(_machine(id, resource["Type"], properties, node, file))
            else:
                others.append(f"{id}: {_elsewhere(properties)}")
    if not every:
        raise Refused(f"{file}: {'; '.join(others) or 'the template has no state machine'}.")
    return every


def _elsewhere(properties: Mapping[str, Any]) -> str:
    for name in _ELSEWHERE:
        if name in properties:
            return f"adopt the file that {name} names instead: {_plain(properties[name])}"
    return "it has no definition"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value).replace("\\ue002", "")


def _machine(id: str, type: str, properties: Mapping[str, Any], node: Node, file: str) -> Machine:
    form = _form(node)
    try:
        definition = form.read() if form else None
    except (ValueError, RecursionError, TypeError) as wrong:
        raise Refused(f"{file}: the definition of {id} can't be read: {wrong}.") from wrong
    if not isinstance(definition, dict) or not isinstance(definition.get("States"), dict):
        raise Refused(
            f"{file}: the definition of {id} is neither an object with States, nor such JSON as a"
            " text, in Fn::Sub or in Fn::Join. Put it into a file of its own."
        )
    name, kind = (properties.get(each) for each in KINDS[type])
    return Machine(
        id,
        definition,
        name if isinstance(name, str) and "${" not in name else "",
        (kind if isinstance(kind, str) else "") if kind is not None else "STANDARD",
        form,
    )


def _form(node: Node) -> Form | None:
    value = node.value
    if isinstance(value, str):
        return Text(node)
    if not isinstance(value, dict):
        return None
    name, inner = next(iter(value.items()), ("", None)) if len(value) == 1 else ("", None)
    if name in _SUB and isinstance(inner, str):
        return Text(node.child(name))
    if name in _SUB and isinstance(inner, list) and inner and isinstance(inner[0], str):
        return Text(node.child(name).child(0))
    if name in _JOIN and isinstance(inner, list) and [type(one) for one in inner] == [str, list]:
        return JoinedText(node.child(name))
    return Whole(node)


def refuse(machine: Machine, machine_name: str, filled: bool) -> None:
    """Say what a template must have so that its machine can be adopted. Raises Refused."""
    if machine.kind == "EXPRESS":
        raise Refused(f"{machine.id} is EXPRESS, which can't wait for a token. Make it STANDARD.")
    if not machine.id:
        return
    if not machine_name:
        raise Refused(f"{machine.id} is not the stage's own machine: name it with --machine.")
    if machine.name and machine.name != machine_name:
        raise Refused(
            f"{machine.id} is called {machine.name} in AWS, not {machine_name}:"
            f" use --machine {machine.name}, or give it that name."
        )
    if not filled:
        raise Refused(
            "A template's placeholders are CloudFormation's to fill. Name the stage with --stage,"
            " so that respool's are filled here."
        )

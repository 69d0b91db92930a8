"""Adopts a definition: our states around each chosen task, all else to the letter."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.limits import DEFINITION
from respool.adopt import keys
from respool.adopt.frame import Frame, was
from respool.adopt.naming import Names
from respool.adopt.places import Place
from respool.adopt.reading import compact
from respool.adopt.refusals import Refused, check
from respool.adopt.scopes import Scope, pointers, returns, scopes
from respool.adopt.template import Filling, item_number, quoted
from respool.adopt.undo import undo
from respool.deploy.definition import Definition, State, language_of, placeholders

OURS = {"Claims", "ErrorSpool", "CloseAfter", "HistorySeconds"}
"""The placeholders of our states."""
INDEX = "$string($states.context.Map.Item.Index)"


@dataclass(frozen=True)
class Choices:
    """What is asked for. `tasks`: each chosen state, by its name or `Map/State`, with the name of
    its slots, or none.

    `machine`: the machine's name; empty for the stage's own. `key`: where a job's key is in its
    input. `values`: of the placeholders, as far as they are known.
    """

    tasks: Mapping[str, str]
    machine: str = ""
    key: str = ""
    one_retry: bool = False
    values: Mapping[str, str] = field(default_factory=dict)


def adopt(definition: Definition, choices: Choices) -> Definition:
    """The definition with each chosen task recoverable. Raises Refused."""
    original = undo(definition)
    places = check(original, list(choices.tasks))
    _refuse_placeholders(original, choices)
    adopted = _Adopting(original, choices, places).done()
    if len(size := compact(adopted).encode()) > DEFINITION:
        raise Refused(
            f"The adopted definition would have {len(size):,} bytes, and Step Functions takes"
            f" {DEFINITION:,}. Choose fewer tasks."
        )
    return adopted


def task_names(definition: Definition, choices: Choices) -> list[str]:
    """The names by which the slots of the chosen tasks go, each once. Raises Refused."""
    return list(dict.fromkeys(_labels(check(undo(definition), list(choices.tasks)), choices)))


def _labels(places: list[Place], choices: Choices) -> list[str]:
    begin = f"{choices.machine}/" if choices.machine else ""
    chosen = zip(places, choices.tasks.values(), strict=True)
    return [name or begin + place.address for place, name in chosen]


def _refuse_placeholders(definition: Definition, choices: Choices) -> None:
    """The team's own tool would fill ours with what it takes theirs to be."""
    shared = (placeholders(definition) & OURS) - set(choices.values)
    if shared and choices.machine:
        raise Refused(
            f"The definition has a placeholder ${{{min(shared)}}} of its own. Name the stage with"
            " --stage, so that respool's are filled."
        )


class _Adopting:
    def __init__(self, definition: Definition, choices: Choices, places: list[Place]) -> None:
        self.definition = definition
        self.choices = choices
        self.addresses = {each.spot: each.address for each in places}
        labels = _labels(places, choices)
        self.labels = {place.spot: label for place, label in zip(places, labels, strict=True)}
        self.names = Names(definition, len(choices.tasks) == 1)
        self.items: dict[int, str] = {}
        """The variable with an item's number, by the identity of its outer Map's machine."""

    def done(self) -> Definition:
        """Adopt each scope in turn; those inside were read before any was changed."""
        for scope in list(scopes(self.definition)):
            chosen = [name for name, _ in scope.states if _spot(scope, name) in self.labels]
            if chosen:
                self._scope(scope, chosen)
        return self.definition

    def _scope(self, scope: Scope, chosen: list[str]) -> None:
        suffix = self.names.suffix()
        items = [" & ".join(["'/'", each]) for each in self._numbers(scope)]
        tasks = {name: state for name, state in scope.states if name in chosen}
        claim_names = {name: self.names.state("ClaimJob", name) for name in chosen}
        frames = {
            name: self._frame(scope, name, state, suffix, items, claim_names)
            for name, state in tasks.items()
        }
        for name, state in scope.states:
            if name not in chosen:
                _retarget(state, claim_names)
        start = scope.machine["StartAt"]
        scope.machine["StartAt"] = claim_names.get(start, start)
        states: dict[str, State] = {}
        for name, state in scope.machine["States"].items():
            states |= frames.get(name, {name: state})
        scope.machine["States"] = states

    def _numbers(self, scope: Scope) -> list[str]:
        """The expressions that tell the items around a scope; the innermost Map's is at hand."""
        return [
            INDEX if outer is scope.maps[-1] else f"${self._noted(outer)}" for outer in scope.maps
        ]

    def _noted(self, scope: Scope) -> str:
        machine = scope.machine
        if id(machine) not in self.items:
            variable = self.names.item()
            name = self.names.state("NoteItem", machine["StartAt"])
            machine["States"] = {
                name: item_number(variable, machine["StartAt"]),
                **machine["States"],
            }
            machine["StartAt"] = name
            self.items[id(machine)] = variable
        return self.items[id(machine)]

    def _frame(
        self,
        scope: Scope,
        name: str,
        state: State,
        suffix: str,
        items: list[str],
        claim_names: dict[str, str],
    ) -> dict[str, State]:
        after = str(state.get("Next", ""))
        alone = scope.kind == "top" and _is_entered_once(scope.machine, name)
        frame = Frame(
            filling=self._filling(scope, name, suffix, items, claim_names[name], alone),
            task=state,
            own=not self.choices.machine,
            speaks=scope.language,
            jsonata=language_of(state, {"QueryLanguage": scope.language}) == "JSONata",
            first=alone,
            again=returns(scope.machine, name),
            one_retry=self.choices.one_retry,
            after=claim_names.get(after, after),
            target=claim_names,
        )
        states = frame.build()
        memory = compact({name: was(state, states[name])})
        states[claim_names[name]]["Comment"] += memory
        return states

    def _filling(
        self, scope: Scope, name: str, suffix: str, items: list[str], claim: str, alone: bool
    ) -> Filling:
        own = not self.choices.machine
        input = "$states.input" if alone else keys.GIVEN
        base = keys.OWN.replace("<INPUT>", input)
        if not own or scope.distributed:
            base = keys.foreign(self.choices.key, scope.distributed)
        several = len(self.choices.tasks) > 1 or scope.kind != "top"
        address = self.addresses[_spot(scope, name)]
        key = keys.of_place(base, items, address if several else "")
        names = {"ClaimJob": claim, "<TASK>": name, "<AFTER>": ""}

        def state(local: str) -> str:
            if local in names:
                return names[local]
            full_name = self.names.state(local, name)
            if local != "Leave":
                names[local] = full_name
            return full_name

        label = self.labels[_spot(scope, name)]
        return Filling(
            task=name,
            name=quoted(label),
            key=key,
            pk=keys.pk(key, self.choices.machine),
            input=input,
            suffix=suffix,
            values=self.choices.values,
            state=state,
        )


def _spot(scope: Scope, name: str) -> tuple[int, str]:
    return id(scope.machine), name


def _is_entered_once(machine: Definition, name: str) -> bool:
    """Whether a task is the machine's first state, and nothing leads back to it."""
    leading = [
        holder[pointer]
        for state in machine["States"].values()
        for holder, pointer in pointers(state)
        if holder[pointer] == name
    ]
    return machine["StartAt"] == name and not leading


def _retarget(state: State, claim_names: Mapping[str, str]) -> None:
    for holder, pointer in pointers(state):
        holder[pointer] = claim_names.get(holder[pointer], holder[pointer])


def same(one: Definition, other: Definition) -> bool:
    """Whether two definitions are the same JSON, the order of their fields included."""
    return json.dumps(one) == json.dumps(other)

"""The machine, and the machines inside its Map and Parallel states: each a scope of variables."""

from collections.abc import Iterator
from dataclasses import dataclass

from respool.deploy.definition import Definition, State, listed, states_of

POINTERS = ("Next", "Default")


@dataclass(frozen=True)
class Scope:
    """One machine; `holders` are the scopes around it, the outermost first.

    `kind`: top, branch, map, or distributed (a Map's child, an execution of its own). `most`: the
    MaxConcurrency of its Map, if it has one. `express`: it, or a Map around it, runs as EXPRESS.
    """

    machine: Definition
    language: str
    kind: str = "top"
    most: int | str = 0
    express: bool = False
    holders: tuple["Scope", ...] = ()
    within: str = ""
    """The Map or Parallel state that it is in, with the branch's number: `Both[0]`."""

    @property
    def path(self) -> tuple[str, ...]:
        """The Map and Parallel states around its own states, the outermost first."""
        return tuple(each.within for each in (*self.holders[1:], self) if each.within)

    @property
    def states(self) -> list[tuple[str, State]]:
        """The machine's own states, not those of the machines inside it."""
        return states_of(self.machine)

    @property
    def maps(self) -> list["Scope"]:
        """The inline Maps' scopes that lead here, within one execution; the outermost first."""
        maps: list[Scope] = []
        for scope in (*self.holders, self):
            maps = [] if scope.kind == "distributed" else maps
            maps += [scope] if scope.kind == "map" else []
        return maps

    @property
    def distributed(self) -> bool:
        """Whether it runs in a child execution of a distributed Map."""
        return any(scope.kind == "distributed" for scope in (*self.holders, self))


def scopes(definition: Definition) -> Iterator[Scope]:
    """Every scope at any depth, outer ones first."""
    language = str(definition.get("QueryLanguage", "JSONPath"))
    yield from _inside(Scope(definition, language))


def _inside(scope: Scope) -> Iterator[Scope]:
    yield scope
    for name, state in scope.states:
        for inner in _machines(name, state, scope):
            yield from _inside(inner)


def _machines(name: str, state: State, scope: Scope) -> Iterator[Scope]:
    holders = (*scope.holders, scope)
    for part in ("ItemProcessor", "Iterator"):
        machine = state.get(part)
        if isinstance(machine, dict):
            config = machine.get("ProcessorConfig", {})
            kind = "distributed" if config.get("Mode") == "DISTRIBUTED" else "map"
            express = scope.express or config.get("ExecutionType") == "EXPRESS"
            most = state.get("MaxConcurrency", 0) or state.get("MaxConcurrencyPath", "")
            language = str(machine.get("QueryLanguage", scope.language))
            yield Scope(machine, language, kind, most, express, holders, name)
    for number, machine in enumerate(listed(state, "Branches")):
        language = str(machine.get("QueryLanguage", scope.language))
        yield Scope(machine, language, "branch", 0, scope.express, holders, f"{name}[{number}]")


def pointers(state: State) -> Iterator[tuple[State, str]]:
    """The places in a state that name the next one: what holds each, and by which field."""
    for holder in (state, *listed(state, "Choices"), *listed(state, "Catch")):
        for field in POINTERS:
            if isinstance(holder.get(field), str):
                yield holder, field


def returns(machine: Definition, name: str) -> bool:
    """Whether a state can be reached again from itself."""
    return leads(machine, name, name)


def leads(machine: Definition, begin: str, target: str) -> bool:
    """Whether a state can be reached from another one, or again from itself."""
    states = dict(states_of(machine))
    seen: set[str] = set()
    ahead = [begin]
    while ahead:
        for holder, field in pointers(states.get(ahead.pop(), {})):
            if holder[field] == target:
                return True
            if holder[field] not in seen:
                seen.add(holder[field])
                ahead.append(holder[field])
    return False

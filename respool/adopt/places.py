"""Which state is meant: by its name, or by `Map/State` where names repeat."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from respool.adopt.scopes import Scope, scopes
from respool.deploy.definition import Definition, State

BRANCH = re.compile(r"\[\d+\]$")


@dataclass(frozen=True)
class Place:
    """A state where it stands; `address` is the shortest that means it alone."""

    scope: Scope
    name: str
    state: State
    address: str

    @property
    def spot(self) -> tuple[int, str]:
        """What identifies the state: equal for two places that name one state of one definition."""
        return id(self.scope.machine), self.name


def places(definition: Definition) -> list[Place]:
    """Every state at any depth."""
    states = [(scope, name, state) for scope in scopes(definition) for name, state in scope.states]
    names = Counter(name for _, name, _ in states)
    plain = Counter(_plain(scope, name) for scope, name, _ in states)
    return [
        Place(scope, name, state, _address(scope, name, names, plain))
        for scope, name, state in states
    ]


def _plain(scope: Scope, name: str) -> str:
    return "/".join((*(BRANCH.sub("", each) for each in scope.path), name))


def _address(scope: Scope, name: str, names: Counter[str], plain: Counter[str]) -> str:
    if names[name] == 1:
        return name
    path = _plain(scope, name)
    return path if plain[path] == 1 else "/".join((*scope.path, name))


def meant(candidates: Iterable[Place], name: str) -> list[Place]:
    """The states that a text may mean: by the whole way to it, else by the end of the way."""
    ways = [(place, set(_ways(place))) for place in candidates]
    whole = [place for place, _ in ways if name in (place.address, _plain(place.scope, place.name))]
    return whole or [place for place, ends in ways if name in ends]


def _ways(place: Place) -> Iterator[str]:
    for path in (place.scope.path, tuple(BRANCH.sub("", each) for each in place.scope.path)):
        for begin in range(len(path) + 1):
            yield "/".join((*path[begin:], place.name))

"""DynamoDB's updates: read once, then applied to items, which are never changed in place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tests.fakes.grammar import (
    Invalid,
    Item,
    Names,
    Operand,
    Path,
    Tokens,
    Value,
    Values,
    look,
    number,
    read_operand,
    read_path,
    resolve,
)

_PLACE = "The document path provided in the update expression is invalid for update"


@dataclass(frozen=True)
class Change:
    """One change of an update; `apply` has the item as it was and the one that is being made."""

    path: Path
    apply: Callable[[Item, dict[str, Any], Path, Names, Values], None]


@dataclass(frozen=True)
class Changes:
    """All changes of an update, and the placeholders that they use."""

    all: Sequence[Change]
    used: frozenset[str]

    def of(self, item: Item, names: Names, values: Values) -> dict[str, Any]:
        """The item after the update; the one that was is left alone. Raises Invalid."""
        paths = [resolve(change.path, names) for change in self.all]
        _check_overlap(paths)
        new = dict(item)
        for change, path in zip(self.all, paths, strict=True):
            change.apply(item, new, path, names, values)
        return new


def _check_overlap(paths: list[Path]) -> None:
    if len({path[0] for path in paths}) == len(paths):
        return
    for n, one in enumerate(paths):
        for other in paths[:n]:
            if one[: len(other)] == other or other[: len(one)] == one:
                raise Invalid(f"Two document paths overlap with each other: {one}, {other}")


@lru_cache(maxsize=4096)
def changes(text: str) -> Changes:
    """Read an update expression. Raises Invalid."""
    tokens = Tokens(text)
    found: list[Change] = []
    clauses: set[str] = set()
    while tokens.peek():
        word = tokens.take().upper()
        if word not in _CLAUSES or word in clauses:
            raise Invalid(f"Syntax error; token: {word!r}")
        clauses.add(word)
        found.append(_CLAUSES[word](tokens))
        while tokens.take_if(","):
            found.append(_CLAUSES[word](tokens))
    return Changes(found, frozenset(tokens.used))


def _set(tokens: Tokens) -> Change:
    path = read_path(tokens)
    tokens.expect("=")
    new = _new_value(tokens)

    def apply(old: Item, item: dict[str, Any], at: Path, names: Names, values: Values) -> None:
        value = new(old, names, values)
        if value is None:
            raise Invalid("The provided expression refers to an attribute that does not exist")
        _parent(item, at)[at[-1]] = value

    return Change(path, apply)


def _new_value(tokens: Tokens) -> Operand:
    if tokens.take_if("IF_NOT_EXISTS"):
        tokens.expect("(")
        path = read_path(tokens)
        tokens.expect(",")
        other = read_operand(tokens)
        tokens.expect(")")
        return lambda item, names, values: (
            other(item, names, values) if (there := look(item, path, names)) is None else there
        )
    left = read_operand(tokens)
    if not tokens.is_next("+", "-"):
        return left
    sign = 1 if tokens.take() == "+" else -1
    right = read_operand(tokens)
    return lambda item, names, values: _sum(
        left(item, names, values), right(item, names, values), sign
    )


def _sum(left: Value | None, right: Value | None, sign: int) -> Value:
    if left is None or right is None or "N" not in left or "N" not in right:
        raise Invalid("An operand in the update expression has an incorrect data type")
    return {"N": str(number(left["N"]) + sign * number(right["N"]))}


def _remove(tokens: Tokens) -> Change:
    def apply(old: Item, item: dict[str, Any], at: Path, names: Names, values: Values) -> None:
        _parent(item, at).pop(at[-1], None)

    return Change(read_path(tokens), apply)


def _add(tokens: Tokens) -> Change:
    path = read_path(tokens)
    amount = read_operand(tokens)

    def apply(old: Item, item: dict[str, Any], at: Path, names: Names, values: Values) -> None:
        there = look(old, path, names)
        value = amount(old, names, values)
        _parent(item, at)[at[-1]] = value if there is None else _sum(there, value, 1)

    return Change(path, apply)


_CLAUSES: dict[str, Callable[[Tokens], Change]] = {"SET": _set, "REMOVE": _remove, "ADD": _add}


def _parent(item: dict[str, Any], path: Path) -> dict[str, Any]:
    """The map that a path's last step is in; maps on the way are copied: others may have them."""
    here = item
    for step in path[:-1]:
        value = here.get(step)
        if value is None or "M" not in value:
            raise Invalid(_PLACE)
        inner = dict(value["M"])
        here[step] = {"M": inner}
        here = inner
    return here

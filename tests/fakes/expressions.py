"""DynamoDB's expressions: read once, then evaluated over items in DynamoDB's own form.

As much of the grammar as respool writes, and as strict as DynamoDB about it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

Value = Mapping[str, Any]
Item = Mapping[str, Any]
Names = Mapping[str, str]
Values = Mapping[str, Any]
Path = tuple[str, ...]
Operand = Callable[[Item, Names, Values], Any]
Test = Callable[[Item, Names, Values], bool]

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),.+-]|[#:]?[A-Za-z_][A-Za-z0-9_]*|$)")
_PLACE = "The document path provided in the update expression is invalid for update"


class Invalid(Exception):
    """What DynamoDB would call a ValidationException."""


class Tokens:
    """The words of an expression, one after the other."""

    def __init__(self, text: str) -> None:
        if not 0 < len(text.encode()) <= 4096:
            raise Invalid(f"an expression of {len(text)} characters")
        self.words: list[str] = []
        self.used: set[str] = set()
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise Invalid(f"Syntax error; token: {text[at:]!r}")
            at = found.end()
            if found[1]:
                self.words.append(found[1])
        self.words.append("")
        self._at = 0

    def peek(self) -> str:
        """The next word; empty at the end."""
        return self.words[self._at]

    def is_next(self, *words: str) -> bool:
        """Whether one of these keywords comes next, in capitals or not."""
        return self.peek().upper() in words

    def take(self) -> str:
        """The next word, which is then behind."""
        word = self.words[self._at]
        self._at += 1
        if word[:1] in ("#", ":"):
            self.used.add(word)
        return word

    def take_if(self, *words: str) -> bool:
        """Take the next word where it is one of these."""
        if not self.is_next(*words):
            return False
        self.take()
        return True

    def expect(self, word: str) -> None:
        """Take a word that must come now. Raises Invalid."""
        if not self.take_if(word):
            raise Invalid(f"Syntax error; token: {self.peek()!r}, expected {word!r}")


@dataclass(frozen=True)
class Condition:
    """A condition, and the placeholders that it uses."""

    holds: Test
    used: frozenset[str]


@lru_cache(maxsize=4096)
def condition(text: str) -> Condition:
    """Read a condition. Raises Invalid."""
    tokens = Tokens(text)
    test = _either(tokens)
    if tokens.peek():
        raise Invalid(f"Syntax error; token: {tokens.peek()!r}")
    return Condition(test, frozenset(tokens.used))


def _either(tokens: Tokens) -> Test:
    tests = [_both(tokens)]
    while tokens.take_if("OR"):
        tests.append(_both(tokens))
    if len(tests) == 1:
        return tests[0]
    return lambda item, names, values: any(test(item, names, values) for test in tests)


def _both(tokens: Tokens) -> Test:
    tests = [_single(tokens)]
    while tokens.take_if("AND"):
        tests.append(_single(tokens))
    if len(tests) == 1:
        return tests[0]
    return lambda item, names, values: all(test(item, names, values) for test in tests)


def _single(tokens: Tokens) -> Test:
    if tokens.take_if("NOT"):
        test = _single(tokens)
        return lambda item, names, values: not test(item, names, values)
    if tokens.take_if("("):
        test = _either(tokens)
        tokens.expect(")")
        return test
    if tokens.is_next("ATTRIBUTE_EXISTS", "ATTRIBUTE_NOT_EXISTS"):
        wanted = tokens.take().upper() == "ATTRIBUTE_EXISTS"
        tokens.expect("(")
        path = _path(tokens)
        tokens.expect(")")
        return lambda item, names, _: (look(item, path, names) is not None) is wanted
    if tokens.take_if("BEGINS_WITH"):
        return _begins_with(tokens)
    return _comparison(tokens)


def _begins_with(tokens: Tokens) -> Test:
    tokens.expect("(")
    text = _operand(tokens)
    tokens.expect(",")
    beginning = _operand(tokens)
    tokens.expect(")")

    def test(item: Item, names: Names, values: Values) -> bool:
        found, asked = text(item, names, values), beginning(item, names, values)
        return found is not None and "S" in found and found["S"].startswith(asked["S"])

    return test


def _comparison(tokens: Tokens) -> Test:
    left = _operand(tokens)
    if tokens.take_if("BETWEEN"):
        low = _operand(tokens)
        tokens.expect("AND")
        high = _operand(tokens)
        return lambda item, names, values: (
            _compare(">=", left(item, names, values), low(item, names, values))
            and _compare("<=", left(item, names, values), high(item, names, values))
        )
    if tokens.take_if("IN"):
        tokens.expect("(")
        choices = [_operand(tokens)]
        while tokens.take_if(","):
            choices.append(_operand(tokens))
        tokens.expect(")")
        return lambda item, names, values: any(
            _compare("=", left(item, names, values), each(item, names, values)) for each in choices
        )
    sign = tokens.take()
    if sign not in _SIGNS:
        raise Invalid(f"Syntax error; token: {sign!r}")
    right = _operand(tokens)
    return lambda item, names, values: _compare(
        sign, left(item, names, values), right(item, names, values)
    )


_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}
_SIGNS |= {"=": lambda a, b: bool(a == b), "<>": lambda a, b: bool(a != b)}


def _compare(sign: str, left: Value | None, right: Value | None) -> bool:
    """As DynamoDB does: what is not there is unlike everything, and neither less nor more."""
    if sign in ("=", "<>"):
        same = left is not None and right is not None and plain(left) == plain(right)
        return same is (sign == "=")
    if left is None or right is None:
        return False
    ((kind, _),) = left.items()
    if kind not in right or kind not in ("S", "N", "B"):
        return False
    return _SIGNS[sign](plain(left)[1], plain(right)[1])


def plain(value: Value) -> tuple[str, Any]:
    """A value's type and what can be compared of it."""
    ((kind, inner),) = value.items()
    if kind == "N":
        return kind, number(inner)
    if kind == "M":
        return kind, {name: plain(each) for name, each in inner.items()}
    if kind == "L":
        return kind, [plain(each) for each in inner]
    return kind, inner


def number(text: Any) -> int | Decimal:
    """A number as DynamoDB writes it. Raises Invalid for what is no text of one."""
    if not isinstance(text, str):
        raise Invalid(f"a number must be text, and not {text!r}")
    try:
        return int(text)
    except ValueError:
        return Decimal(text)


def _operand(tokens: Tokens) -> Operand:
    if tokens.peek().startswith(":"):
        name = tokens.take()
        return lambda _, __, values: values[name]
    if tokens.take_if("SIZE"):
        tokens.expect("(")
        path = _path(tokens)
        tokens.expect(")")
        return lambda item, names, _: _size(look(item, path, names))
    path = _path(tokens)
    return lambda item, names, _: look(item, path, names)


def _size(value: Value | None) -> Value | None:
    if value is None:
        return None
    ((kind, inner),) = value.items()
    if kind == "S":
        return {"N": str(len(inner.encode()))}
    return {"N": str(len(inner))} if kind in ("M", "L", "B", "SS", "NS", "BS") else None


def _path(tokens: Tokens) -> Path:
    steps = [_step(tokens)]
    while tokens.take_if("."):
        steps.append(_step(tokens))
    return tuple(steps)


def _step(tokens: Tokens) -> str:
    word = tokens.take()
    if not re.fullmatch(r"#?[A-Za-z_]\w*", word):
        raise Invalid(f"Syntax error; token: {word!r}")
    return word


def resolve(path: Path, names: Names) -> Path:
    """The same path with real names in it."""
    return tuple(names[step] if step[0] == "#" else step for step in path)


def look(item: Item, path: Path, names: Names) -> Any:
    """What an item has there; None where there is nothing."""
    first = path[0]
    value = item.get(names[first] if first[0] == "#" else first)
    for step in path[1:]:
        if value is None or "M" not in value:
            return None
        value = value["M"].get(names[step] if step[0] == "#" else step)
    return value


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
    path = _path(tokens)
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
        path = _path(tokens)
        tokens.expect(",")
        other = _operand(tokens)
        tokens.expect(")")
        return lambda item, names, values: (
            other(item, names, values) if (there := look(item, path, names)) is None else there
        )
    left = _operand(tokens)
    if not tokens.is_next("+", "-"):
        return left
    sign = 1 if tokens.take() == "+" else -1
    right = _operand(tokens)
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

    return Change(_path(tokens), apply)


def _add(tokens: Tokens) -> Change:
    path = _path(tokens)
    amount = _operand(tokens)

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

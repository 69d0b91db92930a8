"""The grammar that DynamoDB's expressions share: words, paths, operands, and values compared.

As much of it as respool writes, and as strict as DynamoDB about it.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Value = Mapping[str, Any]
Item = Mapping[str, Any]
Names = Mapping[str, str]
Values = Mapping[str, Any]
Path = tuple[str, ...]
Operand = Callable[[Item, Names, Values], Any]

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),.+-]|[#:]?[A-Za-z_][A-Za-z0-9_]*|$)")


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


def read_operand(tokens: Tokens) -> Operand:
    if tokens.peek().startswith(":"):
        name = tokens.take()
        return lambda _, __, values: values[name]
    if tokens.take_if("SIZE"):
        tokens.expect("(")
        path = read_path(tokens)
        tokens.expect(")")
        return lambda item, names, _: _size(look(item, path, names))
    path = read_path(tokens)
    return lambda item, names, _: look(item, path, names)


def _size(value: Value | None) -> Value | None:
    if value is None:
        return None
    ((kind, inner),) = value.items()
    if kind == "S":
        return {"N": str(len(inner.encode()))}
    return {"N": str(len(inner))} if kind in ("M", "L", "B", "SS", "NS", "BS") else None


def read_path(tokens: Tokens) -> Path:
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

"""DynamoDB's conditions: read once, then judged over items in DynamoDB's own form."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tests.fakes.grammar import (
    Invalid,
    Item,
    Names,
    Tokens,
    Value,
    Values,
    look,
    plain,
    read_operand,
    read_path,
)

Test = Callable[[Item, Names, Values], bool]


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
        path = read_path(tokens)
        tokens.expect(")")
        return lambda item, names, _: (look(item, path, names) is not None) is wanted
    if tokens.take_if("BEGINS_WITH"):
        return _begins_with(tokens)
    return _comparison(tokens)


def _begins_with(tokens: Tokens) -> Test:
    tokens.expect("(")
    text = read_operand(tokens)
    tokens.expect(",")
    beginning = read_operand(tokens)
    tokens.expect(")")

    def test(item: Item, names: Names, values: Values) -> bool:
        found, asked = text(item, names, values), beginning(item, names, values)
        return found is not None and "S" in found and found["S"].startswith(asked["S"])

    return test


def _comparison(tokens: Tokens) -> Test:
    left = read_operand(tokens)
    if tokens.take_if("BETWEEN"):
        low = read_operand(tokens)
        tokens.expect("AND")
        high = read_operand(tokens)
        return lambda item, names, values: (
            _compare(">=", left(item, names, values), low(item, names, values))
            and _compare("<=", left(item, names, values), high(item, names, values))
        )
    if tokens.take_if("IN"):
        tokens.expect("(")
        choices = [read_operand(tokens)]
        while tokens.take_if(","):
            choices.append(read_operand(tokens))
        tokens.expect(")")
        return lambda item, names, values: any(
            _compare("=", left(item, names, values), each(item, names, values)) for each in choices
        )
    sign = tokens.take()
    if sign not in _SIGNS:
        raise Invalid(f"Syntax error; token: {sign!r}")
    right = read_operand(tokens)
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

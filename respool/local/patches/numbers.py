"""Step Functions: numbers in JSONata."""

from decimal import Decimal
from functools import cache
from typing import Any

from jsonata.functions import Functions
from ministack.services import stepfunctions as states

SAFE = 2**53
IN_FULL = 1e21
"""From here on a number is written with an exponent."""


@cache
def expressions_compute_in_doubles() -> None:
    """AWS: a whole number beyond 2^53 that passes through an expression is rounded to a double.

    It is written with the fewest digits that name the double: 1161888007138312192 becomes
    1161888007138312200. What passes a state by no expression keeps all its digits.
    """
    evaluate = states._evaluate_jsonata

    def evaluate_rounded(expression: str, *seen: Any, **more: Any) -> Any:
        rounded = {name: as_doubles(value) for name, value in more.items()}
        return as_doubles(evaluate(expression, *map(as_doubles, seen), **rounded))

    states._evaluate_jsonata = evaluate_rounded


@cache
def large_numbers_are_written_in_full() -> None:
    """AWS: `$string` of a whole number below 1e21 has all its digits, and no exponent.

    Of minus zero it is "0" in JSONata's own implementation; what AWS writes is not known.
    """
    write = Functions._string

    def write_in_full(value: Any, *more: Any) -> Any:
        if isinstance(value, (int, float)) and SAFE <= abs(value) < IN_FULL:
            return str(_double(value))
        if isinstance(value, float) and value == 0:
            return "0"
        return write(value, *more)

    Functions._string = staticmethod(write_in_full)


def as_doubles(value: Any) -> Any:
    """The value with its large whole numbers rounded; itself where it has none."""
    if isinstance(value, int) and not -SAFE <= value <= SAFE:
        return _double(value)
    if isinstance(value, dict):
        members = {name: as_doubles(inner) for name, inner in value.items()}
        return members if any(members[name] is not value[name] for name in value) else value
    if isinstance(value, list):
        items = [as_doubles(inner) for inner in value]
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


def _double(value: float) -> int | float:
    try:
        nearest = float(value)
    except OverflowError:
        return value  # what AWS makes of a number beyond every double is not known
    return int(Decimal(repr(nearest))) if abs(nearest) < IN_FULL else nearest

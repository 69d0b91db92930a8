"""JSON as text: read by the standard alone, written as short as it gets. Pure."""

import json
import math
from collections.abc import Callable, Iterable
from typing import Any

Pairs = Callable[[list[tuple[str, Any]]], Any]
MOST_DEEP = 500
"""Levels of a value that is read here; Python's JSON writes and reads not many more than that."""


def parse(text: str, pairs: Pairs | None = None) -> Any:
    """JSON as the standard has it: no NaN, no number too large for a double, not too deep.

    Raises ValueError, which repeats nothing of the text. `pairs` makes an object of its members;
    without it the last of several of one name counts.
    """
    value = parse_loosely(text, pairs)
    if not portable(value):
        raise ValueError(f"over {MOST_DEEP} levels deep, or with a number too large for a double")
    return value


def parse_loosely(text: str, pairs: Pairs | None = None) -> Any:
    """JSON with infinity for each number too large. Raises ValueError, RecursionError."""
    return json.loads(text, parse_int=whole, object_pairs_hook=pairs)


def whole(text: str) -> int | float:
    """A whole number out of its digits; infinity for one that is too large for a double."""
    return int(text) if math.isfinite(number := float(text)) else number


def portable(value: Any) -> bool:
    """Whether a value can be written as JSON that everybody reads: not too deep, all finite."""
    level = [value]
    for _ in range(MOST_DEEP):
        if not level:
            return True
        if any(isinstance(each, float) and not math.isfinite(each) for each in level):
            return False
        level = [inner for each in level for inner in _inside(each)]
    return not level


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def compact(value: Any) -> str:
    """JSON without spaces or needless escapes, so that no legal input grows over its limit."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates have no UTF-8; escaped they pass
        return json.dumps(value, separators=(",", ":"))
    # SQS refuses these two characters, which only ever stand inside JSON strings.
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")

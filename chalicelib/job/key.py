"""The key of a job, as `ClaimJob` reads it in an execution's input."""

import json
import re
from decimal import Decimal
from typing import Any

MOST_BYTES = 1024
_LEAST, _MOST = 1e-6, 1e15
"""The numbers that ClaimJob takes besides 0: JSONata writes others with an exponent."""
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def key_in(value: Any) -> str | None:
    """The key that `ClaimJob` would read in this input; None where it has none.

    Numbers are written as JSONata's `$string` writes them.
    """
    given = value.get("key") if isinstance(value, dict) else None
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, (int, float)):
        return _number(float(f"{given:.15g}")) if abs(given) < _MOST else None
    return given if isinstance(given, str) else None


def key_in_text(text: str) -> str | None:
    """The same for an execution's input as text, which may hold what `parse` refuses."""
    return key_in(json.loads(_flat(text), parse_int=_whole))


def is_key(given: Any) -> bool:
    """Whether `ClaimJob` would take this for a key."""
    if isinstance(given, str):
        try:
            return 1 <= len(given.encode()) <= MOST_BYTES
        except UnicodeEncodeError:
            return False
    if isinstance(given, bool) or given == 0:
        return True
    return isinstance(given, (int, float)) and _LEAST <= abs(given) < _MOST


def _flat(text: str) -> str:
    """The same JSON with null for every value that is inside another one, however deep."""
    kept: list[str] = []
    depth = begins = 0
    for piece in _PIECE.finditer(text):
        if piece[0] in "[{":
            depth += 1
            if depth == 2:
                kept += [text[begins : piece.start()], "null"]
        elif piece[0] in "]}":
            depth -= 1
            if depth == 1:
                begins = piece.end()
    return "".join(kept) + text[begins:]


def _whole(text: str) -> int | float:
    """A whole number; one of very many digits is no key, and Python won't read it."""
    return int(text) if len(text) < 20 else float(text)


def _number(value: float) -> str:
    """As JavaScript writes it, for the numbers that ClaimJob lets pass."""
    return f"{Decimal(repr(value)):f}".removesuffix(".0")

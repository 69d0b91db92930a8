"""The key of a job, read in an execution's input as `ClaimJob` reads it."""

import json
import re
from decimal import Decimal
from typing import Any

MOST_BYTES = 1024
_LEAST, _MOST = 1e-6, 1e15
"""The numbers that ClaimJob takes besides 0: JSONata writes others with an exponent."""
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def names_key(value: Any) -> bool:
    """Whether this input is an object with a `key` of its own; an array's objects don't count."""
    return isinstance(value, dict) and "key" in value


def key_in(value: Any) -> str | None:
    """The key in this input; None where it names none, or one that ClaimJob refuses.

    Numbers are written as JSONata's `$string` writes them.
    """
    if not names_key(value) or not is_key(key := value["key"]):
        return None
    if isinstance(key, bool):
        return "true" if key else "false"
    return key if isinstance(key, str) else _number(float(key))


def is_startable(value: Any) -> bool:
    """Whether ClaimJob takes this input: it names a key that is one, or none at all."""
    return not names_key(value) or is_key(value["key"])


def job_key(text: str, name: str) -> str | None:
    """The key of the execution with that input and name; None where it ends as BadInput.

    The text is an execution's input, which may hold what `parse` refuses.
    """
    value = json.loads(flat(text), parse_int=_whole)
    return key_in(value) if names_key(value) else name


def key_in_text(text: str) -> str | None:
    """The key in an execution's input as text; None where it names none, or none that is one."""
    return key_in(json.loads(flat(text), parse_int=_whole))


def is_key(value: Any) -> bool:
    """Whether ClaimJob takes this for a key: 1 to 1,024 bytes, a boolean, a number of 15 digits."""
    if isinstance(value, str):
        try:
            return 1 <= len(value.encode()) <= MOST_BYTES
        except UnicodeEncodeError:
            return False
    if isinstance(value, bool) or value == 0:
        return True
    if not isinstance(value, (int, float)) or not _LEAST <= abs(value) < _MOST:
        return False
    return float(f"{value:.15g}") == value


def flat(text: str) -> str:
    """The JSON text with null for every value that is inside another one, however deep."""
    pieces: list[str] = []
    depth = begins = 0
    for piece in _PIECE.finditer(text):
        if piece[0] in "[{":
            depth += 1
            if depth == 2:
                pieces += [text[begins : piece.start()], "null"]
        elif piece[0] in "]}":
            depth -= 1
            if depth == 1:
                begins = piece.end()
    return "".join(pieces) + text[begins:]


def _whole(text: str) -> int | float:
    """A whole number; one of very many digits can't be a key, and Python won't read it."""
    return int(text) if len(text) < 20 else float(text)


def _number(value: float) -> str:
    """A number as JavaScript writes it, for the numbers that ClaimJob lets pass."""
    return f"{Decimal(repr(value or 0.0)):f}".removesuffix(".0")

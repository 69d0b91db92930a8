"""Keys in paths. A key may hold anything, and gateways differ in what they decode.

API Gateway leaves a REST path as it came, others decode it, and browsers fold `..`. So a key is
written plainly only where that can't matter, else as `~` and its UTF-8 in base64url. What people
type percent-encoded is read too.
"""

import base64
import binascii
import re
from urllib.parse import unquote

from chalicelib.errors import BadRequest
from chalicelib.job.key import MOST_BYTES
from chalicelib.settings import is_machine

MOST_KEY = 1024
"""Bytes, as ClaimJob has it."""
_PLAIN = re.compile(r"(?!(?:\.{1,2}|groups)$)[A-Za-z0-9._-]+")
"""Neither `..` nor the name of a route beside `/jobs/{key}`."""


def written(key: str, machine: str = "") -> str:
    """The key as it stands in a path; the same for the same key, always safe.

    Of another machine's job it is `~MACHINE~KEY`, each in base64url, and never a key of our own.
    """
    if machine:
        return f"~{_packed(machine)}~{_packed(key)}"
    return key if _PLAIN.fullmatch(key) else f"~{_packed(key)}"


def _packed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def read_job(part: str) -> tuple[str, str]:
    """The key and the machine that a part of a path means; no machine is the stage's own.

    Raises BadRequest where it means none.
    """
    _, packed, key = part.split("~") if part.count("~") == 2 and part[0] == "~" else ("", "", "")
    if not packed:
        return read(part), ""
    machine = read(f"~{packed}")
    if not is_machine(machine):
        raise BadRequest(
            f"{part[:40]!r} in the path names no state machine: use an id that GET /jobs lists"
        )
    return read(f"~{key}"), machine


def read(part: str) -> str:
    """The key that a part of a path means. Raises BadRequest where it means none."""
    try:
        key = _unpacked(part[1:]) if part.startswith("~") else unquote(part, errors="strict")
    except ValueError as wrong:
        raise BadRequest(
            f"{part[:40]!r} in the path is not a key: write it percent-encoded, or as ~ and"
            " its UTF-8 in base64url"
        ) from wrong
    if not 1 <= len(key.encode("utf-8", "surrogatepass")) <= MOST_BYTES:
        raise BadRequest(f"the key in the path must be 1 to {MOST_BYTES:,} bytes long")
    return key


def _unpacked(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise binascii.Error("not base64url")
    padded = text + "=" * (-len(text) % 4)
    return base64.urlsafe_b64decode(padded).decode()

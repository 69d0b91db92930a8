"""What stops a command before anything is made: files and settings that can't be deployed."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chalicelib.errors import RespoolError


class Malformed(RespoolError):
    """One or more files or settings are malformed; the text says where, and the remedy."""

    @classmethod
    def of(cls, findings: Iterable[str]) -> "Malformed":
        """All findings in one error, a line for each."""
        return cls("\n".join(findings))


class DeployFailed(RespoolError):
    """AWS did not do what was asked; the text gives its reasons and what to do next."""


def read_json(path: Path, name: str) -> dict[str, Any]:
    """Read a JSON object from a file that is called `name` in errors. Raises Malformed."""
    return parse_json(read_text(path, name), name)


def read_text(path: Path, name: str) -> str:
    """Read a file that is called `name` in errors. Raises Malformed."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Malformed(f"{name}: there is no such file. Restore it, or name another.") from None
    except (OSError, UnicodeDecodeError) as unreadable:
        raise Malformed(f"{name} can't be read: {unreadable}. Save it as UTF-8.") from None


def parse_json(text: str, name: str) -> dict[str, Any]:
    """Read a JSON object from text that is called `name` in errors. Raises Malformed."""
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_number)
    except json.JSONDecodeError as wrong:
        raise Malformed(
            f"{name}, line {wrong.lineno}, column {wrong.colno}: not JSON: {wrong.msg}."
            " Fix the text there or just before it."
        ) from None
    except ValueError as wrong:
        raise Malformed(f"{name}: {wrong}") from None
    if not isinstance(value, dict):
        raise Malformed(f"{name}: holds no JSON object. Begin it with {{ and end it with }}.")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'"{twice}" stands twice in one object. Rename or remove one of them.')
    return members


def _number(text: str) -> float:
    raise ValueError(f"{text} is not JSON. Write a number.")

"""Why a job failed, read out of what Step Functions says. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from chalicelib.job.json_text import compact, portable, whole

MOST_CAUSE = 4000
"""Characters of a Cause that a claim keeps."""
_LONGEST_ESCAPE = 12
_DECODER = json.JSONDecoder(strict=False, parse_int=whole)
_BLANKS = " \t\r\n"
_CUT = object()


@dataclass(frozen=True)
class Failure:
    """Why a job failed: the error's name (`ConnectionError`) and its message."""

    name: str = ""
    message: str = ""


def read_failure(error: Any) -> Failure:
    """Read an error in Step Functions' shape (`Error`, `Cause`), in our own, or in any other.

    The name is Step Functions' own, or else the `errorType` of a Lambda's JSON; the message is the
    `errorMessage` of a Lambda's JSON, as far as it goes, or else the whole Cause.
    """
    if not isinstance(error, Mapping):
        return Failure(message=_text(error))
    if "name" in error or "message" in error:
        return Failure(_text(error.get("name")), _text(error.get("message")))
    name, cause = _text(error.get("Error")), _text(error.get("Cause"))
    answer = members(cause)
    if "errorMessage" not in answer:
        return Failure(name, cause)
    return Failure(name or _text(answer.get("errorType")), _text(answer["errorMessage"]))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return compact(value) if portable(value) else "(no text, and too deep or too large)"


def members(cause: str) -> dict[str, Any]:
    """The members of a JSON object, up to where it was cut; none where it is not an object."""
    at = _skip(cause, 0)
    if cause[at : at + 1] != "{":
        return {}
    members: dict[str, Any] = {}
    at = _skip(cause, at + 1)
    while cause[at : at + 1] == '"':
        name, value, at = _member(cause, at)
        if value is not _CUT:
            members[name] = value
        if cause[at : at + 1] == ",":
            at = _skip(cause, at + 1)
    behind = cause[at + 1 :] if cause[at : at + 1] == "}" else ""
    return {} if behind.strip(_BLANKS) else members


def _member(text: str, at: int) -> tuple[str, Any, int]:
    """A name, its value and where the next thing stands; _CUT and the text's end if it was cut."""
    name = ""
    try:
        name, at = scanstring(text, at + 1, False)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            return name, _CUT, len(text)
        at = _skip(text, at + 1)
        value, end = _DECODER.raw_decode(text, at)
        return name, value, _skip(text, end)
    except (ValueError, RecursionError):
        return name, _beginning(text[at:]), len(text)


def _beginning(text: str) -> Any:
    """The beginning of a string that was cut, without the half of an escape at its end."""
    if not text.startswith('"'):
        return _CUT
    for cut in range(_LONGEST_ESCAPE):
        try:
            value, _ = scanstring(text[: len(text) - cut] + '"', 1, False)
        except ValueError:
            continue
        return str(value[:-1]) if "\ud800" <= value[-1:] <= "\udbff" else value
    return _CUT


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at

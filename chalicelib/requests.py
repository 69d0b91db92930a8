"""What callers may ask for, checked: the reprocess Lambda's event and the API's parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import BadRequest
from chalicelib.plan import Choice
from chalicelib.settings import MAX_REPLAY

MOST_TEXT = 1024
YEAR = 31_622_400


@dataclass(frozen=True)
class Request:
    """One replay as asked for; `count` None means the stage's default."""

    count: int | None = None
    choice: Choice = Choice()
    rate: float = 0
    dry_run: bool = False


FIELDS = ("max", "task", "error", "key", "older_than", "rate", "dry_run", "reason")


def read_query(query: Mapping[str, list[str]]) -> Request:
    """Read `?max=2&task=...`. Raises BadRequest, naming the value and what would do."""
    for name, values in query.items():
        if len(values) > 1:
            raise BadRequest(f"{name} is given {len(values)} times; give it once")
    return read_request({name: values[0] for name, values in query.items()})


def read_request(given: Mapping[str, Any]) -> Request:
    """Read an event or a query; numbers may be text. Raises BadRequest for what it can't use."""
    unknown = sorted(set(given) - set(FIELDS))
    if unknown:
        raise BadRequest(f"unknown parameter {unknown[0]!r}; known are {', '.join(FIELDS)}")
    return Request(
        count=_whole(given, "max", 1, MAX_REPLAY),
        choice=Choice(
            task=_text(given, "task"),
            error=_text(given, "error"),
            key=_text(given, "key"),
            older_than=_whole(given, "older_than", 0, YEAR) or 0,
        ),
        rate=_rate(given),
        dry_run=_flag(given, "dry_run"),
    )


def _whole(given: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    if name not in given:
        return None
    value = given[name]
    text = str(value)
    digits = text.isascii() and text.isdigit() and len(text) <= 12
    if isinstance(value, bool) or not digits or not low <= int(text) <= high:
        raise BadRequest(f"{name}={_shown(value)} must be a whole number from {low} to {high}")
    return int(text)


def _rate(given: Mapping[str, Any]) -> float:
    if "rate" not in given:
        return 0
    value = given["rate"]
    try:
        rate = float(str(value)[:40])
    except ValueError:
        rate = -1
    if isinstance(value, bool) or not 0.01 <= rate <= 1000:
        raise BadRequest(f"rate={_shown(value)} must be a number of jobs a second, 0.01 to 1000")
    return rate


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise BadRequest(f"{name}={_shown(value)} must be true or false")


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str) or len(value.encode("utf-8", "replace")) > MOST_TEXT:
        raise BadRequest(f"{name}={_shown(value)} must be text of at most {MOST_TEXT} bytes")
    if name in given and not value:
        raise BadRequest(f"{name} is empty; leave it out to choose by nothing")
    return value


def _shown(value: Any) -> str:
    """The value as far as it fits into a message."""
    text = str(value)
    return text if len(text) <= 40 else f"{text[:40]}..."

"""When a service takes jobs again, by the word of a failure that it caused. Pure.

The word is what a task raised, so it may be anything: what is not a time, has no zone or is past
says nothing, and nothing is believed for longer than the stage allows.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from chalicelib.job.failure import members

FIELDS = frozenset({"retryafter", "closeduntil"})
"""Members of a Cause that say it, in any case and with `-` or `_` between the words."""
TEXTS = ("Retry-After: {time}", "Closed-Until: {time}")
"""How a message says it; CLOSED_UNTIL adds another."""
PLACE = "{time}"
_LONGEST = 40
_HTTP_DATE = len("Wed, 21 Oct 2026 07:28:00 GMT")
_ENDS = " \t\r\n\"'()[]{},;"
_MOST_SECONDS = 10**10


def named_time(cause: str, failed_at: datetime, text: str = "") -> datetime | None:
    """Until when the service is closed, by a failure's Cause; None where it does not say so.

    Seconds count from the failure; `text` is the stage's own CLOSED_UNTIL.
    """
    for word in _words(cause, text):
        until = _moment(word, failed_at)
        if until is not None and until > failed_at:
            return until
    return None


def believed(until: datetime, failed_at: datetime, now: datetime, most: int) -> datetime:
    """The time that was named, but no later than `most` seconds after the failure."""
    return min(until, min(failed_at, now) + timedelta(seconds=most))


def _words(cause: str, text: str) -> Iterator[Any]:
    """Whatever stands where a time may be named."""
    fields = members(cause)
    message = fields.get("errorMessage", "" if fields else cause)
    inner = members(message) if isinstance(message, str) else {}
    for each in (fields, inner):
        yield from _named_in(each)
        headers = next((each[name] for name in each if name.lower() == "headers"), None)
        yield from _named_in(headers)
    if isinstance(message, str):
        for pattern in (*TEXTS, *([text] if text else [])):
            yield from _behind(message, pattern)


def _named_in(object_: Any) -> Iterator[Any]:
    if not isinstance(object_, dict):
        return
    for name, value in object_.items():
        if name.lower().replace("-", "").replace("_", "") in FIELDS:
            yield value[0] if isinstance(value, list) and len(value) == 1 else value


def _behind(message: str, pattern: str) -> Iterator[str]:
    """What stands in the place of the time: as much as there is until the text goes on."""
    before, _, after = pattern.partition(PLACE)
    at = message.find(before)
    if at < 0:
        return
    rest = message[at + len(before) :][: _LONGEST + len(after)]
    if after and after in rest:
        yield rest.partition(after)[0]
    yield rest[:_HTTP_DATE]
    end = next((n for n, letter in enumerate(rest) if letter in _ENDS), len(rest))
    yield rest[:end].rstrip(".")


def _moment(word: Any, failed_at: datetime) -> datetime | None:
    """A number of seconds, a time with its zone in ISO 8601, or a date as HTTP writes it."""
    if isinstance(word, bool) or not isinstance(word, int | float | str):
        return None
    text = str(word).strip()
    if len(text) > _LONGEST or not text.isascii():
        return None
    try:
        if text.replace(".", "", 1).isdigit():
            return failed_at + timedelta(seconds=min(float(text), _MOST_SECONDS))
        return _date(text).astimezone(failed_at.tzinfo)
    except (ValueError, OverflowError):
        return None


def _date(text: str) -> datetime:
    """A time that says its zone. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        from email.utils import parsedate_to_datetime  # seldom needed, and slow to load

        moment = parsedate_to_datetime(text)
    if moment.tzinfo is None:
        raise ValueError("no zone")
    return moment

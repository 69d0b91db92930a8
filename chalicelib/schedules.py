"""Reads maintenance windows: `cron(0 22 ? * FRI *) 58h Asia/Tokyo`, with `;` between them. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

SYNTAX = "must be cron(...) a length and a time zone, as in cron(0 22 ? * FRI *) 58h Asia/Tokyo"
LONGEST = timedelta(days=31)
_WINDOW = re.compile(r"cron\(([^()]*)\) +(\S+) +([A-Za-z0-9_+/-]+)")
_LENGTH = re.compile(r"(?:(\d{1,2})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?")
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_PART = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?")
_DAY_OF_WEEK = re.compile(r"(\w+?)(?:L|#([1-5]))")


@dataclass(frozen=True)
class Window:
    """One window as announced. `last` is the day-of-month field L; `nth` has (day of week, week),
    week 0 being the month's last. An empty `days` or `weekdays` is the field `?`.
    """

    text: str
    zone: str
    length: timedelta
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]
    last: bool = False
    nth: tuple[int, int] | None = None


def parse(text: str) -> tuple[Window, ...]:
    """Read HOLD_WINDOWS. Raises ValueError, which says what would do."""
    parts = [part.strip() for part in text.split(";")]
    if parts[-1] == "":
        parts.pop()
    return tuple(_window(part) for part in parts)


def _window(text: str) -> Window:
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} {SYNTAX}")
    fields = found[1].split()
    if len(fields) != 6:
        raise ValueError(f"{text!r}: a cron(...) has 6 fields, this one has {len(fields)}")
    if (fields[2] == "?") == (fields[4] == "?"):
        raise ValueError(f"{text!r}: exactly one of day of month and day of week has to be ?")
    nth = _nth(fields[4])
    last = fields[2] == "L"
    return Window(
        text=text,
        zone=found[3],
        length=_length(found[2]),
        minutes=_field("minutes", fields[0], 0, 59),
        hours=_field("hours", fields[1], 0, 23),
        days=frozenset() if fields[2] in "?L" else _field("day of month", fields[2], 1, 31),
        months=_field("month", fields[3], 1, 12, _MONTHS),
        weekdays=frozenset()
        if nth or fields[4] == "?"
        else _field("day of week", fields[4], 1, 7, _DAYS),
        years=_field("year", fields[5], 1970, 2199),
        last=last,
        nth=nth,
    )


def _length(text: str) -> timedelta:
    found = _LENGTH.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"the length {text!r} must be such as 90m, 58h or 2d12h")
    days, hours, minutes = (int(one or 0) for one in found.groups())
    length = timedelta(days=days, hours=hours, minutes=minutes)
    if not timedelta(0) < length <= LONGEST:
        raise ValueError(f"the length {text!r} must be at least 1m and at most {LONGEST.days}d")
    return length


def _nth(text: str) -> tuple[int, int] | None:
    """`6#3` is the third Friday of the month, `6L` or `FRIL` the last one."""
    found = _DAY_OF_WEEK.fullmatch(text)
    if found is None or found[1] not in (*_DAYS, *"1234567"):
        return None
    return _number("day of week", found[1], 1, 7, _DAYS), int(found[2] or 0)


def _field(name: str, text: str, low: int, high: int, words: Sequence[str] = ()) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        found = _PART.fullmatch(part)
        if found is None or (found[1] == "*" and found[2]) or found[3] == "0":
            raise ValueError(_wrong(name, part, low, high, words))
        first, last = (low, high) if found[1] == "*" else _ends(name, found, low, high, words)
        if first > last:
            raise ValueError(_wrong(name, part, low, high, words))
        values |= set(range(first, last + 1, int(found[3] or 1)))
    return frozenset(values)


def _ends(
    name: str, found: "re.Match[str]", low: int, high: int, words: Sequence[str]
) -> tuple[int, int]:
    first = _number(name, found[1], low, high, words)
    if found[2]:
        return first, _number(name, found[2], low, high, words)
    return first, high if found[3] else first


def _number(name: str, text: str, low: int, high: int, words: Sequence[str]) -> int:
    if text in words:
        return words.index(text) + low
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise ValueError(_wrong(name, text, low, high, words))
    return int(text)


def _wrong(name: str, text: str, low: int, high: int, words: Sequence[str]) -> str:
    named = f" or {words[0]}-{words[-1]}" if words else ""
    return f"{text!r} is no {name}: write {low}-{high}{named}, * or a list of them"

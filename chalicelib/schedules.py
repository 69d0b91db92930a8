"""Reads cron(...), rate(...) and maintenance windows, as EventBridge Scheduler does. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

SYNTAX = "must be cron(...) a length and a time zone, as in cron(0 22 ? * FRI *) 58h Asia/Tokyo"
LONGEST = timedelta(days=31)
UNITS = ("minute", "minutes", "hour", "hours", "day", "days")
_WINDOW = re.compile(r"cron\(([^()]*)\) +(\S+) +([A-Za-z0-9_+/-]+)")
_LENGTH = re.compile(r"(?:(\d{1,2})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_PART = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?")
_NEAREST_WEEKDAY = re.compile(r"LW|([1-9]|[12]\d|3[01])W")
_NTH_WEEKDAY = re.compile(rf"([1-7]|{'|'.join(_DAYS)})(?:L|#([1-5]))")


@dataclass(frozen=True)
class Cron:
    """The fields of a cron(...). An empty `days` or `weekdays` is the field `?`.

    `last` is the day of month L; `nth` has (day of week, week), week 0 being the month's last.
    `others` names what EventBridge takes and we don't compute: `1W`, lists with L, FRI-MON.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]
    last: bool = False
    nth: tuple[int, int] | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Window:
    """A maintenance window as it was announced: when it begins, in which zone, and how long."""

    text: str
    cron: Cron
    zone: str
    length: timedelta


def read_schedule(text: str) -> str:
    """Check a cron(...) or rate(...). Raises ValueError, which says what would do."""
    kind, bracket, rest = text.partition("(")
    if kind not in ("cron", "rate") or not bracket or not rest.endswith(")"):
        raise ValueError("must be cron(...), rate(...) or off, as EventBridge Scheduler reads it")
    if kind == "cron":
        read_cron(rest[:-1])
    elif not _is_rate(rest[:-1].split()):
        raise ValueError("a rate(...) is a positive whole number and minutes, hours or days")
    return text


def read_cron(text: str) -> Cron:
    """Read the six fields of a cron(...). Raises ValueError, which names every wrong one."""
    texts = text.split()
    if len(texts) != len(_FIELDS):
        raise ValueError(f"a cron(...) has 6 fields, this one has {len(texts)}")
    wrong: list[str] = []
    others: list[str] = []
    minutes, hours, days, months, weekdays, years = (
        field.read(each, wrong, others) for field, each in zip(_FIELDS, texts, strict=True)
    )
    if (texts[2] == "?") == (texts[4] == "?"):
        wrong.append(
            "exactly one of day of month and day of week has to be ?, as in cron(0 2 * * ? *)"
        )
    if wrong:
        raise ValueError("; ".join(wrong))
    return Cron(
        minutes,
        hours,
        days,
        months,
        weekdays,
        years,
        last=texts[2] == "L",
        nth=_nth(texts[4]),
        others=tuple(others),
    )


def read_windows(text: str) -> tuple[Window, ...]:
    """Read HOLD_WINDOWS, with `;` between windows. Raises ValueError, which says what would do."""
    parts = [part.strip() for part in text.split(";")]
    if parts[-1] == "":
        parts.pop()
    return tuple(_window(part) for part in parts)


def _window(text: str) -> Window:
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} {SYNTAX}")
    try:
        cron = read_cron(match[1])
    except ValueError as wrong:
        raise ValueError(f"{text!r}: {wrong}") from None
    if cron.others:
        raise ValueError(f"{text!r}: {'; '.join(cron.others)}")
    return Window(text, cron, match[3], _length(match[2]))


def _length(text: str) -> timedelta:
    match = _LENGTH.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"the length {text!r} must be such as 90m, 58h or 2d12h")
    days, hours, minutes = (int(one or 0) for one in match.groups())
    length = timedelta(days=days, hours=hours, minutes=minutes)
    if not timedelta(0) < length <= LONGEST:
        raise ValueError(f"the length {text!r} must be at least 1m and at most {LONGEST.days}d")
    return length


def _is_rate(words: list[str]) -> bool:
    return (
        len(words) == 2
        and words[0].isascii()
        and words[0].isdigit()
        and int(words[0]) > 0
        and words[1] in UNITS
    )


def _nth(text: str) -> tuple[int, int] | None:
    """`6#3` is the third Friday of the month, `6L` or `FRIL` the last one."""
    match = _NTH_WEEKDAY.fullmatch(text)
    return (_FIELDS[4].number(match[1]), int(match[2] or 0)) if match else None


@dataclass(frozen=True)
class _Field:
    """One field of a cron(...): its name, its numbers, and the words for them."""

    name: str
    low: int
    high: int
    words: Sequence[str] = ()

    def read(self, text: str, wrong: list[str], others: list[str]) -> frozenset[int]:
        """The numbers of a field; what is wrong, or not computed, is added to the lists."""
        values: set[int] = set()
        parts = text.split(",")
        for part in parts:
            if self._is_special(part):
                if len(parts) > 1 or self._is_computed_nowhere(part):
                    others.append(self._no(part))
                continue
            try:
                first, last, step = self._range(part)
            except ValueError:
                wrong.append(self._no(part))
                continue
            if first > last:
                others.append(self._no(part))
            values |= set(range(first, last + 1, step))
        return frozenset(values)

    def number(self, text: str) -> int:
        """The number that stands for a word, or in its digits. Raises ValueError."""
        if text in self.words:
            return self.words.index(text) + self.low
        if not (text.isascii() and text.isdigit() and self.low <= int(text) <= self.high):
            raise ValueError(text)
        return int(text)

    def _is_special(self, part: str) -> bool:
        if self.name == "day of month":
            return part in ("?", "L") or bool(_NEAREST_WEEKDAY.fullmatch(part))
        if self.name == "day of week":
            return part in ("?", "L") or bool(_NTH_WEEKDAY.fullmatch(part))
        return False

    def _is_computed_nowhere(self, part: str) -> bool:
        return part.endswith("W") or (part == "L" and self.name == "day of week")

    def _range(self, part: str) -> tuple[int, int, int]:
        match = _PART.fullmatch(part)
        if match is None or (match[1] == "*" and match[2]) or match[3] == "0":
            raise ValueError(part)
        step = int(match[3] or 1)
        if match[1] == "*":
            return self.low, self.high, step
        first = self.number(match[1])
        if match[2]:
            return first, self.number(match[2]), step
        return first, self.high if match[3] else first, step

    def _no(self, part: str) -> str:
        words = f" or {self.words[0]}-{self.words[-1]}" if self.words else ""
        return (
            f"{part!r} can't be the {self.name}:"
            f" write {self.low}-{self.high}{words}, * or a list of them"
        )


_FIELDS = (
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 1, 7, _DAYS),
    _Field("year", 1970, 2199),
)

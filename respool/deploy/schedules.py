"""Schedule expressions and time zones as EventBridge Scheduler reads them."""

import re
import zoneinfo
from collections.abc import Iterator

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
FIELDS: tuple[tuple[str, int, int, list[str]], ...] = (
    ("minutes", 0, 59, []),
    ("hours", 0, 23, []),
    ("day of month", 1, 31, []),
    ("month", 1, 12, MONTHS),
    ("day of week", 1, 7, DAYS),
    ("year", 1970, 2199, []),
)


def schedule_findings(setting: str, expression: str) -> Iterator[str]:
    """What is wrong with a cron(...); rate(...) has been checked with the other settings."""
    if not expression.startswith("cron("):
        return
    values = expression.removeprefix("cron(").removesuffix(")").split()
    for (name, low, high, words), value in zip(FIELDS, values, strict=True):
        if not all(_fits(part, name, low, high, words) for part in value.split(",")):
            named = f" or {words[0]}-{words[-1]}" if words else ""
            yield (
                f"{setting}={expression!r}: {value!r} is no {name}."
                f" Write {low}-{high}{named}, * or a list of them."
            )
    if (values[2] == "?") == (values[4] == "?"):
        yield (
            f"{setting}={expression!r}: exactly one of day of month and day of week has to be ?,"
            " as in cron(0 2 * * ? *)."
        )


def _fits(part: str, name: str, low: int, high: int, words: list[str]) -> bool:
    if part == "?":
        return name.startswith("day")
    if name == "day of month" and re.fullmatch(r"L|LW|([1-9]|[12]\d|3[01])W", part):
        return True
    if name == "day of week" and re.fullmatch(rf"L|([1-7]|{'|'.join(words)})(L|#[1-5])", part):
        return True
    steps = re.fullmatch(r"([^/]+)(?:/(\d+))?", part)
    if steps is None or steps[2] == "0":
        return False
    ends = steps[1].split("-")
    return steps[1] == "*" or (len(ends) <= 2 and all(_in(e, low, high, words) for e in ends))


def _in(text: str, low: int, high: int, words: list[str]) -> bool:
    return text in words or (text.isascii() and text.isdigit() and low <= int(text) <= high)


def every(seconds: int) -> str:
    """The rate(...) of an interval in seconds, rounded up to a schedule's grain, the minute."""
    minutes = max(1, -(-seconds // 60))
    return f"rate({minutes} minute{'' if minutes == 1 else 's'})"


def zone_findings(setting: str, zone: str) -> Iterator[str]:
    """Whether this machine's zone data has that zone; says nothing where it has no data at all."""
    zones = zoneinfo.available_timezones()
    if zones and zone not in zones:
        near = sorted(one for one in zones if zone.rpartition("/")[2].lower() in one.lower())
        meant = f" Did you mean {near[0]}?" if near and zone else ""
        yield f"{setting}={zone!r}: there is no such IANA time zone.{meant}"

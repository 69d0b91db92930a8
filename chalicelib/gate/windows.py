"""Which maintenance window is under way or next, and until when. Pure.

A window begins when its cron says so, as EventBridge Scheduler would read it in that time zone,
and ends so much time later. A start in the hour that a zone skips is an hour later (the Scheduler
would leave it out, but a hold too many does no harm); one in the hour that a zone repeats is the
first of the two.
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from chalicelib.errors import SettingsError
from chalicelib.schedules import Cron, Window

AHEAD = timedelta(days=2)
"""How far ahead a window is looked for; somebody looks every few minutes."""


@dataclass(frozen=True)
class Span:
    """A time in which a task takes no jobs (UTC), and the window that ends it."""

    begins: datetime
    ends: datetime
    why: str


def upcoming(windows: Sequence[Window], now: datetime, ahead: timedelta = AHEAD) -> Span | None:
    """The time under way or next, windows that overlap or meet taken together.

    Raises SettingsError where there is no zone data.
    """
    spans = sorted(
        (span for each in windows for span in _spans(each, now, ahead)),
        key=lambda span: (span.begins, span.ends, span.why),
    )
    if not spans:
        return None
    whole = spans[0]
    for span in spans[1:]:
        if span.begins > whole.ends:
            break
        if span.ends > whole.ends:
            whole = Span(whole.begins, span.ends, span.why)
    return whole


def _spans(window: Window, now: datetime, ahead: timedelta) -> Iterator[Span]:
    """The windows of a schedule that have not ended and begin soon."""
    zone = zone_of(window.zone)
    today = now.astimezone(zone).date()
    for offset in range(-window.length.days - 2, ahead.days + 2):
        day = today + timedelta(days=offset)
        if not _on(window.cron, day):
            continue
        for start in _starts(window.cron, day, zone):
            if start <= now + ahead and now < start + window.length:
                yield Span(start, start + window.length, window.text)


def zone_of(name: str) -> tzinfo:
    """The zone. Raises SettingsError where neither the machine nor the package tzdata has it."""
    import zoneinfo  # costs a cold start some milliseconds, and most stages have no window

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as missing:
        raise SettingsError(
            f"there is no data of the time zone {name!r}: correct HOLD_WINDOWS, or put tzdata back"
            " into requirements.txt"
        ) from missing


def _on(cron: Cron, day: date) -> bool:
    if day.year not in cron.years or day.month not in cron.months:
        return False
    weekday = day.isoweekday() % 7 + 1
    if cron.nth:
        week = (day.day - 1) // 7 + 1
        length = monthrange(day.year, day.month)[1]
        is_nth = cron.nth[1] == week if cron.nth[1] else day.day + 7 > length
        return weekday == cron.nth[0] and is_nth
    if cron.last:
        return day.day == monthrange(day.year, day.month)[1]
    return day.day in cron.days or weekday in cron.weekdays


def _starts(cron: Cron, day: date, zone: tzinfo) -> Iterator[datetime]:
    """The day's starts, the latest first."""
    for hour in sorted(cron.hours, reverse=True):
        for minute in sorted(cron.minutes, reverse=True):
            yield datetime.combine(day, time(hour, minute), zone).astimezone(UTC)

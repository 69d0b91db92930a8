"""Maintenance windows: when they are open, in every time zone and around changes of the clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import SettingsError
from chalicelib.gate.windows import upcoming, zone_of
from chalicelib.schedules import Window, read_windows
from chalicelib.settings import Settings

WEEKEND = "cron(0 22 ? * FRI *) 58h Asia/Tokyo"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def open_until(windows: tuple[Window, ...], now: datetime) -> tuple[str, datetime] | None:
    """The window that is open now and ends last, and its end; None outside of all."""
    span = upcoming(windows, now, ahead=timedelta(0))
    return (span.why, span.ends) if span else None


def until(windows: str, now: str) -> str:
    """When the windows that are open then end; empty: none is."""
    window = open_until(read_windows(windows), at(now))
    return f"{window[1]:%Y-%m-%dT%H:%M}" if window else ""


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-11-27T12:59:59", ""),
        ("2026-11-27T13:00:00", "2026-11-29T23:00"),
        ("2026-11-28T12:00:00", "2026-11-29T23:00"),
        ("2026-11-29T22:59:59", "2026-11-29T23:00"),
        ("2026-11-29T23:00:00", ""),
    ],
)
def test_a_window_is_open_from_its_start_in_its_zone_until_just_before_its_end(
    now: str, end: str
) -> None:
    assert until(WEEKEND, now) == end


@pytest.mark.parametrize(
    ("window", "now", "end"),
    [
        ("cron(30 1 * * ? *) 90m UTC", "2026-11-24T02:59:00", "2026-11-24T03:00"),
        ("cron(0 2 1 * ? *) 2d UTC", "2026-12-02T23:00:00", "2026-12-03T02:00"),
        ("cron(0 2 L * ? *) 1h UTC", "2028-02-29T02:30:00", "2028-02-29T03:00"),
        ("cron(0 2 L * ? *) 1h UTC", "2028-02-28T02:30:00", ""),
        ("cron(0 2 ? * 6#3 *) 1h UTC", "2026-11-20T02:30:00", "2026-11-20T03:00"),
        ("cron(0 2 ? * FRI#3 *) 1h UTC", "2026-11-27T02:30:00", ""),
        ("cron(0 2 ? * FRIL *) 1h UTC", "2026-11-27T02:30:00", "2026-11-27T03:00"),
        ("cron(0 2 ? * 6L *) 1h UTC", "2026-11-20T02:30:00", ""),
        ("cron(0 2 ? NOV MON-FRI *) 1h UTC", "2026-11-24T02:30:00", "2026-11-24T03:00"),
        ("cron(0 2 ? NOV MON-FRI *) 1h UTC", "2026-11-22T02:30:00", ""),
        ("cron(0 2 ? * 1 *) 1h UTC", "2026-11-22T02:30:00", "2026-11-22T03:00"),
        ("cron(0 2 24 12 ? 2026) 1d12h30m UTC", "2026-12-25T14:29:00", "2026-12-25T14:30"),
        ("cron(0 2 24 12 ? 2026) 1d12h30m UTC", "2027-12-25T02:30:00", ""),
        ("cron(0/20 9-10 * * ? *) 5m UTC", "2026-11-24T10:44:59", "2026-11-24T10:45"),
        ("cron(0/20 9-10 * * ? *) 5m UTC", "2026-11-24T10:46:00", ""),
        ("cron(0 0 1 1 ? *) 31d UTC", "2027-01-31T23:59:00", "2027-02-01T00:00"),
    ],
)
def test_starts_are_read_as_eventbridge_scheduler_reads_them(
    window: str, now: str, end: str
) -> None:
    assert until(window, now) == end


@pytest.mark.parametrize(
    ("zone", "now", "end"),
    [
        ("Pacific/Kiritimati", "2026-11-23T12:30:00", "2026-11-23T13:00"),
        ("Pacific/Pago_Pago", "2026-11-24T13:30:00", "2026-11-24T14:00"),
        ("Asia/Kathmandu", "2026-11-23T20:30:00", "2026-11-23T21:15"),
    ],
)
def test_a_day_of_a_far_zone_begins_up_to_a_day_before_or_after(
    zone: str, now: str, end: str
) -> None:
    assert until(f"cron(0 2 * * ? *) 1h {zone}", now) == end


def test_a_start_in_the_hour_that_a_zone_skips_is_an_hour_later() -> None:
    window = "cron(30 2 29 3 ? 2026) 1h Europe/Berlin"

    assert until(window, "2026-03-29T01:29:00") == ""
    assert until(window, "2026-03-29T01:30:00") == "2026-03-29T02:30"


def test_a_start_in_the_hour_that_a_zone_repeats_is_the_first_of_the_two() -> None:
    window = "cron(30 2 25 10 ? 2026) 1h Europe/Berlin"

    assert until(window, "2026-10-25T00:30:00") == "2026-10-25T01:30"
    assert until(window, "2026-10-25T01:30:00") == ""


def test_a_window_over_a_change_of_the_clock_is_as_long_as_it_says() -> None:
    assert until("cron(0 22 28 3 ? 2026) 10h Europe/Berlin", "2026-03-29T06:59:00") == (
        "2026-03-29T07:00"
    )


def test_of_several_open_windows_the_one_that_ends_last_is_told() -> None:
    both = "cron(0 2 * * ? *) 1h UTC; cron(30 2 * * ? *) 2h UTC;"

    assert until(both, "2026-11-24T02:45:00") == "2026-11-24T04:30"
    window = open_until(read_windows(both), at("2026-11-24T02:45:00"))
    assert window
    assert window[0] == "cron(30 2 * * ? *) 2h UTC"


def test_a_window_that_begins_within_itself_is_prolonged() -> None:
    assert until("cron(0 * * * ? *) 90m UTC", "2026-11-24T09:30:00") == "2026-11-24T10:30"


def test_without_windows_none_is_open() -> None:
    assert open_until((), at("2026-11-24T09:00:00")) is None
    assert read_windows("") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cron(0 22 ? * FRI *) 58h", "must be cron"),
        ("every friday", "must be cron"),
        ("rate(1 day) 2h UTC", "must be cron"),
        ("cron(0 22 ? * FRI) 58h UTC", "6 fields, this one has 5"),
        ("cron(0 22 * * FRI *) 58h UTC", "exactly one of day of month and day of week"),
        ("cron(0 22 ? * ? *) 58h UTC", "exactly one of"),
        ("cron(60 22 ? * FRI *) 58h UTC", "'60' can't be the minutes: write 0-59"),
        ("cron(0 22 ? * FRY *) 58h UTC", "can't be the day of week: write 1-7 or SUN-SAT"),
        ("cron(0 22 ? * FRI-MON *) 58h UTC", "'FRI-MON' can't be the day of week"),
        ("cron(0 22 0 * ? *) 58h UTC", "'0' can't be the day of month"),
        ("cron(0 22 15W * ? *) 58h UTC", "'15W' can't be the day of month"),
        ("cron(0 22 1,L * ? *) 58h UTC", "'L' can't be the day of month"),
        ("cron(0 22 ? * L *) 58h UTC", "'L' can't be the day of week"),
        ("cron(0 22 ? * MON,6#3 *) 58h UTC", "'6#3' can't be the day of week"),
        ("cron(0/0 22 ? * FRI *) 58h UTC", "'0/0' can't be the minutes"),
        ("cron(0 22 ? * FRI *) 0h UTC", "at least 1m"),
        ("cron(0 22 ? * FRI *) 32d UTC", "at most 31d"),
        ("cron(0 22 ? * FRI *) 2weeks UTC", "must be such as 90m, 58h or 2d12h"),
        (f"{WEEKEND}; nonsense", "'nonsense' must be cron"),
    ],
)
def test_a_window_that_can_not_be_read_stops_the_deploy_and_says_why(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match="HOLD_WINDOWS=") as wrong:
        Settings.read({"HOLD_WINDOWS": text})

    assert said in str(wrong.value)


@pytest.mark.parametrize("zone", ["Asia/Tokio", "../etc/passwd", "Mars"])
def test_a_zone_without_data_is_named(zone: str) -> None:
    with pytest.raises(SettingsError, match="HOLD_WINDOWS"):
        zone_of(zone)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    st.integers(0, 23),
    st.integers(1, 100),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_window_is_open_exactly_while_less_than_its_length_has_passed_since_a_start(
    now: datetime, zone: str, hour: int, length: int
) -> None:
    windows = read_windows(f"cron(0 {hour} * * ? *) {length}h {zone}")
    window = open_until(windows, now)

    local = now.astimezone(zone_of(zone)).replace(hour=hour, minute=0, second=0, microsecond=0)
    starts = [(local - timedelta(days=n)).replace(fold=0).astimezone(UTC) for n in range(-1, 7)]
    last = max(start for start in starts if start <= now)
    end = last + timedelta(hours=length)
    assert (window[1] if window else None) == (end if end > now else None)

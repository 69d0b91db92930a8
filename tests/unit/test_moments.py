"""Times in text: read once, aware, in UTC."""

from datetime import UTC, datetime

import pytest

from chalicelib.moments import iso, read

TEN = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-11-26T10:00:00Z", "2026-11-26T19:00:00+09:00", "2026-11-26T10:00:00.000"]
)
def test_a_time_is_read_in_utc_and_one_without_a_zone_is_utc(text: str) -> None:
    assert read(text) == TEN
    assert iso(read(text) or datetime.min) == iso(TEN)


@pytest.mark.parametrize("text", ["", "last Friday", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert read(text) is None

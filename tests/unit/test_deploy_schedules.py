import pytest

from chalicelib.errors import SettingsError
from chalicelib.settings import Settings
from respool.deploy.schedules import zone_findings


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 hour)",
        "cron(0 2 * * ? *)",
        "cron(0/15 8-17 ? * MON-FRI *)",
        "cron(0,30 2 1W * ? 2026-2030)",
        "cron(0 2 L * ? *)",
        "cron(0 2 ? * 6L *)",
        "cron(0 2 ? JAN,JUL TUE#1 *)",
        "cron(0 2 LW * ? *)",
        "cron(0 2 ? * L *)",
        "cron(0 2 ? * FRI-MON *)",
    ],
)
def test_a_schedule_that_eventbridge_reads_passes(expression: str) -> None:
    assert Settings.read({"REPLAY_SCHEDULE": expression}).replay_schedule == expression


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("cron(60 2 * * ? *)", "'60' can't be the minutes"),
        ("cron(0 24 * * ? *)", "'24' can't be the hours"),
        ("cron(0 2 32 * ? *)", "'32' can't be the day of month"),
        ("cron(0 2 * 13 ? *)", "'13' can't be the month"),
        ("cron(0 2 ? * MOON *)", "'MOON' can't be the day of week"),
        ("cron(0 2 * * ? 26)", "'26' can't be the year"),
        ("cron(0/0 2 * * ? *)", "'0/0' can't be the minutes"),
        ("cron(? 2 * * ? *)", "'?' can't be the minutes"),
        ("cron(0 2 * * * *)", "has to be ?"),
        ("cron(0 2 ? * ? *)", "has to be ?"),
        ("cron(0 1-2-3 * * ? *)", "'1-2-3' can't be the hours"),
    ],
)
def test_a_wrong_schedule_names_its_setting_its_field_and_the_remedy(
    expression: str, said: str
) -> None:
    with pytest.raises(SettingsError) as wrong:
        Settings.read({"REPLAY_SCHEDULE": expression})
    assert str(wrong.value).startswith(f"REPLAY_SCHEDULE={expression!r}: ")
    assert said in str(wrong.value)


def test_every_wrong_field_of_a_schedule_is_named_at_once() -> None:
    with pytest.raises(
        SettingsError, match=r"'60' can't be the minutes.*'MOON' can't be the day of week"
    ):
        Settings.read({"SWEEP_SCHEDULE": "cron(60 2 ? * MOON *)"})


def test_an_unknown_zone_comes_with_the_one_that_was_meant() -> None:
    (finding,) = zone_findings("REPLAY_TIMEZONE", "tokyo")
    assert "REPLAY_TIMEZONE='tokyo'" in finding
    assert "Did you mean Asia/Tokyo?" in finding


def test_a_known_zone_passes() -> None:
    assert list(zone_findings("REPLAY_TIMEZONE", "Asia/Tokyo")) == []

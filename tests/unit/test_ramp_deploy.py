"""What a deploy makes of the ramp's settings."""

from pathlib import Path
from typing import Any

import pytest

from respool.deploy.checks.findings import Malformed
from respool.deploy.preflight import Source, check
from tests.iam.deployed import FUNCTIONS

PROJECT = Path(__file__).resolve().parents[2]


def schedule(**environment: str) -> dict[str, Any]:
    """The ramp's schedule."""
    template = check(Source(PROJECT, "dev", environment, FUNCTIONS)).template
    return dict(template["Resources"]["RampSchedulePlan"]["Properties"])


def test_the_ramp_s_schedule_is_off_unless_it_is_asked_for() -> None:
    assert schedule()["State"] == "DISABLED"


def test_it_calls_reprocess_each_minute_and_says_which() -> None:
    made = schedule(RECOVERY="ramp")

    assert (made["State"], made["ScheduleExpression"]) == ("ENABLED", "rate(1 minute)")
    assert made["Target"]["Input"] == '{"ramp": true, "at": "<aws.scheduler.scheduled-time>"}'
    assert made["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0


def test_a_window_in_a_zone_that_does_not_exist_stops_the_deploy_and_names_the_one_meant() -> None:
    window = "cron(0 22 ? * FRI *) 58h tokyo"

    with pytest.raises(Malformed) as wrong:
        schedule(RECOVERY="ramp", HOLD_WINDOWS=window)

    text = str(wrong.value)
    assert ".chalice/config.json, stage dev: HOLD_WINDOWS='tokyo'" in text
    assert "Did you mean Asia/Tokyo?" in text


def test_all_wrong_settings_of_the_ramp_stop_the_deploy_at_once() -> None:
    with pytest.raises(Malformed) as wrong:
        schedule(
            RECOVERY="on",
            RAMP_INTERVAL="10m",
            RAMP_MAX_INTERVAL="0",
            RAMP_MAX="201",
            HEALTHY_AFTER="-1",
            HOLD_WINDOWS="every friday",
        )

    for said in (
        "RECOVERY='on': must be one of off, ramp",
        "RAMP_INTERVAL='10m': must be a whole number from 1 to 86400",
        "RAMP_MAX_INTERVAL='0': must be a whole number from 1 to 604800",
        "RAMP_MAX='201': must be a whole number from 1 to 200",
        "HEALTHY_AFTER='-1': must be a whole number from 1 to 86400",
        "HOLD_WINDOWS='every friday': 'every friday' must be cron(...)",
    ):
        assert said in str(wrong.value)

"""What `make verify` decides without AWS: its own stage's settings, and how many were inside."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.job.claim import Claim
from respool.verify.own import NotOurs, OwnStage, own_config, refuse_others
from respool.verify.scenario import most_at_once

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def history(*events: tuple[int, str]) -> list[dict[str, Any]]:
    kinds = [(NOON + timedelta(seconds=at), f"LambdaFunction{kind}") for at, kind in events]
    return [{"timestamp": at, "type": kind} for at, kind in kinds]


def test_jobs_whose_work_overlaps_are_counted_as_inside_at_once() -> None:
    first = history((0, "Scheduled"), (4, "Failed"), (5, "Scheduled"), (9, "Succeeded"))
    second = history((8, "Scheduled"), (12, "Succeeded"))
    third = history((12, "Scheduled"), (13, "Succeeded"))

    assert most_at_once([first, second, third]) == 2
    assert most_at_once([first, third]) == 1


def test_the_own_stage_has_the_settings_of_the_other_but_nothing_that_acts_by_itself() -> None:
    settings = {"TASK_LIMIT": "3", "REPLAY_SCHEDULE": "rate(1 hour)", "ALERT_EMAIL": "a@b.example"}
    config = {
        "environment_variables": {"HOLD_WINDOWS": "Mon 08:00-09:00 UTC", "MINE": "1"},
        "stages": {"dev": {"environment_variables": settings}},
    }

    own = own_config(config, OwnStage("dev", Path("anywhere")))

    assert list(own["stages"]) == ["dev-verify"]
    chosen = own["stages"]["dev-verify"]["environment_variables"]
    assert chosen["TASK_LIMIT"] == "3"
    assert chosen["REPLAY_SCHEDULE"] == "off"
    assert "ALERT_EMAIL" not in chosen
    assert own["environment_variables"] == {"MINE": "1"}
    assert config["stages"] == {"dev": {"environment_variables": settings}}


def test_a_stage_that_the_project_does_not_have_is_refused() -> None:
    with pytest.raises(NotOurs, match="'staging' is not in"):
        own_config({"stages": {"dev": {}}}, OwnStage("staging", Path("anywhere")))


def test_a_stage_with_somebody_else_s_job_is_left_alone() -> None:
    ours = Claim("job#verify-1234-a", "arn:ours")
    refuse_others([ours])

    with pytest.raises(NotOurs, match="such as order-1"):
        refuse_others([ours, Claim("job#order-1", "arn:theirs")])

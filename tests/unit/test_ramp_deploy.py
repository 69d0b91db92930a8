"""What a deploy makes of the ramp's settings."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.names import Names
from respool.deploy.checks.findings import DeployFailed, Malformed
from respool.deploy.health import refuse_missing
from respool.deploy.preflight import Source, check
from tests.fakes.stand_in import stand_in
from tests.iam.deployed import FUNCTIONS

PROJECT = Path(__file__).resolve().parents[2]


def schedule(**environment: str) -> dict[str, Any]:
    """The ramp's schedule."""
    template = check(Source(PROJECT, "dev", environment, FUNCTIONS)).template
    return dict(template["Resources"]["RampSchedulePlan"]["Properties"])


def test_the_ramp_s_schedule_is_off_unless_it_is_asked_for() -> None:
    assert schedule()["State"] == "DISABLED"


def test_it_calls_reprocess_each_minute_and_says_which() -> None:
    properties = schedule(RECOVERY="ramp")

    assert (properties["State"], properties["ScheduleExpression"]) == ("ENABLED", "rate(1 minute)")
    assert properties["Target"]["Input"] == '{"ramp": true, "at": "<aws.scheduler.scheduled-time>"}'
    assert properties["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0


def test_a_window_in_a_zone_that_does_not_exist_stops_the_deploy_and_names_the_one_meant() -> None:
    window = "cron(0 22 ? * FRI *) 58h tokyo"

    with pytest.raises(Malformed) as wrong:
        schedule(RECOVERY="ramp", HOLD_WINDOWS=window)

    text = str(wrong.value)
    assert ".chalice/config.json, stage dev: HOLD_WINDOWS='tokyo'" in text
    assert "Did you mean Asia/Tokyo?" in text


HEALTH = "arn:aws:lambda:eu-west-1:123456789012:function:health"


def test_reprocess_may_call_the_health_check_s_lambda_and_nobody_else_only_where_it_is_set() -> (
    None
):
    for url, granted in ((HEALTH, {"reprocess"}), ("https://service.example/health", set())):
        source = Source(PROJECT, "dev", {"RECOVERY": "ramp", "HEALTH_URL": url}, FUNCTIONS)
        policies = check(source).policies
        may = {name for name, policy in policies.items() if url in str(policy)}

        assert may == granted
        asks = [
            each for each in policies["reprocess"]["Statement"] if each["Sid"] == "AskTheService"
        ]
        assert [each["Resource"] for each in asks] == [url] * len(granted)


class Functions:
    """Lambda, where there is one function or none, or nobody may look."""

    def __init__(self, error: str = "") -> None:
        self._error = error

    def get_function_configuration(self, **_: Any) -> dict[str, Any]:
        """Say what it is."""
        if self._error:
            raise ClientError({"Error": {"Code": self._error}}, "GetFunctionConfiguration")
        return {}


@pytest.mark.parametrize(
    ("region", "error", "said"),
    [
        ("eu-west-1", "ResourceNotFoundException", "there is no such Lambda"),
        ("us-east-1", "", "is in eu-west-1, and the stage in us-east-1"),
    ],
)
def test_a_health_check_that_is_not_there_stops_the_deploy(
    region: str, error: str, said: str
) -> None:
    names = Names("respool-dev", "aws", region, "123456789012")

    with pytest.raises(DeployFailed, match=said):
        refuse_missing(stand_in(Functions(error)), names, HEALTH)


@pytest.mark.parametrize("error", ["", "AccessDeniedException"])
def test_one_that_is_there_or_hidden_stops_no_deploy(error: str) -> None:
    names = Names("respool-dev", "aws", "eu-west-1", "123456789012")

    refuse_missing(stand_in(Functions(error)), names, HEALTH)
    refuse_missing(
        stand_in(Functions("ResourceNotFoundException")), names, "https://service.example"
    )


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

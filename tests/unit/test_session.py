"""Region and profile are those that the AWS CLI would take; one that is empty stands for none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ProfileNotFound
from chalice.cli.factory import create_botocore_session

from chalicelib.aws.calling import clients, forget_session, sdk_session
from chalicelib.errors import SettingsError
from respool.cli.account import Account
from respool.deploy.account import Account as Deployer
from respool.session import agree_with_older_sdks, chosen

Source = Callable[[], str]
CONFIG = """
[default]
region = ap-south-1
[profile ops]
region = eu-north-1
[profile old]
region = sa-east-1
"""


@pytest.fixture(autouse=True)
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    forget_session()


def _of(client: Any) -> str:
    return str(client.meta.region_name)


def _chalice() -> str:
    agree_with_older_sdks()
    return str(create_botocore_session().get_config_variable("region"))


OURS: dict[str, Source] = {
    "command line": lambda: _of(Account.find("dev", None, None).client("sqs")),
    "deploy": lambda: _of(Deployer().client("sqs")),
    "verify": lambda: str(chosen().region_name),
    "chalice local": lambda: str(sdk_session().region_name),
    "a stage's own": lambda: _of(clients()("sqs")),
    "chalice": _chalice,
}


@pytest.mark.parametrize("source", OURS.values(), ids=OURS)
@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({}, "ap-south-1"),
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
        ({"AWS_PROFILE": "ops"}, "eu-north-1"),
        ({"AWS_DEFAULT_PROFILE": "ops"}, "eu-north-1"),
        ({"AWS_PROFILE": "ops", "AWS_DEFAULT_PROFILE": "old"}, "eu-north-1"),
        ({"AWS_PROFILE": "ops", "AWS_REGION": "eu-west-1"}, "eu-west-1"),
    ],
)
def test_region_and_profile_are_those_of_the_aws_cli(
    monkeypatch: pytest.MonkeyPatch, source: Source, variables: dict[str, str], region: str
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.setenv(name, "")  # what Chalice is told has to go again
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert source() == region


@pytest.mark.parametrize(
    ("options", "variables", "named"),
    [
        ({"profile": ""}, {}, "--profile"),
        ({"region": ""}, {}, "--region"),
        ({}, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-1"}, "AWS_REGION"),
        ({}, {"AWS_DEFAULT_REGION": ""}, "AWS_DEFAULT_REGION"),
        ({}, {"AWS_PROFILE": ""}, "AWS_PROFILE"),
        ({}, {"AWS_DEFAULT_PROFILE": ""}, "AWS_DEFAULT_PROFILE"),
    ],
)
def test_what_is_given_and_empty_is_refused(
    options: dict[str, str], variables: dict[str, str], named: str
) -> None:
    with pytest.raises(SettingsError, match=f"{named} is given and empty"):
        chosen(**options, environ=variables)


def test_an_empty_variable_does_not_matter_where_an_option_says_otherwise() -> None:
    empty = {"AWS_REGION": "", "AWS_PROFILE": ""}
    assert chosen("ops", "eu-west-3", empty).region_name == "eu-west-3"


def test_a_profile_that_is_not_there_is_not_the_default() -> None:
    with pytest.raises(ProfileNotFound, match="nobody-s"):
        chosen("nobody-s")

"""What AWS or its SDK refuses is told on one line, with the way out."""

import json
from datetime import datetime, timedelta
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from chalicelib.aws.calling import calling
from chalicelib.errors import AwsError
from respool.cli.codes import REFUSED, USAGE
from respool.cli.context import Context
from respool.cli.run import run
from respool.refusals import explain

Out = pytest.CaptureFixture[str]
NOW = datetime(2026, 11, 26, 1, 15)
START = "https://example.awsapps.com/start"
PROFILES = f"""
[profile legacy]
sso_start_url = {START}
sso_region = eu-west-1
sso_account_id = 123456789012
sso_role_name = ops
region = eu-west-1
[profile modern]
sso_session = work
sso_account_id = 123456789012
sso_role_name = ops
region = eu-west-1
[sso-session work]
sso_start_url = {START}
sso_region = eu-west-1
[profile process]
credential_process = false
region = eu-west-1
[profile bare]
region = eu-west-1
[profile nowhere]
aws_access_key_id = test
aws_secret_access_key = test
[profile half]
aws_access_key_id = test
region = eu-west-1
"""


def answered(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetFunctionConfiguration")


def skewed(minutes: int) -> str:
    """What AWS says of a signature by a clock that is so many minutes ahead of its own."""
    signed, aws = (f"{one:%Y%m%dT%H%M%SZ}" for one in (NOW + timedelta(minutes=minutes), NOW))
    if minutes < 0:
        return f"Signature expired: {signed} is now earlier than {aws} ({aws} - 5 min.)"
    return f"Signature not yet current: {signed} is still later than {aws} ({aws} + 5 min.)"


@pytest.mark.parametrize(
    ("problem", "way"),
    [
        (answered("ExpiredTokenException"), "Log in again: aws sso login --profile ops"),
        (answered("ExpiredToken"), "Log in again: aws sso login --profile ops"),
        (answered("UnrecognizedClientException"), "Check these credentials"),
        (answered("InvalidClientTokenId"), "Check these credentials"),
        (answered("SignatureDoesNotMatch", "Check your secret key."), "Check these credentials"),
        (answered("AccessDeniedException"), "docs/cli.md lists what each command needs"),
        (
            answered("InvalidSignatureException", skewed(-15)),
            "This machine's clock is 15 minutes behind AWS's. Set it",
        ),
        (
            answered("SignatureDoesNotMatch", skewed(7)),
            "This machine's clock is 7 minutes ahead of AWS's. Set it",
        ),
        (answered("RequestTimeTooSkewed"), "This machine's clock is wrong"),
    ],
)
def test_an_answer_of_aws_is_told_with_the_way_out(problem: ClientError, way: str) -> None:
    explanation = explain(problem, "ops")
    assert way in explanation.text
    assert not explanation.chosen
    assert "\n" not in explanation.text


def test_the_cause_of_our_own_error_tells_the_way() -> None:
    with pytest.raises(AwsError) as wrapped, calling("GetItem", "the table"):
        raise answered("ExpiredToken", "old\nand stale")
    assert explain(wrapped.value).text == (
        "GetItem for the table: ExpiredToken: old and stale. Log in again: aws sso login"
    )


def test_what_has_nothing_to_do_with_credentials_stays_as_it_is() -> None:
    assert explain(AwsError("one\n  two")).text == "one\n  two"
    assert explain(answered("ValidationException", "bad")).text.endswith("bad")


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home whose AWS files name profiles of every kind, none of them good."""
    (tmp_path / "config").write_text(PROFILES)
    cache = tmp_path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    token = {
        "startUrl": START,
        "region": "eu-west-1",
        "accessToken": "old",
        "expiresAt": "2020-01-01T00:00:00Z",
    }
    for name in (START, "work"):
        where = cache / f"{sha1(name.encode(), usedforsecurity=False).hexdigest()}.json"
        where.write_text(json.dumps(token))
    for name in (
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    return tmp_path


@pytest.mark.parametrize(
    ("profile", "code", "way"),
    [
        ("legacy", REFUSED, "Log in again: aws sso login --profile legacy"),
        ("modern", REFUSED, "Log in again: aws sso login --profile modern"),
        ("process", REFUSED, "choose others by --profile"),
        ("bare", REFUSED, "Log in where it wants that: aws sso login --profile bare"),
        ("half", REFUSED, "Set what is missing"),
        ("nowhere", USAGE, "Name one by AWS_REGION"),
        ("nobody-s", USAGE, "there are bare, half, legacy, modern, nowhere, process"),
    ],
)
@pytest.mark.usefixtures("home")
def test_credentials_that_are_not_there_are_one_line_with_the_way_out(
    capsys: Out, profile: str, code: int, way: str
) -> None:
    assert run(("status", "--profile", profile)) == code
    said = capsys.readouterr().err
    assert way in said
    assert said.count("\n") == 1
    assert "Traceback" not in said


@pytest.mark.usefixtures("home")
def test_a_region_that_is_none_is_a_matter_of_usage(capsys: Out) -> None:
    assert run(("status", "--profile", "nowhere", "--region", "eu west")) == USAGE
    assert "Name one such as eu-central-1." in capsys.readouterr().err


def test_an_aws_that_does_not_answer_is_told_with_what_to_check() -> None:
    silent = EndpointConnectionError(endpoint_url="https://lambda.eu-wset-1.amazonaws.com/")
    assert "Check the network, and whether there is such a region." in explain(silent).text


def test_files_that_can_not_be_parsed_are_named(home: Path, capsys: Out) -> None:
    (home / "config").write_text("[profile\n")
    assert run(("status",)) == USAGE
    assert "Correct that file." in capsys.readouterr().err


def test_every_error_of_the_sdk_is_told_on_one_line(capsys: Out) -> None:
    class Odd(BotoCoreError):
        """One that nobody knows."""

        fmt = "first\nsecond"

    def find(*_: Any) -> Any:
        raise Odd

    assert run(("status",), Context(find)) == REFUSED
    assert capsys.readouterr().err == "respool: first second\n"

"""`make verify` before it does anything: it says what, asks, and leaves what is not its own."""

import io
import json
import zipfile
from collections.abc import Iterator

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

from respool.deploy.checks.findings import Malformed
from respool.verify.__main__ import verify

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield


def test_it_says_where_what_and_what_for_and_a_no_changes_nothing() -> None:
    done = CliRunner().invoke(verify, ["dev"], input="n\n")

    assert done.exit_code == 1
    for word in ("123456789012", "eu-west-1", "dev-verify", "not touched", "under one cent"):
        assert word in done.output
    assert done.output.rstrip().endswith("Go on? [y/N]: n\nAborted!")
    assert boto3.client("lambda").list_functions()["Functions"] == []


def test_a_stage_that_it_has_not_made_is_left_alone_even_with_yes() -> None:
    function("respool-dev-verify-reprocess")

    done = CliRunner().invoke(verify, ["dev", "--yes"])

    assert done.exit_code == 1
    assert "dev-verify is deployed, and not by make verify here" in done.output
    assert len(boto3.client("lambda").list_functions()["Functions"]) == 1


@pytest.mark.parametrize("stage", ["", "nope", "../.."])
def test_a_stage_that_the_project_does_not_have_is_refused_at_once(stage: str) -> None:
    done = CliRunner().invoke(verify, [stage, "--yes"])

    assert isinstance(done.exception, Malformed)
    assert boto3.client("lambda").list_functions()["Functions"] == []


def function(name: str) -> None:
    """Somebody's Lambda."""
    trust = {"Version": "2012-10-17", "Statement": []}
    role = boto3.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(trust)
    )
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", "")
    boto3.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=role["Role"]["Arn"],
        Handler="app.handler",
        Code={"ZipFile": package.getvalue()},
    )

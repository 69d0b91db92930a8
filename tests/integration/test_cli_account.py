"""The command line against moto: what it reads off an account, and what AWS refuses."""

import io
import json
import zipfile
from collections.abc import Iterator
from functools import cached_property

import boto3
import pytest
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from chalicelib import metrics
from chalicelib.aws.world import AwsWorld
from chalicelib.deployed import Deployed, SystemTime
from chalicelib.errors import NotFound, SettingsError
from chalicelib.names import Names
from chalicelib.settings import Settings
from respool.cli.account import Account, origin
from respool.cli.context import Context
from respool.cli.metrics import AT_ONCE, Metrics
from respool.cli.run import run
from tests.tables import create_claims

PREFIX = "respool-dev"
Out = pytest.CaptureFixture[str]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield


def _function(name: str, **environment: str) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", "")
    role = _role(name)
    boto3.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": package.getvalue()},
        Environment={"Variables": environment},
    )


def _role(name: str) -> str:
    trust = {"Version": "2012-10-17", "Statement": []}
    made = boto3.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(trust)
    )
    return str(made["Role"]["Arn"])


def _account() -> Account:
    return Account(boto3.Session(), "dev")


@pytest.mark.usefixtures("aws")
def test_names_and_settings_are_those_of_the_deployed_stage() -> None:
    _function(f"{PREFIX}-reprocess", MAX_REPROCESS="7", TASK_LIMIT="3")
    engines = _account().engines
    names = engines.world.names
    assert names.state_machine_arn.startswith("arn:aws:states:eu-west-1:123456789012:")
    assert names.prefix == PREFIX
    assert (engines.settings.max_reprocess, engines.settings.task_limit) == (7, 3)


@pytest.mark.usefixtures("aws")
def test_a_stage_that_is_not_deployed_is_named_with_its_region() -> None:
    with pytest.raises(NotFound, match="stage 'dev' is not deployed in region eu-west-1"):
        _account().stage()


@pytest.mark.usefixtures("aws")
def test_malformed_settings_of_a_stage_are_named() -> None:
    _function(f"{PREFIX}-reprocess", TASK_LIMIT="many")
    with pytest.raises(SettingsError, match="TASK_LIMIT='many'"):
        _account().stage()


@pytest.mark.usefixtures("aws")
def test_a_stage_without_an_api_has_no_page(capsys: Out) -> None:
    _function(PREFIX)
    boto3.client("lambda").add_permission(
        FunctionName=PREFIX,
        StatementId="other",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
    )
    assert run(("open",)) == 2
    assert (
        "no API is allowed to call the Lambda respool-dev: run chalice deploy again"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("control", "page"),
    [
        (
            "https://apigateway.eu-west-1.amazonaws.com",
            "https://a1.execute-api.eu-west-1.amazonaws.com",
        ),
        (
            "https://apigateway.cn-north-1.amazonaws.com.cn",
            "https://a1.execute-api.cn-north-1.amazonaws.com.cn",
        ),
        ("http://127.0.0.1:4566", "http://a1.execute-api.localhost:4566"),
    ],
)
def test_an_api_answers_beside_where_api_gateway_does(control: str, page: str) -> None:
    assert origin("a1", control) == page


@pytest.mark.usefixtures("aws")
def test_counts_are_handed_to_cloudwatch_for_the_stage_and_for_each_error() -> None:
    counted = Metrics(PREFIX)
    for _ in range(3):
        counted.metric(metrics.RESUMED, task="UncertainTask", error="")
    for n in range(AT_ONCE + 1):
        counted.metric(metrics.WAITED, n)
    cloudwatch = boto3.client("cloudwatch")
    counted.send(cloudwatch)
    found = cloudwatch.list_metrics(Namespace=metrics.NAMESPACE)["Metrics"]
    shown = {
        (one["MetricName"], tuple((d["Name"], d["Value"]) for d in one["Dimensions"]))
        for one in found
    }
    stage = ("stage", PREFIX)
    assert shown == {
        (metrics.RESUMED, (stage,)),
        (metrics.RESUMED, (stage, ("task", "UncertainTask"), ("error", "unknown"))),
        (metrics.WAITED, (stage,)),
    }
    assert list(counted._data()) == []


@pytest.mark.usefixtures("aws")
def test_tokens_are_made_listed_and_revoked(capsys: Out) -> None:
    _function(f"{PREFIX}-reprocess")
    create_claims(boto3.client("dynamodb"), f"{PREFIX}-claims")
    assert run(("token", "list")) == 0
    assert "There is no named token." in capsys.readouterr().out
    assert run(("token", "create", "wall", "--read-only", "--json")) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["name"], made["kind"]) == ("wall", "read")
    caller = _account().tokens().find(made["token"])
    assert caller is not None
    assert run(("token", "create", "wall")) == 2
    assert "exists already" in capsys.readouterr().err
    assert run(("token", "list", "--json")) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["tokens"]] == ["wall"]
    assert run(("token", "revoke", "wall")) == 0
    assert _account().tokens().find(made["token"]) is None


class Powerless(Account):
    """An account whose credentials may do nothing, found without asking AWS."""

    @cached_property
    def engines(self) -> Deployed:
        """The stage that would be deployed."""
        names = Names(PREFIX, "aws", "eu-west-1", "123456789012")
        world = AwsWorld(names, self._session, self.metrics)
        return Deployed(world=world, settings=Settings(), clock=SystemTime())


def _powerless() -> Context:
    keys = boto3.client("sts").assume_role(RoleArn=_role("nobody"), RoleSessionName="test")
    given = keys["Credentials"]
    session = boto3.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], "eu-west-1"
    )
    return Context(lambda *_: Powerless(session, "dev"))


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("words", [("status",), ("replay",), ("submit", "{}"), ("show", "a")])
def test_what_aws_refuses_exits_3_and_names_the_call_and_the_remedy(
    capsys: Out, words: tuple[str, ...]
) -> None:
    context = _powerless()
    assert set_initial_no_auth_action_count(0)(run)(words, context) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert "AccessDenied" in said.err
    assert "docs/cli.md lists what each command needs" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.usefixtures("aws")
def test_without_credentials_the_remedy_is_a_profile(
    capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert run(("status",)) == 3
    assert "Give --profile, or set AWS_PROFILE." in capsys.readouterr().err


@pytest.mark.usefixtures("aws")
def test_an_unknown_profile_and_a_missing_region_are_named(
    capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(("status", "--profile", "nobody-s")) == 2
    assert "nobody-s" in capsys.readouterr().err
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert run(("status",)) == 2
    assert "Name one by AWS_REGION" in capsys.readouterr().err

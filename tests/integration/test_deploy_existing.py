"""What exists of a stage is found by its tag, and recorded as Chalice would."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from chalicelib.names import Names
from respool.deploy.checks.findings import DeployFailed
from respool.deploy.existing import Existing, is_there, look
from respool.deploy.recording import resources

NAMES = Names("respool-dev", "aws", "eu-west-1", "123456789012")
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:"


class Gateway:
    """API Gateway's REST APIs; moto's needs more than is installed here."""

    def __init__(self) -> None:
        self.apis: list[str] = []

    def get_rest_api(self, restApiId: str) -> dict[str, str]:
        if restApiId not in self.apis:
            raise ClientError({"Error": {"Code": "NotFoundException"}}, "GetRestApi")
        return {"id": restApiId}

    def get_stages(self, restApiId: str) -> dict[str, Any]:
        return {"item": [{"stageName": "api"}] if restApiId in self.apis else []}


GATEWAY = Gateway()


def client(service: str) -> Any:
    if service == "apigateway":
        return GATEWAY
    make: Callable[..., Any] = boto3.client
    return make(service, region_name="eu-west-1")


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    GATEWAY.apis.clear()
    with mock_aws():
        yield


def function(name: str, stage: str = "dev", app: str = "respool") -> None:
    trust = {"Version": "2012-10-17", "Statement": []}
    role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", "")
    client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=role["Role"]["Arn"],
        Handler="app.handler",
        Code={"ZipFile": package.getvalue()},
        Tags={"aws-chalice": f"version=1.34.0:stage={stage}:app={app}"},
    )


def api(identity: str, handler: str = "respool-dev") -> None:
    """An API that may call the handler."""
    GATEWAY.apis.append(identity)
    client("lambda").add_permission(
        FunctionName=handler,
        StatementId=identity,
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:eu-west-1:123456789012:{identity}/*",
    )


def test_nothing_exists_of_a_stage_that_was_never_deployed() -> None:
    function("respool-prod", "prod")
    function("respool-dev-2", "dev-2")
    function("other-dev", "dev", "other")
    assert look(client, NAMES) == Existing()


def test_functions_are_found_by_their_tag_and_apis_by_whom_they_may_call() -> None:
    function("respool-dev")
    function("respool-dev-step_a")
    function("respool-prod", "prod")
    api("p1", "respool-prod")
    api("b2")
    api("a1")
    found = look(client, NAMES)
    assert found.functions == (ARN + "respool-dev", ARN + "respool-dev-step_a")
    assert found.apis == ("a1", "b2")


def test_an_api_that_is_gone_is_not_found_though_it_may_still_call() -> None:
    function("respool-dev")
    api("a1")
    api("b2")
    GATEWAY.apis.remove("a1")
    assert look(client, NAMES).apis == ("b2",)


def test_a_function_that_the_tags_still_name_is_not_found_once_it_is_gone() -> None:
    function("respool-dev")

    class Lagging:
        """The tags as they were before."""

        def get_paginator(self, _: str) -> "Lagging":
            return self

        def paginate(self, **_: Any) -> list[dict[str, Any]]:
            tags = [{"Key": "aws-chalice", "Value": "version=1:stage=dev:app=respool"}]
            names = ("respool-dev", "respool-dev-gone")
            return [
                {"ResourceTagMappingList": [{"ResourceARN": ARN + n, "Tags": tags} for n in names]}
            ]

    def lagging(service: str) -> Any:
        return Lagging() if service == "resourcegroupstaggingapi" else client(service)

    assert look(lagging, NAMES).functions == (ARN + "respool-dev",)


def test_a_record_names_all_that_exists_as_chalice_does() -> None:
    function("respool-dev")
    function("respool-dev-step_a")
    api("a1")
    found = {one["name"]: one for one in resources(client, look(client, NAMES), NAMES)}
    assert set(found) == {
        "api_handler",
        "api_handler_role",
        "step_a",
        "step_a_role",
        "rest_api",
    }
    assert found["step_a"]["lambda_arn"] == ARN + "respool-dev-step_a"
    assert found["step_a_role"]["role_name"] == "respool-dev-step_a"
    url = "https://a1.execute-api.eu-west-1.amazonaws.com/api/"
    assert found["rest_api"]["rest_api_url"] == url


def test_of_two_apis_neither_is_chosen() -> None:
    function("respool-dev")
    api("a1")
    api("b2")
    with pytest.raises(DeployFailed, match="has several APIs: a1, b2"):
        resources(client, look(client, NAMES), NAMES)


def test_nothing_is_recorded_of_what_does_not_exist() -> None:
    with pytest.raises(DeployFailed, match="Nothing of respool-dev exists in eu-west-1"):
        resources(client, look(client, NAMES), NAMES)


def test_what_a_record_names_is_there_or_gone() -> None:
    function("respool-dev")
    api("a1")
    there = resources(client, look(client, NAMES), NAMES)
    assert all(is_there(client, one) for one in there)
    client("lambda").delete_function(FunctionName="respool-dev")
    client("iam").delete_role(RoleName="respool-dev")
    GATEWAY.apis.clear()
    assert not any(is_there(client, one) for one in there)
    assert is_there(client, {"name": "domain", "resource_type": "domain_name"})

"""One stage's roles are never written over, or removed, from another region."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.names import Names
from respool.deploy import policies
from respool.deploy.checks.findings import DeployFailed
from respool.deploy.roles import Roles
from tests.iam.deployed import FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]


def names(region: str, stage: str = "dev") -> Names:
    return Names(f"respool-{stage}", "aws", region, "123456789012")


@pytest.fixture
def iam(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield boto3.client("iam", region_name="us-east-1")


def deployed(iam: Any, stage: Names) -> None:
    """The roles as Chalice makes them."""
    values = {
        "Partition": stage.partition,
        "Region": stage.region,
        "Account": stage.account,
        "Prefix": stage.prefix,
    }
    for function in FUNCTIONS:
        name = f"{stage.prefix}-{function}"
        policy = policies.rendered(policies.read(ROOT, function), values)
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        document = json.dumps(policy)
        iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=document)


def test_a_stage_of_another_region_is_refused_with_both_ways_out(iam: Any) -> None:
    deployed(iam, names("eu-west-1"))

    with pytest.raises(DeployFailed) as refused:
        Roles(iam, names("us-east-1")).refuse_another_regions(FUNCTIONS)

    assert "The stage dev of this account is in eu-west-1" in str(refused.value)
    assert "AWS_DEFAULT_REGION=eu-west-1" in str(refused.value)
    assert "such as dev-us-east-1" in str(refused.value)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_any_one_role_of_another_region_is_enough(iam: Any, function: str) -> None:
    deployed(iam, names("eu-west-1"))

    with pytest.raises(DeployFailed, match=f"respool-dev-{function} "):
        Roles(iam, names("us-east-1")).refuse_another_regions([function])


def test_a_stage_of_this_region_and_one_that_is_new_go_on(iam: Any) -> None:
    deployed(iam, names("eu-west-1"))

    Roles(iam, names("eu-west-1")).refuse_another_regions(FUNCTIONS)
    Roles(iam, names("us-east-1", "dev-us-east-1")).refuse_another_regions(FUNCTIONS)


def test_a_role_without_a_policy_of_chalices_is_nobodys(iam: Any) -> None:
    iam.create_role(RoleName="respool-dev-reprocess", AssumeRolePolicyDocument="{}")

    Roles(iam, names("us-east-1")).refuse_another_regions(FUNCTIONS)

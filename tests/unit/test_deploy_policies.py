import json
import re
from pathlib import Path

import pytest

from respool.deploy import policies
from respool.deploy.checks.findings import Malformed
from respool.deploy.definition import strings
from respool.deploy.iam import listed
from tests.iam.deployed import FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
VALUES = {
    "Partition": "aws",
    "Region": "eu-west-1",
    "Account": "123456789012",
    "Prefix": "respool-dev",
}
NAMELESS = {"dynamodb:ListStreams", "lambda:ListEventSourceMappings"}
"""Actions for which IAM knows no resource."""

READS = "states:DescribeStateMachineForExecution"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_policy_reaches_only_its_own_stage(function: str) -> None:
    policy = policies.rendered(policies.read(ROOT, function), VALUES)
    for statement in policy["Statement"]:
        resource = statement["Resource"]
        if set(statement["Action"]) <= NAMELESS:
            continue
        if "event-source-mapping" in str(resource):  # AWS makes their names up: its function tells
            (test,) = statement["Condition"].values()
            resource = test["lambda:FunctionArn"]
        for arn in [resource] if isinstance(resource, str) else resource:
            named = arn.removeprefix("arn:aws:").split(":", 3)[3]
            assert "respool-dev" in named
            assert "*" not in named.partition("respool-dev")[0]
            after = named.partition("respool-dev")[2]
            assert after == "" or after[0] in "-/:"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_packaged_policy_leaves_the_account_to_cloudformation(function: str) -> None:
    policy = policies.for_cloudformation(policies.read(ROOT, function), "respool-dev")
    resource = policy["Statement"][0]["Resource"]["Fn::Sub"]
    assert resource.startswith("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:")
    assert not any("${Prefix}" in text for text in strings(policy))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_policy_repeats_no_action_on_one_resource(function: str) -> None:
    pairs = [
        (action, json.dumps(statement["Resource"]))
        for statement in policies.read(ROOT, function)["Statement"]
        for action in statement["Action"]
    ]
    assert len(pairs) == len(set(pairs))


def test_an_unknown_placeholder_is_named_with_its_file(tmp_path: Path) -> None:
    folder = tmp_path / ".chalice" / "policies"
    folder.mkdir(parents=True)
    (folder / "step_a.json").write_text('{"Statement": [{"Resource": "${Stage}"}]}')
    with pytest.raises(Malformed, match=r"policies/step_a\.json: \$\{Stage\} stands for nothing"):
        policies.read(tmp_path, "step_a")


def _texts(policy: policies.Policy) -> set[str]:
    return set(strings(policy))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_listed_machine_gets_the_rights_of_the_stage_s_own_and_nothing_else(
    function: str,
) -> None:
    plain = policies.read(ROOT, function)
    served = policies.serving(plain, ["orders"])

    count = len(plain["Statement"])
    more_statements = served["Statement"][count:]
    assert all(one["Action"] == [READS] for one in more_statements)
    assert bool(more_statements) == any("dead#*" in _texts(one) for one in plain["Statement"])
    for before, after in zip(plain["Statement"], served["Statement"][:count], strict=True):
        assert before["Action"] == after["Action"]
        more = _texts(after) - _texts(before)
        sweeps = {policies.MACHINES} if before["Sid"] == policies.SWEEPS else set[str]()
        assert sweeps <= more
        assert all(":orders" in one or one == "job@orders#*" for one in more - sweeps)
        states = any(":states:" in one for one in listed(before["Resource"]))
        assert any(re.search(r":orders(:\*|/\*|)$", one) for one in more) == states
        own = "job#*" in _texts(before) and "job@*" not in _texts(before)
        assert ("job@orders#*" in more) == own
        assert _texts(before) <= _texts(after)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_without_machines_a_policy_is_what_its_source_says(function: str) -> None:
    plain = policies.read(ROOT, function)
    assert policies.serving(plain, ()) == plain


def test_more_machines_than_a_role_takes_are_refused_by_the_setting_s_name() -> None:
    many = [f"machine-{number}" for number in range(60)]
    policy = policies.serving(policies.read(ROOT, "api_handler"), many)
    with pytest.raises(Malformed, match="MACHINES names too many"):
        policies.refuse_large("api_handler", policy)
    few = policies.serving(policies.read(ROOT, "api_handler"), many[:5])
    policies.refuse_large("api_handler", few)

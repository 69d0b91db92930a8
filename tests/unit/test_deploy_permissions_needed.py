"""What AWS requires of a stage's parts is found before a deploy where it is not met."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from respool.deploy import policies
from respool.deploy.checks.permissions_needed import RenderedStage, of_functions
from respool.deploy.preflight import Source, check
from respool.deploy.resolved import ACCOUNT, REGION, resolved
from tests.iam.deployed import FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
CHECKED = check(Source(ROOT, "dev", {}, FUNCTIONS))
VALUES = {"Partition": "aws", "Region": REGION, "Account": ACCOUNT, "Prefix": "respool-dev"}
Change = Callable[[dict[str, Any]], object]


def findings(change: Change) -> str:
    resources = copy.deepcopy(resolved(CHECKED.template["Resources"]))
    own = {name: policies.rendered(one, VALUES) for name, one in CHECKED.policies.items()}
    change({name: one["Properties"] for name, one in resources.items()} | {"policies": own})
    stage = RenderedStage("respool-dev", resources, own, {"reprocess": 900})
    return "\n".join(stage.findings())


def take(parts: dict[str, Any], function: str, action: str) -> None:
    for statement in parts["policies"][function]["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != action]


def of_roles_last(parts: dict[str, Any]) -> Any:
    return parts["SchedulerRole"]["Policies"][0]["PolicyDocument"]["Statement"]


def test_what_is_deployed_meets_every_requirement() -> None:
    assert findings(dict) == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda parts: take(parts, "reprocess", "sqs:GetQueueAttributes"),
            "Trigger: the policy of respool-dev-reprocess lacks sqs:GetQueueAttributes on arn",
        ),
        (
            lambda parts: parts["Spool"].update(VisibilityTimeout=600),
            "Trigger: the queue hides messages for 600 s, respool-dev-reprocess may run for 900 s",
        ),
        (
            lambda parts: take(parts, "error_spool", "sqs:SendMessage"),
            "RescueRetries: the policy of respool-dev-error_spool lacks sqs:SendMessage",
        ),
        (
            lambda parts: parts["RescueMayInvoke"].update(SourceArn="arn:aws:events:a:b:rule/x"),
            "Rescue: it may not invoke arn:aws:lambda",
        ),
        (
            lambda parts: parts["RescueMayInvoke"].update(Principal="states.amazonaws.com"),
            "Rescue: it may not invoke arn:aws:lambda",
        ),
        (
            lambda parts: parts["MissedFromRescue"]["PolicyDocument"]["Statement"].pop(),
            "Rescue: it may not send to arn:aws:sqs",
        ),
        (
            lambda parts: of_roles_last(parts).pop(0),
            "SweepSchedulePlan: its role lacks lambda:InvokeFunction",
        ),
        (
            lambda parts: of_roles_last(parts).pop(1),
            "ReplaySchedulePlan: its role lacks sqs:SendMessage",
        ),
        (
            lambda parts: parts["SchedulerRole"]["AssumeRolePolicyDocument"]["Statement"][0].update(
                Principal={"Service": "lambda.amazonaws.com"}
            ),
            "RampSchedulePlan: its role does not trust scheduler.amazonaws.com alone",
        ),
        (
            lambda parts: parts["policies"].update({"x" * 60: {"Statement": []}}),
            "AWS takes 64 characters",
        ),
    ],
)
def test_a_requirement_that_is_not_met_is_named(change: Change, message: str) -> None:
    assert message in findings(change)


@pytest.mark.parametrize(
    ("settings", "variables", "message"),
    [
        ({"lambda_timeout": 901}, {}, "lambda_timeout is 901, and AWS takes 1 to 900"),
        ({"lambda_memory_size": 64}, {}, "lambda_memory_size is 64, and AWS takes 128 to 10240"),
        ({}, {"MY-NAME": "x"}, "'MY-NAME' can't name a Lambda's variable"),
        ({}, {"AWS_REGION": "x"}, "the variable AWS_REGION is Lambda's own"),
    ],
)
def test_what_lambda_would_refuse_of_the_settings_is_named(
    settings: dict[str, Any], variables: dict[str, str], message: str
) -> None:
    assert message in "\n".join(of_functions({"reprocess": settings}, variables))


def test_lambda_takes_the_settings_that_are_shipped() -> None:
    config = json.loads((ROOT / ".chalice/config.json").read_text())
    for stage in config["stages"].values():
        problems = of_functions(config["lambda_functions"], stage["environment_variables"])
        assert list(problems) == []

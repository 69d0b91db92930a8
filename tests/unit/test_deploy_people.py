"""The policies for people that docs/permissions.md offers."""

import json

import pytest

from respool.deploy.checks.actions import findings
from respool.deploy.iam import Call, allows, listed
from respool.deploy.resolved import ACCOUNT, arn
from tests.iam.deployed import FUNCTIONS, Deployed, policy_of

MAX_MANAGED = 6144
"""Characters, spaces aside, that IAM takes for a managed policy."""
NAMES = {
    "AWS::CloudWatch::Alarm": ("cloudwatch:PutMetricAlarm", "cloudwatch", "AlarmName", "alarm:"),
    "AWS::DynamoDB::Table": ("dynamodb:CreateTable", "dynamodb", "TableName", "table/"),
    "AWS::Events::Rule": ("events:PutRule", "events", "Name", "rule/"),
    "AWS::Logs::LogGroup": ("logs:CreateLogGroup", "logs", "LogGroupName", "log-group:"),
    "AWS::SNS::Topic": ("sns:CreateTopic", "sns", "TopicName", ""),
    "AWS::SQS::Queue": ("sqs:CreateQueue", "sqs", "QueueName", ""),
    "AWS::Scheduler::Schedule": (
        "scheduler:CreateSchedule",
        "scheduler",
        "Name",
        "schedule/default/",
    ),
    "AWS::StepFunctions::StateMachine": (
        "states:CreateStateMachine",
        "states",
        "StateMachineName",
        "stateMachine:",
    ),
}


def made_by_a_deploy(stage: str) -> list[Call]:
    """The creation of every named part of a stage."""
    deployed = Deployed(stage)
    calls = [
        Call(action, arn(service, before + one["Properties"][named]))
        for one in deployed.resources.values()
        if one["Type"] in NAMES
        for action, service, named, before in [NAMES[one["Type"]]]
    ]
    for function in FUNCTIONS:
        name = deployed.name_of(function)
        calls.append(Call("lambda:CreateFunction", arn("lambda", f"function:{name}")))
        role = f"arn:aws:iam::{ACCOUNT}:role/{deployed.prefix}-{function}"
        calls += [Call("iam:CreateRole", role), Call("iam:PassRole", role)]
    for role in ("MachineRole", "SchedulerRole"):
        made = f"arn:aws:iam::{ACCOUNT}:role/{deployed.prefix}-{role}-1A2B3C"
        calls.append(Call("iam:CreateRole", made))
    return calls


def test_who_deploys_may_make_every_named_part_of_the_stage() -> None:
    policy = policy_of("deploy")
    calls = made_by_a_deploy("dev")

    assert len(calls) > 30
    assert [call for call in calls if not allows([policy], call)] == []


@pytest.mark.parametrize("other", ["prod", "dev2", "de"])
def test_who_deploys_one_stage_makes_nothing_of_another(other: str) -> None:
    policy = policy_of("deploy")

    assert [call for call in made_by_a_deploy(other) if allows([policy], call)] == []


def test_of_a_stage_whose_name_goes_on_with_a_hyphen_only_alarms_are_in_reach() -> None:
    reached = [call for call in made_by_a_deploy("dev-2") if allows([policy_of("deploy")], call)]

    assert {call.action for call in reached} == {"cloudwatch:PutMetricAlarm"}


@pytest.mark.parametrize("people", ["deploy", "look", "operate"])
def test_people_get_nothing_unnamed_where_aws_knows_names(people: str) -> None:
    policy = policy_of(people)
    whole = [one for one in policy["Statement"] if str(one["Action"]).endswith(":*")]
    exact = [one for one in policy["Statement"] if one not in whole and "Condition" not in one]

    assert list(findings({"Statement": exact})) == []
    assert all("respool-dev" in name for one in whole for name in listed(one["Resource"]))


@pytest.mark.parametrize("people", ["deploy", "look", "operate"])
def test_a_policy_for_people_fits_into_a_managed_one(people: str) -> None:
    assert len("".join(json.dumps(policy_of(people)).split())) <= MAX_MANAGED

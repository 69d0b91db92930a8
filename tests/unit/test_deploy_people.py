"""The policies for people that docs/permissions.md offers."""

import json

import pytest

from respool.deploy.check import ALL_ON
from respool.deploy.checks.actions import findings
from respool.deploy.iam import Call, allows, listed
from respool.deploy.resolved import ACCOUNT, arn
from tests.iam.deployed import FUNCTIONS, Deployed, policy_of
from tests.iam.handlers import HANDLERS, calls_of_handlers

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
        resource = f"arn:aws:iam::{ACCOUNT}:role/{deployed.prefix}-{role}-1A2B3C"
        calls.append(Call("iam:CreateRole", resource))
    return calls


def handled(stage: str, via: str = "lambda") -> list[Call]:
    """What AWS's handlers call while they make, read, change and delete a stage's parts."""
    deployed = Deployed(stage, via=via, settings=ALL_ON)
    return list(calls_of_handlers(deployed.resources, deployed.prefix))


def test_who_deploys_may_make_every_named_part_of_the_stage() -> None:
    policy = policy_of("deploy")
    calls = made_by_a_deploy("dev")

    assert len(calls) > 30
    assert [call for call in calls if not allows([policy], call)] == []


@pytest.mark.parametrize("via", ["lambda", "sqs"])
def test_who_deploys_may_do_all_that_aws_s_handlers_do_in_his_name(via: str) -> None:
    policy = policy_of("deploy")
    calls = handled("dev", via)

    assert len(calls) > 200
    assert [call for call in calls if not allows([policy], call)] == []


def test_the_table_of_handlers_has_the_stack_s_types_and_no_others() -> None:
    deployed = Deployed("dev", via="sqs", settings=ALL_ON)

    assert set(HANDLERS) == {one["Type"] for one in deployed.resources.values()}


def test_every_action_of_the_table_is_one_that_aws_knows() -> None:
    actions = sorted({action for words in HANDLERS.values() for action in words.split()})
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}

    assert [one for one in findings({"Statement": [statement]}) if "no action" in one] == []


def test_who_deploys_may_read_what_early_validation_found_and_follow_the_stream() -> None:
    table = "table/respool-dev-claims"
    stream = arn("dynamodb", f"{table}/stream/2026-11-24T00:00:00.000")
    needed = [
        Call("cloudformation:DescribeEvents", arn("cloudformation", "stack/respool-dev/1-2")),
        Call(
            "cloudformation:DescribeEvents",
            arn("cloudformation", "changeSet/respool-dev-deploy-1a2b/1-2"),
        ),
        Call("dynamodb:ListStreams", "*"),
        Call("dynamodb:Query", arn("dynamodb", f"{table}/index/waiting")),
        *(
            Call(f"dynamodb:{action}", stream)
            for action in ("DescribeStream", "GetRecords", "GetShardIterator")
        ),
    ]

    assert [call for call in needed if not allows([policy_of("deploy")], call)] == []


@pytest.mark.parametrize("other", ["prod", "dev2", "de"])
def test_who_deploys_one_stage_makes_nothing_of_another(other: str) -> None:
    policy = policy_of("deploy")

    assert [call for call in made_by_a_deploy(other) if allows([policy], call)] == []
    written = ("Create", "Put", "Update", "Delete", "Add", "Remove", "Set", "Attach")
    assert [
        call
        for call in handled(other)
        if call.action.partition(":")[2].startswith(written) and allows([policy], call)
    ] == []


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

"""A policy may name only what AWS knows, and must name it where AWS knows names."""

import pytest

from respool.deploy.checks.actions import findings
from respool.deploy.iam import Call, allows, matches

QUEUE = "arn:aws:sqs:us-east-1:123456789012:respool-dev-spool"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:respool-dev"


@pytest.mark.parametrize(
    ("action", "resource", "phrase"),
    [
        ("sqs:SendMessage", QUEUE, ""),
        ("lambda:ListEventSourceMappings", "*", ""),
        ("states:SendTaskSuccess", MACHINE, ""),
        ("sqs:SendMessage", "*", "sqs:SendMessage on any resource. Name it."),
        ("states:SendTaskSuccess", "*", "on any resource. Name the state machine."),
        ("sqs:SendMessageBatch", QUEUE, "AWS knows no action sqs:SendMessageBatch."),
        ("dynamodb:TransactWriteItems", QUEUE, "AWS knows no action dynamodb:TransactWriteItems."),
        ("sqs:*", QUEUE, "sqs:* is many actions."),
        ("lambda:ListEventSourceMappings", QUEUE, "knows no resources, only *."),
        ("states:RedriveExecution", MACHINE, "is not a resource of states:RedriveExecution."),
        (
            "states:ListExecutions",
            MACHINE.replace("stateMachine", "execution"),
            "is not a resource",
        ),
    ],
)
def test_an_action_and_its_resource_are_held_against_what_aws_lists(
    action: str, resource: str, phrase: str
) -> None:
    statement = {"Sid": "One", "Effect": "Allow", "Action": action, "Resource": resource}

    problems = list(findings({"Statement": [statement]}))

    assert problems == [] if not phrase else phrase in problems[0]


@pytest.mark.parametrize(
    ("pattern", "text", "same"),
    [
        ("a:respool-dev:*", "a:respool-dev:x", True),
        ("a:respool-dev:*", "a:respool-dev2:x", False),
        ("s:respool-dev/console-??????", "s:respool-dev/console-1aB2cD", True),
        ("s:respool-dev/console-??????", "s:respool-dev/console-old-1aB2cD", False),
        ("a.b", "axb", False),
        ("a:$LATEST", "a:$LATEST", True),
    ],
)
def test_a_pattern_matches_as_iam_matches(pattern: str, text: str, same: bool) -> None:
    assert matches(pattern, text) is same


def test_what_can_not_be_judged_is_never_taken_for_allowed() -> None:
    statement = {
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
        "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    }
    with pytest.raises(ValueError, match="not known here"):
        allows([{"Statement": [statement]}], Call("sqs:SendMessage", QUEUE))


def test_metrics_are_bound_by_their_namespace() -> None:
    statement = {"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*"}
    bound = {"Condition": {"StringEquals": {"cloudwatch:namespace": "respool"}}}

    assert "Name it" in next(findings({"Statement": [statement]}))
    assert list(findings({"Statement": [{**statement, **bound}]})) == []

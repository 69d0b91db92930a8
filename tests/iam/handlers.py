"""What AWS's resource handlers call, in the name of who deploys, for each type in the stack.

Out of the `handlers` (create, read, update, delete) of AWS's own resource schemas, as collected in
pulumi/pulumi-aws-native, folder aws-cloudformation-schema, commit 43eed3b of 2026-08-07 (for an
AWS::IAM::Policy on a role: that of AWS::IAM::RolePolicy). Left out is what only features need that
no part of the stage has: keys of KMS, buckets, Kinesis, replicas and imports of tables, permission
boundaries, data protection, index and resource policies of logs, feedback roles of topics.
"""

from collections.abc import Callable, Iterator
from typing import Any

from respool.deploy.iam import Call
from respool.deploy.resolved import ACCOUNT, arn

READ_ON = "2026-08-07"

HANDLERS = {
    "AWS::CloudWatch::Alarm": (
        "cloudwatch:DeleteAlarms cloudwatch:DescribeAlarms cloudwatch:ListTagsForResource"
        " cloudwatch:PutMetricAlarm cloudwatch:TagResource cloudwatch:UntagResource"
    ),
    "AWS::CloudWatch::Dashboard": (
        "cloudwatch:DeleteDashboards cloudwatch:GetDashboard cloudwatch:ListTagsForResource"
        " cloudwatch:PutDashboard cloudwatch:TagResource cloudwatch:UntagResource"
    ),
    "AWS::DynamoDB::Table": (
        "dynamodb:CreateTable dynamodb:DeleteTable dynamodb:DescribeContinuousBackups"
        " dynamodb:DescribeContributorInsights dynamodb:DescribeKinesisStreamingDestination"
        " dynamodb:DescribeTable dynamodb:DescribeTimeToLive dynamodb:GetResourcePolicy"
        " dynamodb:ListTagsOfResource dynamodb:TagResource dynamodb:UntagResource"
        " dynamodb:UpdateContinuousBackups dynamodb:UpdateContributorInsights"
        " dynamodb:UpdateTable dynamodb:UpdateTimeToLive"
    ),
    "AWS::Events::Rule": (
        "events:DeleteRule events:DescribeRule events:ListTagsForResource"
        " events:ListTargetsByRule events:PutRule events:PutTargets events:RemoveTargets"
        " events:TagResource events:UntagResource"
    ),
    "AWS::IAM::Policy": "iam:DeleteRolePolicy iam:GetRolePolicy iam:PutRolePolicy",
    "AWS::IAM::Role": (
        "iam:AttachRolePolicy iam:CreateRole iam:DeleteRole iam:DeleteRolePolicy"
        " iam:DetachRolePolicy iam:GetRole iam:GetRolePolicy iam:ListAttachedRolePolicies"
        " iam:ListRolePolicies iam:PassRole iam:PutRolePolicy iam:TagRole iam:UntagRole"
        " iam:UpdateAssumeRolePolicy iam:UpdateRole iam:UpdateRoleDescription"
    ),
    "AWS::Lambda::EventInvokeConfig": (
        "lambda:DeleteFunctionEventInvokeConfig lambda:GetFunctionEventInvokeConfig"
        " lambda:PutFunctionEventInvokeConfig lambda:UpdateFunctionEventInvokeConfig"
    ),
    "AWS::Lambda::EventSourceMapping": (
        "lambda:CreateEventSourceMapping lambda:DeleteEventSourceMapping"
        " lambda:GetEventSourceMapping lambda:ListTags lambda:TagResource"
        " lambda:UntagResource lambda:UpdateEventSourceMapping"
    ),
    "AWS::Lambda::Permission": "lambda:AddPermission lambda:GetPolicy lambda:RemovePermission",
    "AWS::Logs::LogGroup": (
        "logs:CreateLogGroup logs:DeleteLogGroup logs:DeleteRetentionPolicy"
        " logs:DescribeLogGroups logs:ListTagsForResource logs:PutRetentionPolicy"
        " logs:TagResource logs:UntagResource"
    ),
    "AWS::SNS::Subscription": (
        "sns:GetSubscriptionAttributes sns:SetSubscriptionAttributes sns:Subscribe sns:Unsubscribe"
    ),
    "AWS::SNS::Topic": (
        "sns:CreateTopic sns:DeleteTopic sns:GetTopicAttributes sns:ListSubscriptionsByTopic"
        " sns:ListTagsForResource sns:SetTopicAttributes sns:TagResource sns:UntagResource"
    ),
    "AWS::SNS::TopicPolicy": "sns:SetTopicAttributes",
    "AWS::SQS::Queue": (
        "sqs:CreateQueue sqs:DeleteQueue sqs:GetQueueAttributes sqs:GetQueueUrl"
        " sqs:ListQueueTags sqs:SetQueueAttributes sqs:TagQueue sqs:UntagQueue"
    ),
    "AWS::SQS::QueuePolicy": "sqs:SetQueueAttributes",
    "AWS::Scheduler::Schedule": (
        "scheduler:CreateSchedule scheduler:DeleteSchedule scheduler:GetSchedule"
        " scheduler:UpdateSchedule"
    ),
    "AWS::SecretsManager::Secret": (
        "secretsmanager:CreateSecret secretsmanager:DeleteSecret secretsmanager:DescribeSecret"
        " secretsmanager:GetRandomPassword secretsmanager:GetSecretValue"
        " secretsmanager:TagResource secretsmanager:UntagResource secretsmanager:UpdateSecret"
    ),
    "AWS::StepFunctions::StateMachine": (
        "states:CreateStateMachine states:DeleteStateMachine states:DescribeStateMachine"
        " states:ListTagsForResource states:TagResource states:UntagResource"
        " states:UpdateStateMachine"
    ),
}

NAMELESS = {"logs:DescribeLogGroups", "secretsmanager:GetRandomPassword"}
"""Actions for which IAM knows no resource."""
MAPPINGS = {
    "lambda:CreateEventSourceMapping",
    "lambda:DeleteEventSourceMapping",
    "lambda:UpdateEventSourceMapping",
}
"""Those that IAM binds to a mapping's function."""


def calls_of_handlers(resources: dict[str, Any], prefix: str) -> Iterator[Call]:
    """Every call of every handler on every part of a stage, its references resolved.

    Raises KeyError for a type that is not in the table: look it up first.
    """
    for logical, resource in resources.items():
        for action in HANDLERS[resource["Type"]].split():
            for name in ["*"] if action in NAMELESS else _arns(logical, resource, prefix):
                if action in MAPPINGS:
                    function = arn("lambda", f"function:{resource['Properties']['FunctionName']}")
                    yield Call(action, name, frozenset({("lambda:FunctionArn", function)}))
                else:
                    yield Call(action, name)


def _arns(logical: str, resource: dict[str, Any], prefix: str) -> list[str]:
    """What IAM calls a part of the stage; its own names where AWS makes them up."""
    given = resource["Properties"]
    role = f"arn:aws:iam::{ACCOUNT}:role/{prefix}-MachineRole-1A2B3C"
    names: dict[str, Callable[[], list[str]]] = {
        "AWS::CloudWatch::Alarm": lambda: [arn("cloudwatch", f"alarm:{given['AlarmName']}")],
        "AWS::CloudWatch::Dashboard": lambda: [
            f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{given['DashboardName']}"
        ],
        "AWS::DynamoDB::Table": lambda: [arn("dynamodb", f"table/{given['TableName']}")],
        "AWS::Events::Rule": lambda: [arn("events", f"rule/{given['Name']}")],
        "AWS::IAM::Policy": lambda: [role],
        "AWS::IAM::Role": lambda: [f"arn:aws:iam::{ACCOUNT}:role/{prefix}-{logical}-1A2B3C"],
        "AWS::Lambda::EventInvokeConfig": lambda: [
            arn("lambda", f"function:{given['FunctionName']}"),
            arn("lambda", f"function:{given['FunctionName']}:{given['Qualifier']}"),
        ],
        "AWS::Lambda::EventSourceMapping": lambda: [arn("lambda", "event-source-mapping:1-2-3")],
        "AWS::Lambda::Permission": lambda: [arn("lambda", f"function:{given['FunctionName']}")],
        "AWS::Logs::LogGroup": lambda: [
            arn("logs", f"log-group:{given['LogGroupName']}"),
            arn("logs", f"log-group:{given['LogGroupName']}:*"),
        ],
        "AWS::SNS::Subscription": lambda: [arn("sns", f"{prefix}-alerts")],
        "AWS::SNS::Topic": lambda: [arn("sns", given["TopicName"])],
        "AWS::SNS::TopicPolicy": lambda: [arn("sns", f"{prefix}-alerts")],
        "AWS::SQS::Queue": lambda: [arn("sqs", given["QueueName"])],
        "AWS::SQS::QueuePolicy": lambda: given["Queues"] and [arn("sqs", f"{prefix}-spool")],
        "AWS::Scheduler::Schedule": lambda: [arn("scheduler", f"schedule/default/{given['Name']}")],
        "AWS::SecretsManager::Secret": lambda: [
            arn("secretsmanager", f"secret:{given['Name']}-1aB2cD")
        ],
        "AWS::StepFunctions::StateMachine": lambda: [
            arn("states", f"stateMachine:{given['StateMachineName']}")
        ],
    }
    return names[resource["Type"]]()

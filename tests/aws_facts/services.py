"""DynamoDB, SQS, CloudFormation: what they answer, and what a state machine makes of it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws_facts.executions import refusal
from tests.aws_facts.fact import on_local, recorded
from tests.integration.local_machines import LocalMachines

ERRORS = "stepfunctions/v2/error_handling/"
TABLES = "dynamodb/test_dynamodb"
QUEUES = "sqs/test_sqs"
CHANGE_SETS = "cloudformation/api/test_changesets"
MISSING = {"TableName": "nowhere", "Key": {"pk": {"S": "a"}}, "UpdateExpression": "SET b = c"}


def table(local: LocalMachines, name: str) -> Any:
    """A client, once the table of that name is made."""
    client = local.client("dynamodb")
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def call(local: LocalMachines, name: str, resource: str, **arguments: Any) -> Mapping[str, Any]:
    """How an execution ends that does nothing but that."""
    state = {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True}
    return local.run(local.machine(name, Call=state))


@on_local(
    "sdk-errors-say-dynamodb-in-camel-case",
    "An error of aws-sdk:dynamodb begins with DynamoDb., one of the optimized integration with"
    " DynamoDB.",
    recorded(f"{ERRORS}test_aws_sdk", "test_dynamodb_put_item_no_such_table", "2023-07-27"),
    held_by=("sdk_errors_name_their_request",),
)
def _prefixes(local: LocalMachines) -> None:
    ended = call(local, "sdk", "arn:aws:states:::aws-sdk:dynamodb:updateItem", **MISSING)
    assert ended["error"] == "DynamoDb.ResourceNotFoundException"
    assert "(Service: DynamoDb, Status Code: 400, Request ID: " in ended["cause"]
    ended = call(local, "optimized", "arn:aws:states:::dynamodb:updateItem", **MISSING)
    assert ended["error"] == "DynamoDB.ResourceNotFoundException"


@on_local(
    "item-has-java-names",
    "An item that aws-sdk:dynamodb reads has its types named as in the Java SDK: S, N, Bool.",
    recorded(
        "stepfunctions/v2/services/test_aws_sdk_task_service",
        "test_dynamodb_put_update_get_item",
        "2025-11-06",
    ),
)
def _shapes(local: LocalMachines) -> None:
    item = {"pk": {"S": "a"}, "n": {"N": "1"}}
    table(local, "shapes").put_item(TableName="shapes", Item=item)
    resource = "arn:aws:states:::aws-sdk:dynamodb:getItem"
    ended = call(local, "shapes", resource, TableName="shapes", Key={"pk": {"S": "a"}})
    assert json.loads(ended["output"])["Item"] == item


@on_local(
    "history-has-what-a-service-was-asked",
    "TaskScheduled, written before the call, has the integration's arguments as JSON text.",
    recorded(
        "stepfunctions/v2/services/test_aws_sdk_task_service",
        "test_dynamodb_put_get_item",
        "2023-05-16",
    ),
    held_by=("scheduled_tasks_tell_their_parameters",),
)
def _arguments_in_history(local: LocalMachines) -> None:
    asked = {"TableName": "nowhere", "Key": {"pk": {"S": "asked"}}}
    ended = call(local, "asked", "arn:aws:states:::aws-sdk:dynamodb:getItem", **asked)
    found = local.client("stepfunctions").get_execution_history(
        executionArn=str(ended["executionArn"])
    )
    (event,) = [each for each in found["events"] if each["type"] == "TaskScheduled"]
    told = event["taskScheduledEventDetails"]
    assert (told["resourceType"], told["resource"]) == ("aws-sdk:dynamodb", "getItem")
    assert json.loads(told["parameters"]) == asked


@on_local(
    "cancelled-transaction-tells-its-reasons",
    "A transaction of which one condition fails changes nothing; it is TransactionCanceledException"
    " with a reason for each of its items.",
    recorded(TABLES, "test_transaction_write_canceled", "2025-10-08"),
    held_by=("sdk_errors_name_their_request", "writes_are_atomic"),
)
def _transaction(local: LocalMachines) -> None:
    client = table(local, "cancelled")
    client.put_item(TableName="cancelled", Item={"pk": {"S": "a"}})
    new = "attribute_not_exists(pk)"
    puts = [
        {"Put": {"TableName": "cancelled", "Item": {"pk": {"S": pk}}, "ConditionExpression": new}}
        for pk in ("a", "b")
    ]
    resource = "arn:aws:states:::aws-sdk:dynamodb:transactWriteItems"
    ended = call(local, "cancelled", resource, TransactItems=puts)
    assert ended["error"] == "DynamoDb.TransactionCanceledException"
    assert "[ConditionalCheckFailed, None]" in ended["cause"]
    assert len(client.scan(TableName="cancelled")["Items"]) == 1


@on_local(
    "failed-condition-may-show-the-item",
    "A write whose condition fails may ask for the item that was there: ALL_OLD.",
    recorded(TABLES, "test_return_values_on_conditions_check_failure", "2025-10-08"),
)
def _old(local: LocalMachines) -> None:
    client = table(local, "old")
    client.put_item(TableName="old", Item={"pk": {"S": "a"}, "n": {"N": "1"}})
    with pytest.raises(ClientError) as refused:
        client.put_item(
            TableName="old",
            Item={"pk": {"S": "a"}},
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    response: Mapping[str, Any] = refused.value.response
    assert response["Item"]["n"] == {"N": "1"}


@on_local(
    "deleted-after-its-time",
    "A message whose visibility timeout has passed, and that nobody has received since, is deleted"
    " by its old receipt.",
    recorded(QUEUES, "test_delete_after_visibility_timeout", "2025-03-28"),
)
def _late(local: LocalMachines) -> None:
    sqs, queue = local.client("sqs"), local.queue("deleted-late")
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    (message,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


@on_local(
    "empty-change-set-fails",
    "A change set without changes ends as FAILED, with a reason that begins with 'The submitted"
    " information didn't contain changes'.",
    recorded(CHANGE_SETS, "test_create_change_set_no_changes", "2025-09-09"),
)
def _changes(local: LocalMachines) -> None:
    stacks = local.client("cloudformation")
    body = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    stacks.create_stack(StackName="same", TemplateBody=body)
    stacks.get_waiter("stack_create_complete").wait(StackName="same", WaiterConfig={"Delay": 1})
    stacks.create_change_set(StackName="same", ChangeSetName="none", TemplateBody=body)
    found = stacks.describe_change_set(StackName="same", ChangeSetName="none")
    assert found["Status"] == "FAILED"
    assert found["StatusReason"].startswith("The submitted information didn't contain changes")


@on_local(
    "unknown-queue-is-refused",
    "A call for a queue that is not there is AWS.SimpleQueueService.NonExistentQueue.",
    recorded(f"{ERRORS}test_task_service_sqs", "test_send_message_no_such_queue", "2023-06-22"),
)
def _queue(local: LocalMachines) -> None:
    code = refusal(local.client("sqs").get_queue_url, QueueName="nobody-s")
    assert code in ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


def deploy(local: LocalMachines, name: str, **resources: dict[str, Any]) -> None:
    """Make a stack of these resources."""
    stacks = local.client("cloudformation")
    stacks.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


@on_local(
    "mapping-is-made-as-enabled-says",
    "An event-source mapping of a template with Enabled: false is made disabled.",
    "docs.aws.amazon.com/AWSCloudFormation, AWS::Lambda::EventSourceMapping",
    sure="documented",
    held_by=("disabled_mappings_are_disabled",),
)
def _mapping(local: LocalMachines) -> None:
    local.function("mapped", "return {'batchItemFailures': []}")
    for enabled, state in ((False, "Disabled"), (True, "Enabled")):
        mapping = {
            "Enabled": enabled,
            "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
            "FunctionName": "mapped",
        }
        deploy(
            local,
            f"mapping-{state}",
            Queue={"Type": "AWS::SQS::Queue"},
            Trigger={"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
        )
        found = local.client("lambda").list_event_source_mappings(FunctionName="mapped")
        assert state in [one["State"] for one in found["EventSourceMappings"]]


@on_local(
    "generated-secret-follows-its-rules",
    "GenerateSecretString makes a value of the length, characters and template asked for.",
    "docs.aws.amazon.com/AWSCloudFormation, AWS::SecretsManager::Secret",
    sure="documented",
    held_by=("generated_secrets_follow_their_rules",),
)
def _secret(local: LocalMachines) -> None:
    rules = {
        "SecretStringTemplate": '{"name": "console"}',
        "GenerateStringKey": "token",
        "ExcludePunctuation": True,
        "PasswordLength": 48,
    }
    secret = {"Name": "made/console", "GenerateSecretString": rules}
    deploy(local, "secret", Secret={"Type": "AWS::SecretsManager::Secret", "Properties": secret})
    found = local.client("secretsmanager").get_secret_value(SecretId="made/console")
    value = json.loads(found["SecretString"])
    assert (value["name"], len(value["token"])) == ("console", 48)
    assert value["token"].isalnum()


@on_local(
    "alarm-may-compute",
    "An alarm may watch an expression over metrics.",
    "docs.aws.amazon.com/AWSCloudFormation, AWS::CloudWatch::Alarm",
    sure="documented",
    held_by=("alarms_may_compute",),
)
def _alarm(local: LocalMachines) -> None:
    metric = {"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    alarm = {
        "AlarmName": "computed",
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "Metrics": [
            {"Id": "filled", "Expression": "FILL(m, 0)"},
            {"Id": "m", "MetricStat": metric, "ReturnData": False},
        ],
    }
    deploy(local, "alarm", Alarm={"Type": "AWS::CloudWatch::Alarm", "Properties": alarm})
    found = local.client("cloudwatch").describe_alarms(AlarmNames=["computed"])
    assert [one["AlarmName"] for one in found["MetricAlarms"]] == ["computed"]


@on_local(
    "attributes-share-no-value",
    "Two attributes that one update sets from one value are two values from then on.",
    "docs.aws.amazon.com/amazondynamodb, update expressions",
    sure="documented",
    held_by=("attributes_share_no_value",),
)
def _maps(local: LocalMachines) -> None:
    client = table(local, "maps")
    for expression in ("SET a = :map, b = :map", "SET a.x = :map"):
        client.update_item(
            TableName="maps",
            Key={"pk": {"S": "one"}},
            UpdateExpression=expression,
            ExpressionAttributeValues={":map": {"M": {}}},
        )
    item = client.get_item(TableName="maps", Key={"pk": {"S": "one"}})["Item"]
    assert (item["a"], item["b"]) == ({"M": {"x": {"M": {}}}}, {"M": {}})


@on_local(
    "imported-api-has-its-routes",
    "ImportRestApi makes the resources that the document describes.",
    "docs.aws.amazon.com/apigateway, ImportRestApi",
    sure="documented",
    held_by=("imports_take_effect",),
)
def _api(local: LocalMachines) -> None:
    document = {
        "swagger": "2.0",
        "info": {"title": "imported", "version": "1"},
        "paths": {"/jobs": {"get": {"responses": {}}}},
    }
    gateway = local.client("apigateway")
    made = gateway.import_rest_api(body=json.dumps(document).encode())
    found = gateway.get_resources(restApiId=made["id"])["items"]
    assert {one["path"] for one in found} == {"/", "/jobs"}

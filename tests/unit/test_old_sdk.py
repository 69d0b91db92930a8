"""Lambda's own SDK may be a year behind ours: nothing newer than that is asked of it.

The members are those of botocore 1.41.0, of November 2025; with it the contract suites passed too.
What a change adds here has to be looked up in the service models of a botocore that is a year old.
"""

import ast
from pathlib import Path

OPERATIONS = {
    "batch_get_item": {"RequestItems"},
    "change_message_visibility_batch": {"QueueUrl", "Entries"},
    "delete_item": {"Key", "TableName"},
    "delete_message_batch": {"QueueUrl", "Entries"},
    "describe_execution": {"executionArn"},
    "describe_map_run": {"mapRunArn"},
    "describe_state_machine": {"stateMachineArn"},
    "describe_state_machine_for_execution": {"executionArn"},
    "get_execution_history": {
        "executionArn",
        "includeExecutionData",
        "maxResults",
        "nextToken",
        "reverseOrder",
    },
    "get_item": {"ConsistentRead", "Key", "TableName"},
    "get_queue_attributes": {"AttributeNames", "QueueUrl"},
    "get_queue_url": {"QueueName"},
    "get_secret_value": {"SecretId"},
    "invoke": {"FunctionName", "Payload"},
    "list_event_source_mappings": {"FunctionName"},
    "list_executions": {"maxResults", "nextToken", "stateMachineArn", "statusFilter"},
    "put_item": {"Item", "TableName"},
    "query": {"IndexName", "TableName"},
    "receive_message": {
        "MaxNumberOfMessages",
        "MessageSystemAttributeNames",
        "QueueUrl",
        "VisibilityTimeout",
        "WaitTimeSeconds",
    },
    "redrive_execution": {"executionArn"},
    "send_message": {"MessageBody", "QueueUrl"},
    "send_task_failure": {"cause", "error", "taskToken"},
    "send_task_success": {"output", "taskToken"},
    "start_execution": {"input", "name", "stateMachineArn"},
    "stop_execution": {"cause", "error", "executionArn"},
    "transact_write_items": {"TransactItems"},
    "update_event_source_mapping": {"Enabled", "UUID"},
    "update_item": {
        "ConditionExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "Key",
        "ReturnValues",
        "ReturnValuesOnConditionCheckFailure",
        "TableName",
        "UpdateExpression",
    },
}


def test_lambdas_ask_for_nothing_that_a_year_old_sdk_lacks() -> None:
    asked = [call for file in Path("chalicelib/aws").glob("*.py") for call in _calls(file)]
    newer = [
        f"{operation}({', '.join(sorted(members - OPERATIONS.get(operation, set())))})"
        for operation, members in asked
        if not members <= OPERATIONS.get(operation, set())
    ]
    assert len(asked) > 25
    assert newer == []


def _calls(file: Path) -> list[tuple[str, set[str]]]:
    """The calls of an SDK's client in a file: the operation, and the members that are named."""
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    return [
        (node.func.attr, {word.arg for word in node.keywords if word.arg})
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == "_client"
    ]

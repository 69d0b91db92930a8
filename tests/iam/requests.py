"""What AWS asks of IAM when it is called: often another action than the call's own name."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from chalicelib.deploy.iam import Call
from chalicelib.deploy.resolved import arn

_ACTIONS = {
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "DeleteMessageBatch": "DeleteMessage",
    "Invoke": "InvokeFunction",
}
_WRITES = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
TOKEN_MARK = "|"


def calls_of(service: str, operation: str, path: str, given: Mapping[str, Any]) -> Iterator[Call]:
    """The calls that IAM judges for one request; all of them must be allowed.

    A service that is not known here raises KeyError: say first what AWS asks.
    """
    for asked, resource, keys in _ASKED[service](operation, path, given):
        action = _ACTIONS.get(asked, asked)
        yield Call(f"{service}:{action}", resource, frozenset(keys))


Asked = Iterator[tuple[str, str, list[str]]]


def _sqs(operation: str, path: str, given: Mapping[str, Any]) -> Asked:
    name = given.get("QueueName") or given["QueueUrl"].rpartition("/")[2]
    yield operation, arn("sqs", name), []


def _dynamodb(operation: str, path: str, given: Mapping[str, Any]) -> Asked:
    if operation == "TransactWriteItems":
        for item in given["TransactItems"]:
            for kind, write in item.items():
                table = arn("dynamodb", f"table/{write['TableName']}")
                yield _WRITES[kind], table, [write["Key"]["pk"]["S"]]
    elif operation == "BatchGetItem":
        for name, asked in given["RequestItems"].items():
            keys = [key["pk"]["S"] for key in asked["Keys"]]
            yield operation, arn("dynamodb", f"table/{name}"), keys
    else:
        keys = [given["Key"]["pk"]["S"]] if "Key" in given else []
        yield operation, arn("dynamodb", f"table/{given['TableName']}"), keys


def _states(operation: str, path: str, given: Mapping[str, Any]) -> Asked:
    """A token is judged by the state machine whose it is; here it begins with that."""
    if "taskToken" in given:
        yield operation, given["taskToken"].partition(TOKEN_MARK)[0], []
    else:
        yield operation, given.get("stateMachineArn") or given["executionArn"], []


def _secretsmanager(operation: str, path: str, given: Mapping[str, Any]) -> Asked:
    """AWS ends every secret's ARN with a hyphen and six characters."""
    yield operation, arn("secretsmanager", f"secret:{given['SecretId']}-1aB2cD"), []


def _lambda(operation: str, path: str, given: Mapping[str, Any]) -> Asked:
    if operation == "Invoke":
        name = unquote(path.split("/functions/")[1].split("/")[0])
        function = name if name.startswith("arn:") else f"function:{name}"
        yield operation, arn("lambda", function), []
    else:
        yield operation, "*", []


_ASKED = {
    "sqs": _sqs,
    "dynamodb": _dynamodb,
    "states": _states,
    "secretsmanager": _secretsmanager,
    "lambda": _lambda,
}

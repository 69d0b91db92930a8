"""What AWS asks of IAM when it is called: often another action than the call's own name."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from respool.deploy.iam import Call
from respool.deploy.resolved import arn

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
    for asked, resource, context in _ASKED[service](operation, path, given):
        action = _ACTIONS.get(asked, asked)
        yield Call(f"{_PREFIXES.get(service, service)}:{action}", resource, frozenset(context))


Asked = Iterator[tuple[str, str, Iterable[tuple[str, str]]]]


def _sqs(operation: str, path: str, given: Mapping[str, Any]) -> Asked:
    name = given.get("QueueName") or given["QueueUrl"].rpartition("/")[2]
    yield operation, arn("sqs", name), ()


def _dynamodb(operation: str, path: str, given: Mapping[str, Any]) -> Asked:
    if operation == "TransactWriteItems":
        for item in given["TransactItems"]:
            for kind, write in item.items():
                yield _WRITES[kind], _table(write["TableName"]), _keys(write["Key"])
    elif operation == "BatchGetItem":
        for name, asked in given["RequestItems"].items():
            yield operation, _table(name), [*_keys(*asked["Keys"]), *_attributes(asked)]
    elif operation == "Query" and "IndexName" in given:
        yield operation, f"{_table(given['TableName'])}/index/{given['IndexName']}", ()
    else:
        key = given.get("Key") or given.get("Item")
        read = _attributes(given) if operation == "GetItem" else []
        yield operation, _table(given["TableName"]), [*_keys(*[key] if key else []), *read]


def _table(name: str) -> str:
    return arn("dynamodb", f"table/{name}")


def _keys(*keys: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [("dynamodb:LeadingKeys", key["pk"]["S"]) for key in keys]


def _attributes(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a read asks for; without a projection it is all, and no attribute is named."""
    projection = given.get("ProjectionExpression")
    if not projection:
        return [("dynamodb:Select", "ALL_ATTRIBUTES")]
    names = given.get("ExpressionAttributeNames", {})
    asked = {names.get(name.strip(), name.strip()) for name in projection.split(",")}
    named = [("dynamodb:Attributes", name) for name in sorted(asked | {"pk"})]
    return [("dynamodb:Select", "SPECIFIC_ATTRIBUTES"), *named]


def _states(operation: str, path: str, given: Mapping[str, Any]) -> Asked:
    """A token is judged by the state machine whose it is; here it begins with that."""
    if "taskToken" in given:
        yield operation, given["taskToken"].partition(TOKEN_MARK)[0], ()
    else:
        kinds = ("stateMachineArn", "mapRunArn", "executionArn")
        yield operation, next(given[kind] for kind in kinds if kind in given), ()


def _secretsmanager(operation: str, path: str, given: Mapping[str, Any]) -> Asked:
    """AWS ends every secret's ARN with a hyphen and six characters."""
    yield operation, arn("secretsmanager", f"secret:{given['SecretId']}-1aB2cD"), ()


def _lambda(operation: str, path: str, given: Mapping[str, Any]) -> Asked:
    """Of mappings AWS knows the function, though the request names only the mapping."""
    if operation == "ListEventSourceMappings":
        yield operation, "*", ()
    elif operation == "UpdateEventSourceMapping":
        uuid = path.partition("?")[0].rstrip("/").rpartition("/")[2]
        function = arn("lambda", "function:respool-dev-reprocess")
        context = [("lambda:FunctionArn", function)]
        yield operation, arn("lambda", f"event-source-mapping:{uuid}"), context
    else:
        name = unquote(path.split("/functions/")[1].split("/")[0])
        function = name if name.startswith("arn:") else f"function:{name}"
        yield operation, arn("lambda", function), ()


def _monitoring(operation: str, path: str, given: Mapping[str, Any]) -> Asked:
    yield operation, "*", [("cloudwatch:namespace", given["Namespace"])]


def _logs(operation: str, path: str, given: Mapping[str, Any]) -> Asked:
    """What is written into a stream is judged by the stream."""
    stream = f"log-group:{given['logGroupName']}:log-stream:{given['logStreamName']}"
    yield operation, arn("logs", stream), ()


def _sns(operation: str, path: str, given: Mapping[str, Any]) -> Asked:
    yield operation, given["TopicArn"], ()


_PREFIXES = {"monitoring": "cloudwatch"}
_ASKED = {
    "sqs": _sqs,
    "dynamodb": _dynamodb,
    "states": _states,
    "secretsmanager": _secretsmanager,
    "lambda": _lambda,
    "monitoring": _monitoring,
    "logs": _logs,
    "sns": _sns,
}

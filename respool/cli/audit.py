"""The audit lines of the command line: they go where the API's own lines are."""

import json
import uuid
from typing import TYPE_CHECKING, Any

from chalicelib.api.audit import AUDIT
from chalicelib.aws.calling import calling
from chalicelib.moments import read

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import InputLogEventTypeDef


def group_of(prefix: str) -> str:
    """The log group of the stage's API."""
    return f"/aws/lambda/{prefix}"


def send(logs: "CloudWatchLogsClient", prefix: str, at: str, lines: list[dict[str, Any]]) -> None:
    """Write lines into a stream of this run's own. Raises AwsError."""
    group = group_of(prefix)
    stream = f"command-line/{at[:10]}/{uuid.uuid4().hex}"
    moment = read(at)
    millis = int(moment.timestamp() * 1000) if moment else 0
    events: list[InputLogEventTypeDef] = [
        {"timestamp": millis, "message": _line(prefix, at, each)} for each in lines
    ]
    with calling("CreateLogStream", group):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    with calling("PutLogEvents", group):
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def _line(prefix: str, at: str, fields: dict[str, Any]) -> str:
    """A line in the form of the Lambdas' own."""
    about = {"level": "INFO", "message": AUDIT, "timestamp": at, "service": prefix}
    return json.dumps({**about, "action": AUDIT, **fields}, default=str)

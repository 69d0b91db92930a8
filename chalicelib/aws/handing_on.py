"""Lets the reprocess Lambda carry on a replay that another Lambda, or a person, has begun."""

import json
from typing import TYPE_CHECKING

from chalicelib.aws.calling import calling

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


def hand_on(client: "LambdaClient", function: str, replay: str) -> None:
    """Ask Lambda to invoke the function later; returns at once. Raises AwsError."""
    event = json.dumps({"replay": replay}).encode()
    with calling("Invoke", function):
        client.invoke(FunctionName=function, InvocationType="Event", Payload=event)

"""Lets the reprocess Lambda carry on a replay that another Lambda, or a person, has begun."""

import json
from typing import Any

from chalicelib.aws.calling import calling


def hand_on(client: Any, function: str, replay: str) -> None:
    """Ask Lambda to invoke the function later; returns at once. Raises AwsError."""
    event = json.dumps({"replay": replay}).encode()
    with calling("Invoke", function):
        client.invoke(FunctionName=function, InvocationType="Event", Payload=event)

"""The local AWS gives out and refuses task tokens as AWS does."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.local_machines import LocalMachines, local_machines

PAYLOAD = {"token": "{% $states.context.Task.Token %}"}


@pytest.fixture(scope="module")
def local() -> Iterator[LocalMachines]:
    with local_machines() as machines:
        yield machines


def waiting(function: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Arguments": {"FunctionName": function, "Payload": PAYLOAD},
        "End": True,
        **more,
    }


def sender(local: LocalMachines, name: str, then: str = "return 1") -> tuple[str, str]:
    """A Lambda that sends its event to a queue and then does as told; its ARN and the queue."""
    queue = local.queue(name)
    send = "boto3.client('sqs').send_message("
    body = f"{send}QueueUrl=os.environ['QUEUE'], MessageBody=json.dumps(event))\n{then}"
    return local.function(name, body, QUEUE=queue), queue


def answer(local: LocalMachines, token: str, output: str = '"done"') -> str:
    """Send success for a token; "taken", or the name of the refusal."""
    try:
        local.client("stepfunctions").send_task_success(taskToken=token, output=output)
    except ClientError as refusal:
        return str(refusal.response["Error"]["Code"])
    return "taken"


def test_a_lambda_that_fails_fails_its_waiting_task(local: LocalMachines) -> None:
    function = local.function("broken", "raise RuntimeError('no spool')")
    ended = local.run(local.machine("broken", Spool=waiting(function)))
    assert (ended["status"], ended["error"]) == ("FAILED", "RuntimeError")
    assert json.loads(ended["cause"])["errorMessage"] == "no spool"


def test_a_missing_lambda_fails_its_waiting_task(local: LocalMachines) -> None:
    missing = "arn:aws:lambda:us-east-1:000000000000:function:nobody"
    assert local.run(local.machine("missing", Spool=waiting(missing)))["status"] == "FAILED"


@pytest.mark.parametrize(
    ("token", "refusal"),
    [
        ("12345678-1234-1234-1234-123456789012", "TaskDoesNotExist"),
        ("no token", "InvalidToken"),
    ],
)
def test_a_token_that_was_never_given_out_is_refused(
    local: LocalMachines, token: str, refusal: str
) -> None:
    assert answer(local, token) == refusal


def test_each_retry_of_a_json_path_state_has_a_new_token(local: LocalMachines) -> None:
    function, queue = sender(local, "retrying-path", "raise RuntimeError('after sending')")
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": function, "Payload": {"token.$": "$$.Task.Token"}},
        "Retry": [{"ErrorEquals": ["RuntimeError"], "IntervalSeconds": 1, "MaxAttempts": 1}],
        "End": True,
    }
    local.start(local.machine("retrying-path", "JSONPath", Spool=state))
    assert len({local.next_message(queue)["token"] for _ in range(2)}) == 2

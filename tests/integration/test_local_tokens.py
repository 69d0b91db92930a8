"""The local AWS gives out and refuses task tokens as AWS does."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from respool.local.waiting import wait_until
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


def test_each_retry_has_a_new_token_and_the_old_one_is_refused(local: LocalMachines) -> None:
    function, queue = sender(local, "retrying", "raise RuntimeError('after sending')")
    retry = [{"ErrorEquals": ["RuntimeError"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    execution = local.start(local.machine("retrying", Spool=waiting(function, Retry=retry)))
    tokens = [local.next_message(queue)["token"] for _ in range(2)]
    assert len(set(tokens)) == 2
    local.ended(execution)
    assert [answer(local, token) for token in tokens] == ["TaskTimedOut"] * 2


def test_a_token_works_once_however_many_use_it_at_once(local: LocalMachines) -> None:
    function, queue = sender(local, "once")
    execution = local.start(local.machine("once", Spool=waiting(function)))
    token = local.next_message(queue)["token"]
    with ThreadPoolExecutor(8) as pool:
        outputs = [json.dumps(number) for number in range(8)]
        answers = list(pool.map(lambda output: answer(local, token, output), outputs))
    assert sorted(answers) == ["TaskTimedOut"] * 7 + ["taken"]
    assert local.ended(execution)["output"] == outputs[answers.index("taken")]


def test_the_token_of_a_stopped_execution_is_refused(local: LocalMachines) -> None:
    function, queue = sender(local, "stopped")
    caught = [{"ErrorEquals": ["States.ALL"], "Next": "Again"}]
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 5}]
    machine = local.machine(
        "stopped", Spool=waiting(function, Retry=retry, Catch=caught), Again=waiting(function)
    )
    execution = local.start(machine)
    token = local.next_message(queue)["token"]
    local.client("stepfunctions").stop_execution(executionArn=execution)
    assert answer(local, token) == "TaskTimedOut"
    assert local.describe(execution)["status"] == "ABORTED"
    assert "Messages" not in local.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1)


def test_the_token_of_a_task_that_timed_out_is_refused(local: LocalMachines) -> None:
    function, queue = sender(local, "late")
    ended = local.run(local.machine("late", Spool=waiting(function, TimeoutSeconds=1)))
    assert ended["error"] == "States.Timeout"
    assert answer(local, local.next_message(queue)["token"]) == "TaskTimedOut"


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


def test_a_token_sent_straight_to_a_queue_works(local: LocalMachines) -> None:
    queue = local.queue("direct")
    direct = waiting(
        "",
        Resource="arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        Arguments={"QueueUrl": queue, "MessageBody": PAYLOAD},
    )
    execution = local.start(local.machine("direct", Spool=direct))
    assert answer(local, local.next_message(queue)["token"]) == "taken"
    assert local.ended(execution)["output"] == '"done"'


def test_an_output_that_is_no_json_is_refused_and_the_task_waits_on(local: LocalMachines) -> None:
    function, queue = sender(local, "no-json")
    execution = local.start(local.machine("no-json", Spool=waiting(function)))
    token = local.next_message(queue)["token"]
    assert answer(local, token, "not json") == "InvalidOutput"
    assert answer(local, token) == "taken"
    assert local.ended(execution)["output"] == '"done"'


def test_a_bare_failure_hands_on_null_for_error_and_cause(local: LocalMachines) -> None:
    function, queue = sender(local, "bare")
    caught = {
        "ErrorEquals": ["States.ALL"],
        "Output": "{% $states.errorOutput %}",
        "Next": "Caught",
    }
    machine = local.machine(
        "bare", Spool=waiting(function, Catch=[caught]), Caught={"Type": "Succeed"}
    )
    execution = local.start(machine)
    token = local.next_message(queue)["token"]
    local.client("stepfunctions").send_task_failure(taskToken=token)
    assert json.loads(local.ended(execution)["output"]) == {"Error": None, "Cause": None}


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


def test_a_failure_sent_by_token_is_the_tasks_error(local: LocalMachines) -> None:
    function, queue = sender(local, "refused")
    execution = local.start(local.machine("refused", Spool=waiting(function)))
    token = local.next_message(queue)["token"]
    steps = local.client("stepfunctions")
    steps.send_task_heartbeat(taskToken=token)
    steps.send_task_failure(taskToken=token, error="GivenUp", cause="nobody wants it")
    ended = local.ended(execution)
    assert (ended["error"], ended["cause"]) == ("GivenUp", "nobody wants it")
    wait_until(lambda: answer(local, token) == "TaskTimedOut", "the token's end", 5)

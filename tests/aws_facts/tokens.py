"""Task tokens: given out, used once, refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from tests.aws_facts.fact import on_local, recorded
from tests.integration.local_machines import LocalMachines

PAYLOAD = {"token": "{% $states.context.Task.Token %}"}
CALLBACK = "stepfunctions/v2/callback/test_callback"
TOKENS = "docs.aws.amazon.com/step-functions, SendTaskSuccess and callback tasks"
CAUGHT = {"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}


def waiting(queue: str, **more: Any) -> dict[str, Any]:
    """A state that sends its token to a queue and waits."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Arguments": {"QueueUrl": queue, "MessageBody": PAYLOAD},
        "End": True,
        **more,
    }


def answer(local: LocalMachines, token: str, output: str = '"done"') -> str:
    """Send success for a token; "taken", or the name of the refusal."""
    try:
        local.client("stepfunctions").send_task_success(taskToken=token, output=output)
    except ClientError as refused:
        return str(refused.response["Error"]["Code"])
    return "taken"


@on_local(
    "bare-failure-is-null",
    "A SendTaskFailure with neither error nor cause hands null for both to a catcher.",
    recorded(CALLBACK, "test_sqs_failure_in_wait_for_task_tok_no_error_field", "2024-04-29"),
)
def _bare(local: LocalMachines) -> None:
    queue = local.queue("bare")
    wait = waiting(queue, Catch=[CAUGHT])
    execution = local.start(local.machine("bare", Wait=wait, Caught={"Type": "Succeed"}))
    local.client("stepfunctions").send_task_failure(taskToken=local.next_message(queue)["token"])
    assert json.loads(local.ended(execution)["output"]) == {"Error": None, "Cause": None}


@on_local(
    "sent-failure-is-the-error",
    "A SendTaskFailure's error and cause are the task's.",
    recorded(CALLBACK, "test_sqs_failure_in_wait_for_task_token", "2024-04-18"),
)
def _failure(local: LocalMachines) -> None:
    queue = local.queue("sent")
    execution = local.start(local.machine("sent", Wait=waiting(queue)))
    token = local.next_message(queue)["token"]
    local.client("stepfunctions").send_task_failure(taskToken=token, error="E", cause="c")
    ended = local.ended(execution)
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "E", "c")


@on_local(
    "task-timeout-is-silent",
    "A task that outlasts its TimeoutSeconds fails with States.Timeout and no cause; its token is"
    " refused.",
    recorded(CALLBACK, "test_sqs_wait_for_task_token_timeout", "2024-04-18"),
    held_by=("timeouts_of_tasks_have_no_words",),
)
def _late(local: LocalMachines) -> None:
    queue = local.queue("late")
    ended = local.run(local.machine("late", Wait=waiting(queue, TimeoutSeconds=1)))
    assert (ended["error"], ended.get("cause", "")) == ("States.Timeout", "")
    assert answer(local, local.next_message(queue)["token"]) == "TaskTimedOut"


@on_local(
    "token-works-once",
    "Of many answers to one token one is taken; the others, and any after it, are TaskTimedOut.",
    TOKENS,
    sure="documented",
    held_by=("tokens_work_once",),
)
def _once(local: LocalMachines) -> None:
    queue = local.queue("once")
    execution = local.start(local.machine("once", Wait=waiting(queue)))
    token = local.next_message(queue)["token"]
    outputs = [json.dumps(number) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda output: answer(local, token, output), outputs))
    assert sorted(answers) == ["TaskTimedOut"] * 7 + ["taken"]
    assert local.ended(execution)["output"] == outputs[answers.index("taken")]


@on_local(
    "token-is-the-attempts",
    "Each attempt of a waiting task has a token of its own, and the one before is refused.",
    TOKENS,
    sure="documented",
    held_by=("each_attempt_has_its_own_token", "failed_invocations_fail_the_task"),
)
def _attempts(local: LocalMachines) -> None:
    queue = local.queue("attempts")
    send = "boto3.client('sqs').send_message(QueueUrl=os.environ['QUEUE'], MessageBody="
    function = local.function(
        "attempts", f"{send}json.dumps(event))\nraise RuntimeError('sent')", QUEUE=queue
    )
    state = waiting(
        "",
        Resource="arn:aws:states:::lambda:invoke.waitForTaskToken",
        Arguments={"FunctionName": function, "Payload": PAYLOAD},
        Retry=[{"ErrorEquals": ["RuntimeError"], "IntervalSeconds": 1, "MaxAttempts": 1}],
    )
    ended = local.run(local.machine("attempts", Wait=state))
    assert ended["error"] == "RuntimeError"
    tokens = {local.next_message(queue)["token"] for _ in range(2)}
    assert len(tokens) == 2
    assert {answer(local, token) for token in tokens} == {"TaskTimedOut"}


@on_local(
    "token-ends-with-its-execution",
    "The token of an execution that was stopped is TaskTimedOut, and its retriers do nothing.",
    TOKENS,
    sure="documented",
    held_by=("tokens_work_once",),
)
def _stopped(local: LocalMachines) -> None:
    queue = local.queue("ended")
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 5}]
    execution = local.start(local.machine("ended", Wait=waiting(queue, Retry=retry)))
    token = local.next_message(queue)["token"]
    local.client("stepfunctions").stop_execution(executionArn=execution)
    assert answer(local, token) == "TaskTimedOut"
    assert local.describe(execution)["status"] == "ABORTED"


@on_local(
    "token-unknown",
    "A token that is none is InvalidToken.",
    recorded(
        "stepfunctions/v2/services/test_aws_sdk_task_service",
        "test_sfn_send_task_outcome_with_no_such_token",
        "2025-11-06",
    ),
)
def _unknown(local: LocalMachines) -> None:
    assert answer(local, "no token") == "InvalidToken"


@on_local(
    "output-is-json",
    "SendTaskSuccess with an output that is no JSON is InvalidOutput, and the task waits on.",
    TOKENS,
    sure="documented",
    held_by=("outputs_are_json",),
)
def _output(local: LocalMachines) -> None:
    queue = local.queue("output")
    execution = local.start(local.machine("output", Wait=waiting(queue)))
    token = local.next_message(queue)["token"]
    assert answer(local, token, "not json") == "InvalidOutput"
    assert answer(local, token) == "taken"
    assert local.ended(execution)["output"] == '"done"'

"""The local AWS starts, retries and ends executions as AWS does."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from respool.local.waiting import wait_until
from tests.integration.local_machines import LocalMachines, local_machines

LIMIT = 262_144
WAIT = {"Type": "Wait", "Seconds": 6000, "End": True}


@pytest.fixture(scope="module")
def local() -> Iterator[LocalMachines]:
    with local_machines() as machines:
        yield machines


def task(function: str, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": function, "End": True, **more}


def error_code(refusal: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refusal.value.response["Error"]["Code"])


def events(local: LocalMachines, execution: str) -> list[str]:
    history = local.client("stepfunctions").get_execution_history(executionArn=execution)
    return [event["type"] for event in history["events"]]


def test_starting_a_running_execution_again_returns_it(local: LocalMachines) -> None:
    machine = local.machine("again", Wait=WAIT)
    assert local.start(machine, {"a": 1}) == local.start(machine, {"a": 1})


def test_another_input_under_a_running_name_is_refused(local: LocalMachines) -> None:
    machine = local.machine("other-input", Wait=WAIT)
    local.start(machine, {"a": 1})
    with pytest.raises(ClientError) as refusal:
        local.start(machine, {"a": 2})
    assert error_code(refusal) == "ExecutionAlreadyExists"


def test_the_name_of_a_closed_execution_is_refused(local: LocalMachines) -> None:
    machine = local.machine("closed", Done={"Type": "Succeed"})
    local.run(machine)
    with pytest.raises(ClientError) as refusal:
        local.start(machine)
    assert error_code(refusal) == "ExecutionAlreadyExists"


def test_a_stopped_execution_stays_aborted_when_its_task_fails_later(local: LocalMachines) -> None:
    began, go = local.queue("began"), local.queue("go")
    body = (
        "sqs = boto3.client('sqs')\n"
        "sqs.send_message(QueueUrl=os.environ['BEGAN'], MessageBody='{}')\n"
        "told = {}\n"
        "while not told.get('Messages'):\n"
        "    told = sqs.receive_message(QueueUrl=os.environ['GO'], WaitTimeSeconds=5)\n"
        "raise KeyError('late')"
    )
    slow = local.function("slow", body, BEGAN=began, GO=go)
    execution = local.start(local.machine("stopped", Slow=task(slow)))
    local.next_message(began)
    local.client("stepfunctions").stop_execution(executionArn=execution)
    local.client("sqs").send_message(QueueUrl=go, MessageBody="{}")
    wait_until(
        lambda: "LambdaFunctionFailed" in events(local, execution), "the task's late end", 10
    )
    assert local.describe(execution)["status"] == "ABORTED"


def test_an_exception_has_its_class_name_as_error(local: LocalMachines) -> None:
    failing = local.function("down", "raise ConnectionError('service is down')")
    ended = local.run(local.machine("named", Call=task(failing)))
    cause = json.loads(ended["cause"])
    assert ended["error"] == "ConnectionError"
    assert (cause["errorType"], cause["errorMessage"]) == ("ConnectionError", "service is down")
    assert cause["stackTrace"]


def test_a_retry_matches_the_class_name_and_ends_after_max_attempts(local: LocalMachines) -> None:
    failing = local.function("retried", "raise ConnectionError('down')")
    retry = [{"ErrorEquals": ["ConnectionError"], "IntervalSeconds": 5, "MaxAttempts": 2}]
    execution = local.start(local.machine("retries", Call=task(failing, Retry=retry)))
    local.ended(execution)
    assert events(local, execution).count("LambdaFunctionFailed") == 3


def test_max_delay_bounds_a_long_back_off(local: LocalMachines) -> None:
    failing = local.function("bounded", "raise ConnectionError('down')")
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 10.0}
    bounded = {**retry, "MaxDelaySeconds": 2, "MaxAttempts": 8, "JitterStrategy": "FULL"}
    machine = local.machine("bounded", Call=task(failing, Retry=[bounded]))
    began = time.monotonic()
    local.run(machine)
    assert time.monotonic() - began < 5


def test_a_throttled_lambda_is_a_too_many_requests_exception(local: LocalMachines) -> None:
    function = local.function("reserved", "return event")
    local.client("lambda").put_function_concurrency(
        FunctionName="reserved", ReservedConcurrentExecutions=0
    )
    ended = local.run(local.machine("throttled", Call=task(function)))
    assert ended["error"] == "Lambda.TooManyRequestsException"


def test_an_execution_that_outlasts_its_machines_timeout_is_timed_out(
    local: LocalMachines,
) -> None:
    machine = local.machine("timeout", Wait=WAIT)
    definition = {"TimeoutSeconds": 1, "StartAt": "Wait", "States": {"Wait": WAIT}}
    local.client("stepfunctions").update_state_machine(
        stateMachineArn=machine, definition=json.dumps(definition)
    )
    execution = local.start(machine)
    ended = local.ended(execution)
    assert ended["status"] == "TIMED_OUT"
    assert not {"error", "cause", "output"} & set(ended)
    assert events(local, execution)[-1] == "ExecutionTimedOut"


def test_assigned_values_do_not_see_each_other(local: LocalMachines) -> None:
    first = {"Type": "Pass", "Assign": {"a": 1, "b": 10}, "Next": "Second"}
    second = {
        "Type": "Pass",
        "Assign": {"a": "{% $a + 1 %}", "b": "{% $a + $b %}"},
        "Next": "Third",
    }
    third = {"Type": "Pass", "Output": "{% [$a, $b] %}", "End": True}
    machine = local.machine("assigned", First=first, Second=second, Third=third)
    assert json.loads(local.run(machine)["output"]) == [2, 11]


def test_an_input_at_the_limit_runs_and_one_above_is_refused(local: LocalMachines) -> None:
    machine = local.machine("limit", Done={"Type": "Succeed"})
    at_the_limit = "x" * (LIMIT - len('{"a": ""}'))
    assert local.run(machine, {"a": at_the_limit})["status"] == "SUCCEEDED"
    with pytest.raises(ClientError) as refusal:
        local.start(machine, {"a": at_the_limit + "x"}, name="two")
    assert error_code(refusal) == "InvalidExecutionInput"


def test_a_payload_above_the_limit_fails_and_states_all_does_not_catch_it(
    local: LocalMachines,
) -> None:
    echo = local.function("echo", "return 1")
    call = task(
        echo,
        Arguments="{% {'twice': [$states.input, $states.input]} %}",
        Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
    )
    machine = local.machine("payload", Call=call, Caught={"Type": "Succeed"})
    ended = local.run(machine, {"a": "x" * (LIMIT // 2)})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")


def test_a_result_above_the_limit_is_caught_by_states_all(local: LocalMachines) -> None:
    large = local.function("large", f"return 'x' * {LIMIT}")
    call = task(
        large,
        Catch=[
            {
                "ErrorEquals": ["States.ALL"],
                "Output": "{% $states.errorOutput.Error %}",
                "Next": "Caught",
            }
        ],
    )
    ended = local.run(local.machine("result", Call=call, Caught={"Type": "Succeed"}))
    assert json.loads(ended["output"]) == "States.DataLimitExceeded"


def test_a_task_that_outlasts_its_timeout_fails_without_a_word(local: LocalMachines) -> None:
    slow = local.function("slow-task", "time.sleep(3)")
    ended = local.run(local.machine("slow-task", Call=task(slow, TimeoutSeconds=1)))
    assert (ended["error"], ended.get("cause", "")) == ("States.Timeout", "")


def test_a_failed_execution_has_no_output(local: LocalMachines) -> None:
    ended = local.run(local.machine("fails", Fail={"Type": "Fail", "Error": "E", "Cause": "c"}))
    assert (ended["error"], ended["cause"]) == ("E", "c")
    assert "output" not in ended


def test_a_refused_transaction_is_named_and_tells_its_reasons(local: LocalMachines) -> None:
    local.client("dynamodb").create_table(
        TableName="claims",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    update = {
        "TableName": "claims",
        "Key": {"pk": {"S": "slots"}},
        "UpdateExpression": "SET owners.#me = :me",
        "ConditionExpression": "size(owners) < #limit",
        "ExpressionAttributeNames": {"#me": "job#1", "#limit": "limit"},
        "ExpressionAttributeValues": {":me": {"S": "me"}},
    }
    write = task(
        "arn:aws:states:::aws-sdk:dynamodb:transactWriteItems",
        Arguments={"TransactItems": [{"Update": update}]},
    )
    machine = local.machine("refused", Write=write)
    ended = local.run(machine)
    assert ended["error"] == "DynamoDb.TransactionCanceledException"
    assert (
        "[ConditionalCheckFailed] (Service: DynamoDb, Status Code: 400, Request ID: "
        in (ended["cause"])
    )

    item = {"pk": {"S": "slots"}, "owners": {"M": {}}, "limit": {"N": "1"}}
    local.client("dynamodb").put_item(TableName="claims", Item=item)
    assert local.run(machine, name="two")["status"] == "SUCCEEDED"
    assert local.run(machine, name="three")["status"] == "FAILED"


def test_a_functions_events_and_a_services_bear_different_names(local: LocalMachines) -> None:
    function = local.function("eventful", "time.sleep(event['seconds'])\nreturn 1")
    queue = local.queue("eventful")
    send = task(
        "arn:aws:states:::sqs:sendMessage",
        Arguments={"QueueUrl": queue, "MessageBody": "hello"},
        Output={"seconds": 5},
        Next="Call",
    )
    del send["End"]
    machine = local.machine("eventful", Send=send, Call=task(function, TimeoutSeconds=1))
    execution = local.start(machine)
    assert local.ended(execution)["error"] == "States.Timeout"
    found = local.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    scheduled = next(one for one in found if one["type"] == "TaskScheduled")
    details = scheduled["taskScheduledEventDetails"]
    assert (details["resourceType"], details["resource"]) == ("sqs", "sendMessage")
    kinds = [one["type"] for one in found]
    assert kinds.index("TaskSucceeded") < kinds.index("LambdaFunctionScheduled")
    assert kinds[-2:] == ["LambdaFunctionTimedOut", "ExecutionFailed"]
    assert [one["previousEventId"] for one in found[1:]] == [one["id"] for one in found[:-1]]

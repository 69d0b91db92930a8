"""The local AWS starts, retries and ends executions as AWS does."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

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


def test_a_retry_matches_the_class_name_and_ends_after_max_attempts(local: LocalMachines) -> None:
    failing = local.function("retried", "raise ConnectionError('down')")
    retry = [{"ErrorEquals": ["ConnectionError"], "IntervalSeconds": 5, "MaxAttempts": 2}]
    execution = local.start(local.machine("retries", Call=task(failing, Retry=retry)))
    local.ended(execution)
    assert events(local, execution).count("LambdaFunctionFailed") == 3


def test_an_input_at_the_limit_runs_and_one_above_is_refused(local: LocalMachines) -> None:
    machine = local.machine("limit", Done={"Type": "Succeed"})
    at_the_limit = "x" * (LIMIT - len('{"a": ""}'))
    assert local.run(machine, {"a": at_the_limit})["status"] == "SUCCEEDED"
    with pytest.raises(ClientError) as refusal:
        local.start(machine, {"a": at_the_limit + "x"}, name="two")
    assert error_code(refusal) == "InvalidExecutionInput"


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

"""How executions start, end and are announced."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from respool.local.waiting import wait_until
from tests.aws_facts.fact import on_local, recorded
from tests.integration.local_machines import ROLE, LocalMachines

IDEMPOTENT = recorded(
    "stepfunctions/v2/test_sfn_api", "test_start_execution_idempotent", "2024-08-21"
)
WAIT = {"Type": "Wait", "Seconds": 6000, "End": True}


def refusal(act: Any, *given: Any, **named: Any) -> str:
    """The name of the error with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        act(*given, **named)
    return str(refused.value.response["Error"]["Code"])


@on_local(
    "start-running-again",
    "StartExecution with the name and input of a running execution returns that execution.",
    IDEMPOTENT,
    held_by=("repeated_starts_return_the_execution",),
)
def _running(local: LocalMachines) -> None:
    machine = local.machine("again", Wait=WAIT)
    assert local.start(machine, {"a": 1}) == local.start(machine, {"a": 1})


@on_local(
    "start-taken-name",
    "Another input under a running execution's name, or the name of a closed one, is refused.",
    IDEMPOTENT,
)
def _taken(local: LocalMachines) -> None:
    waits, ends = local.machine("taken", Wait=WAIT), local.machine("over", End={"Type": "Succeed"})
    local.start(waits, {"a": 1})
    local.run(ends)
    assert refusal(local.start, waits, {"a": 2}) == "ExecutionAlreadyExists"
    assert refusal(local.start, ends) == "ExecutionAlreadyExists"


@on_local(
    "stop-is-final",
    "A stopped execution is ABORTED with the error and cause given; its task's late end changes"
    " nothing.",
    recorded("stepfunctions/v2/test_sfn_api", "test_stop_execution", "2024-05-06"),
    held_by=("closed_executions_stay_closed",),
)
def _stopped(local: LocalMachines) -> None:
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
    machine = local.machine("stopped", Slow={"Type": "Task", "Resource": slow, "End": True})
    execution = local.start(machine)
    local.next_message(began)
    steps = local.client("stepfunctions")
    steps.stop_execution(executionArn=execution, error="Stopped", cause="by hand")
    local.client("sqs").send_message(QueueUrl=go, MessageBody="{}")
    wait_until(lambda: "LambdaFunctionFailed" in local.events(execution), "the task's end", 20)
    found = local.describe(execution)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Stopped", "by hand")


@on_local(
    "execution-timeout-is-silent",
    "An execution that outlasts its machine's TimeoutSeconds is TIMED_OUT, with no error, cause or"
    " output.",
    recorded("stepfunctions/v2/timeouts/test_timeouts", "test_global_timeout", "2024-03-10"),
    held_by=("executions_time_out_as_a_whole",),
)
def _timed_out(local: LocalMachines) -> None:
    definition = {"TimeoutSeconds": 1, "StartAt": "Wait", "States": {"Wait": WAIT}}
    made = local.client("stepfunctions").create_state_machine(
        name="timeout", definition=json.dumps(definition), roleArn=ROLE
    )
    execution = local.start(made["stateMachineArn"])
    ended = local.ended(execution)
    assert ended["status"] == "TIMED_OUT"
    assert not {"error", "cause", "output"} & set(ended)
    assert local.events(execution)[-1] == "ExecutionTimedOut"


@on_local(
    "failure-has-no-output",
    "An execution that ends in a Fail state has its error and cause, and no output.",
    recorded("stepfunctions/v2/test_sfn_api", "test_describe_execution", "2024-08-21"),
    held_by=("failed_executions_have_no_output",),
)
def _failed(local: LocalMachines) -> None:
    ended = local.run(local.machine("fails", Fail={"Type": "Fail", "Error": "E", "Cause": "c"}))
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "E", "c")
    assert "output" not in ended


@on_local(
    "end-is-announced",
    "Each end of an execution is an event of aws.states with ARN, status, input, error and cause.",
    recorded("stepfunctions/v2/base/test_base", "test_event_bridge_events_base", "2024-02-07"),
)
def _announced(local: LocalMachines) -> None:
    queue, events = local.queue("ends"), local.client("events")
    machine = local.machine("announced", Fail={"Type": "Fail", "Error": "E", "Cause": "c"})
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"stateMachineArn": [machine], "status": ["FAILED"]},
    }
    events.put_rule(Name="ends", EventPattern=json.dumps(pattern))
    arn = local.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    target = arn["Attributes"]["QueueArn"]
    events.put_targets(Rule="ends", Targets=[{"Id": "queue", "Arn": target}])
    execution = local.start(machine, {"key": "a"})
    detail = local.next_message(queue)["detail"]
    assert (detail["executionArn"], detail["status"]) == (execution, "FAILED")
    assert json.loads(detail["input"]) == {"key": "a"}


@on_local(
    "redrive-goes-on",
    "A redriven execution goes on at its failed state with its variables; earlier steps are not"
    " done again, its history goes on, and one that runs or has succeeded is refused.",
    "docs.aws.amazon.com/step-functions/latest/apireference/API_RedriveExecution.html",
    "documented",
    held_by=("dead_executions_are_redriven",),
)
def _redriven(local: LocalMachines) -> None:
    well = local.queue("redrive-well")
    body = (
        "sqs = boto3.client('sqs')\n"
        "told = sqs.receive_message(QueueUrl=os.environ['WELL'])\n"
        "if not told.get('Messages'): raise ConnectionError('down')\n"
        "return event"
    )
    task = local.function("redriven-task", body, WELL=well)
    machine = local.machine(
        "redriven",
        First={"Type": "Pass", "Assign": {"kept": "{% 40 + 2 %}"}, "Next": "Work"},
        Work={
            "Type": "Task",
            "Resource": task,
            "Arguments": {"kept": "{% $kept %}"},
            "Output": "{% $states.result %}",
            "End": True,
        },
    )
    steps = local.client("stepfunctions")
    execution = local.start(machine)
    dead = local.ended(execution)
    assert (dead["status"], dead["redriveStatus"], dead["redriveCount"]) == (
        "FAILED",
        "REDRIVABLE",
        0,
    )
    local.client("sqs").send_message(QueueUrl=well, MessageBody="{}")
    first = steps.redrive_execution(executionArn=execution, clientToken="once")
    again = steps.redrive_execution(executionArn=execution, clientToken="once")
    assert again["redriveDate"] == first["redriveDate"]
    found = local.ended(execution)
    assert (found["status"], found["redriveCount"]) == ("SUCCEEDED", 1)
    assert json.loads(found["output"]) == {"kept": 42}
    assert found["redriveStatus"] == "NOT_REDRIVABLE"
    events = local.events(execution)
    assert (events.count("PassStateEntered"), events.count("ExecutionRedriven")) == (1, 1)
    assert refusal(steps.redrive_execution, executionArn=execution) == "ExecutionNotRedrivable"

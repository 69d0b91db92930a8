"""The emulator with faults inside it: `python -m tests.soak.server` serves in place of its own.

A state machine's calls of DynamoDB, SQS and Lambda do not leave the emulator, so no proxy sees
them; here they meet the same faults, under the names that Step Functions gives to them.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.services import lambda_svc
from ministack.services import stepfunctions as states

from respool.local import server
from respool.local.patches import lambdas
from tests.soak.faults import Chance, Fault, Ground

FOLDER, SEED = "SOAK_FOLDER", "SOAK_SEED"
ENVIRONMENTS = 6
"""Of a function at once: each is a process that must start first."""
_NAMES = {
    "DynamoDB": ("DynamoDB.InternalServerErrorException", "DynamoDB.ThrottlingException"),
    "DynamoDb": ("DynamoDb.InternalServerErrorException", "DynamoDb.ThrottlingException"),
    "SQS": ("SQS.AmazonSQSException", "SQS.RequestThrottledException"),
    "Lambda": ("Lambda.ServiceException", "Lambda.TooManyRequestsException"),
}


class Unsafe:
    """The state machine's calls, each of which may fail."""

    def __init__(self, ground: Ground, chance: Chance) -> None:
        self._ground = ground
        self._chance = chance

    def call(self, service: str, action: str, prefix: str, act: Callable[[], Any]) -> Any:
        """Act, unless chance has it otherwise; raises what Step Functions would report."""
        fault = self._chance.draw(service)
        if action == "uncertain_task" and fault.takes_effect and fault is not Fault.NONE:
            fault = Fault.CUT_BEFORE  # else the service's work is done twice by Lambda itself
        self._ground.note("state machine", f"{service}.{action}", fault)
        if fault is Fault.NONE:
            return act()
        if fault.takes_effect:
            act()
        error, throttle = _NAMES[prefix]
        if fault not in (Fault.SERVER_ERROR, Fault.THROTTLED, Fault.DOWN):
            error = f"{prefix}.SdkClientException"
        raise states._ExecutionError(throttle if fault is Fault.THROTTLED else error, str(fault))

    def loses(self) -> bool:
        """Whether an event gets lost on its way."""
        lost = self._chance.draw("events") is not Fault.NONE
        self._ground.note("EventBridge", "events.PutEvents", Fault.LOST if lost else Fault.NONE)
        return lost


def apply(unsafe: Unsafe, ground: Ground) -> None:
    """Put the faults between the state machine and what it calls; before any patch."""
    lambdas.ENVIRONMENTS = ENVIRONMENTS
    _services_fail(unsafe)
    _functions_fail(unsafe, ground)
    _events_get_lost(unsafe)


def _services_fail(unsafe: Unsafe) -> None:
    update, transact = states._invoke_dynamodb, states._invoke_aws_sdk_integration
    send = states._invoke_sqs_send_message

    def invoke_dynamodb(action: str, given: Any) -> Any:
        return unsafe.call("dynamodb", action, "DynamoDB", lambda: update(action, given))

    def invoke_sdk(resource: str, given: Any) -> Any:
        action = resource.rpartition(":")[2]
        return unsafe.call("dynamodb", action, "DynamoDb", lambda: transact(resource, given))

    def send_message(resource: str, given: Any) -> Any:
        return unsafe.call("sqs", "sendMessage", "SQS", lambda: send(resource, given))

    states._invoke_dynamodb, states._invoke_aws_sdk_integration = invoke_dynamodb, invoke_sdk
    states._SERVICE_DISPATCH["arn:aws:states:::sqs:sendMessage"] = send_message


def _functions_fail(unsafe: Unsafe, ground: Ground) -> None:
    invoke, execute = states._call_lambda, lambda_svc._execute_function_warm

    def call_lambda(function: str, event: Any) -> Any:
        name = function.rpartition("-")[2].partition(":")[0]
        return unsafe.call("lambda", name, "Lambda", lambda: invoke(function, event))

    def execute_warm(function: dict[str, Any], *given: Any) -> Any:
        name = function["config"]["FunctionName"].rpartition("-")[2]
        if not ground.is_down(name):
            return execute(function, *given)
        ground.note("Lambda", f"lambda.{name}", Fault.DOWN)
        broken = {"errorType": "Runtime.ExitError", "errorMessage": "the function is down"}
        return {"body": broken, "error": True, "log": ""}

    states._call_lambda = call_lambda
    lambda_svc._execute_function_warm = execute_warm


def _events_get_lost(unsafe: Unsafe) -> None:
    tell = states._emit_execution_status_event

    def emit(execution: dict[str, Any]) -> None:
        if execution["status"] == "RUNNING" or not unsafe.loses():
            tell(execution)

    states._emit_execution_status_event = emit


def main() -> None:
    """Serve, with faults by chance."""
    ground = Ground(Path(os.environ.pop(FOLDER)))
    apply(Unsafe(ground, Chance(ground, int(os.environ.pop(SEED)))), ground)
    server.main()


if __name__ == "__main__":
    main()

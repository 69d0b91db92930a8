"""What the states of the machine call on AWS: DynamoDB, the spool, the Lambdas."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.errors import RespoolError, Throttled
from chalicelib.job.asked import keys_in
from chalicelib.job.json_text import compact
from tests.fakes.definition import ERROR_SPOOL, UNCERTAIN_TASK, State
from tests.fakes.run import Run
from tests.fakes.service import Service, TaskFailed
from tests.fakes.wire import Died, Wire

BEGUN = object()
"""The result of a task that has begun and is not done."""
WRITES = {
    "dynamodb:updateItem": ("update_item", "DynamoDB"),
    "aws-sdk:dynamodb:updateItem": ("update_item", "DynamoDb"),
    "aws-sdk:dynamodb:transactWriteItems": ("transact_write_items", "DynamoDb"),
}
NewClient = Callable[[Wire, str], Any]
"""A DynamoDB client over a wire, which calls each call by a state's name."""


class StateFailed(Exception):
    """A state's call failed, with Step Functions' own error and cause."""

    def __init__(self, error: str | None, cause: str | None) -> None:
        super().__init__(error)
        self.error = error
        self.cause = cause


class Resources:
    """Makes the calls of a state; the wire's faults become Step Functions' own errors."""

    def __init__(
        self,
        dynamodb: NewClient,
        send: Callable[[str], None],
        service: Service,
        spool_lambda: Callable[[Any], Any],
    ) -> None:
        self.wire = Wire()
        self._dynamodb = dynamodb
        self._send = send
        self._service = service
        self._spool_lambda = spool_lambda

    def call(self, run: Run, state: State, arguments: Any) -> Any:
        """The result of a state's call, or BEGUN. Raises StateFailed."""
        resource = state.resource.removeprefix("arn:aws:states:::").removesuffix(
            ".waitForTaskToken"
        )
        if resource in WRITES:
            event = {"resourceType": "aws-sdk:dynamodb", "parameters": json.dumps(arguments)}
            run.asked.update(dict.fromkeys(keys_in({"taskScheduledEventDetails": event})))
            return self._write(resource, state.name, arguments)
        if resource == "sqs:sendMessage":
            return self._send_message(state.name, arguments)
        function = resource
        if resource == "lambda:invoke":
            function, arguments = arguments["FunctionName"], arguments["Payload"]
        answer = self._invoke(run, function, arguments)
        whole = resource == "lambda:invoke" and answer is not BEGUN
        return {"Payload": answer, "StatusCode": 200} if whole else answer

    def write_late(self, state: State, arguments: Any) -> None:
        """Make a state's write for an execution that is dead; what comes of it nobody hears."""
        resource = state.resource.removeprefix("arn:aws:states:::").removesuffix(
            ".waitForTaskToken"
        )
        if resource in WRITES:
            with suppress(ClientError):
                getattr(self._dynamodb(Wire(), state.name), WRITES[resource][0])(**arguments)

    def _write(self, resource: str, name: str, arguments: Mapping[str, Any]) -> Any:
        method, prefix = WRITES[resource]
        try:
            return getattr(self._dynamodb(self.wire, name), method)(**arguments)
        except ClientError as refused:
            error = refused.response["Error"]
            raise StateFailed(f"{prefix}.{error['Code']}", error["Message"]) from refused
        except Throttled as slow:
            raise StateFailed(f"{prefix}.ThrottlingException", str(slow)) from slow
        except (RespoolError, Died) as broken:
            raise StateFailed(f"{prefix}.SdkClientException", str(broken)) from broken

    def _send_message(self, name: str, arguments: Mapping[str, Any]) -> Any:
        body = arguments["MessageBody"]
        text = body if isinstance(body, str) else compact(body)
        try:
            self.wire.call(name, lambda: self._send(text))
        except (RespoolError, Died) as broken:
            raise StateFailed("SQS.SdkClientException", str(broken)) from broken
        return {"MessageId": "message"}

    def _invoke(self, run: Run, function: str, payload: Any) -> Any:
        if function == UNCERTAIN_TASK:
            return self._do_the_work(run, payload)
        if function != ERROR_SPOOL:
            raise StateFailed("Lambda.ResourceNotFoundException", f"no function {function}")
        try:
            return self._spool_lambda(payload)
        except Died as death:
            raise StateFailed("Lambda.ServiceException", str(death)) from death
        except Exception as raised:
            cause = {"errorMessage": str(raised), "errorType": type(raised).__name__}
            raise StateFailed(type(raised).__name__, json.dumps(cause)) from raised

    def _do_the_work(self, run: Run, payload: Any) -> Any:
        """In two steps, so that something may happen while the job is inside."""
        if not run.inside:
            run.inside = True
            self._service.visits[run.input] += 1
            self._service.on_visit(run)
            return BEGUN
        try:
            self._service.serve(run.input)
        except TaskFailed as failed:
            raise StateFailed(failed.name, failed.cause) from failed
        return payload

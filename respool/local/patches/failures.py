"""Step Functions: what a failure tells, and what it leaves out."""

from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import stepfunctions as states


def failed_executions_have_no_output() -> None:
    """AWS: an execution that failed has an error and a cause, where it has any, and no output."""
    fail = states._fail_execution

    def fail_without_output(execution: dict[str, Any], error: Any, cause: Any) -> None:
        fail(execution, error, cause)
        if execution["status"] == "FAILED":
            execution["output"] = None

    states._fail_execution = fail_without_output


def sdk_errors_name_their_request() -> None:
    """AWS: an SDK integration's cause ends with service, status code and request."""
    dispatch = states._dispatch_aws_sdk_json

    def told(about: dict[str, Any], service: str, action: str, arguments: Any) -> Any:
        try:
            return dispatch(about, service, action, arguments)
        except states._ExecutionError as failure:
            prefix, dot, _ = failure.error.partition(".")
            if not dot or prefix == "States":
                raise
            request = f"(Service: {prefix}, Status Code: 400, Request ID: {new_uuid()})"
            raise states._ExecutionError(failure.error, f"{failure.cause} {request}") from failure

    states._dispatch_aws_sdk_json = told

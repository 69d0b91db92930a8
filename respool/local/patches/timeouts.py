"""Step Functions: TimeoutSeconds, of a state machine and of a task."""

import contextvars
import json
import threading
from collections.abc import Callable
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import stepfunctions as states

from respool.local.patches.tokens import close_tokens_of


def executions_time_out_as_a_whole() -> None:
    """AWS: an execution that outlasts its definition's TimeoutSeconds ends as TIMED_OUT.

    It has neither an error nor a cause.
    """
    run = states._run_execution

    def run_in_time(arn: str) -> None:
        seconds = _seconds(states._executions.get(arn))
        # The timer's thread needs this one's account and region to find the execution.
        timer = threading.Timer(
            seconds or 0, contextvars.copy_context().run, (lambda: expire(arn),)
        )
        timer.daemon = True
        if seconds is not None:
            timer.start()
        try:
            run(arn)
        finally:
            timer.cancel()

    states._run_execution = run_in_time


def _seconds(execution: dict[str, Any] | None) -> float | None:
    machine = states._state_machines.get((execution or {}).get("stateMachineArn"))
    try:
        seconds: float | None = json.loads(machine["definition"]).get("TimeoutSeconds")
    except (TypeError, ValueError):
        return None
    return seconds


def expire(arn: str) -> None:
    """End an execution that has outlasted its machine's TimeoutSeconds."""
    execution = states._executions.get(arn)
    if not execution or execution["status"] != "RUNNING":
        return
    execution.update(status="TIMED_OUT", stopDate=now_iso())
    states._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
    states._emit_execution_status_event(execution)
    close_tokens_of(execution)


def timeouts_of_tasks_have_no_words() -> None:
    """AWS: a task that outlasts its TimeoutSeconds fails with States.Timeout and an empty cause."""
    for name in ("_invoke_resource_with_timeout", "_invoke_with_callback"):
        setattr(states, name, _wordless(getattr(states, name)))


def _wordless(invoke: Callable[..., Any]) -> Callable[..., Any]:
    def invoked(*args: Any) -> Any:
        try:
            return invoke(*args)
        except states._ExecutionError as failure:
            if failure.error == "States.Timeout":
                failure.cause = ""
            raise

    return invoked

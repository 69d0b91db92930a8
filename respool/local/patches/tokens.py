"""Step Functions: task tokens. One attempt, one token; one token, one answer."""

import json
import re
import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import error_response_json, json_response, new_uuid, now_iso
from ministack.services import stepfunctions as states

from respool.local.patches.attempts import Attempt, current

Data = dict[str, Any]

_answering = threading.Lock()
_owners: dict[str, "Owner"] = {}  # every token ever given out: what waits for it
_execution: ContextVar[Data | None] = ContextVar("execution", default=None)
_invoking: ContextVar[str | None] = ContextVar("invoking", default=None)


@dataclass(frozen=True)
class Owner:
    """What waits for a token: an execution, and where in it the attempt at a Parallel or Map."""

    execution: Data
    attempt: Attempt | None

    @property
    def running(self) -> bool:
        """Whether it may still be answered."""
        return self.execution["status"] == "RUNNING" and not (self.attempt and self.attempt.over)


class Stopped(SystemExit):
    """Ends the thread of a stopped execution quietly; neither Retry nor Catch may see it."""


def each_attempt_has_its_own_token() -> None:
    """AWS: a retried .waitForTaskToken task gets a new token, and the old one is refused."""
    for name in ("_apply_jsonata_arguments", "_apply_parameters"):
        setattr(states, name, _with_a_new_token(getattr(states, name)))


def _with_a_new_token(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    def arguments(state: Data, entered: Any, ctx: Any = None) -> Any:
        if ctx and ".waitForTaskToken" in state.get("Resource", ""):
            ctx["Task"] = {"Token": new_uuid()}
        return evaluate(state, entered, ctx)

    return arguments


def failed_invocations_fail_the_task() -> None:
    """AWS: when the Lambda of a .waitForTaskToken task fails, so does the task; no more waiting."""
    original = states._call_lambda

    def call(function: str, event: Any) -> Any:
        token = _invoking.get()
        try:
            return original(function, event)
        except states._ExecutionError as failure:
            if token:
                _answer(token, {"error": {"Error": failure.error, "Cause": failure.cause}})
            raise

    states._call_lambda = call


def tokens_work_once() -> None:
    """AWS: a token takes one answer; after that, or after its task ended, it is TaskTimedOut.

    A failure that is sent bare has null for Error and Cause.
    """
    _know_each_tokens_execution()
    _close_tokens_of_stopped_executions()
    states._send_task_success = _answers(lambda data: {"result": data.get("output", "{}")})
    states._send_task_failure = _answers(
        lambda data: {"error": {"Error": data.get("error"), "Cause": data.get("cause")}}
    )
    states._send_task_heartbeat = _answers(lambda _: {"heartbeat": now_iso()})


def outputs_are_json() -> None:
    """AWS: SendTaskSuccess takes JSON alone; whatever else leaves the task waiting."""
    send = states._send_task_success

    def send_json(data: Data) -> Any:
        try:
            json.loads(data.get("output", "{}"))
        except ValueError:
            return error_response_json("InvalidOutput", "Invalid Output: it is not JSON", 400)
        return send(data)

    states._send_task_success = send_json


def _know_each_tokens_execution() -> None:
    run_task = states._execute_task
    wait = states._invoke_with_callback

    def execute(state: Data, entered: Any, execution: Data, ctx: Data) -> Any:
        _execution.set(execution)
        if not Owner(execution, current.get()).running:
            raise Stopped
        return run_task(state, entered, execution, ctx)

    def invoke(resource: str, arguments: Any, token: str, state: Data) -> Any:
        owner = Owner(_execution.get() or {"status": "RUNNING"}, current.get())
        _owners[token] = owner
        invoking = _invoking.set(token)
        try:
            return wait(resource, arguments, token, state)
        finally:
            _invoking.reset(invoking)
            if not owner.running:
                raise Stopped

    states._execute_task = execute
    states._invoke_with_callback = invoke


def _close_tokens_of_stopped_executions() -> None:
    original = states._stop_execution

    def stop(data: Data) -> Any:
        answer = original(data)
        stopped = states._executions.get(data.get("executionArn"))
        if stopped and stopped["status"] != "RUNNING":
            close_tokens_of(stopped)
        return answer

    states._stop_execution = stop


def close_tokens_of(execution: Data) -> None:
    """Refuse every token of an execution that has ended, and wake the task that waits for it."""
    _close(lambda owner: owner.execution is execution)


def close_tokens_of_the_stopped() -> None:
    """Refuse every token of the branches and items that another one's failure has stopped."""
    _close(lambda owner: owner.attempt is not None and owner.attempt.over)


def _close(closed: Callable[[Owner], bool]) -> None:
    for token in [token for token, owner in list(_owners.items()) if closed(owner)]:
        _answer(token, {"error": {"Error": "States.Runtime", "Cause": "the execution has ended"}})


def _answers(reading: Callable[[Data], Data]) -> Callable[[Data], Any]:
    def handle(data: Data) -> Any:
        token = data.get("taskToken", "")
        if token in _owners:
            if _owners[token].running and _answer(token, reading(data)):
                return json_response({})
            refusal = "TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'"
        elif re.fullmatch(r"[0-9a-f-]{36}", token):
            refusal = "TaskDoesNotExist", "Task does not exist"
        else:
            refusal = "InvalidToken", "Invalid Token: 'Invalid token'"
        return error_response_json(*refusal, 400)

    return handle


def _answer(token: str, answer: Data) -> bool:
    """Give a waiting task its answer; False where it has one already or waits no more."""
    with _answering:
        waiting = states._task_tokens.get(token)
        if waiting is None or waiting["event"].is_set():
            return False
        waiting.update(answer)
        if "heartbeat" not in answer:
            waiting["event"].set()
        return True

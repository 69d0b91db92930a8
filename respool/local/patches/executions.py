"""Step Functions: starting, ending, retrying and naming the errors of an execution."""

import json
import random
from typing import Any

from ministack.core.responses import json_response
from ministack.services import stepfunctions as states

from respool.local.patches.limits import Catchable

Retrier = dict[str, Any]
UNCATCHABLE = ("States.DataLimitExceeded", "States.Runtime")


def repeated_starts_return_the_execution() -> None:
    """AWS: StartExecution with the name and input of a running execution returns that execution."""
    original = states._start_execution

    def start(data: dict[str, Any]) -> Any:
        machine = states._resolve_state_machine_arn(data.get("stateMachineArn", "")) or ""
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{data.get('name')}"
        running = states._executions.get(arn)
        if not running or (running["status"], running["input"]) != (
            "RUNNING",
            data.get("input", "{}"),
        ):
            return original(data)
        return json_response({"executionArn": arn, "startDate": running["startDate"]})

    states._start_execution = start


def closed_executions_stay_closed() -> None:
    """AWS: a stopped execution stays ABORTED, whatever its unfinished task answers later."""
    original = states._fail_execution

    def fail(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            original(execution, error, cause)

    states._fail_execution = fail


def retries_follow_their_delays() -> None:
    """AWS: MaxDelaySeconds bounds a retry's delay, and JitterStrategy FULL draws it from 0 up."""
    original = states._find_matching_retrier

    def find(retriers: list[Retrier], error: str, counts: dict[int, int]) -> Any:
        retrier, index = original(retriers, error, counts)
        if retrier is None:
            return retrier, index
        delay = _delay(retrier, counts.get(index, 0))
        return {**retrier, "IntervalSeconds": delay, "BackoffRate": 1.0}, index

    states._find_matching_retrier = find


def _delay(retrier: Retrier, count: int) -> float:
    delay = float(retrier.get("IntervalSeconds", 1))
    longest = float(retrier.get("MaxDelaySeconds", 31_622_400))
    for _ in range(count):
        if delay >= longest:
            break
        delay *= retrier.get("BackoffRate", 2.0)
    delay = min(delay, longest)
    return random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay


def some_errors_escape_states_all() -> None:
    """AWS: States.ALL and States.TaskFailed match neither DataLimitExceeded nor States.Runtime.

    The latter is matched by nothing, its own name included. A task's result that is too large is
    the exception: limits.Catchable.
    """
    original = states._error_matches

    def matches(names: list[str], error: str) -> bool:
        if error in UNCATCHABLE and not isinstance(error, Catchable):
            return error in names and error != "States.Runtime"
        return bool(original(names, error))

    states._error_matches = matches


def throttled_lambdas_have_a_name() -> None:
    """AWS: a throttled invocation is Lambda.TooManyRequestsException to the state machine."""
    original = states._call_lambda

    def call(function: str, event: Any) -> Any:
        try:
            return original(function, event)
        except states._ExecutionError as failure:
            if failure.error == "Lambda.Unknown" and "TooManyRequestsException" in failure.cause:
                cause = json.loads(failure.cause)
                name = "Lambda.TooManyRequestsException"
                raise states._ExecutionError(name, cause["message"]) from failure
            raise

    states._call_lambda = call


def assignments_see_the_values_before() -> None:
    """AWS: every expression of an Assign sees the variables as they were when the state began."""
    original = states._apply_state_assign

    def assign(state: Any, entered: Any, ctx: Any = None, **more: Any) -> None:
        if ctx is None:
            return
        after = dict(ctx.setdefault("variables", {}))
        for name, expression in (state.get("Assign") or {}).items():
            one = {**state, "Assign": {name: expression}}
            scratch = {**ctx, "variables": dict(ctx["variables"])}
            original(one, entered, scratch, **more)
            after[name] = scratch["variables"].get(name)
        ctx["variables"].update(after)

    states._apply_state_assign = assign


def expressions_have_time_on_a_busy_machine() -> None:
    """AWS: an expression has a second, on a processor that it need not share; here it gets ten."""
    parser = states.jsonata

    class Patient:
        utils = parser.utils

        class Jsonata:
            @staticmethod
            def jsonata(expression: str, timeout: int = 0) -> Any:
                return parser.Jsonata.jsonata(expression, timeout=10 * timeout)

    states.jsonata = Patient

"""Step Functions: what is too large."""

import json
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import stepfunctions as states

from chalicelib.limits import PAYLOAD

TOO_LARGE = "States.DataLimitExceeded"


class Catchable(str):
    """The name of an error that States.ALL matches, although it bears an uncatchable one's."""


def payloads_end_at_256_kib() -> None:
    """AWS: inputs, payloads, results, outputs and variables hold 262,144 bytes of UTF-8 at most.

    States.ALL catches a task's result that is too large, and nothing else of these.
    """
    _limit_inputs()
    _limit_payloads("_invoke_resource")
    _limit_payloads("_invoke_with_callback")
    _limit_values("_apply_jsonata_output", "output")
    _limit_variables()


def _limit_inputs() -> None:
    start = states._start_execution

    def limited(data: dict[str, Any]) -> Any:
        if len(data.get("input", "").encode("utf-8", "surrogatepass")) > PAYLOAD:
            return error_response_json(
                "InvalidExecutionInput", f"The input is longer than {PAYLOAD} bytes", 400
            )
        return start(data)

    states._start_execution = limited


def _limit_payloads(name: str) -> None:
    call = getattr(states, name)

    def limited(resource: str, arguments: Any, *rest: Any) -> Any:
        check_size(arguments, f"The payload of {resource}")
        result = call(resource, arguments, *rest)
        check_size(result, f"The result of {resource}", Catchable(TOO_LARGE))
        return result

    setattr(states, name, limited)


def _limit_values(name: str, what: str) -> None:
    evaluate = getattr(states, name)

    def limited(state: Any, *rest: Any, **more: Any) -> Any:
        value = evaluate(state, *rest, **more)
        check_size(value, f"The {what} of the state")
        return value

    setattr(states, name, limited)


def _limit_variables() -> None:
    assign = states._apply_state_assign

    def limited(state: Any, entered: Any, ctx: Any = None, **more: Any) -> None:
        assign(state, entered, ctx, **more)
        if ctx is not None:
            assigned = {name: ctx["variables"].get(name) for name in state.get("Assign") or {}}
            check_size(assigned, "What the state assigns")

    states._apply_state_assign = limited


def check_size(value: Any, what: str, error: str = TOO_LARGE) -> None:
    """Fail the state with that error where a value has too many bytes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > PAYLOAD:
        raise states._ExecutionError(error, f"{what} has {size} bytes, {PAYLOAD} are allowed")

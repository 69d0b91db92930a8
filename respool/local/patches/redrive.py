"""Step Functions: RedriveExecution, of an execution that failed, timed out or was stopped."""

import contextvars
import copy
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.core.responses import error_response_json, json_response, now_iso
from ministack.services import eventbridge
from ministack.services import stepfunctions as states

Data = dict[str, Any]
WITHIN = timedelta(days=14)
MOST = 1000
MOST_EVENTS = 24_999
DEAD = ("FAILED", "TIMED_OUT", "ABORTED")
TOKENS = timedelta(minutes=15)
"""How long a clientToken stands for the redrive that it asked for."""


def dead_executions_are_redriven() -> None:
    """AWS: an execution goes on at the state in which it died, under its own ARN, with its input.

    Steps before are not done again; its history goes on with ExecutionRedriven; at most 1,000
    times, within 14 days of its end, below 24,999 events. A Parallel, inline or distributed Map
    that failed does all its branches or items again here; AWS keeps those that were done.
    """
    handle, run = states.handle_request, _run

    calls = {"RedriveExecution": _redrive, "LetDaysPass": _let_days_pass}

    async def with_redrive(method: str, path: str, headers: Data, body: bytes, query: Data) -> Any:
        call = calls.get(headers.get("x-amz-target", "").rpartition(".")[2])
        if call is not None:
            return states._finalize_response(call(json.loads(body)))
        return await handle(method, path, headers, body, query)

    states.handle_request = with_redrive
    states._run_execution = run
    _tell_redrives()


def _tell_redrives() -> None:
    describe, list_executions = states._describe_execution, states._list_executions

    def described(data: Data) -> Any:
        status, headers, body = describe(data)
        execution = states._executions.get(data.get("executionArn"))
        if status != 200 or execution is None:
            return status, headers, body
        return json_response({**json.loads(body), **_standing(execution)})

    def listed_with_redrives(data: Data) -> Any:
        status, headers, body = list_executions(data)
        if status != 200:
            return status, headers, body
        answer = json.loads(body)
        for each in answer["executions"]:
            each |= _redrives(states._executions[each["executionArn"]])
        return json_response(answer)

    put = eventbridge._put_events

    def announced(data: Data, *args: Any, **named: Any) -> Any:
        for entry in data["Entries"] if named.get("allow_aws_source") else ():
            detail = json.loads(entry["Detail"])
            execution = states._executions.get(detail.get("executionArn"))
            if entry["Source"] == "aws.states" and execution is not None:
                entry["Detail"] = json.dumps({**detail, **_standing(execution)})
        return put(data, *args, **named)

    eventbridge._put_events = announced
    states._describe_execution = described
    states._list_executions = listed_with_redrives


def _redrives(execution: Data) -> Data:
    date = execution.get("redriveDate")
    return {"redriveCount": execution.get("redriveCount", 0)} | (
        {"redriveDate": date} if date else {}
    )


def _standing(execution: Data) -> Data:
    reason = _refusal(execution)
    if execution.get("mapRunArn") and execution["status"] in DEAD:
        return _redrives(execution) | {"redriveStatus": "REDRIVABLE_BY_MAP_RUN"}
    if not reason:
        return _redrives(execution) | {"redriveStatus": "REDRIVABLE"}
    return _redrives(execution) | {
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": reason,
    }


def _refusal(execution: Data) -> str:
    """Why it can't be redriven; empty where it can."""
    status = execution["status"]
    if status not in DEAD:
        return f"Execution is {status} and cannot be redriven"
    if len(execution["events"]) >= MOST_EVENTS:
        return "Execution history event limit exceeded"
    if execution.get("redriveCount", 0) >= MOST:
        return "Execution redrive limit exceeded"
    machine = states._state_machines.get(execution["stateMachineArn"])
    if machine is None or machine["creationDate"] > execution["startDate"]:
        return "State machine of the execution was deleted"
    if execution["stopDate"] and datetime.now(UTC) - _moment(execution["stopDate"]) >= WITHIN:
        return "Execution redrivable period exceeded"
    return ""


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _redrive(data: Data) -> Any:
    arn = data.get("executionArn", "")
    execution = states._executions.get(arn)
    if execution is None:
        return error_response_json("ExecutionDoesNotExist", f"Execution {arn} not found", 400)
    token, now = data.get("clientToken"), datetime.now(UTC)
    latest = execution.get("_redrive")
    if token and latest and latest[0] == token and now - latest[1] < TOKENS:
        return json_response({"redriveDate": execution["redriveDate"]})
    reason = "It is of a Map Run" if execution.get("mapRunArn") else _refusal(execution)
    if reason:
        return error_response_json("ExecutionNotRedrivable", reason, 400)
    count = execution.get("redriveCount", 0) + 1
    for name in ("error", "cause"):
        execution.pop(name, None)
    execution.update(
        status="RUNNING",
        stopDate=None,
        redriveCount=count,
        redriveDate=now_iso(),
        _redrive=(token, now),
    )
    details = {"executionRedrivenEventDetails": {"redriveCount": count}}
    states._add_event(execution, "ExecutionRedriven", details)
    states._emit_execution_status_event(execution)
    context = contextvars.copy_context()
    threading.Thread(
        target=context.run, args=(lambda: states._run_execution(arn),), daemon=True
    ).start()
    return json_response({"redriveDate": execution["redriveDate"]})


def _let_days_pass(data: Data) -> Any:
    """Let days pass for executions, without a call of AWS: a redrive is possible for two weeks."""
    execution = states._executions[data["executionArn"]]
    ended = _moment(execution["stopDate"])
    execution["stopDate"] = (ended - timedelta(days=int(data["cause"]))).isoformat()
    return json_response({"stopDate": execution["stopDate"]})


def _run(arn: str) -> None:
    """Walk through the definition, from where the execution died, or from its beginning."""
    execution = states._executions.get(arn)
    if execution is None:
        return
    count = execution.get("redriveCount", 0)
    time.sleep(0.15)  # as the emulator's own

    def mine() -> bool:
        """Whether it runs, and no later redrive of it has taken over."""
        return bool(execution["status"] == "RUNNING" and execution.get("redriveCount", 0) == count)

    try:
        output = _walk(execution, mine)
        if mine():
            _succeed(execution, output)
    except states._ExecutionError as failure:
        if mine():
            states._fail_execution(execution, failure.error, failure.cause)
    except Exception as failure:
        if mine():
            states._fail_execution(execution, "States.Runtime", str(failure))


def _walk(execution: Data, mine: Any) -> Any:
    machine = states._state_machines.get(execution["stateMachineArn"])
    if machine is None:
        raise states._ExecutionError("StateMachineDeleted", "State machine no longer exists")
    definition = execution.setdefault("_definition", json.loads(machine["definition"]))
    input = json.loads(execution["input"])
    ctx: Data = {
        "QueryLanguage": definition.get("QueryLanguage", "JSONPath"),
        "Execution": {
            "Id": execution["executionArn"],
            "Input": input,
            "Name": execution["name"],
            "StartTime": execution["startDate"],
        },
        "StateMachine": {"Id": execution["stateMachineArn"], "Name": machine["name"]},
        "variables": {},
    }
    if count := execution.get("redriveCount", 0):
        ctx["Execution"] |= {"RedriveCount": count, "RedriveTime": execution["redriveDate"]}
    name, value, ctx["variables"] = execution.get("_at") or (definition["StartAt"], input, {})
    while name and mine():
        execution["_at"] = (name, value, copy.deepcopy(ctx["variables"]))
        value, name = _step(name, value, definition, execution, ctx)
    return value


def _step(name: str, value: Any, definition: Data, execution: Data, ctx: Data) -> Any:
    """Go through one state; its output, and the name of the next one."""
    state = definition["States"].get(name)
    if state is None:
        raise states._ExecutionError("States.Runtime", f"State '{name}' not found in definition")
    kind = state.get("Type")
    ctx["State"] = {"Name": name, "EnteredTime": now_iso(), "RetryCount": 0}
    entered = {"name": name, "input": json.dumps(value)}
    states._add_event(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": entered})
    if kind == "Fail":
        raise states._ExecutionError(*states._fail_state_error(state, value, ctx))
    if kind == "Succeed":
        value = states._apply_input_path(state, value, ctx)
        output, following = states._apply_output_path(state, value, ctx), None
    elif kind in ("Task", "Parallel", "Map"):
        output, following = getattr(states, f"_execute_{kind.lower()}")(
            state, value, execution, ctx
        )
    elif kind in ("Pass", "Choice", "Wait"):
        output, following = getattr(states, f"_execute_{kind.lower()}")(state, value, ctx)
    else:
        raise states._ExecutionError("States.Runtime", f"Unknown state type: {kind}")
    exited = {"name": name, "output": json.dumps(output)}
    states._add_event(execution, f"{kind}StateExited", {"stateExitedEventDetails": exited})
    return output, following


def _succeed(execution: Data, value: Any) -> None:
    text = json.dumps(value)
    execution.update(status="SUCCEEDED", output=text, stopDate=now_iso())
    details = {"executionSucceededEventDetails": {"output": text}}
    states._add_event(execution, "ExecutionSucceeded", details)
    states._emit_execution_status_event(execution)

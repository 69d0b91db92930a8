"""Step Functions: what an execution's history calls the events of a task."""

import json
import threading
from typing import Any

from ministack.services import stepfunctions as states

from respool.local.patches.attempts import last_event

Details = dict[str, Any]


def events_follow_those_of_their_branch() -> None:
    """AWS: an event names the one before it in its own branch or item, whatever others do."""
    add = states._add_event
    lock = threading.Lock()

    def add_linked(execution: Details, kind: str, details: Details | None = None) -> Any:
        with lock:
            event: Details = add(execution, kind, details)
        before, arn = last_event.get(), execution["executionArn"]
        event["previousEventId"] = before[1] if before and before[0] == arn else event["id"] - 1
        last_event.set((arn, event["id"]))
        return event

    states._add_event = add_linked


def task_events_have_their_names() -> None:
    """AWS: a task that is a Lambda ARN has LambdaFunction... events; a time-out is a ...TimedOut.

    A service integration's events name the service and the action.
    """
    add = states._add_event

    def add_renamed(execution: Details, kind: str, details: Details | None = None) -> Any:
        if not kind.startswith("Task") or kind.startswith("TaskState") or not details:
            return add(execution, kind, details)
        ((_, content),) = details.items()
        if content["resource"].startswith("arn:aws:lambda:"):
            return add(execution, *_of_a_function(kind, content))
        return add(execution, *_of_a_service(kind, content))

    states._add_event = add_renamed


def scheduled_tasks_tell_their_parameters() -> None:
    """AWS: a TaskScheduled event has what the task is given, as JSON text."""
    latest = threading.local()
    add = states._add_event

    def told(name: str) -> None:
        evaluate = getattr(states, name)

        def evaluated(*args: Any, **more: Any) -> Any:
            latest.value = evaluate(*args, **more)
            return latest.value

        setattr(states, name, evaluated)

    def add_whole(execution: Details, kind: str, details: Details | None = None) -> Any:
        if kind == "TaskScheduled" and details:
            ((name, content),) = details.items()
            details = {name: {**content, "parameters": json.dumps(getattr(latest, "value", None))}}
        return add(execution, kind, details)

    told("_apply_parameters")
    told("_apply_jsonata_arguments")
    states._add_event = add_whole


def _of_a_function(kind: str, content: Details) -> tuple[str, Details]:
    kind = kind.replace("Task", "LambdaFunction", 1)
    if content.get("error") == "States.Timeout":
        kind = "LambdaFunctionTimedOut"
    name = kind[0].lower() + kind[1:] + "EventDetails"
    kept = {key: value for key, value in content.items() if key in ("error", "cause", "output")}
    if kind == "LambdaFunctionScheduled":
        kept["resource"] = content["resource"]
    return kind, {name: kept}


def _of_a_service(kind: str, content: Details) -> tuple[str, Details]:
    if content.get("error") == "States.Timeout":
        kind = "TaskTimedOut"
    name = kind[0].lower() + kind[1:] + "EventDetails"
    service, _, action = content["resource"].rpartition(":::")[2].rpartition(":")
    return kind, {name: {**content, "resourceType": service, "resource": action}}

"""Small definitions to adopt, and what must hold of whatever comes of it."""

import copy
import json
from typing import Any

from respool.adopt.definition import Choices, adopt
from respool.adopt.scopes import pointers, scopes
from respool.adopt.undo import is_ours
from respool.deploy.definition import Definition, State, all_states

INVOKE = "arn:aws:states:::lambda:invoke"
ALL = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Handle"}
BUSY = {"ErrorEquals": ["Busy"], "Next": "Later"}


def path_task(**fields: Any) -> State:
    """A task in JSONPath."""
    return {"Type": "Task", "Resource": INVOKE, "Parameters": {"FunctionName": "f"}, **fields}


def ata_task(**fields: Any) -> State:
    """A task in JSONata, whatever its machine speaks."""
    called = {"Resource": INVOKE, "Arguments": {"FunctionName": "f"}}
    return {"Type": "Task", "QueryLanguage": "JSONata", **called, **fields}


LINE: Definition = {
    "Comment": "Steps in a row.",
    "StartAt": "Begin",
    "States": {
        "Begin": {"Type": "Pass", "Result": {"a": 1}, "ResultPath": "$.begun", "Next": "Call"},
        "Call": path_task(
            ResultPath="$.answer",
            Retry=[{"ErrorEquals": ["States.ALL"], "MaxAttempts": 5, "BackoffRate": 2}],
            Catch=[BUSY, ALL],
            Next="Send",
        ),
        "Send": ata_task(Output="{% $states.result.Payload %}", Assign={"sent": True}, End=True),
        "Later": {"Type": "Wait", "Seconds": 5, "Next": "Call"},
        "Handle": {"Type": "Fail", "Error": "Handled"},
    },
}
NESTED: Definition = {
    "StartAt": "Each",
    "States": {
        "Each": {
            "Type": "Map",
            "MaxConcurrency": 2,
            "ItemProcessor": {
                "StartAt": "Inner",
                "States": {
                    "Inner": {
                        "Type": "Map",
                        "Iterator": {
                            "StartAt": "Item",
                            "States": {"Item": path_task(End=True)},
                        },
                        "Next": "Both",
                    },
                    "Both": {
                        "Type": "Parallel",
                        "Branches": [
                            {"StartAt": "Left", "States": {"Left": ata_task(End=True)}},
                            {"StartAt": "Right", "States": {"Right": {"Type": "Succeed"}}},
                        ],
                        "End": True,
                    },
                },
            },
            "Next": "Far",
        },
        "Far": {
            "Type": "Map",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Child",
                "States": {
                    "Child": path_task(Catch=[BUSY], Next="Later"),
                    "Later": {"Type": "Succeed"},
                },
            },
            "Next": "Choose",
        },
        "Choose": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.again", "BooleanEquals": True, "Next": "Last"}],
            "Default": "End",
        },
        "Last": path_task(Next="Choose"),
        "End": {"Type": "Succeed"},
    },
}
JSONATA: Definition = {
    "QueryLanguage": "JSONata",
    "StartAt": "Begin",
    "States": {
        "Begin": {"Type": "Pass", "Assign": {"respool": "theirs"}, "Next": "Call"},
        "Call": {
            "Type": "Task",
            "Resource": INVOKE,
            "Arguments": "{% $states.input %}",
            "Catch": [
                {"ErrorEquals": ["Busy"], "Output": "{% $states.input %}", "Next": "End"},
                {"ErrorEquals": ["States.TaskFailed"], "Assign": {"why": "x"}, "Next": "End"},
            ],
            "Next": "End",
        },
        "End": {"Type": "Succeed"},
    },
}
EVERY = {"line": LINE, "nested": NESTED, "jsonata": JSONATA}


def tasks(definition: Definition) -> list[str]:
    """Its tasks' names."""
    return [name for name, state in all_states(definition) if state["Type"] == "Task"]


def made(definition: Definition, *chosen: str, **options: Any) -> Definition:
    """The definition adopted for another machine, `orders`; without names, all its tasks."""
    names = dict.fromkeys(chosen or tasks(definition), "")
    return adopt(definition, Choices(names, **{"machine": "orders", **options}))


def ours(definition: Definition) -> dict[str, State]:
    """The states that were added."""
    return {name: state for name, state in all_states(definition) if is_ours(state)}


def found(definition: Definition, name: str) -> State:
    """A state at any depth."""
    return dict(all_states(definition))[name]


def reached(definition: Definition) -> dict[str, set[str]]:
    """Each state with those that it may go on to."""
    return {
        name: {holder[field] for holder, field in pointers(state)}
        for name, state in all_states(definition)
    }


def lost(definition: Definition) -> list[str]:
    """What a state names that is not in its machine, and states that nothing leads to."""
    wrong: list[str] = []
    for scope in scopes(definition):
        states = dict(scope.states)
        ahead, seen = [scope.machine["StartAt"]], set[str]()
        while ahead:
            name = ahead.pop()
            if name not in states:
                wrong.append(f"{name} is not there")
            elif name not in seen:
                seen.add(name)
                ahead += [holder[field] for holder, field in pointers(states[name])]
        wrong += [f"nothing leads to {name}" for name in states if name not in seen]
    return wrong


def without_ways(state: State) -> str:
    """A state as text, without where it leads and without the machines inside it."""
    bare = copy.deepcopy(state)
    for holder, field in pointers(bare):
        del holder[field]
    for inner in ("ItemProcessor", "Iterator", "Branches"):
        bare.pop(inner, None)
    return json.dumps(bare)

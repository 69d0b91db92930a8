"""The deploy checks on definitions that work, and on such as would lose a job: true findings."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from respool.adopt.changed import changed
from respool.adopt.definition import Choices, adopt
from respool.deploy.check import linted, payloads
from respool.deploy.checks import calls, rules
from respool.deploy.definition import Definition
from tests.unit.adopted import INVOKE, LINE, path_task

CALLBACK = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
KNOWN = {"Claims", "ErrorSpool", "CloseAfter", "HistorySeconds"}
S3 = "arn:aws:states:::s3"


def machine(**states: Any) -> Definition:
    return {"StartAt": next(iter(states)), "States": states}


JSONATA_TASK: dict[str, Any] = {
    "Type": "Task",
    "QueryLanguage": "JSONata",
    "Resource": INVOKE,
    "Arguments": {"FunctionName": "f", "Payload": {"where": "$.x"}},
    "End": True,
}
WORKING = {
    "a whole BackoffRate": machine(
        Call=path_task(
            Retry=[{"ErrorEquals": ["States.ALL"], "BackoffRate": 2, "JitterStrategy": "FULL"}],
            End=True,
        )
    ),
    "a text that looks like a path, in JSONata": machine(Call=JSONATA_TASK),
    "a text that looks like a path, in JSONPath": machine(
        Call=path_task(Comment="$.x", ResultSelector={"where": "$.x"}, End=True)
    ),
    "a callback of one's own": machine(
        Ask={
            "Type": "Task",
            "Resource": CALLBACK,
            "TimeoutSeconds": 3600,
            "HeartbeatSeconds": 60,
            "Parameters": {"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token"}},
            "Retry": [{"ErrorEquals": ["States.ALL"]}],
            "Next": "Call",
        },
        Call=path_task(End=True),
    ),
    "a distributed Map with a label and a reader": machine(
        Each={
            "Type": "Map",
            "Label": "Mine",
            "ToleratedFailurePercentage": 5,
            "ItemReader": {
                "Resource": f"{S3}:getObject",
                "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
                "Parameters": {"Bucket": "b", "Key": "k"},
            },
            "ResultWriter": {"Resource": f"{S3}:putObject", "Parameters": {"Bucket": "b"}},
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Call",
                "States": {"Call": path_task(End=True)},
            },
            "End": True,
        }
    ),
    "JSONPath and JSONata states side by side": machine(
        Call={
            **JSONATA_TASK,
            "Assign": {"n": "{% $states.result.n %}"},
            "Output": "{% $states.result %}",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Tell"}],
        },
        Tell={"Type": "Fail", "ErrorPath": "$.Error", "CausePath": "$.Cause"},
    ),
    "results beside the input": machine(
        Read=path_task(ResultPath="$.read", Next="Call"), Call=path_task(ResultPath="$.b", End=True)
    ),
}


def found(definition: Definition) -> list[str]:
    return [
        *rules.findings(definition, KNOWN),
        *linted(definition),
        *payloads(definition),
    ]


@pytest.mark.parametrize("name", WORKING)
@pytest.mark.parametrize("owner", ["", "orders"])
def test_a_definition_that_works_has_no_findings(name: str, owner: str) -> None:
    plain = WORKING[name]

    assert found(plain) == []
    adopted = adopt(plain, Choices({"Call": ""}, owner))
    assert found(adopted) == []
    assert owner or changed(adopted) == []


SHIPPED = [Path("statemachine.json"), *Path("docs/pipelines").glob("*.json")]


@pytest.mark.parametrize("file", SHIPPED, ids=str)
def test_what_is_shipped_is_as_adopt_makes_it(file: Path) -> None:
    assert changed(json.loads(file.read_text())) == []


def past_the_claim(states: dict[str, Any]) -> None:
    states["Begin"]["Next"] = "Call"


def out_with_the_claim(states: dict[str, Any]) -> None:
    states["Call"]["Catch"].insert(0, {"ErrorEquals": ["Late"], "Next": "Later"})


def on_with_the_claim(states: dict[str, Any]) -> None:
    states["Call"]["Next"] = "Send"


def given_the_claim_s_answer(states: dict[str, Any]) -> None:
    for name, state in states.items():
        if name.startswith("Park"):
            state.pop("ResultPath")


@pytest.mark.parametrize("one_retry", [False, True])
@pytest.mark.parametrize("tasks", [{"Call": ""}, {"Call": "billing", "Send": ""}])
@pytest.mark.parametrize(
    ("change", "state"),
    [
        (past_the_claim, "Begin"),
        (out_with_the_claim, "Call"),
        (on_with_the_claim, "Call"),
        (given_the_claim_s_answer, "Park"),
    ],
)
def test_a_way_around_the_frame_is_found(
    change: Callable[[dict[str, Any]], None], state: str, tasks: dict[str, str], one_retry: bool
) -> None:
    adopted = adopt(LINE, Choices(tasks, one_retry=one_retry))
    assert changed(adopted) == []

    after = copy.deepcopy(adopted)
    change(after["States"])

    assert changed(after)[0].startswith(state)


ROLE: list[dict[str, Any]] = [
    {
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["lambda:InvokeFunction"],
                "Resource": ["arn:aws:lambda:us-east-1:123456789012:function:f"],
            },
            {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"},
        ]
    }
]


@pytest.mark.parametrize(
    ("task", "lacking"),
    [
        (path_task(End=True), ""),
        (path_task(End=True, Parameters={"FunctionName.$": "$.f"}), ""),
        (path_task(End=True, Parameters={"FunctionName": "g"}), "lambda:InvokeFunction on arn:"),
        (path_task(End=True, Resource="arn:aws:lambda:eu-west-1:1:function:h"), "function:h"),
        (path_task(End=True, Resource=CALLBACK), ""),
        (path_task(End=True, Resource="arn:aws:states:::sns:publish"), "sns:Publish"),
        (path_task(End=True, Resource="arn:aws:states:::aws-sdk:sfn:stopExecution"), "states:Stop"),
        (path_task(End=True, Resource="arn:aws:states:::batch:submitJob.sync"), "batch:SubmitJob"),
        (path_task(End=True, Resource="arn:aws:states:::http:invoke"), "states:InvokeHTTPEndpoint"),
        (path_task(End=True, Resource="arn:aws:states:::new-one:doIt"), ""),
        (path_task(End=True, Resource="arn:aws:states:us-east-1:1:activity:a"), ""),
        ({"Type": "Pass", "End": True}, ""),
    ],
)
def test_what_a_task_calls_is_held_against_the_role(task: dict[str, Any], lacking: str) -> None:
    problems = list(calls.findings(machine(Call=task), ROLE))

    assert [lacking in one for one in problems] == ([True] if lacking else [])

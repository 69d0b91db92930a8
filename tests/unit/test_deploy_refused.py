"""What AWS refuses when a machine is made is found before anything is made, and nothing else is.

Most of it was measured on AWS: floci-io/floci, issues 2670, 2735, 2745, 2968.
"""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from respool.deploy.checks.rules import findings
from respool.deploy.template import known_placeholders

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = json.loads((ROOT / "statemachine.json").read_text())
KNOWN = known_placeholders(("uncertain_task", "error_spool"))
UPDATE = "arn:aws:states:::aws-sdk:dynamodb:updateItem"

Change = Callable[[dict[str, Any]], None]


def found_after(change: Change) -> list[str]:
    """What the rules say of the project's own definition after one change to its states."""
    changed = copy.deepcopy(DEFINITION)
    change(changed["States"])
    return list(findings(changed, KNOWN))


def with_state(state: dict[str, Any]) -> list[str]:
    """What the rules say once this state stands before the task."""

    def change(states: dict[str, Any]) -> None:
        states["Own"] = {**state, "Next": "UncertainTask"}
        for name in ("TakeSlot", "WaitInLine", "Rejoin"):
            states[name]["Next"] = "Own"

    return found_after(change)


def saying(expression: str) -> list[str]:
    return with_state(
        {"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"v": f"{{% {expression} %}}"}}
    )


def calling(resource: str, arguments: Any) -> list[str]:
    call = {"QueryLanguage": "JSONata", "Resource": resource, "Arguments": arguments}
    return with_state({"Type": "Task", **call})


REFUSED = [
    ("phone", "phone"),
    ("order.id", "order"),
    ("'a' & name", "name"),
    ("$sum(items)", "items"),
    ("[order]", "order"),
    ("{'a': order}", "order"),
    ("$states.input.wanted ? x : 'y'", "x"),
    ("($a := order; $a)", "order"),
    ("$map([1], function($v) { $v + rate })", "rate"),
    ("$$", "$$"),
    ("$$.order", "$$"),
    ("$states.errorOutput.Error", "$states.errorOutput"),
    ("'unterminated", "JSONata"),
    ("1 +", "JSONata"),
    ("$states.input[1,2)", "JSONata"),
    ("{'a':}", "JSONata"),
    ("$x :=", "JSONata"),
    ("$match('a', /abc", "JSONata"),
    ("$eval('1')", "$eval"),
    ("$lowerCase('A')", "$lowerCase"),
    ("$order.id", "$order"),
    ("$f($states.input)", "$f"),
    ("+".join(["1"] * 200), "levels deep"),
    ("(" * 120 + "1" + ")" * 120, "levels deep"),
]


@pytest.mark.parametrize(("expression", "named"), REFUSED, ids=[one[:40] for one, _ in REFUSED])
def test_an_expression_that_aws_refuses_is_named(expression: str, named: str) -> None:
    problems = saying(expression)
    assert problems
    assert all(one.startswith("state Own: ") for one in problems)
    assert any(named in one for one in problems)


@pytest.mark.parametrize(
    "expression",
    [
        "$states.input.order.id",
        "$states.input.items[price > 3].name",
        "$states.input.items.(price * quantity)",
        "$states.input.items^(>price).name",
        "$states.input.items{kind: $sum(price)}",
        "$map($states.input.items, function($v, $i) { $v.price * $i })",
        "$filter($states.input.items, function($v) { $v.price > 3 })",
        "($a := $states.input.order; $a.id & $a.name)",
        "($f := function($x) { $x <= 1 ? 1 : $x * $f($x - 1) }; $f(5))",
        "$respool.key & '/' & $respool.task",
        "$states.context.Execution.Name",
        "$contains($states.input.text, /[0-9]{16}|[$]{2}/) ? 'a $$ b' : \"order\"",
        "$uuid() & $hash('a', 'SHA-256') & $string($parse('1')) & $string($random(4))",
        "$partition([1, 2, 3], 2)",
        "$now('[Y0001]-[M01]-[D01]')",
        "$states.input.`a name`",
        "[1..3].($ * 2)",
        "/* order */ 1",
        "$exists($states.input.key) and $not($type($states.input) = 'array')",
        "$reduce([1, 2], function($a, $b) { $a + $b })",
        "$states.input ~> | order | {'seen': true} |",
        "$states.input.order.$keys()",
        "-$states.input.n",
        "+".join(["1"] * 40),
    ],
)
def test_an_expression_that_aws_takes_passes(expression: str) -> None:
    assert saying(expression) == []


def test_the_error_is_read_in_a_catch() -> None:
    caught = {"ErrorEquals": ["States.ALL"], "Next": "ErrorSpool"}
    state = {
        "Type": "Task",
        "QueryLanguage": "JSONata",
        "Resource": "${UncertainTask}",
        "Catch": [{**caught, "Output": "{% $states.errorOutput.Error %}"}],
    }
    assert with_state(state) == []


@pytest.mark.parametrize(
    ("resource", "arguments", "named"),
    [
        (UPDATE, {"TableNames": "t", "Key": {}}, "updateItem takes no TableNames."),
        (UPDATE, {"TableName": "t"}, "updateItem needs Key"),
        (UPDATE, {"tableName": "t", "Key": {}}, "updateItem takes no tableName."),
        (UPDATE, {"TableName": "t", "Key": {"pk": {"s": "a"}}}, "updateItem takes no s."),
        ("arn:aws:states:::aws-sdk:dynamodb:updateItems", {}, "has no action updateItems"),
        (
            "arn:aws:states:::aws-sdk:sfn:startExecution",
            {"StateMachine": "a"},
            "takes no StateMachine.",
        ),
        (
            "arn:aws:states:::sqs:sendMessage",
            {"QueueUrl": "u", "Body": "b"},
            "sendMessage takes no Body.",
        ),
        ("arn:aws:states:::lambda:invoke", {"Function": "f"}, "invoke takes no Function."),
        (
            "arn:aws:states:::ecs:runTask.sync",
            {"cluster": "c", "TaskDefinition": "t"},
            "runTask takes no cluster.",
        ),
        (
            "arn:aws:states:::aws-sdk:dynamodb:transactWriteItems",
            {"TransactItems": [{"Update": {"TableName": "t"}, "Updates": {}}]},
            "transactWriteItems takes no Updates.",
        ),
    ],
)
def test_an_argument_that_a_service_has_not_is_named(
    resource: str, arguments: dict[str, Any], named: str
) -> None:
    problems = calling(resource, arguments)
    assert any(named in one for one in problems), problems


@pytest.mark.parametrize(
    ("resource", "arguments"),
    [
        (UPDATE, "{% $states.input %}"),
        (UPDATE, {"TableName": "t", "Key": {"pk": {"S": "a"}}, "ReturnValues": "NONE"}),
        ("arn:aws:states:::aws-sdk:sqs:createQueue", {"QueueName": "q"}),
        ("arn:aws:states:::dynamodb:putItem", {"TableName": "t", "Item": {"on": {"BOOL": True}}}),
        ("arn:aws:states:::lambda:invoke", {"FunctionName": "f", "Payload": {"any": {"thing": 1}}}),
        ("arn:aws:states:::sqs:sendMessage", {"QueueUrl": "u", "MessageBody": {"any": 1}}),
        (
            "arn:aws:states:::states:startExecution.sync:2",
            {"StateMachineArn": "a", "Input": {"any": 1}},
        ),
        ("arn:aws:states:::aws-sdk:sfn:startExecution", {"StateMachineArn": "a", "Name": "n"}),
        (
            "arn:aws:states:::batch:submitJob.sync",
            {"JobName": "n", "JobQueue": "q", "JobDefinition": "d"},
        ),
        (
            "arn:aws:states:::ecs:runTask.sync",
            {
                "TaskDefinition": "t",
                "Overrides": {
                    "ContainerOverrides": [{"Name": "n", "Environment": [{"Name": "A"}]}]
                },
            },
        ),
        ("arn:aws:states:::http:invoke", {"ApiEndpoint": "e", "Method": "GET"}),
        ("arn:aws:states:::aws-sdk:eventbridge:putEvents", {"Entries": [{"Detail": "{}"}]}),
        ("arn:aws:states:::aws-sdk:somethingnew:doIt", {"Any": 1}),
        ("arn:aws:lambda:us-east-1:123456789012:function:own", {"any": {"thing": 1}}),
    ],
)
def test_arguments_that_a_service_has_pass(resource: str, arguments: Any) -> None:
    assert calling(resource, arguments) == []


def test_parameters_of_a_jsonpath_state_are_held_to_the_same() -> None:
    parameters = {
        "TableName": "t",
        "Key": {"pk": {"S.$": "$.key"}},
        "Expected.$": "$.e",
        "Kee.$": "$.k",
    }
    problems = with_state(
        {"Type": "Task", "QueryLanguage": "JSONPath", "Resource": UPDATE, "Parameters": parameters}
    )
    assert len(problems) == 1
    assert "updateItem takes no Kee." in problems[0]


@pytest.mark.parametrize(
    ("state", "named"),
    [
        ({"Type": "Pass", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]}, "no Catch"),
        ({"Type": "Wait", "Seconds": 1, "Retry": [{"ErrorEquals": ["States.ALL"]}]}, "no Retry"),
        ({"Type": "Pass", "TimeoutSeconds": 5}, "no TimeoutSeconds"),
        (
            {
                "Type": "Parallel",
                "TimeoutSeconds": 5,
                "Branches": [{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}],
            },
            "no TimeoutSeconds",
        ),
        (
            {
                "Type": "Map",
                "ItemProcessor": {
                    "QueryLanguage": "JSONPath",
                    "StartAt": "A",
                    "States": {"A": {"Type": "Pass", "End": True}},
                },
            },
            "has a QueryLanguage",
        ),
        (
            {
                "Type": "Map",
                "ItemProcessor": {
                    "StartAt": "A",
                    "States": {"A": {"Type": "Pass", "Next": "A"}},
                },
            },
            "no state ends it",
        ),
    ],
)
def test_a_shape_that_aws_refuses_is_named(state: dict[str, Any], named: str) -> None:
    assert any(named in one for one in with_state(state))


def test_a_jsonpath_state_in_a_jsonata_machine_is_named() -> None:
    changed = copy.deepcopy(DEFINITION)
    changed["QueryLanguage"] = "JSONata"
    problems = list(findings(changed, KNOWN))
    assert any(
        "state TakeSlot: is JSONPath in a machine that is JSONata" in one for one in problems
    )

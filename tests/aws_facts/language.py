"""What expressions, variables and definitions do."""

import json

from tests.aws_facts.fact import on_local, recorded
from tests.integration.local_machines import LocalMachines

VARIABLES = "stepfunctions/v2/assign/test_assign_reference_variables"


@on_local(
    "assign-sees-the-values-before",
    "Every expression of an Assign sees the variables as they were when the state began.",
    recorded(VARIABLES, "test_state_assign_evaluation_order", "2024-11-06"),
    held_by=("assignments_see_the_values_before",),
)
def _assign(local: LocalMachines) -> None:
    first = {"Type": "Pass", "Assign": {"a": 1, "b": 10}, "Next": "Second"}
    swap = {"a": "{% $a + 1 %}", "b": "{% $a + $b %}"}
    second = {"Type": "Pass", "Assign": swap, "Next": "Third"}
    third = {"Type": "Pass", "Output": "{% [$a, $b] %}", "End": True}
    machine = local.machine("assigned", First=first, Second=second, Third=third)
    assert json.loads(local.run(machine)["output"]) == [2, 11]


@on_local(
    "undefined-result-is-an-error",
    "An expression that gives nothing is States.QueryEvaluationError.",
    recorded(VARIABLES, "test_undefined_reference[BASE_UNDEFINED_OUTPUT]", "2024-11-21"),
)
def _undefined(local: LocalMachines) -> None:
    nothing = {"Type": "Pass", "Output": "{% $doesNotExist %}", "End": True}
    ended = local.run(local.machine("undefined", Nothing=nothing))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.QueryEvaluationError")


@on_local(
    "numbers-are-doubles",
    "A whole number beyond 2^53 that passes through an expression is rounded to a double.",
    "floci-io/floci, issues #2668 to #2786, 2026",
    sure="measured",
    held_by=("expressions_compute_in_doubles", "large_numbers_are_written_in_full"),
)
def _doubles(local: LocalMachines) -> None:
    through = {"Type": "Pass", "Output": "{% $states.input %}", "End": True}
    ended = local.run(local.machine("doubles", Through=through), {"n": 1161888007138312192})
    assert json.loads(ended["output"]) == {"n": 1161888007138312200}


@on_local(
    "json-path-keeps-digits",
    "A number that JSONPath carries keeps all its digits.",
    "docs.aws.amazon.com/step-functions, paths",
    sure="documented",
    held_by=("json_path_states_have_variables",),
)
def _digits(local: LocalMachines) -> None:
    through = {"Type": "Pass", "Parameters": {"n.$": "$.n"}, "End": True}
    machine = local.machine("digits", "JSONPath", Through=through)
    assert "1161888007138312192" in local.run(machine, {"n": 1161888007138312192})["output"]


@on_local(
    "retry-delay-is-bounded",
    "MaxDelaySeconds bounds the delay of a retry, whatever BackoffRate says.",
    recorded(
        "stepfunctions/v2/scenarios/test_base_scenarios",
        "test_retry_interval_features",
        "2024-02-23",
    ),
    held_by=("retries_follow_their_delays",),
)
def _delays(local: LocalMachines) -> None:
    failing = local.function("bounded", "raise ConnectionError('down')")
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 10.0}
    bounded = {**retry, "MaxDelaySeconds": 2, "MaxAttempts": 6, "JitterStrategy": "FULL"}
    call = {"Type": "Task", "Resource": failing, "Retry": [bounded], "End": True}
    execution = local.start(local.machine("bounded", Call=call))
    local.ended(execution)  # unbounded it would take hours
    assert local.events(execution).count("LambdaFunctionFailed") == 7


@on_local(
    "string-keeps-characters",
    "$string escapes what JSON must, and no other character.",
    "docs.jsonata.org, $string",
    sure="documented",
    held_by=("strings_keep_their_characters",),
)
def _characters(local: LocalMachines) -> None:
    shown = {"Type": "Pass", "Output": "{% $string($states.input) %}", "End": True}
    machine = local.machine("characters", Shown=shown)
    given = {"a": "\u3042\U0001f600", "b": [1, 1.5, None, True], "c": "\x01\n"}
    text = '{"a":"\u3042\U0001f600","b":[1,1.5,null,true],"c":"\\u0001\\n"}'
    assert json.loads(local.run(machine, given)["output"]) == text


@on_local(
    "rules-and-catchers-speak-their-language",
    "In a JSONPath machine the rules and catchers of a JSONata state assign by JSONata.",
    "docs.aws.amazon.com/step-functions, transforming data with JSONata",
    sure="documented",
    held_by=("rules_and_catchers_speak_their_states_language",),
)
def _mixed(local: LocalMachines) -> None:
    rule = {
        "Condition": "{% $states.input.x = 1 %}",
        "Assign": {"double": "{% $states.input.x * 2 %}"},
        "Next": "Call",
    }
    catcher = {
        "ErrorEquals": ["States.ALL"],
        "Assign": {"error": "{% $states.errorOutput.Error & $string($double) %}"},
        "Output": {},
        "Next": "Show",
    }
    choose = {"Type": "Choice", "QueryLanguage": "JSONata", "Choices": [rule], "Default": "Call"}
    call = {
        "Type": "Task",
        "QueryLanguage": "JSONata",
        "Resource": local.function("failing-too", "raise ConnectionError('down')"),
        "Catch": [catcher],
        "End": True,
    }
    show = {"Type": "Pass", "OutputPath": "$error", "End": True}
    machine = local.machine("mixed", "JSONPath", Choose=choose, Call=call, Show=show)
    assert json.loads(local.run(machine, {"x": 1})["output"]) == "ConnectionError2"

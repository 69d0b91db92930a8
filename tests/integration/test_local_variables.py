"""The local AWS keeps workflow variables in JSONPath machines, and numbers, as AWS does."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.local_machines import LocalMachines, local_machines

EXACT = 1161888007138312192
ROUNDED = 1161888007138312200


@pytest.fixture(scope="module")
def local() -> Iterator[LocalMachines]:
    with local_machines() as machines:
        yield machines


def run(local: LocalMachines, name: str, given: Any, **states: dict[str, Any]) -> Any:
    """The output of a JSONPath machine of those states."""
    return json.loads(local.run(local.machine(name, "JSONPath", **states), given)["output"])


def setting(**assigned: Any) -> dict[str, Any]:
    return {"Type": "Pass", "Assign": assigned, "Next": "Then"}


def test_parameters_read_variables_and_their_fields(local: LocalMachines) -> None:
    then = {
        "Type": "Pass",
        "Parameters": {"all.$": "$job", "deep": [{"one.$": "$job.keys[1]"}]},
        "End": True,
    }
    out = run(local, "parameters", {}, Set=setting(job={"keys": ["a", "b"]}), Then=then)
    assert out == {"all": {"keys": ["a", "b"]}, "deep": [{"one": "b"}]}


def test_intrinsic_functions_read_variables(local: LocalMachines) -> None:
    then = {
        "Type": "Pass",
        "Parameters": {
            "text.$": "States.Format('{}#{}', $job.task, $job.key)",
            "number.$": "States.StringToJson($job.attempt)",
        },
        "End": True,
    }
    given = setting(job={"task": "T", "key": "{}", "attempt": "3"})
    assert run(local, "intrinsic", {}, Set=given, Then=then) == {"text": "T#{}", "number": 3}


@pytest.mark.parametrize("field", ["InputPath", "OutputPath"])
def test_paths_of_input_and_output_read_variables(local: LocalMachines, field: str) -> None:
    then = {"Type": "Pass", field: "$job.x", "End": True}
    assert run(local, f"path-{field}", {}, Set=setting(job={"x": 7}), Then=then) == 7


def test_an_assign_sees_the_result_the_context_and_the_values_before(local: LocalMachines) -> None:
    second = {
        "Type": "Pass",
        "Result": {"made": 1},
        "Assign": {
            "root.$": "$",
            "made.$": "$.made",
            "name.$": "$$.Execution.Name",
            "before.$": "$made",
        },
        "ResultPath": None,
        "Next": "Show",
    }
    show = {
        "Type": "Pass",
        "Parameters": {
            "root.$": "$root",
            "made.$": "$made",
            "name.$": "$name",
            "before.$": "$before",
            "input.$": "$",
        },
        "End": True,
    }
    out = run(local, "assign", {"in": 1}, Set=setting(made=0), Then=second, Show=show)
    assert out == {"root": {"made": 1}, "made": 1, "name": "one", "before": 0, "input": {"in": 1}}


def test_the_whole_context_can_be_assigned(local: LocalMachines) -> None:
    show = {"Type": "Pass", "OutputPath": "$all.Execution.Name", "End": True}
    assert run(local, "context", {}, Set=setting(**{"all.$": "$$"}), Then=show) == "one"


def test_a_catcher_assigns_the_error_and_lets_the_input_pass(local: LocalMachines) -> None:
    failing = local.function("failing", "raise ConnectionError('down')")
    catcher = {
        "ErrorEquals": ["States.ALL"],
        "Assign": {"caught.$": "$", "noted": "no"},
        "ResultPath": None,
        "Next": "Show",
    }
    call = {"Type": "Task", "Resource": failing, "Catch": [catcher], "End": True}
    show = {
        "Type": "Pass",
        "Parameters": {"error.$": "$caught.Error", "noted.$": "$noted", "input.$": "$.in"},
        "End": True,
    }
    out = run(local, "catcher", {"in": 1}, Call=call, Show=show)
    assert out == {"error": "ConnectionError", "noted": "no", "input": 1}


def test_rules_of_a_choice_assign_and_so_does_its_default(local: LocalMachines) -> None:
    choose = {
        "Type": "Choice",
        "Choices": [
            {
                "Variable": "$.x",
                "NumericEquals": 1,
                "Assign": {"way.$": "$.x"},
                "Next": "Show",
            }
        ],
        "Default": "Show",
        "Assign": {"way": "default"},
    }
    show = {"Type": "Pass", "OutputPath": "$way", "End": True}
    assert run(local, "rule", {"x": 1}, Choose=choose, Show=show) == 1
    assert run(local, "default", {"x": 2}, Choose=choose, Show=show) == "default"


def test_a_variable_that_nobody_assigned_ends_the_execution(local: LocalMachines) -> None:
    show = {"Type": "Pass", "OutputPath": "$nobody", "End": True}
    ended = local.run(local.machine("nobody", "JSONPath", Show=show))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")


def test_an_expression_rounds_what_json_path_carries_to_the_digit(local: LocalMachines) -> None:
    plain = {"Type": "Pass", "OutputPath": "$.n", "End": True}
    assert run(local, "exact", {"n": EXACT}, Carry=plain) == EXACT

    quiet = {"Type": "Pass", "QueryLanguage": "JSONata", "Next": "Carry"}
    assert run(local, "quiet", {"n": EXACT}, Quiet=quiet, Carry=plain) == EXACT

    computing = {
        "Type": "Pass",
        "QueryLanguage": "JSONata",
        "Output": "{% $states.input.n %}",
        "End": True,
    }
    assert run(local, "rounded", {"n": EXACT}, Compute=computing) == ROUNDED


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$string($states.input.n)", str(ROUNDED)),
        ("$states.input.n = 1161888007138312200", True),
        ("{'n': [$states.input.n]}", {"n": [ROUNDED]}),
        ("9007199254740992", 9007199254740992),
    ],
)
def test_large_numbers_are_doubles_wherever_an_expression_sees_them(
    local: LocalMachines, expression: str, value: Any
) -> None:
    state = {
        "Type": "Pass",
        "QueryLanguage": "JSONata",
        "Output": f"{{% {expression} %}}",
        "End": True,
    }
    name = f"doubles-{abs(hash(expression))}"
    assert run(local, name, {"n": EXACT}, Compute=state) == value

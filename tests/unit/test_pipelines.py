"""The pipelines to copy from differ from statemachine.json only where they say so."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.frame import Run

BASE: dict[str, Any] = json.loads(Path("statemachine.json").read_text())["States"]
FILES = ["three-steps.json", "two-tasks.json"]
ENTERING = {"TakeSlot", "WaitInLine", "Rejoin"}
FREEING = {"FreeSlot", "FreeSlotClosed"}


def states_of(file: str) -> dict[str, Any]:
    states: dict[str, Any] = json.loads((Path("docs/pipelines") / file).read_text())["States"]
    return states


@pytest.mark.parametrize(
    ("file", "added", "changed", "dropped"),
    [
        (
            "three-steps.json",
            {"ClaimKey", "StepA", "StepC", "NoteFailure", *FREEING},
            {"ClaimJob", "UncertainTask", "Finish", *ENTERING},
            {"FinishClosed"},
        ),
        (
            "two-tasks.json",
            {"EnterTask", "FetchOrders", "NextTask", "SendInvoice", "NoteFailure", *FREEING},
            {"ClaimJob", *ENTERING},
            {"UncertainTask"},
        ),
    ],
)
def test_a_pipeline_shares_every_state_that_it_has_no_reason_to_change(
    file: str, added: set[str], changed: set[str], dropped: set[str]
) -> None:
    states = states_of(file)

    assert set(states) - set(BASE) == added
    assert set(BASE) - set(states) == dropped
    assert {name for name in BASE if name in states and states[name] != BASE[name]} == changed


@pytest.mark.parametrize("file", FILES)
def test_who_enters_a_task_differs_by_its_payload_alone(file: str) -> None:
    for name in ENTERING:
        base = {**BASE[name], "Next": states_of(file)[name]["Next"]}
        del base["OutputPath"]
        assert states_of(file)[name] == base


@pytest.mark.parametrize("file", FILES)
def test_every_uncertain_task_is_retried_and_caught_alike(file: str) -> None:
    states = states_of(file)
    tasks = [state for state in states.values() if state.get("Resource") == "${UncertainTask}"]

    assert tasks
    for task in tasks:
        assert task["Retry"] == BASE["UncertainTask"]["Retry"]
        assert task["Catch"] == [
            {
                "ErrorEquals": ["States.ALL"],
                "Assign": {"respoolCaught.$": "$"},
                "ResultPath": None,
                "Next": "NoteFailure",
            }
        ]


@pytest.mark.parametrize("file", FILES)
def test_what_a_task_is_given_passes_through_no_expression(file: str) -> None:
    for name, state in states_of(file).items():
        if state["Type"] == "Task":
            assert state["QueryLanguage"] == "JSONPath", name
        elif state.get("QueryLanguage") == "JSONata":
            assert "Output" not in state, name


@pytest.mark.parametrize("file", FILES)
def test_a_failure_is_noted_as_in_the_machine_of_one_task(file: str) -> None:
    noted = states_of(file)["NoteFailure"]["Assign"]["respoolFailure"]
    caught = BASE["UncertainTask"]["Catch"][0]["Assign"]["respoolFailure"]

    text = json.dumps(noted).replace("$respoolCaught", "$states.errorOutput")
    assert json.loads(text) == caught


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(("error", "cause"), [("E", "x" * 5000), (None, None)])
def test_a_failing_job_of_a_pipeline_is_parked(
    file: str, error: str | None, cause: str | None
) -> None:
    run = Run({"key": "k"}, path=f"docs/pipelines/{file}")
    run.claim()
    failure = run.fail(error, cause)
    run.variables["respoolNoted"] = "yes"
    values = run.parameters("Park")["TransactItems"][1]["Update"]["ExpressionAttributeValues"]

    assert values[":queue"] == {"S": f"parked#{run.task}"}
    assert values[":attempt"] == {"N": "1"}
    assert values[":cause"] == {"S": failure["error"]["Cause"]}
    assert len(failure["error"]["Cause"]) <= 4000


def test_the_second_tasks_slots_claims_and_notes_go_by_its_name() -> None:
    run = Run({"key": "k"}, path="docs/pipelines/two-tasks.json")
    run.claim()
    before = run.variables["respool"]
    run.enter("NextTask")

    assert run.variables["respool"] == {**before, "task": "SendInvoice"}
    slots, _ = run.parameters("TakeSlot")["TransactItems"]
    assert slots["Update"]["Key"] == {"pk": {"S": "slots#SendInvoice"}}

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from respool.deploy.checks.rules import REQUIRED, findings
from respool.deploy.definition import fill, machines, placeholders, spooling_via

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = json.loads((ROOT / "statemachine.json").read_text())
KNOWN = {"Claims", "SpoolUrl", "TaskLimit", "UncertainTask", "ErrorSpool"}

Change = Callable[[dict[str, Any]], None]


def found_after(change: Change) -> list[str]:
    """What the rules say of the project's own definition after one change to its states."""
    changed = copy.deepcopy(DEFINITION)
    change(changed["States"])
    return list(findings(changed, KNOWN))


@pytest.mark.parametrize("path", ["statemachine.json", *ROOT.glob("docs/pipelines/*.json")])
def test_the_projects_own_definitions_pass(path: str) -> None:
    definition = json.loads((ROOT / path).read_text())
    assert list(findings(definition, KNOWN)) == []
    assert list(findings_after_sqs(definition)) == []


def findings_after_sqs(definition: dict[str, Any]) -> list[str]:
    found = findings(spooling_via(definition, "sqs"), KNOWN)
    return [one for one in found if "state SpoolDirectly is missing" not in one]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_state_is_named(name: str) -> None:
    found = found_after(lambda states: states.pop(name))
    assert any(one.startswith(f"state {name} is missing") for one in found)


def test_an_unknown_placeholder_is_named_with_those_that_are_known() -> None:
    found = found_after(lambda states: states["UncertainTask"].update(Resource="${Service}"))
    assert len(found) == 1
    assert "state UncertainTask: nothing is known as ${Service}" in found[0]
    assert "${UncertainTask}" in found[0]


@pytest.mark.parametrize("seconds", [None, 0, 1_209_600, "{% $days * 86400 %}", True])
def test_a_token_that_outlives_its_message_is_refused(seconds: Any) -> None:
    found = found_after(lambda states: states["SpoolDirectly"].update(TimeoutSeconds=seconds))
    assert any("state SpoolDirectly: waits for a task token" in one for one in found)


def test_a_token_whose_time_out_nobody_catches_is_refused() -> None:
    found = found_after(lambda states: states["SpoolDirectly"].pop("Catch"))
    assert any('does not catch "States.Timeout"' in one for one in found)


def test_a_task_that_was_renamed_in_one_place_only_is_named() -> None:
    def change(states: dict[str, Any]) -> None:
        states["CallService"] = states.pop("UncertainTask")
        states["TakeSlot"]["Next"] = "CallService"

    (found,) = found_after(change)
    assert "state ClaimJob: assigns the task 'UncertainTask', which is no state" in found


def test_a_task_that_was_renamed_in_every_place_passes() -> None:
    def change(states: dict[str, Any]) -> None:
        states["CallService"] = states.pop("UncertainTask")
        states["TakeSlot"]["Next"] = states["ClaimJob"]["Assign"]["task"] = "CallService"

    assert found_after(change) == []


def test_an_uncertain_task_whose_failure_nobody_catches_is_refused() -> None:
    def change(states: dict[str, Any]) -> None:
        states["UncertainTask"]["Catch"][0]["ErrorEquals"] = ["States.Timeout"]

    (found,) = found_after(change)
    assert found.startswith("state UncertainTask: is an uncertain task, and does not catch")


def test_a_way_that_leads_nowhere_is_named() -> None:
    found = found_after(lambda states: states["ResumeJob"].update(Next="TakeSlott"))
    assert "state ResumeJob: leads to 'TakeSlott', which is no state. Rename or add it." in found


def test_a_state_that_nobody_reaches_is_named() -> None:
    found = found_after(lambda states: states.update(Lonely={"Type": "Succeed"}))
    assert found == ["state Lonely: no state leads there. Remove it, or name it in a Next."]


def test_a_state_without_an_end_is_named() -> None:
    found = found_after(lambda states: states["Finish"].pop("End"))
    assert "state Finish: has to have either Next or End, and not both." in found


def test_an_unknown_type_is_named() -> None:
    found = found_after(lambda states: states["Done"].update(Type="Success"))
    assert any("state Done: Type 'Success' is none of" in one for one in found)


def test_jsonpath_is_refused_in_a_jsonata_machine() -> None:
    found = found_after(lambda states: states["Finish"].update(Output="$.result"))
    assert any("state Finish: '$.result' is JSONPath" in one for one in found)


def test_an_expression_that_does_not_end_is_refused() -> None:
    found = found_after(lambda states: states["Finish"].update(Output="{% $states.input"))
    assert any("state Finish: " in one and "%}" in one for one in found)


def test_states_inside_a_map_or_a_parallel_are_checked_too() -> None:
    inner = {"StartAt": "Inner", "States": {"Inner": {"Type": "Task", "Resource": "${Nobody}"}}}
    outer = {"Type": "Parallel", "Branches": [inner], "Next": "Finish"}

    def change(states: dict[str, Any]) -> None:
        states["Fan"] = outer
        states["UncertainTask"]["Next"] = "Fan"

    found = found_after(change)
    assert any("state Inner: nothing is known as ${Nobody}" in one for one in found)
    assert any("Fan.Branches[0]: state Inner: has to have either" in one for one in found)
    assert [place for place, _ in machines({"States": {"Fan": outer}})] == ["", "Fan.Branches[0]"]


def test_with_sqs_the_direct_spooling_takes_the_lambdas_place() -> None:
    varied = spooling_via(DEFINITION, "sqs")
    assert varied["States"]["ErrorSpool"] == DEFINITION["States"]["SpoolDirectly"]
    assert "SpoolDirectly" not in varied["States"]
    assert "ErrorSpool" not in placeholders(varied)


def test_with_lambda_the_definition_stays_as_it_is_written() -> None:
    assert spooling_via(DEFINITION, "lambda") == DEFINITION


def test_filling_leaves_what_it_has_no_value_for() -> None:
    assert fill({"a": ["${X}-${Y}"]}, {"X": "1"}) == {"a": ["1-${Y}"]}

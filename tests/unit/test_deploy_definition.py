import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from respool.adopt.definition import Choices, adopt
from respool.adopt.undo import undo
from respool.deploy.checks.rules import findings
from respool.deploy.definition import fill, machines, placeholders, spooling_via

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = json.loads((ROOT / "statemachine.json").read_text())
KNOWN = {
    "Claims",
    "SpoolUrl",
    "CloseAfter",
    "HistorySeconds",
    "UncertainTask",
    "ErrorSpool",
}

WAITING = ("WaitInLine", "Rejoin", "Park")
ENTERING = ("TakeSlot", "WaitInLine", "Rejoin")

Change = Callable[[dict[str, Any]], None]


def found_after(change: Change) -> list[str]:
    """What the rules say of the project's own definition after one change to its states."""
    changed = copy.deepcopy(DEFINITION)
    change(changed["States"])
    return list(findings(changed, KNOWN))


@pytest.mark.parametrize("path", ["statemachine.json", *ROOT.glob("docs/pipelines/*.json")])
def test_the_projects_own_definitions_pass(path: str) -> None:
    definition = json.loads((ROOT / path).read_text())
    for via in ("lambda", "sqs"):
        assert list(findings(spooling_via(definition, via), KNOWN)) == []


@pytest.mark.parametrize(
    "name", [*WAITING, "TakeSlot", "ConfirmClaim", "ErrorSpool", "Finish", "AlreadyRunning"]
)
def test_a_missing_state_is_missed_where_something_leads_to_it(name: str) -> None:
    problems = found_after(lambda states: states.pop(name))
    assert any(f"leads to {name!r}, which is not a state" in one for one in problems)


@pytest.mark.parametrize(
    ("name", "missed"),
    [
        ("TakeSlot", "takes a slot in the task"),
        ("WaitInLine", "stands in line for it"),
        ("Park", "parks the job"),
    ],
)
def test_a_frame_that_does_not_do_its_part_is_named(name: str, missed: str) -> None:
    def change(states: dict[str, Any]) -> None:
        states[name] = {"Type": "Pass", "Next": states[name]["Next"]}

    problems = found_after(change)
    assert f"state ClaimJob: no state {missed}. Adopt it again" in " ".join(problems)


def test_an_unknown_placeholder_is_named_with_those_that_are_known() -> None:
    problems = found_after(lambda states: states["UncertainTask"].update(Resource="${Service}"))
    assert len(problems) == 1
    assert "state UncertainTask: ${Service} stands for nothing" in problems[0]
    assert "${UncertainTask}" in problems[0]


@pytest.mark.parametrize("state", WAITING)
@pytest.mark.parametrize("field", ["TimeoutSeconds", "HeartbeatSeconds"])
def test_a_wait_that_would_end_by_itself_is_refused(state: str, field: str) -> None:
    (problem,) = found_after(lambda states: states[state].update({field: 86_400}))
    assert problem.startswith(f"state {state}: has {field}, and a job waits there")


@pytest.mark.parametrize("state", WAITING)
def test_a_wait_that_survives_a_giving_up_is_refused(state: str) -> None:
    (problem,) = found_after(lambda states: states[state]["Retry"].pop(0))
    assert problem.startswith(f'state {state}: retries "GivenUp"')


def test_a_teams_own_callback_may_time_out() -> None:
    callback = {
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Arguments": {
            "QueueUrl": "https://sqs.us-east-1.amazonaws.com/1/theirs",
            "MessageBody": {"token": "{% $states.context.Task.Token %}"},
        },
    }
    assert found_after(lambda states: states["UncertainTask"].update(callback)) == []


@pytest.mark.parametrize("commented", [True, False])
def test_a_task_that_was_renamed_without_its_frame_is_named(commented: bool) -> None:
    def change(states: dict[str, Any]) -> None:
        states["CallService"] = states.pop("UncertainTask")
        for name in ENTERING:
            states[name]["Next"] = "CallService"
        if not commented:
            del states["ClaimJob"]["Comment"]

    (problem,) = found_after(change)
    assert "state ClaimJob: is for the task 'UncertainTask', which is not a state" in problem


def test_a_task_whose_slots_have_a_name_of_their_own_passes() -> None:
    plain = undo(DEFINITION)
    adopted = adopt(plain, Choices({"UncertainTask": "billing"}))

    assert list(findings(adopted, KNOWN)) == []


def test_an_uncertain_task_whose_failure_nobody_catches_is_refused() -> None:
    def change(states: dict[str, Any]) -> None:
        states["UncertainTask"]["Catch"][0]["ErrorEquals"] = ["States.Timeout"]

    (problem,) = found_after(change)
    assert problem.startswith("state UncertainTask: is an uncertain task, and does not catch")


def test_a_way_that_leads_nowhere_is_named() -> None:
    problems = found_after(lambda states: states["Park"].update(Next="TakeSlott"))
    assert "state Park: leads to 'TakeSlott', which is not a state. Rename or add it." in problems


def test_a_state_that_nobody_reaches_is_named() -> None:
    problems = found_after(lambda states: states.update(Lonely={"Type": "Succeed"}))
    assert problems == ["state Lonely: no state leads there. Remove it, or name it in a Next."]


def test_a_state_without_an_end_is_named() -> None:
    problems = found_after(lambda states: states["Finish"].pop("End"))
    assert "state Finish: has to have either Next or End, and not both." in problems


def test_an_unknown_type_is_named() -> None:
    problems = found_after(lambda states: states["Done"].update(Type="Success"))
    assert any("state Done: Type 'Success' is none of" in one for one in problems)


def test_a_text_that_looks_like_a_path_is_a_text_in_jsonata() -> None:
    problems = found_after(
        lambda states: states["UncertainTask"].update(Output={"where": "$.result"})
    )
    assert problems == []


def test_an_expression_that_does_not_end_is_refused() -> None:
    problems = found_after(lambda states: states["UncertainTask"].update(Output="{% $states.input"))
    assert any("state UncertainTask: " in one and "%}" in one for one in problems)


@pytest.mark.parametrize(
    ("state", "field", "language"),
    [
        ("Park", "Output", "JSONPath"),
        ("Finish", "Arguments", "JSONPath"),
        ("UncertainTask", "ResultPath", "JSONata"),
        ("UncertainTask", "Parameters", "JSONata"),
        ("ClaimJob", "InputPath", "JSONata"),
    ],
)
def test_a_field_of_the_other_language_is_refused(state: str, field: str, language: str) -> None:
    problems = found_after(lambda states: states[state].update({field: {}}))
    assert any(
        f"state {state}: {field} is not a field of a {language} state" in one for one in problems
    )


def test_a_catcher_of_the_other_language_is_refused() -> None:
    problems = found_after(
        lambda states: states["UncertainTask"]["Catch"][0].update(ResultPath=None)
    )
    assert any("state UncertainTask: Catch[0].ResultPath is not a field" in one for one in problems)


@pytest.mark.parametrize("field", ["Retry", "Catch"])
def test_a_choice_that_retries_or_catches_is_refused(field: str) -> None:
    problems = found_after(lambda states: states["ClaimJob"].update({field: []}))
    assert problems == [
        f"state ClaimJob: a Choice state has no {field}. Take it out, or do the work in a Task."
    ]


def test_a_rule_of_the_other_language_is_refused() -> None:
    rule = {"Variable": "$.x", "IsPresent": True, "Next": "BadInput"}
    problems = found_after(lambda states: states["ClaimJob"]["Choices"].append(rule))
    assert "state ClaimJob: Choices[3] is not a rule of a JSONata state." in problems


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("$$.Execution.Id", "has $$, which AWS refuses"),
        ("$states.errorOutput.Error", "reads $states.errorOutput"),
        ("key", "reads key, and there is nothing at the top"),
        ("$map([1], function($v){ key })", "reads key, and there is nothing at the top"),
        ("$nobody", "reads $nobody, which no state assigns"),
        ("$eval('1')", "calls $eval, which is not a function"),
        ("$merge([", "is not JSONata"),
        ("+".join(["1"] * 120), "levels deep, 100 are allowed"),
    ],
)
def test_an_expression_that_aws_refuses_is_named(expression: str, message: str) -> None:
    text = f"{{% {expression} %}}"
    problems = found_after(lambda states: states["UncertainTask"].update(Output=text))
    assert any("state UncertainTask: " in one and message in one for one in problems)


@pytest.mark.parametrize(
    "expression",
    [
        "$respool.key & '$$ $nobody key'",
        "($own := $states.input.a; $own[b > 1].{'c': d})",
        "$sort([2, 1], function($l, $r) { $l > $r })",
        "$match($respool.key, /\\$x/)",
        "$partition([1, 2], 1) ~> $string",
    ],
)
def test_an_expression_that_aws_takes_passes(expression: str) -> None:
    text = f"{{% {expression} %}}"
    assert found_after(lambda states: states["UncertainTask"].update(Output=text)) == []


@pytest.mark.parametrize(
    ("action", "arguments", "message"),
    [
        ("putThing", {}, "dynamodb has no action putThing"),
        ("putItem", {"TableNam": "t"}, "putItem takes no TableNam."),
        ("putItem", {"Item": {"on": {"BOOL": True}}}, "putItem takes no BOOL."),
        ("putItem", {"Item": {"of.$": "$.x", "ss": {"SS": ["a"]}}}, "putItem takes no SS."),
    ],
)
def test_an_argument_that_no_sdk_knows_is_named(
    action: str, arguments: dict[str, Any], message: str
) -> None:
    call = {"Resource": f"arn:aws:states:::aws-sdk:dynamodb:{action}", "Arguments": arguments}
    problems = found_after(lambda states: states["UncertainTask"].update(call))
    assert any(f"state UncertainTask: {message}" in one for one in problems)


@pytest.mark.parametrize(
    ("service", "arguments"),
    [
        ("dynamodb:putItem", {"TableName": "t", "Item": {"on": {"Bool": True}, "no": {"Nul": 1}}}),
        ("sfn:startExecution", {"StateMachineArn": "a", "Input": {"anything": 1}}),
        ("someday:doWhatever", {"Anything": 1}),
    ],
)
def test_an_argument_that_an_sdk_knows_passes(service: str, arguments: dict[str, Any]) -> None:
    call = {"Resource": f"arn:aws:states:::aws-sdk:{service}", "Arguments": arguments}
    assert found_after(lambda states: states["UncertainTask"].update(call)) == []


def test_states_inside_a_map_or_a_parallel_are_checked_too() -> None:
    inner = {"StartAt": "Inner", "States": {"Inner": {"Type": "Task", "Resource": "${Nobody}"}}}
    outer = {"Type": "Parallel", "Branches": [inner], "Next": "Finish"}

    def change(states: dict[str, Any]) -> None:
        states["Fan"] = outer
        states["UncertainTask"]["Next"] = "Fan"

    problems = found_after(change)
    assert any("state Inner: ${Nobody} stands for nothing" in one for one in problems)
    assert any("Fan.Branches[0]: state Inner: has to have either" in one for one in problems)
    assert [place for place, _ in machines({"States": {"Fan": outer}})] == ["", "Fan.Branches[0]"]


def test_with_sqs_error_spool_sends_its_note_without_a_lambda() -> None:
    varied = spooling_via(DEFINITION, "sqs")
    assert varied["States"]["ErrorSpool"]["Resource"] == "arn:aws:states:::sqs:sendMessage"
    assert "ErrorSpool" not in placeholders(varied)
    changed = {name for name, one in varied["States"].items() if one != DEFINITION["States"][name]}
    assert changed == {"ClaimJob", "ErrorSpool"}


def test_an_error_spool_of_ones_own_stays_as_it_is() -> None:
    own = copy.deepcopy(DEFINITION)
    own["States"]["ErrorSpool"]["Parameters"]["FunctionName"] = "theirs"
    assert spooling_via(own, "sqs") == own


def test_with_lambda_the_definition_stays_as_it_is_written() -> None:
    assert spooling_via(DEFINITION, "lambda") == DEFINITION


def test_filling_leaves_what_it_has_no_value_for() -> None:
    assert fill({"a": ["${X}-${Y}"]}, {"X": "1"}) == {"a": ["1-${Y}"]}

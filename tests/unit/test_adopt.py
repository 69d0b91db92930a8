"""An adopted definition: every chosen task guarded, all else to the letter, and a way back."""

import copy
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from respool.adopt.definition import Choices, adopt, same
from respool.adopt.ladder import split
from respool.adopt.reading import loads, write
from respool.adopt.refusals import Refused, candidates, warnings
from respool.adopt.undo import undo
from respool.deploy.definition import all_states, strings
from tests.unit.adopted import (
    EVERY,
    JSONATA,
    LINE,
    NESTED,
    found,
    lost,
    made,
    ours,
    path_task,
    reached,
    tasks,
    without_ways,
)

FILE = Path("statemachine.json")
CASES = [(name, one) for name, d in EVERY.items() for one in [*tasks(d), ""]]


@pytest.mark.parametrize(("name", "chosen"), CASES)
@pytest.mark.parametrize("options", [{}, {"machine": ""}, {"one_retry": True}], ids=str)
def test_what_is_adopted_holds_together_and_goes_back(name: str, chosen: str, options: Any) -> None:
    plain = copy.deepcopy(EVERY[name])
    picked = [chosen] if chosen else tasks(plain)
    adopted = made(plain, *picked, **options)
    names = [state for state, _ in all_states(adopted)]

    assert lost(adopted) == lost(plain) == []
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 80
    assert same(plain, EVERY[name])
    assert same(undo(adopted), plain)
    text = write(adopted)
    assert write(made(loads(text), *picked, **options)) == text


@pytest.mark.parametrize(("name", "chosen"), CASES)
def test_a_state_that_was_not_chosen_stays_to_the_letter(name: str, chosen: str) -> None:
    adopted = made(EVERY[name], *([chosen] if chosen else []))
    picked = {chosen} if chosen else set(tasks(EVERY[name]))
    for state, was in all_states(EVERY[name]):
        if state not in picked:
            assert without_ways(found(adopted, state)) == without_ways(was)


@pytest.mark.parametrize("name", EVERY)
def test_a_chosen_task_is_entered_by_way_of_its_slot_alone(name: str) -> None:
    adopted = made(EVERY[name])
    for task in tasks(EVERY[name]):
        entering = {state for state, ways in reached(adopted).items() if task in ways}
        assert {each.partition(":")[0] for each in entering} == {"TakeSlot", "WaitInLine", "Rejoin"}
        assert reached(adopted)[task] <= set(ours(adopted))


@pytest.mark.parametrize("name", EVERY)
def test_what_leaves_the_frame_gives_up_slot_and_claim(name: str) -> None:
    adopted = made(EVERY[name])
    added = set(ours(adopted))
    theirs = {state for state, _ in all_states(EVERY[name])}
    leaving = {state for state in added if reached(adopted)[state] & theirs}
    kinds = {state.partition(":")[0].partition(" ")[0] for state in leaving}

    entering = {"TakeSlot", "WaitInLine", "Rejoin"}
    assert kinds <= {*entering, "Finish", "FinishClosed", "Leave", "NoteItem"}


def test_a_job_that_works_passes_three_states_more() -> None:
    states = dict(all_states(made(LINE, "Call")))
    way, name = [], "Begin"
    while name != "Send":
        name = states[name].get("Default") or states[name]["Next"]
        way.append(name)

    assert way == ["ClaimJob", "TakeSlot", "Call", "Finish", "Send"]


def test_narrow_catchers_stay_in_front_and_broad_ones_wait_for_a_give_up() -> None:
    adopted = made(LINE, "Call")
    narrow, caught = found(adopted, "Call")["Catch"]
    park = found(adopted, "Park")

    assert narrow["ErrorEquals"] == ["Busy"]
    assert reached(adopted)[narrow["Next"]] == {"Later"}
    assert (caught["ErrorEquals"], caught["ResultPath"]) == (["States.ALL"], None)
    (given_up,) = park["Catch"]
    assert given_up["ResultPath"] == "$.error"
    assert reached(adopted)[given_up["Next"]] == {"Handle"}


def test_no_retrier_of_ours_takes_the_error_of_a_job_that_is_given_up() -> None:
    for name in ("Park", "WaitInLine", "Rejoin"):
        for retrier in found(made(LINE, "Call"), name)["Retry"]:
            errors = set(retrier["ErrorEquals"])
            assert errors == {"GivenUp"} or all(
                one.startswith("DynamoDb.") or one == "GivenUp" for one in errors
            )


def test_without_a_broad_catcher_a_given_up_job_ends_with_its_own_error() -> None:
    adopted = made(LINE, "Send")
    (catcher,) = found(adopted, "Park")["Catch"]

    assert reached(adopted)[catcher["Next"]] == {"GivenUp"}
    assert found(adopted, "GivenUp")["Type"] == "Fail"


def test_a_machine_of_jsonata_is_given_nothing_else() -> None:
    for name, state in ours(made(JSONATA)).items():
        assert state.get("QueryLanguage", "JSONata") == "JSONata", name
        assert not {"Parameters", "ResultPath", "OutputPath"} & set(state), name
        assert not [text for text in strings(state) if "States.Format" in text or "$$." in text]


def test_what_a_jsonpath_task_is_given_passes_through_no_expression() -> None:
    for name, state in ours(made(LINE, "Call")).items():
        if state.get("QueryLanguage") == "JSONata" and state["Type"] != "Fail":
            assert state["Type"] == "Pass", name
            assert "Output" not in state, name
        elif state["Type"] == "Task":
            assert state["ResultPath"] is None, name
            assert "OutputPath" not in state, name


def test_variables_are_nobody_elses_and_each_scope_has_its_own() -> None:
    assigned = [
        name.removesuffix(".$")
        for adopted in (made(JSONATA),)
        for state in ours(adopted).values()
        for name in state.get("Assign", {})
    ]
    assert "respool" not in assigned
    scopes = [
        set(state["Assign"]) for name, state in ours(made(NESTED)).items() if "ClaimJob" in name
    ]
    assert len(scopes) == 4
    assert not set.intersection(*scopes)


@pytest.mark.parametrize(
    ("task", "ends"),
    [
        (
            "Item",
            " & '/' & $respoolItem1 & '/' & $string($states.context.Map.Item.Index) & '/Item'",
        ),
        ("Left", " & '/' & $string($states.context.Map.Item.Index) & '/Left'"),
        ("Child", " & $states.context.Execution.Name) & '/Child'"),
        ("Last", " & '/Last'"),
    ],
)
def test_each_wait_has_a_key_of_its_own(task: str, ends: str) -> None:
    claim = found(made(NESTED), f"ClaimJob: {task}")["Assign"]
    fields = next(value for name, value in claim.items() if set(value) >= {"pk"})

    assert fields["key"].endswith(f"{ends} %}}")
    assert fields["pk"].startswith("{% 'job@orders#' & (")
    assert fields["task"] == f"orders/{task}"


def test_a_task_in_a_loop_may_claim_its_key_again() -> None:
    (_, claim) = found(made(NESTED, "Last"), "TakeSlot")["Parameters"]["TransactItems"]
    assert "claimedAt <> :claimed" in claim["Update"]["ConditionExpression"]


def test_tasks_of_one_name_share_slots() -> None:
    adopted = adopt(LINE, Choices({"Call": "billing", "Send": "billing"}, "orders"))
    claims = [state for name, state in ours(adopted).items() if name.startswith("ClaimJob")]
    assert {state["Assign"]["respool"]["task"] for state in claims} == {"billing"}


def test_long_and_quoted_names_fit() -> None:
    long = 'It\'s "quoted" and 100% ' + "x" * 57
    plain = {"StartAt": long, "States": {long: path_task(Next="Park"), "Park": path_task(End=True)}}
    adopted = made(plain)
    names = [name for name, _ in all_states(adopted)]

    assert len(set(names)) == len(names)
    assert max(map(len, names)) == 80
    assert same(undo(adopted), plain)
    assert found(made(plain, long), "Park") == path_task(End=True)


def test_placeholders_without_quotes_stay_without() -> None:
    text = (
        '{"StartAt":"A","States":{"A":{"Type":"Task","TimeoutSeconds":${T},"Resource":"${A}",'
        '"Retry":[{"ErrorEquals":["E"],"MaxAttempts":${N}}],"End":true}}}'
    )
    adopted = write(made(loads(text), one_retry=True))

    assert '"TimeoutSeconds": ${T}' in adopted
    assert '\\"MaxAttempts\\":${N}' in adopted
    assert write(undo(loads(adopted))) == write(loads(text))


@pytest.mark.parametrize(
    ("catch", "narrow", "broad"),
    [
        ([["A"], ["States.ALL"]], [["A"]], [["States.ALL"]]),
        (
            [["States.TaskFailed"], ["A"], ["States.ALL"]],
            [],
            [["States.TaskFailed"], ["A"], ["States.ALL"]],
        ),
        (
            [["States.TaskFailed"], ["States.Timeout", "A"]],
            [["States.Timeout"]],
            [["States.TaskFailed"]],
        ),
        ([], [], []),
    ],
)
def test_a_ladder_is_split_where_it_becomes_broad(catch: Any, narrow: Any, broad: Any) -> None:
    before, behind = split({"Catch": [{"ErrorEquals": errors} for errors in catch]})
    assert [each["ErrorEquals"] for each in before] == narrow
    assert [each["ErrorEquals"] for each in behind] == broad


@pytest.mark.parametrize(
    ("change", "chosen", "said"),
    [
        ({"Type": "EXPRESS"}, "Call", "Make it STANDARD"),
        ({}, "Nowhere", "There is no state 'Nowhere'. Its tasks are: Call, Send."),
        ({}, "Later", "'Later' is a Wait, not a Task"),
        ({"Comment": "${Claims}"}, "Call", "Name the stage with --stage"),
    ],
)
def test_what_cannot_be_adopted_is_refused_with_a_way_out(
    change: Any, chosen: str, said: str
) -> None:
    with pytest.raises(Refused, match=r"^[^\n]*$") as refused:
        made({**LINE, **change}, chosen)
    assert said in str(refused.value)


def test_express_children_are_refused() -> None:
    far = copy.deepcopy(NESTED)
    far["States"]["Far"]["ItemProcessor"]["ProcessorConfig"]["ExecutionType"] = "EXPRESS"
    with pytest.raises(Refused, match="ProcessorConfig"):
        made(far, "Child")


def test_a_short_time_limit_and_held_places_are_told() -> None:
    said = list(warnings({**NESTED, "TimeoutSeconds": 3600}, tasks(NESTED)))
    assert [line for line in said if "3600" in line]
    assert [line for line in said if "branches" in line]
    assert [line for line in said if "25,000" in line]


def test_those_that_call_something_outside_are_listed_first() -> None:
    write_first = {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "Next": "B"}
    plain = {"StartAt": "A", "States": {"A": write_first, "B": path_task(End=True)}}
    assert candidates(plain) == ["B", "A"]


def test_a_definition_of_50_kilobytes_is_adopted_within_a_second() -> None:
    row = {f"T{n}": path_task(Comment="x" * 900, Next=f"T{n + 1}") for n in range(49)}
    plain = {"StartAt": "T0", "States": {**row, "T49": path_task(End=True)}}
    start = process_time()
    made(plain, "T7", "T31")
    assert process_time() - start < 1

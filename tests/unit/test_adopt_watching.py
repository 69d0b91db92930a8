"""Which failures of a machine that is only watched no redrive recovers."""

from typing import Any

from respool.adopt.watching import unrecoverable

WORK: dict[str, Any] = {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:1:function:f"}
GIVE_IN: dict[str, Any] = {"Type": "Fail", "Error": "E"}


def machine(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def caught(target: str) -> dict[str, Any]:
    return {**WORK, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": target}], "End": True}


def test_a_machine_whose_failures_are_its_own_ends_loses_nothing() -> None:
    assert unrecoverable(machine(A={**WORK, "Next": "B"}, B={**WORK, "End": True})) == []


def test_a_catch_that_leads_to_a_fail_state_is_told_however_long_the_way() -> None:
    tell = {"Type": "Pass", "Next": "GiveIn"}
    (line,) = unrecoverable(machine(A=caught("Tell"), Tell=tell, GiveIn=GIVE_IN))
    assert line.startswith("A: what it catches ends in GiveIn, a Fail state")


def test_a_catch_that_makes_up_for_it_is_not_told() -> None:
    again = {"Type": "Pass", "End": True}
    assert unrecoverable(machine(A=caught("Again"), Again=again, GiveIn=GIVE_IN)) == []


def test_a_way_in_a_circle_ends() -> None:
    around = {"Type": "Pass", "Next": "A"}
    assert unrecoverable(machine(A={**caught("Around"), "Next": "A"}, Around=around)) == []


def test_items_whose_failure_a_map_tolerates_are_told_at_any_depth() -> None:
    each = {
        "Type": "Map",
        "ToleratedFailurePercentage": 5,
        "ItemProcessor": machine(Inner=caught("Stop"), Stop=GIVE_IN),
        "End": True,
    }
    lines = unrecoverable(machine(Each=each))
    assert sorted(line.partition(":")[0] for line in lines) == ["Each", "Inner"]


def test_of_an_express_machine_nothing_is_recovered() -> None:
    (line,) = unrecoverable({**machine(A=WORK), "Type": "EXPRESS"})
    assert line.startswith("The machine is EXPRESS")

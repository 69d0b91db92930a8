"""States whose names repeat: each is named by the Map or the branch around it."""

import json
from typing import Any

import pytest

from respool.adopt.definition import Choices, same, task_names
from respool.adopt.refusals import Refused, candidates
from respool.adopt.scopes import scopes
from respool.adopt.undo import undo
from respool.deploy.definition import Definition, all_states
from tests.unit.adopted import lost, made, path_task

CALL = path_task(End=True)


def machine(**states: Any) -> Definition:
    return {"StartAt": next(iter(states)), "States": states}


TWICE = machine(
    First={"Type": "Map", "ItemProcessor": machine(Call=CALL), "Next": "Second"},
    Second={"Type": "Map", "ItemProcessor": machine(Call=CALL), "Next": "Both"},
    Both={"Type": "Parallel", "Branches": [machine(Call=CALL), machine(Call=CALL)], "End": True},
)
WAYS = ["First/Call", "Second/Call", "Both[0]/Call", "Both[1]/Call"]


def test_tasks_of_one_name_are_listed_by_what_is_around_them() -> None:
    assert candidates(TWICE) == WAYS


@pytest.mark.parametrize("way", WAYS)
def test_the_one_that_is_named_is_adopted_and_no_other(way: str) -> None:
    adopted = made(TWICE, way)

    around = [scope.within for scope in scopes(adopted) if len(scope.states) > 1 and scope.within]
    assert around == [way.removesuffix("/Call")]
    assert lost(adopted) == []
    assert f'"orders/{way}"' in json.dumps(adopted)
    assert same(undo(adopted), TWICE)


def test_all_of_them_get_slots_and_keys_of_their_own() -> None:
    adopted = made(TWICE, *WAYS)
    text = json.dumps(adopted)
    names = [name for name, _ in all_states(adopted) if name != "Call"]

    assert len(set(names)) == len(names)
    assert all(f'"orders/{way}"' in text and f"'/{way}'" in text for way in WAYS)
    assert same(undo(adopted), TWICE)
    assert same(made(adopted, *WAYS), adopted)


def test_a_name_that_repeats_is_refused_with_the_ways_to_say_which() -> None:
    with pytest.raises(Refused, match="'Call' is the name of 4 states") as refused:
        made(TWICE, "Call")
    assert all(way in str(refused.value) for way in WAYS)


def test_a_branch_is_named_by_its_number_where_the_state_around_is_not_enough() -> None:
    with pytest.raises(Refused, match=r"Both\[0\]/Call, Both\[1\]/Call"):
        made(TWICE, "Both/Call")


def test_a_state_named_twice_is_refused() -> None:
    alone = machine(Each={"Type": "Map", "ItemProcessor": machine(Call=CALL), "End": True})
    with pytest.raises(Refused, match="was chosen already"):
        made(alone, "Call", "Each/Call")


def test_a_task_s_name_is_the_shortest_whatever_it_was_called() -> None:
    alone = machine(Each={"Type": "Map", "ItemProcessor": machine(Call=CALL), "End": True})
    assert task_names(alone, Choices({"Each/Call": ""}, "orders")) == ["orders/Call"]
    assert task_names(TWICE, Choices({"Both[1]/Call": ""}, "orders")) == ["orders/Both[1]/Call"]


def test_a_state_may_be_named_by_its_map_though_its_name_is_enough() -> None:
    alone = machine(Each={"Type": "Map", "ItemProcessor": machine(Call=CALL), "End": True})
    assert same(made(alone, "Each/Call"), made(alone, "Call"))

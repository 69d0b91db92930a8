"""What respool has put into a definition is read off it, with its comments or without."""

import json
from pathlib import Path

import pytest

from chalicelib.job.frames import frames_in
from respool.adopt.definition import Choices, adopt, task_names
from respool.deploy.definition import all_states
from tests.unit.adopted import EVERY, made, tasks

FILES = [Path("statemachine.json"), *sorted(Path("docs/pipelines").glob("*.json"))]
WAITS = ("Park", "WaitInLine", "TakeSlot", "Rejoin")


@pytest.mark.parametrize("file", FILES, ids=str)
def test_the_states_in_which_a_job_waits_and_its_tasks_are_found(file: Path) -> None:
    definition = json.loads(file.read_text())
    for state in definition["States"].values():
        state.pop("Comment", None)

    frames = frames_in(definition)

    waits = {name for name in definition["States"] if name.partition(": ")[0] in WAITS}
    assert frames.states >= waits
    assert len(waits) == 4 * len(frames.tasks) > 0
    assert frames.tasks <= definition["States"].keys()


@pytest.mark.parametrize("name", EVERY)
def test_the_tasks_of_an_adopted_machine_are_those_that_adopt_tells(name: str) -> None:
    chosen = tasks(EVERY[name])
    names = ["billing", *[""] * (len(chosen) - 1)]
    choices = Choices(dict(zip(chosen, names, strict=True)), "orders")

    frames = frames_in(adopt(EVERY[name], choices))

    assert frames.tasks == set(task_names(EVERY[name], choices))
    assert "billing" in frames.tasks


@pytest.mark.parametrize("name", EVERY)
def test_a_state_of_theirs_is_none_of_a_frame_but_for_the_chosen_tasks(name: str) -> None:
    theirs = {state for state, _ in all_states(EVERY[name])}

    assert frames_in(EVERY[name]).states == frames_in(EVERY[name]).tasks == frozenset()
    assert frames_in(made(EVERY[name])).states & theirs <= set(tasks(EVERY[name]))


@pytest.mark.parametrize("value", [["CA", "NY"], "all", {"one": 1}])
def test_data_of_theirs_that_is_called_states_is_no_machine(value: object) -> None:
    definition = made(next(iter(EVERY.values())))
    start = {"Type": "Pass", "Result": {"States": value}, "Next": definition["StartAt"]}
    states = {**definition["States"], "Regions": start}

    assert frames_in({"StartAt": "Regions", "States": states}) == frames_in(definition)

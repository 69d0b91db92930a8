"""The pipelines to copy from differ from statemachine.json only where they say so."""

import json
from pathlib import Path
from typing import Any

import pytest

BASE: dict[str, Any] = json.loads(Path("statemachine.json").read_text())["States"]


@pytest.mark.parametrize(
    ("file", "added", "changed", "dropped"),
    [
        ("three-steps.json", {"StepA", "FreeSlot", "StepC"}, {"ClaimJob", "UncertainTask"}, set()),
        (
            "two-tasks.json",
            {"EnterTask", "FetchOrders", "FreeSlot", "SendInvoice"},
            {"ClaimJob", "TakeSlot"},
            {"UncertainTask"},
        ),
    ],
)
def test_a_pipeline_shares_every_state_that_it_has_no_reason_to_change(
    file: str, added: set[str], changed: set[str], dropped: set[str]
) -> None:
    states = json.loads((Path("docs/pipelines") / file).read_text())["States"]

    assert set(states) - set(BASE) == added
    assert set(BASE) - set(states) == dropped
    assert {name for name in BASE if name in states and states[name] != BASE[name]} == changed


@pytest.mark.parametrize("file", ["three-steps.json", "two-tasks.json"])
def test_every_uncertain_task_is_retried_and_caught_alike(file: str) -> None:
    states = json.loads((Path("docs/pipelines") / file).read_text())["States"]
    tasks = [state for state in states.values() if state.get("Resource") == "${UncertainTask}"]

    assert tasks
    for task in tasks:
        assert task["Retry"] == BASE["UncertainTask"]["Retry"]
        assert task["Catch"] == BASE["UncertainTask"]["Catch"]

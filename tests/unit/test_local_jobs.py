import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from respool.local.jobs import JobView, look

JOB = {"key": "12345"}
DONE = JobView(job=JOB, status="SUCCEEDED", state="Finish", tries=3, finished=1, output=JOB)


def entered(state: str) -> Mapping[str, Any]:
    return {"type": "TaskStateEntered", "stateEnteredEventDetails": {"name": state}}


def event(kind: str) -> Mapping[str, Any]:
    return {"type": kind}


class OneExecution:
    """A deployment that knows one execution."""

    def __init__(self, status: str, events: list[Mapping[str, Any]]) -> None:
        self._about = {"status": status, "input": json.dumps(JOB), "output": json.dumps(JOB)}
        self._events = events

    def describe(self, _execution: str) -> dict[str, Any]:
        return self._about

    def history(self, _execution: str) -> list[Mapping[str, Any]]:
        return self._events


def test_a_job_that_finished_once_with_its_own_output_is_done_once() -> None:
    assert DONE.done_once


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "RUNNING", "output": None},
        {"status": "FAILED", "output": None},
        {"output": {"key": "12346"}},
        {"finished": 0},
        {"finished": 2},
    ],
)
def test_anything_else_is_not_done_once(wrong: dict[str, Any]) -> None:
    assert not replace(DONE, **wrong).done_once


def test_tries_and_ends_are_counted_in_the_task_alone() -> None:
    events = [
        entered("ClaimJob"),
        *map(event, ["TaskScheduled", "TaskSucceeded"]),
        entered("UncertainTask"),
        *map(event, 2 * ["LambdaFunctionScheduled", "LambdaFunctionFailed"]),
        entered("ErrorSpool"),
        *map(event, ["TaskScheduled", "TaskSucceeded"]),
        entered("UncertainTask"),
        *map(event, ["LambdaFunctionScheduled", "LambdaFunctionSucceeded"]),
        entered("Finish"),
        *map(event, ["TaskScheduled", "TaskSucceeded"]),
    ]
    seen = look(OneExecution("SUCCEEDED", events), "any")
    assert seen == DONE


def test_a_running_job_is_where_it_entered_last_and_has_no_output() -> None:
    seen = look(OneExecution("RUNNING", [entered("ClaimJob"), entered("ErrorSpool")]), "any")
    assert (seen.state, seen.output, seen.done_once) == ("ErrorSpool", None, False)

"""Which branches and items were stopped, read off histories as Step Functions writes them."""

import json
from typing import Any

import pytest

from chalicelib.job.left_behind import left_behind


class History:
    """Events, each behind another one; a name stands for an event's id."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def add(self, type: str, before: int = 0, pk: str = "") -> int:
        id = len(self.events) + 1
        event: dict[str, Any] = {"id": id, "type": type, "previousEventId": before or id - 1}
        if pk:
            parameters = json.dumps({"Key": {"pk": {"S": f"job#{pk}"}}})
            event["taskScheduledEventDetails"] = {
                "resourceType": "aws-sdk:dynamodb",
                "parameters": parameters,
            }
        self.events.append(event)
        return id

    def begin(self, kind: str, before: int = 0) -> int:
        return self.add(f"{kind}StateStarted", self.add(f"{kind}StateEntered", before))

    def claim(self, pk: str, before: int) -> int:
        return self.add("TaskScheduled", self.add("TaskStateEntered", before), pk)

    @property
    def left_behind(self) -> set[str]:
        return {pk.removeprefix("job#") for pk in left_behind(self.events)}


@pytest.fixture
def history() -> History:
    history = History()
    history.add("ExecutionStarted")
    return history


@pytest.mark.parametrize("kind", ["Parallel", "Map"])
def test_the_branch_beside_one_that_fails_is_left_behind(history: History, kind: str) -> None:
    both = history.begin(kind)
    history.claim("left", both)
    right = history.claim("right", both)
    history.add(f"{kind}StateExited", history.add(f"{kind}StateFailed", right))
    assert history.left_behind == {"left", "right"}


def test_while_nothing_has_failed_nobody_is_left_behind(history: History) -> None:
    both = history.begin("Parallel")
    history.claim("left", both)
    history.add("TaskStateExited", history.claim("right", both))
    assert history.left_behind == set()


def test_what_comes_behind_a_caught_failure_goes_on(history: History) -> None:
    failed = history.add("ParallelStateFailed", history.claim("in", history.begin("Parallel")))
    after = history.add("ParallelStateExited", failed)
    history.claim("top", after)
    history.claim("next", history.begin("Parallel", after))
    assert history.left_behind == {"in"}


def test_an_inner_failure_that_is_caught_stops_the_inner_ones_alone(history: History) -> None:
    outer = history.begin("Parallel")
    history.claim("outer", outer)
    inner = history.begin("Map", outer)
    history.claim("item", history.add("MapIterationStarted", inner))
    bad = history.claim("bad", history.add("MapIterationStarted", inner))
    failed = history.add("MapStateFailed", history.add("MapIterationFailed", bad))
    history.claim("later", history.add("MapStateExited", failed))
    assert history.left_behind == {"item", "bad"}


def test_an_outer_failure_stops_all_that_is_inside(history: History) -> None:
    outer = history.begin("Parallel")
    inner = history.begin("Map", outer)
    history.claim("item", history.add("MapIterationStarted", inner))
    history.add("ParallelStateFailed", history.claim("bad", outer))
    assert history.left_behind == {"item", "bad"}


def test_a_failure_that_goes_through_two_scopes_stops_both(history: History) -> None:
    outer = history.begin("Parallel")
    history.claim("beside", outer)
    inner = history.begin("Parallel", outer)
    history.claim("inside", inner)
    history.add(
        "ParallelStateFailed", history.add("ParallelStateFailed", history.claim("bad", inner))
    )
    assert history.left_behind == {"beside", "inside", "bad"}


def test_of_a_parallel_that_is_tried_again_the_last_attempt_counts(history: History) -> None:
    both = history.begin("Parallel")
    history.claim("left", both)
    failed = history.add("ParallelStateFailed", history.claim("right", both))
    again = history.add("ParallelStateStarted", failed)
    history.claim("left", again)
    assert history.left_behind == {"right"}


def test_a_scope_that_ended_well_is_passed_on_the_way(history: History) -> None:
    first = history.begin("Map")
    done = history.claim("done", history.add("MapIterationStarted", first))
    ended = history.add("MapStateSucceeded", history.add("MapIterationSucceeded", done))
    both = history.begin("Parallel", history.add("MapStateExited", ended))
    history.claim("left", both)
    history.add("ParallelStateFailed", history.claim("right", both))
    assert history.left_behind == {"left", "right"}

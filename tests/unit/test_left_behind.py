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
def told() -> History:
    made = History()
    made.add("ExecutionStarted")
    return made


@pytest.mark.parametrize("kind", ["Parallel", "Map"])
def test_the_branch_beside_one_that_fails_is_left_behind(told: History, kind: str) -> None:
    both = told.begin(kind)
    told.claim("left", both)
    right = told.claim("right", both)
    told.add(f"{kind}StateExited", told.add(f"{kind}StateFailed", right))
    assert told.left_behind == {"left", "right"}


def test_while_nothing_has_failed_nobody_is_left_behind(told: History) -> None:
    both = told.begin("Parallel")
    told.claim("left", both)
    told.add("TaskStateExited", told.claim("right", both))
    assert told.left_behind == set()


def test_what_comes_behind_a_caught_failure_goes_on(told: History) -> None:
    failed = told.add("ParallelStateFailed", told.claim("in", told.begin("Parallel")))
    after = told.add("ParallelStateExited", failed)
    told.claim("top", after)
    told.claim("next", told.begin("Parallel", after))
    assert told.left_behind == {"in"}


def test_an_inner_failure_that_is_caught_stops_the_inner_ones_alone(told: History) -> None:
    outer = told.begin("Parallel")
    told.claim("outer", outer)
    inner = told.begin("Map", outer)
    told.claim("item", told.add("MapIterationStarted", inner))
    bad = told.claim("bad", told.add("MapIterationStarted", inner))
    failed = told.add("MapStateFailed", told.add("MapIterationFailed", bad))
    told.claim("later", told.add("MapStateExited", failed))
    assert told.left_behind == {"item", "bad"}


def test_an_outer_failure_stops_all_that_is_inside(told: History) -> None:
    outer = told.begin("Parallel")
    inner = told.begin("Map", outer)
    told.claim("item", told.add("MapIterationStarted", inner))
    told.add("ParallelStateFailed", told.claim("bad", outer))
    assert told.left_behind == {"item", "bad"}


def test_a_failure_that_goes_through_two_scopes_stops_both(told: History) -> None:
    outer = told.begin("Parallel")
    told.claim("beside", outer)
    inner = told.begin("Parallel", outer)
    told.claim("inside", inner)
    told.add("ParallelStateFailed", told.add("ParallelStateFailed", told.claim("bad", inner)))
    assert told.left_behind == {"beside", "inside", "bad"}


def test_of_a_parallel_that_is_tried_again_the_last_attempt_counts(told: History) -> None:
    both = told.begin("Parallel")
    told.claim("left", both)
    failed = told.add("ParallelStateFailed", told.claim("right", both))
    again = told.add("ParallelStateStarted", failed)
    told.claim("left", again)
    assert told.left_behind == {"right"}


def test_a_scope_that_ended_well_is_passed_on_the_way(told: History) -> None:
    first = told.begin("Map")
    done = told.claim("done", told.add("MapIterationStarted", first))
    ended = told.add("MapStateSucceeded", told.add("MapIterationSucceeded", done))
    both = told.begin("Parallel", told.add("MapStateExited", ended))
    told.claim("left", both)
    told.add("ParallelStateFailed", told.claim("right", both))
    assert told.left_behind == {"left", "right"}

"""At most so many jobs are inside the task at once, measured inside the task."""

import json
from typing import Any

import pytest

from respool.local.deployment import Deployment
from tests.e2e.conftest import VIAS, stage_that_spools_via

TASK = "UncertainTask"


@pytest.fixture(params=VIAS)
def stage(request: pytest.FixtureRequest) -> Deployment:
    """The stage, spooling both ways."""
    return stage_that_spools_via(request)


def set_limit(stage: Deployment, limit: int) -> None:
    answer = stage.api(
        "PUT", f"/tasks/{TASK}/limit", token=stage.token, body={"limit": limit, "reason": "test"}
    )
    assert answer.status == 200, answer.text


def told(stage: Deployment, keys: set[str]) -> list[dict[str, Any]]:
    """What the task itself logged of these jobs, in order."""
    lines = [json.loads(line) for line in stage.logged() if '"task-' in line]
    return sorted((line for line in lines if line["key"] in keys), key=lambda line: str(line["at"]))


def lines_of(stage: Deployment, keys: set[str]) -> int:
    """How many lines there are so far."""
    return len(told(stage, keys))


def most_inside(stage: Deployment, keys: set[str], after: int = 0) -> int:
    """How many were inside at once, from so many lines of the task's log on."""
    inside = most = 0
    for line in told(stage, keys)[after:]:
        inside += 1 if line["action"] == "task-entered" else -1
        most = max(most, inside)
    assert inside == 0
    return most


def done(stage: Deployment, executions: list[str]) -> int:
    return sum(stage.status(execution) == "SUCCEEDED" for execution in executions)


def test_with_limit_two_never_more_than_two_of_ten_are_inside(stage: Deployment) -> None:
    set_limit(stage, 2)
    stage.set_environment("uncertain_task", SLEEP="0.3")
    keys = {f"limited-{n}" for n in range(10)}
    try:
        executions = [stage.start({"key": key}) for key in keys]
        stage.wait_until(lambda: done(stage, executions) == 10, "all ten to finish", timeout=90)
    finally:
        stage.set_environment("uncertain_task", SLEEP="0")

    assert most_inside(stage, keys) == 2
    stage.wait_until(lambda: stage.slots(TASK)["waiting"] == "0", "the line to be empty")
    assert stage.slots(TASK)["owners"] == {}


def test_a_hold_lets_nobody_in_calls_nothing_and_hurts_nobody(stage: Deployment) -> None:
    set_limit(stage, 0)
    executions = [stage.start({"key": f"held-{n}"}) for n in range(4)]
    stage.wait_until(lambda: len(stage.jobs("line")) == 4, "all four to stand in line")
    events = [len(stage.history(execution)) for execution in executions]
    assert all(TASK not in stage.entered(execution) for execution in executions)
    assert stage.slots(TASK)["waiting"] == "4"

    set_limit(stage, 1)
    stage.wait_until(lambda: done(stage, executions) == 4, "all to finish after the release")

    assert most_inside(stage, {f"held-{n}" for n in range(4)}) == 1
    assert max(events) < 25  # whoever waits does nothing meanwhile
    assert {claim["attempt"] for claim in map(stage.claim, stage.jobs("running"))} <= {"0"}


def test_replayed_jobs_stand_in_line_while_the_task_is_held(stage: Deployment) -> None:
    stage.set_behavior("NG")
    execution = stage.start({"key": "held"})
    stage.wait_until(lambda: stage.jobs("parked") == ["held"], "the job to be parked")
    stage.set_behavior("OK")
    set_limit(stage, 0)

    result = stage.invoke("reprocess", {})
    stage.wait_until(lambda: stage.jobs("line") == ["held"], "it to stand in line")
    assert (result["replayed"], result["in_line"]) == (1, 1)
    assert stage.entered(execution).count(TASK) == 1

    set_limit(stage, 5)
    stage.wait_until(lambda: done(stage, [execution]) == 1, "it to finish after the release")
    assert stage.claim("held")["attempt"] == "1"


def test_a_lowered_limit_holds_for_jobs_that_were_parked_under_a_higher_one(
    stage: Deployment,
) -> None:
    keys = {f"lowered-{n}" for n in range(5)}
    stage.set_behavior("NG")
    executions = [stage.start({"key": key}) for key in keys]
    stage.wait_until(lambda: len(stage.jobs("parked")) == 5, "all five to be parked")
    parked = lines_of(stage, keys)
    set_limit(stage, 1)
    stage.set_behavior("OK")

    stage.invoke("reprocess", {})
    stage.wait_until(lambda: done(stage, executions) == 5, "all five to finish")

    assert most_inside(stage, keys, parked) == 1

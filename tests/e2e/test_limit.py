"""At most so many jobs are inside the task at once, measured inside the task."""

import json
from typing import Any

import pytest

from chalicelib.aws.claims_table import DynamoClaims
from respool.local.deployment import Deployment
from tests.e2e.conftest import VIAS, altered, stage_that_spools_via

TASK = "UncertainTask"


@pytest.fixture(params=VIAS)
def stage(request: pytest.FixtureRequest) -> Deployment:
    """The stage, spooling both ways."""
    return stage_that_spools_via(request)


def set_limit(stage: Deployment, limit: int | None) -> None:
    DynamoClaims(stage.client("dynamodb"), stage.names.table).set_limit(TASK, limit)


def most_inside(stage: Deployment, keys: set[str]) -> int:
    """How many were inside at once, by the lines that the task itself logs."""
    inside = most = 0
    lines = [json.loads(line) for line in stage.logged() if '"task-' in line]
    for line in sorted(lines, key=lambda line: line["at"]):
        if line["key"] in keys:
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
    holders = [item.get("holders") for item in stage.claims() if item["pk"]["S"] == f"slots#{TASK}"]
    assert holders == [None]


def test_a_hold_lets_nobody_in_and_hurts_nobody(stage: Deployment) -> None:
    set_limit(stage, 0)
    executions = [stage.start({"key": f"held-{n}"}) for n in range(4)]
    stage.wait_until(
        lambda: all(tries(stage, execution) >= 3 for execution in executions),
        "each to have knocked several times",
    )
    assert all(TASK not in stage.entered(execution) for execution in executions)

    set_limit(stage, 1)
    stage.wait_until(lambda: done(stage, executions) == 4, "all to finish after the release")

    assert most_inside(stage, {f"held-{n}" for n in range(4)}) == 1


def tries(stage: Deployment, execution: str) -> int:
    return sum(event["type"] == "TaskFailed" for event in stage.history(execution))


def test_replayed_jobs_wait_while_the_task_is_held(stage: Deployment) -> None:
    stage.set_behavior("NG")
    execution = stage.start({"key": "held"})
    stage.wait_until(lambda: stage.spool_depth() == 1, "the job to be parked")
    stage.set_behavior("OK")
    set_limit(stage, 0)

    stage.invoke("reprocess", {})
    stage.wait_until(lambda: tries(stage, execution) >= 5, "it to knock")
    assert stage.entered(execution).count(TASK) == 1

    set_limit(stage, None)
    stage.wait_until(lambda: done(stage, [execution]) == 1, "it to finish after the release")


def impatient(definition: dict[str, Any]) -> None:
    """Three tries for a slot take the place of a thousand."""
    definition["States"]["TakeSlot"]["Retry"][0]["MaxAttempts"] = 3


def test_a_wait_that_lasts_too_long_is_parked_like_any_other_job(stage: Deployment) -> None:
    set_limit(stage, 0)

    with altered(stage, impatient):
        execution = stage.start({"key": "patient"})
        stage.wait_until(lambda: stage.spool_depth() == 1, "the waiting job to be parked")
        set_limit(stage, None)
        stage.invoke("reprocess", {})
        stage.wait_until(lambda: done(stage, [execution]) == 1, "it to finish")

    assert stage.entered(execution)[:5] == [
        "ClaimJob",
        "TakeSlot",
        "StillRoom",
        "ParkJob",
        "ErrorSpool",
    ]


def test_a_job_that_has_waited_too_often_goes_on_in_a_fresh_execution(stage: Deployment) -> None:
    def near_the_end(definition: dict[str, Any]) -> None:
        impatient(definition)
        definition["States"]["StillRoom"]["Choices"][0]["Condition"] = "{% $waits < 1 %}"

    set_limit(stage, 0)
    with altered(stage, near_the_end):
        execution = stage.start({"key": "patient"})
        stage.wait_until(lambda: stage.status(execution) == "FAILED", "its history to be full")
    assert stage.describe(execution)["error"] == "HistoryFull"
    stage.wait_until(lambda: stage.spool_depth() == 1, "the rescue to spool it")

    set_limit(stage, None)
    result = stage.invoke("reprocess", {})
    arns = [one["executionArn"] for one in stage.executions()]
    (restarted,) = (arn for arn in arns if arn != execution)
    stage.wait_until(lambda: done(stage, [restarted]) == 1, "the restart to finish")

    assert result["restarted"] == 1
    assert stage.entered(execution).count(TASK) == 0
    assert stage.entered(restarted).count(TASK) == 1

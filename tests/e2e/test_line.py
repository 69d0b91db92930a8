"""The line: whoever waits is served in the order of their start, and waiting does nothing."""

import pytest

from respool.local.deployment import Deployment
from tests.e2e.conftest import VIAS, stage_that_spools_via
from tests.e2e.test_limit import done, most_inside, set_limit, told

TASK = "UncertainTask"
STRAIGHT = ["ClaimJob", "TakeSlot", "UncertainTask", "Finish"]


@pytest.fixture(params=VIAS)
def stage(request: pytest.FixtureRequest) -> Deployment:
    """The stage, spooling both ways."""
    return stage_that_spools_via(request)


def entries(stage: Deployment, keys: list[str]) -> list[str]:
    """These jobs in the order in which the task saw them."""
    lines = [line for line in told(stage, set(keys)) if line["action"] == "task-entered"]
    return [line["key"] for line in lines]


def line_up(stage: Deployment, keys: list[str]) -> list[str]:
    """Start jobs one after the other, each when the one before it stands in line."""
    executions = []
    for key in keys:
        executions.append(stage.start({"key": key}))
        stage.wait_until(lambda key=key: key in stage.jobs("line"), f"{key} to stand in line")  # type: ignore[misc]
    return executions


def test_a_free_slot_goes_to_the_oldest_and_nobody_overtakes(stage: Deployment) -> None:
    keys = [f"in-line-{n}" for n in range(6)]
    set_limit(stage, 0)
    executions = line_up(stage, keys[:4])
    assert stage.slots(TASK)["waiting"] == "4"

    set_limit(stage, 1)
    executions += [stage.start({"key": key}) for key in keys[4:]]
    stage.wait_until(lambda: done(stage, executions) == 6, "all six to finish")

    assert entries(stage, keys)[:4] == keys[:4]
    assert most_inside(stage, set(keys)) == 1
    assert (stage.slots(TASK)["owners"], stage.slots(TASK)["waiting"]) == ({}, "0")
    assert stage.entered(executions[0]) == [*STRAIGHT[:2], "WaitInLine", *STRAIGHT[2:]]


def test_jobs_in_line_are_found_in_the_table_and_in_the_api(stage: Deployment) -> None:
    set_limit(stage, 0)
    line_up(stage, ["first", "second"])

    def listed() -> list[str]:
        answer = stage.api("GET", "/jobs?state=line", token=stage.token)
        assert answer.status == 200, answer.text
        assert "token" not in answer.text
        return [job["key"] for job in answer.json["jobs"]]

    stage.wait_until(lambda: listed() == ["first", "second"], "both to be listed")
    assert stage.spool_depth() == 0


def test_a_replay_of_two_takes_the_two_oldest_and_a_dry_run_names_them(stage: Deployment) -> None:
    keys = [f"parked-{n}" for n in (3, 1, 2)]
    stage.set_behavior("NG")
    executions = []
    for key in keys:
        executions.append(stage.start({"key": key}))
        stage.wait_until(lambda key=key: key in stage.jobs("parked"), f"{key} to be parked")  # type: ignore[misc]
    stage.set_behavior("OK")

    plan = stage.invoke("reprocess", {"max": 2, "dry_run": True})
    result = stage.invoke("reprocess", {"max": 2})
    stage.wait_until(lambda: done(stage, executions[:2]) == 2, "the two oldest to finish")

    assert {step["key"] for step in plan["plan"]} == set(keys[:2])
    assert (result["replayed"], result["remaining"]) == (2, 1)
    assert stage.jobs("parked") == keys[2:]


def test_a_replayed_job_that_finds_the_task_full_keeps_its_place_by_its_start(
    stage: Deployment,
) -> None:
    stage.set_behavior("NG")
    old = stage.start({"key": "old"})
    stage.wait_until(lambda: stage.jobs("parked") == ["old"], "the old job to be parked")
    stage.set_behavior("OK")
    set_limit(stage, 0)
    (young,) = line_up(stage, ["young"])
    stage.invoke("reprocess", {})
    stage.wait_until(lambda: stage.jobs("line") == ["old", "young"], "both to stand in line")
    seen = len(told(stage, {"old", "young"}))

    set_limit(stage, 1)
    stage.wait_until(lambda: done(stage, [old, young]) == 2, "both to finish")

    lines = told(stage, {"old", "young"})[seen:]
    assert [line["key"] for line in lines if line["action"] == "task-entered"] == ["old", "young"]

"""One execution owns a key: while it runs, and while it is parked."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from respool.local.deployment import Deployment
from tests.e2e.conftest import VIAS, stage_that_spools_via


@pytest.fixture(params=VIAS)
def stage(request: pytest.FixtureRequest) -> Deployment:
    """The stage, spooling both ways."""
    return stage_that_spools_via(request)


def ended(stage: Deployment, execution: str, status: str = "FAILED") -> Mapping[str, Any]:
    stage.wait_until(lambda: stage.status(execution) == status, f"an execution {status}")
    return stage.describe(execution)


def test_of_twenty_started_at_once_with_one_key_exactly_one_runs(stage: Deployment) -> None:
    stage.set_environment("uncertain_task", SLEEP="3")
    try:
        with ThreadPoolExecutor(20) as pool:
            executions = list(pool.map(lambda _: stage.start({"key": "same"}), range(20)))
        stage.wait_until(
            lambda: all(stage.status(e) != "RUNNING" for e in executions),
            "all twenty to end",
            timeout=180,
        )
    finally:
        stage.set_environment("uncertain_task", SLEEP="0")

    entered = [execution for execution in executions if "UncertainTask" in stage.entered(execution)]
    refused = [stage.describe(e) for e in executions if e not in entered]
    assert len(entered) == 1
    assert stage.output(entered[0]) == {"key": "same"}
    assert {about["error"] for about in refused} == {"AlreadyRunning"}
    assert all("The key same belongs to another execution" in about["cause"] for about in refused)


def test_a_parked_job_keeps_its_key(stage: Deployment) -> None:
    stage.set_behavior("NG")
    parked = stage.start({"key": "same"})
    stage.wait_until(lambda: stage.jobs("parked") == ["same"], "the job to be parked")

    about = ended(stage, stage.start({"key": "same"}))

    assert about["error"] == "AlreadyRunning"
    assert stage.status(parked) == "RUNNING"
    assert stage.claim("same")["execution"] == parked


def test_a_job_in_line_keeps_its_key(stage: Deployment) -> None:
    stage.api("PUT", "/tasks/UncertainTask/limit", token=stage.token, body={"limit": 0})
    waiting = stage.start({"key": "same"})
    stage.wait_until(lambda: stage.jobs("line") == ["same"], "the job to stand in line")

    about = ended(stage, stage.start({"key": "same"}))

    assert about["error"] == "AlreadyRunning"
    assert (stage.claim("same")["execution"], stage.slots("UncertainTask")["waiting"]) == (
        waiting,
        "1",
    )


def test_a_key_is_free_again_once_its_job_has_finished(stage: Deployment) -> None:
    first = stage.start({"key": "same"})
    ended(stage, first, "SUCCEEDED")

    ended(stage, stage.start({"key": "same"}), "SUCCEEDED")


def test_jobs_without_a_key_are_known_by_their_executions_names(stage: Deployment) -> None:
    stage.set_behavior("NG")
    stage.start({"no": "key"}, name="first")
    stage.start({"no": "key"}, name="second")
    stage.wait_until(lambda: len(stage.jobs("parked")) == 2, "both to be parked")

    assert set(stage.jobs("parked")) == {"first", "second"}


@pytest.mark.parametrize("key", ["", None, ["a"], {"a": 1}, "x" * 1025, "\u3042" * 342])
def test_a_key_of_no_use_ends_in_bad_input_and_touches_nothing(stage: Deployment, key: Any) -> None:
    execution = stage.start({"key": key})

    about = ended(stage, execution)

    assert about["error"] == "BadInput"
    assert "1 to 1,024 bytes" in about["cause"]
    assert stage.entered(execution) == ["ClaimJob", "BadInput"]
    assert not [item for item in stage.claims() if item["pk"]["S"].startswith("job#")]


def test_executions_that_were_meant_to_end_are_not_spooled(stage: Deployment) -> None:
    bad = stage.start({"key": ""})
    ended(stage, bad)

    stage.wait_until(
        lambda: any(item["pk"]["S"].startswith(f"dead#{bad}") for item in stage.claims()),
        "the rescue to have dealt with it",
    )

    assert stage.spool_depth() == 0

"""Continuous replay: what SQS itself hands to the deployed function once the trigger is enabled."""

from collections.abc import Iterator

import pytest

from chalicelib.aws.table import Table
from chalicelib.aws.trigger_mapping import SpoolMapping
from respool.local.deployment import Deployment
from tests.e2e.test_loop import bodies, fail_and_spool, finished, send


@pytest.fixture
def trigger(stage: Deployment) -> Iterator[SpoolMapping]:
    """The deployed trigger, disabled afterwards as it was before; no job has to cool down."""
    table = Table(stage.client("dynamodb"), stage.names.table)
    mapping = SpoolMapping(stage.client("lambda"), stage.names.reprocess, stage.names.spool, table)
    stage.set_environment("reprocess", COOL_DOWN="0")
    yield mapping
    mapping.switch(enabled=False)
    stage.wait_until(lambda: mapping.state() == "disabled", "the trigger to be disabled")
    stage.set_environment("reprocess", COOL_DOWN="900")


def test_enabled_it_puts_jobs_back_and_sets_aside_what_can_not_be_read(
    stage: Deployment, trigger: SpoolMapping
) -> None:
    executions = fail_and_spool(stage, [{"key": f"job-{n}"} for n in range(3)])
    send(stage, "not json")
    stage.set_behavior("OK")

    trigger.switch(enabled=True)
    stage.wait_until(lambda: finished(stage, executions), "the jobs to finish")
    stage.wait_until(lambda: stage.spool_depth() == 0, "the spool to be empty")

    assert bodies(stage, stage.names.stuck) == ["not json"]
    assert len(stage.executions()) == 3


def test_the_api_switches_it_and_tells_who_did(stage: Deployment, trigger: SpoolMapping) -> None:
    body = {"enabled": True, "reason": "the service is well"}
    told = stage.api("PUT", "/trigger", stage.token, body)
    assert told.status == 200

    stage.wait_until(lambda: trigger.state() == "enabled", "the trigger to be enabled")
    stage.wait_until(
        lambda: stage.api("GET", "/status", stage.token).json["trigger"] == "enabled", "the status"
    )
    status = stage.api("GET", "/status", stage.token).json
    assert (status["trigger_by"], status["trigger_why"]) == ("console", "the service is well")


def test_enabled_it_leaves_a_job_that_has_not_cooled_down(
    stage: Deployment, trigger: SpoolMapping
) -> None:
    stage.set_environment("reprocess", COOL_DOWN="900")
    (execution,) = fail_and_spool(stage, [{"key": "hot"}])
    stage.set_behavior("OK")

    trigger.switch(enabled=True)
    stage.wait_until(lambda: bodies(stage, stage.names.spool) == [], "it to be taken and hidden")

    assert stage.spool_depth() == 1
    assert stage.status(execution) == "RUNNING"

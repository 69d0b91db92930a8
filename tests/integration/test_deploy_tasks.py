"""What a deploy writes into the slots of a stage's tasks, on moto."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from chalicelib.job.claim import Slots
from chalicelib.names import Names
from chalicelib.settings import NEVER, Settings
from respool.deploy.engines import engines_for
from respool.deploy.tasks import TaskSlots, tasks_in
from tests.fakes.stand_in import stand_in
from tests.tables import create_claims

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = json.loads((ROOT / "statemachine.json").read_text())
NAMES = Names("respool-dev", "aws", "us-east-1", "123456789012")
TASK = "UncertainTask"
AT = "2026-11-24T00:00:00.000Z"


class Stage:
    """A deployed table."""

    def __init__(self) -> None:
        self.client = boto3.client("dynamodb", region_name="us-east-1")
        create_claims(self.client, NAMES.table)

    def deploy(self, **settings: str) -> Slots:
        engines = engines_for(stand_in(lambda _: self.client), NAMES, Settings.read(settings))
        TaskSlots(engines.world.line, engines.gates, engines.settings).apply(DEFINITION)
        self.line = engines.world.line
        return self.line.slots(TASK)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield Stage()


def test_the_tasks_of_the_definition_are_known() -> None:
    assert tasks_in(DEFINITION) == [TASK]


def test_a_first_deploy_makes_a_whole_item_that_the_index_lists(stage: Stage) -> None:
    slots = stage.deploy(TASK_LIMIT="3", CLOSE_AFTER="4")
    assert slots.complete
    assert (slots.limit, slots.close_after, slots.waiting) == (3, 4, 0)
    assert stage.line.tasks() == [TASK]


def test_a_partial_item_that_a_job_in_line_made_is_made_whole(stage: Stage) -> None:
    stage.client.update_item(
        TableName=NAMES.table,
        Key={"pk": {"S": f"slots#{TASK}"}},
        UpdateExpression="ADD waiting :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    slots = stage.deploy()
    assert (slots.complete, slots.waiting) == (True, 1)


def test_a_limit_set_by_hand_outlives_a_deploy_that_does_not_change_it(stage: Stage) -> None:
    stage.deploy(TASK_LIMIT="5")
    stage.line.set_limit(TASK, 1, "kim", "the service is slow", AT)
    slots = stage.deploy(TASK_LIMIT="5")
    assert (slots.limit, slots.limit_by) == (1, "kim")


def test_a_changed_setting_takes_the_place_of_a_limit_set_by_hand(stage: Stage) -> None:
    stage.deploy(TASK_LIMIT="5")
    stage.line.set_limit(TASK, 1, "kim", "the service is slow", AT)
    slots = stage.deploy(TASK_LIMIT="7")
    assert (slots.limit, slots.limit_by, slots.limit_set) == (7, "", 7)


def test_the_failures_that_close_a_gate_follow_the_setting_each_time(stage: Stage) -> None:
    assert stage.deploy(CLOSE_AFTER="4").close_after == 4
    assert stage.deploy().close_after == NEVER
    assert stage.deploy(RECOVERY="ramp").close_after == 5


def test_who_is_inside_or_in_line_stays(stage: Stage) -> None:
    stage.deploy()
    stage.client.update_item(
        TableName=NAMES.table,
        Key={"pk": {"S": f"slots#{TASK}"}},
        UpdateExpression="SET owners.#me = :x, failed.#me = :at ADD waiting :one",
        ExpressionAttributeNames={"#me": "job#a"},
        ExpressionAttributeValues={":x": {"S": "arn"}, ":at": {"S": AT}, ":one": {"N": "1"}},
    )
    slots = stage.deploy(TASK_LIMIT="1", CLOSE_AFTER="1")
    assert (dict(slots.owners), dict(slots.failed)) == ({"job#a": "arn"}, {"job#a": AT})
    assert slots.waiting == 1


def test_a_window_is_written_and_taken_away_again(stage: Stage) -> None:
    slots = stage.deploy(HOLD_WINDOWS="cron(0 0 * * ? *) 23h UTC")
    assert slots.window_from < slots.window_until
    assert "23h" in slots.window_why
    assert stage.deploy().window_from == ""


def test_a_task_that_only_the_table_knows_follows_the_settings_too(stage: Stage) -> None:
    stage.deploy(TASK_LIMIT="5")
    stage.line.complete("Another", 5, NEVER)
    stage.deploy(TASK_LIMIT="2")
    assert stage.line.slots("Another").limit == 2

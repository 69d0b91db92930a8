import json
from typing import Any

import pytest

from respool.deploy.checks.findings import DeployFailed
from respool.deploy.deploying import Deploying
from respool.deploy.stack import Patience, Stack
from respool.deploy.steps import Step
from tests.unit.fake_cloudformation import FakeCloudFormation

SPOOL = {
    "Type": "AWS::SQS::Queue",
    "DeletionPolicy": "Retain",
    "Properties": {"QueueName": "respool-dev-spool"},
}
MACHINE = {"Type": "AWS::StepFunctions::StateMachine"}
OUTPUTS = {"TriggerId": {"Value": "uuid"}}
ONE = {"Resources": {"Spool": SPOOL}, "Outputs": OUTPUTS}
TWO = {"Resources": {"Spool": SPOOL, "Machine": MACHINE}, "Outputs": OUTPUTS}


class Clock:
    """Time that passes only by pausing."""

    def __init__(self) -> None:
        self.now = 0.0

    def pause(self, seconds: float) -> None:
        self.now += seconds

    @property
    def patience(self) -> Patience:
        return Patience(lambda: self.now, self.pause, lambda _: None)


class FakeTrigger:
    def __init__(self, enabled: bool | None) -> None:
        self.enabled = enabled
        self.told: list[bool] = []

    def is_enabled(self, mapping: str) -> bool | None:
        return self.enabled if mapping else None

    def set(self, mapping: str, enabled: bool) -> None:
        assert mapping
        self.told.append(enabled)


class FakeRetained:
    def __init__(self, there: bool = False) -> None:
        self.there = there

    def existing(self) -> dict[str, dict[str, str]]:
        return {"respool-dev-spool": {"QueueUrl": "https://spool"}} if self.there else {}


def stack_on(cloud: FakeCloudFormation) -> Stack:
    return Stack(cloud, "respool-dev", Clock().patience)


def deploy(
    cloud: FakeCloudFormation, body: Any, trigger: bool | None = False, left: bool = False
) -> tuple[Any, FakeTrigger]:
    fake = FakeTrigger(trigger)
    there: Any = FakeRetained(left)
    means: Any = fake
    return Deploying(stack_on(cloud), means, there).run(json.dumps(body), {}), fake


def test_a_first_deploy_creates_the_stack() -> None:
    cloud = FakeCloudFormation()
    done, _ = deploy(cloud, TWO)
    assert (done.step, done.changed) == (Step.CREATE, ["Machine", "Spool"])
    assert cloud.status == "CREATE_COMPLETE"
    assert cloud.imported == []


def test_the_same_template_again_changes_nothing() -> None:
    cloud = FakeCloudFormation()
    deploy(cloud, ONE)
    done, _ = deploy(cloud, ONE)
    assert (done.step, done.changed) == (Step.UPDATE, [])
    assert cloud.status == "CREATE_COMPLETE"


def test_a_changed_template_updates_what_changed() -> None:
    cloud = FakeCloudFormation()
    deploy(cloud, ONE)
    done, _ = deploy(cloud, TWO)
    assert (done.step, done.changed) == (Step.UPDATE, ["Machine"])


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_FAILED"])
def test_what_an_earlier_failure_left_is_deleted_first(status: str) -> None:
    cloud = FakeCloudFormation(status)
    done, _ = deploy(cloud, ONE)
    assert done.step is Step.RECREATE
    assert cloud.calls == ["delete_stack", "create_change_set CREATE"]


def test_a_stack_left_under_review_is_created() -> None:
    done, _ = deploy(FakeCloudFormation("REVIEW_IN_PROGRESS"), ONE)
    assert done.step is Step.CREATE


def test_a_queue_that_outlived_its_stack_is_taken_in_and_never_made_anew() -> None:
    cloud = FakeCloudFormation()
    done, _ = deploy(cloud, TWO, left=True)
    assert (done.adopted, done.changed) == (["Spool"], ["Machine"])
    assert cloud.imported == ["Spool"]
    assert cloud.calls == ["create_change_set IMPORT", "create_change_set UPDATE"]
    assert cloud.status == "UPDATE_COMPLETE"


def test_nothing_is_taken_in_while_the_stack_has_it() -> None:
    cloud = FakeCloudFormation()
    deploy(cloud, ONE)
    deploy(cloud, TWO, left=True)
    assert cloud.imported == []


def test_an_update_under_way_is_waited_for() -> None:
    cloud = FakeCloudFormation("UPDATE_COMPLETE")
    cloud.under_way = [
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_COMPLETE",
    ]
    done, _ = deploy(cloud, ONE)
    assert done.step is Step.UPDATE


def test_an_update_that_never_ends_is_given_up_with_a_remedy() -> None:
    cloud = FakeCloudFormation("UPDATE_COMPLETE")
    cloud.under_way = ["UPDATE_IN_PROGRESS"] * 2000
    with pytest.raises(DeployFailed, match="run the command again"):
        deploy(cloud, ONE)


def test_a_stack_beyond_repair_is_refused_with_the_command_that_fixes_it() -> None:
    cloud = FakeCloudFormation("UPDATE_ROLLBACK_FAILED")
    with pytest.raises(DeployFailed, match="continue-update-rollback"):
        deploy(cloud, ONE)
    assert cloud.calls == []


def test_a_failure_tells_what_failed_first_and_why() -> None:
    cloud = FakeCloudFormation(breaks={"Machine": "Invalid State Machine Definition"})
    with pytest.raises(DeployFailed) as failed:
        deploy(cloud, TWO)
    assert "ROLLBACK_COMPLETE" in str(failed.value)
    assert "Machine (AWS::Some::Thing): Invalid State Machine Definition" in str(failed.value)
    assert "cancelled" not in str(failed.value)


def test_a_later_failure_tells_only_its_own_reasons() -> None:
    cloud = FakeCloudFormation(breaks={"Machine": "first reason"})
    with pytest.raises(DeployFailed):
        deploy(cloud, TWO)
    cloud.breaks = {"Machine": "second reason"}
    with pytest.raises(DeployFailed) as failed:
        deploy(cloud, TWO)
    assert "second reason" in str(failed.value)
    assert "first reason" not in str(failed.value)


def test_a_refused_template_leaves_no_stack_under_review() -> None:
    cloud = FakeCloudFormation()
    with pytest.raises(DeployFailed, match="Unresolved Refused"):
        deploy(cloud, {"Resources": {"Refused": MACHINE}})
    assert cloud.status == ""


def test_deleting_waits_until_it_is_gone() -> None:
    cloud = FakeCloudFormation("CREATE_COMPLETE")
    stack_on(cloud).delete()
    assert cloud.status == "DELETE_COMPLETE"
    stack_on(FakeCloudFormation()).delete()


def test_a_delete_that_fails_says_why() -> None:
    cloud = FakeCloudFormation("CREATE_COMPLETE")
    cloud.undeletable = "it has executions"
    with pytest.raises(DeployFailed, match="it has executions"):
        stack_on(cloud).delete()


def test_a_new_trigger_that_came_up_enabled_is_disabled() -> None:
    done, trigger = deploy(FakeCloudFormation(), ONE, trigger=True)
    assert trigger.told == [False]
    assert done.trigger is False


def test_a_trigger_enabled_before_stays_enabled() -> None:
    cloud = FakeCloudFormation()
    deploy(cloud, ONE)
    done, trigger = deploy(cloud, TWO, trigger=True)
    assert trigger.told == []
    assert done.trigger is True


def test_a_trigger_that_was_deleted_by_hand_is_reported() -> None:
    with pytest.raises(DeployFailed, match="was deleted outside"):
        deploy(FakeCloudFormation(), ONE, trigger=None)

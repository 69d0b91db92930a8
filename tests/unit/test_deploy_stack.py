import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from respool.deploy.checks.findings import DeployFailed
from respool.deploy.deploying import Deploying
from respool.deploy.stack import Stack
from respool.deploy.steps import Step
from tests.fakes.stand_in import stand_in
from tests.unit.fake_cloudformation import Clock, FakeCloudFormation

SPOOL = {
    "Type": "AWS::SQS::Queue",
    "DeletionPolicy": "Retain",
    "Properties": {"QueueName": "respool-dev-spool"},
}
MACHINE = {"Type": "AWS::StepFunctions::StateMachine"}
OUTPUTS = {"TriggerId": {"Value": "uuid"}}
ONE = {"Resources": {"Spool": SPOOL}, "Outputs": OUTPUTS}
TWO = {"Resources": {"Spool": SPOOL, "Machine": MACHINE}, "Outputs": OUTPUTS}


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


Cloud = Callable[..., FakeCloudFormation]


@pytest.fixture(params=range(4))
def cloud(request: pytest.FixtureRequest) -> Cloud:
    """Makes a CloudFormation that answers as before so many times once something has begun."""
    return partial(FakeCloudFormation, stale=request.param)


def stack_on(cloud: FakeCloudFormation) -> Stack:
    return Stack(stand_in(cloud), "respool-dev", Clock().patience)


def deploy(
    cloud: FakeCloudFormation, body: Any, trigger: bool | None = False, left: bool = False
) -> tuple[Any, FakeTrigger]:
    fake = FakeTrigger(trigger)
    there: Any = FakeRetained(left)
    means: Any = fake
    return Deploying(stack_on(cloud), means, there).run(json.dumps(body), {}), fake


def test_a_first_deploy_creates_the_stack(cloud: Cloud) -> None:
    aws = cloud()
    done, _ = deploy(aws, TWO)
    assert (done.step, done.changed) == (Step.CREATE, ["Machine", "Spool"])
    assert aws.status == "CREATE_COMPLETE"
    assert aws.imported == []


def test_the_same_template_again_changes_nothing(cloud: Cloud) -> None:
    aws = cloud()
    deploy(aws, ONE)
    done, _ = deploy(aws, ONE)
    assert (done.step, done.changed) == (Step.UPDATE, [])
    assert aws.status == "CREATE_COMPLETE"


def test_a_changed_template_updates_what_changed(cloud: Cloud) -> None:
    aws = cloud()
    deploy(aws, ONE)
    done, _ = deploy(aws, TWO)
    assert (done.step, done.changed) == (Step.UPDATE, ["Machine"])


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_FAILED"])
def test_what_an_earlier_failure_left_is_deleted_first(cloud: Cloud, status: str) -> None:
    aws = cloud(status)
    done, _ = deploy(aws, ONE)
    assert done.step is Step.RECREATE
    assert aws.calls == ["delete_stack", "create_change_set CREATE"]


def test_a_stack_left_under_review_is_created(cloud: Cloud) -> None:
    done, _ = deploy(cloud("REVIEW_IN_PROGRESS"), ONE)
    assert done.step is Step.CREATE


def test_a_queue_that_outlived_its_stack_is_taken_in_and_never_made_anew(cloud: Cloud) -> None:
    aws = cloud()
    done, _ = deploy(aws, TWO, left=True)
    assert (done.adopted, done.changed) == (["Spool"], ["Machine"])
    assert aws.imported == ["Spool"]
    assert aws.calls == ["create_change_set IMPORT", "create_change_set UPDATE"]
    assert aws.status == "UPDATE_COMPLETE"


def test_nothing_is_taken_in_while_the_stack_has_it(cloud: Cloud) -> None:
    aws = cloud()
    deploy(aws, ONE)
    deploy(aws, TWO, left=True)
    assert aws.imported == []


def test_an_update_under_way_is_waited_for(cloud: Cloud) -> None:
    aws = cloud("UPDATE_COMPLETE")
    aws.under_way = [
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_COMPLETE",
    ]
    done, _ = deploy(aws, ONE)
    assert done.step is Step.UPDATE


def test_an_update_that_never_ends_is_given_up_with_what_to_do(cloud: Cloud) -> None:
    aws = cloud("UPDATE_COMPLETE")
    aws.under_way = ["UPDATE_IN_PROGRESS"] * 2000
    with pytest.raises(DeployFailed, match="run the command again"):
        deploy(aws, ONE)


def test_a_stack_beyond_repair_is_refused_with_the_command_that_repairs_it(cloud: Cloud) -> None:
    aws = cloud("UPDATE_ROLLBACK_FAILED")
    with pytest.raises(DeployFailed, match="continue-update-rollback"):
        deploy(aws, ONE)
    assert aws.calls == []


def test_a_failure_tells_what_failed_first_and_why(cloud: Cloud) -> None:
    aws = cloud(breaks={"Machine": "Invalid State Machine Definition"})
    with pytest.raises(DeployFailed) as failed:
        deploy(aws, TWO)
    assert "ROLLBACK_COMPLETE" in str(failed.value)
    assert "Machine (AWS::Some::Thing): Invalid State Machine Definition" in str(failed.value)
    assert "cancelled" not in str(failed.value)


def test_a_queue_s_name_that_a_rollback_gave_up_just_now_is_told_with_the_way_out(
    cloud: Cloud,
) -> None:
    said = "You must wait 60 seconds after deleting a queue before you can create another"
    aws = cloud(breaks={"Machine": said})
    with pytest.raises(DeployFailed, match="deploy again then"):
        deploy(aws, TWO)


def test_a_later_failure_tells_only_its_own_reasons(cloud: Cloud) -> None:
    aws = cloud(breaks={"Machine": "first reason"})
    with pytest.raises(DeployFailed):
        deploy(aws, TWO)
    aws.breaks = {"Machine": "second reason"}
    with pytest.raises(DeployFailed) as failed:
        deploy(aws, TWO)
    assert "second reason" in str(failed.value)
    assert "first reason" not in str(failed.value)


def test_an_update_that_rolls_back_is_never_reported_as_done(cloud: Cloud) -> None:
    aws = cloud()
    deploy(aws, ONE)
    deploy(aws, TWO)
    aws.breaks = {"Machine": "no such role"}
    with pytest.raises(DeployFailed, match="UPDATE_ROLLBACK_COMPLETE"):
        deploy(
            aws, {"Resources": {"Spool": SPOOL, "Machine": {"Type": "Other"}}, "Outputs": OUTPUTS}
        )


def test_what_the_stack_says_after_an_update_is_not_what_it_said_before(cloud: Cloud) -> None:
    aws = cloud()
    deploy(aws, TWO)
    deploy(aws, ONE)
    done, _ = deploy(aws, {**TWO, "Outputs": {"TriggerId": {"Value": "another"}}})
    assert done.outputs == {"TriggerId": "another"}


def test_a_refused_template_is_told_and_the_next_deploy_creates(cloud: Cloud) -> None:
    aws = cloud()
    with pytest.raises(DeployFailed, match="Unresolved Refused"):
        deploy(aws, {"Resources": {"Refused": MACHINE}})
    done, _ = deploy(aws, ONE)
    assert done.step is Step.CREATE


EARLY = {
    "LogicalResourceId": "Spool",
    "ResourceType": "AWS::SQS::Queue",
    "ValidationStatus": "FAILED",
    "ValidationStatusReason": "a queue of that name exists",
    "ValidationPath": "/Resources/Spool",
}


def test_what_early_validation_found_is_told(cloud: Cloud) -> None:
    aws = cloud()
    aws.validation = [EARLY, EARLY, {"EventType": "STACK_EVENT"}]
    with pytest.raises(DeployFailed) as failed:
        deploy(aws, {"Resources": {"Refused": MACHINE}})
    message = "Spool (AWS::SQS::Queue): a queue of that name exists (at /Resources/Spool)"
    assert str(failed.value).count(message) == 1


def test_reasons_that_may_not_be_read_do_not_hide_the_failure(cloud: Cloud) -> None:
    aws = cloud()
    aws.validation = None
    with pytest.raises(DeployFailed) as failed:
        deploy(aws, {"Resources": {"Refused": MACHINE}})
    assert "Unresolved Refused" in str(failed.value)
    assert "cloudformation:DescribeEvents" in str(failed.value)


def test_of_two_deploys_at_once_the_later_is_refused_and_touches_nothing(cloud: Cloud) -> None:
    aws = cloud()
    deploy(aws, ONE)
    aws.meanwhile = [lambda: stack_on(aws).update(json.dumps(TWO))]
    with pytest.raises(DeployFailed, match=r"Another deploy .* Run the command again"):
        deploy(aws, {"Resources": {}, "Outputs": OUTPUTS})
    assert set(aws.body["Resources"]) == {"Spool", "Machine"}


def test_a_deploy_leaves_what_another_one_proposes(cloud: Cloud) -> None:
    aws = cloud()
    deploy(aws, ONE)
    proposed = {"ChangeSetType": "UPDATE", "TemplateBody": json.dumps(TWO)}
    other = aws.create_change_set(ChangeSetName="theirs", ClientToken="theirs", **proposed)
    deploy(aws, ONE)
    with pytest.raises(DeployFailed):
        deploy(aws, {"Resources": {"Refused": MACHINE}})
    assert other["Id"] in aws.change_sets


def test_deleting_waits_until_it_is_gone(cloud: Cloud) -> None:
    aws = cloud("CREATE_COMPLETE")
    stack_on(aws).delete()
    assert aws.status == "DELETE_COMPLETE"
    stack_on(cloud()).delete()


def test_a_delete_that_fails_says_why(cloud: Cloud) -> None:
    aws = cloud("CREATE_COMPLETE")
    aws.undeletable = "it has executions"
    with pytest.raises(DeployFailed, match="it has executions"):
        stack_on(aws).delete()


def test_a_new_trigger_that_came_up_enabled_is_disabled(cloud: Cloud) -> None:
    done, trigger = deploy(cloud(), ONE, trigger=True)
    assert trigger.told == [False]
    assert done.trigger is False


def test_a_trigger_enabled_before_stays_enabled(cloud: Cloud) -> None:
    aws = cloud()
    deploy(aws, ONE)
    done, trigger = deploy(aws, TWO, trigger=True)
    assert trigger.told == []
    assert done.trigger is True


def test_a_trigger_that_was_deleted_by_hand_is_reported(cloud: Cloud) -> None:
    with pytest.raises(DeployFailed, match="was deleted outside"):
        deploy(cloud(), ONE, trigger=None)

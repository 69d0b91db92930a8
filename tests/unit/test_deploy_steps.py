import pytest

from respool.deploy.steps import (
    Step,
    before_delete,
    before_deploy,
    is_settled,
    remedy_for,
    trigger_wanted,
)

STATUSES = {
    "": Step.CREATE,
    "DELETE_COMPLETE": Step.CREATE,
    "REVIEW_IN_PROGRESS": Step.CREATE,
    "CREATE_COMPLETE": Step.UPDATE,
    "UPDATE_COMPLETE": Step.UPDATE,
    "UPDATE_ROLLBACK_COMPLETE": Step.UPDATE,
    "IMPORT_COMPLETE": Step.UPDATE,
    "CREATE_FAILED": Step.RECREATE,
    "ROLLBACK_COMPLETE": Step.RECREATE,
    "ROLLBACK_FAILED": Step.RECREATE,
    "DELETE_FAILED": Step.RECREATE,
    "IMPORT_ROLLBACK_COMPLETE": Step.RECREATE,
    "UPDATE_ROLLBACK_FAILED": Step.REFUSE,
    "UPDATE_FAILED": Step.REFUSE,
    "A_STATUS_OF_THE_FUTURE": Step.REFUSE,
}


@pytest.mark.parametrize(("status", "step"), STATUSES.items())
def test_a_deploy_does_what_the_stack_allows(status: str, step: Step) -> None:
    assert before_deploy(status) is step


@pytest.mark.parametrize("status", STATUSES)
def test_a_delete_never_touches_jobs_by_updating_what_is_broken(status: str) -> None:
    step = before_delete(status, kept=True)
    assert step in (Step.SHRINK, Step.DELETE, Step.NOTHING)
    assert (step is Step.SHRINK) == (before_deploy(status) is Step.UPDATE)


@pytest.mark.parametrize("status", STATUSES)
def test_without_jobs_a_delete_deletes_whatever_is_there(status: str) -> None:
    wanted = Step.NOTHING if status in ("", "DELETE_COMPLETE") else Step.DELETE
    assert before_delete(status, kept=False) is wanted


def test_work_under_way_is_waited_for_but_a_review_waits_for_us() -> None:
    assert not is_settled("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    assert not is_settled("DELETE_IN_PROGRESS")
    assert is_settled("REVIEW_IN_PROGRESS")
    assert is_settled("")


def test_a_new_trigger_is_disabled_and_an_old_one_stays_as_it_was() -> None:
    assert trigger_wanted(None) is False
    assert trigger_wanted(False) is False
    assert trigger_wanted(True) is True


def test_a_stack_whose_rollback_failed_is_repaired_with_a_command() -> None:
    remedy = remedy_for("respool-dev", "UPDATE_ROLLBACK_FAILED")
    assert "aws cloudformation continue-update-rollback --stack-name respool-dev" in remedy
    assert "respool-dev is A_STATUS" in remedy_for("respool-dev", "A_STATUS")

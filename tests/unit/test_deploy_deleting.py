import json
from typing import Any

import pytest

from respool.deploy.deleting import Deleted, Deleting
from respool.deploy.retained import Kept
from respool.deploy.stack import Stack
from respool.deploy.steps import Step
from tests.fakes.stand_in import stand_in
from tests.unit.fake_cloudformation import Clock, FakeCloudFormation

REMAINS = json.dumps({"Resources": {"Spool": {}}})


class FakeJobs:
    """Parked jobs, and running ones that a stop spools."""

    def __init__(self, jobs: int, running: tuple[str, ...] = ()) -> None:
        self.count = jobs
        self.running = running
        self.removed = False

    def kept(self) -> Kept:
        return Kept(self.count)

    def stop_executions(self) -> list[str]:
        self.count += len(self.running)
        return list(self.running)

    def remove(self) -> None:
        self.removed = True


def delete(cloud: FakeCloudFormation, jobs: Any) -> Deleted:
    return Deleting(Stack(stand_in(cloud), "respool-dev", Clock().patience), jobs).run(REMAINS)


def test_without_jobs_stack_queues_and_table_go() -> None:
    cloud, jobs = FakeCloudFormation("UPDATE_COMPLETE"), FakeJobs(0)
    assert delete(cloud, jobs) == Deleted(Step.DELETE, Kept(0), [])
    assert cloud.status == "DELETE_COMPLETE"
    assert jobs.removed


def test_with_jobs_the_stack_shrinks_to_what_holds_them() -> None:
    cloud, jobs = FakeCloudFormation("CREATE_COMPLETE"), FakeJobs(3)
    assert delete(cloud, jobs) == Deleted(Step.SHRINK, Kept(3), [])
    assert set(cloud.body["Resources"]) == {"Spool"}
    assert not jobs.removed


def test_a_job_that_was_running_is_kept_as_well() -> None:
    cloud, jobs = FakeCloudFormation("CREATE_COMPLETE"), FakeJobs(0, ("arn:job",))
    assert delete(cloud, jobs) == Deleted(Step.SHRINK, Kept(1), ["arn:job"])
    assert not jobs.removed


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"])
def test_a_broken_stack_goes_and_its_jobs_stay(status: str) -> None:
    cloud, jobs = FakeCloudFormation(status), FakeJobs(3)
    assert delete(cloud, jobs).step is Step.DELETE
    assert not jobs.removed


def test_deleting_a_stage_that_is_not_there_is_no_error() -> None:
    cloud, jobs = FakeCloudFormation(), FakeJobs(0)
    assert delete(cloud, jobs) == Deleted(Step.NOTHING, Kept(0), [])
    assert cloud.calls == []

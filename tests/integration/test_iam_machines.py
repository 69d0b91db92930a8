"""With listed machines the Lambdas do for those what they do for the stage's own, and no more.

IAM is enforced (`tests/iam/moto.py`) while the handlers of app.py run by event.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.deployed import engines_of
from chalicelib.job.claim import Claim, job_pk
from chalicelib.job.execution import machine_of
from respool.deploy.iam import Call, allows
from respool.deploy.resolved import arn
from tests.iam.deployed import FUNCTIONS, Deployed
from tests.iam.moto import Needed, moto_with_iam
from tests.iam.stage import LONG_AGO, IamStage

LISTED, UNLISTED = "orders", "billing"


def died(execution: str) -> dict[str, Any]:
    kind = "Step Functions Execution Status Change"
    return {"detail-type": kind, "detail": {"executionArn": execution}}


def claim(stage: IamStage, key: str) -> Claim:
    found = stage.claims.get(job_pk(key, LISTED))
    assert found is not None
    return found


def catch_what_died(stage: IamStage) -> None:
    """One job of the usual key, several of one execution, and one whose machine is not listed."""
    usual = stage.start("usual", "ABORTED", machine=LISTED)
    several = stage.start("several", "ABORTED", machine=LISTED)
    other = stage.start("unlisted", "ABORTED", machine=UNLISTED)
    stage.claim(usual)
    without = stage.start("without-a-claim", "FAILED", "States.Runtime", LISTED)
    for item in ("several/0", "several/1"):
        stage.claim(several, key=item)
    with stage.process("error_spool") as invoke:
        told = [invoke(died(one))["result"] for one in (usual, several, other, without)]
    assert told == ["parked", "parked", "foreign", "foreign"]
    assert all(claim(stage, key).dead_at for key in ("usual", "several/0", "several/1"))


def put_back(stage: IamStage) -> None:
    """Woken, redriven, restarted; two of one execution together."""
    stage.claim(stage.start("waits", machine=LISTED))
    stage.claim(stage.start("fails", "FAILED", "States.Runtime", LISTED), deadAt=LONG_AGO)
    stage.claim(stage.start("stops", "ABORTED", machine=LISTED), deadAt=LONG_AGO)
    stage.claim(stage.child("item", LISTED), deadAt=LONG_AGO)
    both = stage.start("both", "ABORTED", machine=LISTED)
    for item in ("both/0", "both/1"):
        stage.claim(both, key=item, deadAt=LONG_AGO)
    with stage.process("reprocess", MAX_REPROCESS="100") as invoke:
        told = invoke({})
    assert told["failed"] == []
    assert told["resumed"] >= 3
    assert told["restarted"] >= 2
    assert machine_of(claim(stage, "stops").execution) == LISTED
    left = [claim(stage, item) for item in ("both/0", "both/1")]
    assert [one.predecessor for one in left if not one.ended_at] in ([both], [both, both])


def sweep(stage: IamStage) -> None:
    """The listing is noted; then a death is found that nobody heard of."""
    with stage.process("reprocess") as invoke:
        assert invoke({"sweep": True})["refused"] == []
    lost = stage.start("lost", "FAILED", "States.Runtime", LISTED)
    stage.claim(lost, "running", task="orders/Call")
    with stage.process("reprocess") as invoke:
        swept = invoke({"sweep": True})
    assert swept["refused"] == []
    assert lost in swept["rescued"]


def give_up(stage: IamStage) -> None:
    stage.claim(stage.start("unwanted", machine=LISTED))
    with stage.process("api_handler"):
        name = stage.deployed.name_of("api_handler")
        engines = engines_of(arn("lambda", f"function:{name}"))
        assert engines.give_up.end("unwanted", "nobody wants it", LISTED).given_up


def admit(stage: IamStage) -> None:
    """One by its token, one that is dead and redriven."""
    stage.claim(stage.start("in-line", machine=LISTED), "line")
    dead = stage.start("in-line-dead", "FAILED", "States.Runtime", LISTED)
    stage.claim(dead, "line", deadAt=LONG_AGO)
    record = {"dynamodb": {"Keys": {"pk": {"S": "slots#UncertainTask"}}}}
    with stage.process("admit") as invoke:
        assert invoke({"Records": [record]})["admitted"] == {"UncertainTask": 2}


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as made:
        made.setenv("MACHINES", LISTED)
        yield made


@pytest.fixture(scope="module")
def stage(patch: pytest.MonkeyPatch) -> Iterator[tuple[IamStage, Needed]]:
    """The stage and what its roles were asked for, once every job is done."""
    with moto_with_iam() as needed:
        made = IamStage(Deployed("dev", settings={"MACHINES": LISTED}), patch)
        made.make()
        for machine in (LISTED, UNLISTED):
            made.make_machine(machine)
        for job in (catch_what_died, put_back, sweep, give_up, admit):
            job(made)
        yield made, needed


def test_every_job_of_a_listed_machine_is_done_and_nothing_is_denied(
    stage: tuple[IamStage, Needed],
) -> None:
    _, needed = stage
    assert {role: calls for role, calls in needed.denied.items() if calls} == {}
    resources = {(call.action, call.resource) for role in needed for call in needed[role]}
    assert {
        "states:DescribeExecution",
        "states:DescribeMapRun",
        "states:DescribeStateMachine",
        "states:DescribeStateMachineForExecution",
        "states:GetExecutionHistory",
        "states:ListExecutions",
        "states:RedriveExecution",
        "states:SendTaskFailure",
        "states:SendTaskSuccess",
        "states:StartExecution",
    } <= {action for action, resource in resources if f":{LISTED}" in resource}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_a_role_may_do_in_a_listed_machine_it_may_in_no_other(
    stage: tuple[IamStage, Needed], function: str
) -> None:
    made, needed = stage
    policies = [made.deployed.of_function(function)]
    calls = [call for call in needed[made.role(function)] if f":{LISTED}" in call.resource]
    for call in calls:
        other = call.resource.replace(f":{LISTED}", f":{UNLISTED}")
        assert not allows(policies, Call(call.action, other, call.context)), call
    assert not [call for call in needed[made.role(function)] if UNLISTED in call.resource]

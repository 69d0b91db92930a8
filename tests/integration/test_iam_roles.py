"""The stack's roles: what the state machine and the schedules do, they may; and nothing else."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.authorization import enable_iam_authentication

from respool.deploy.iam import Call, allows
from tests.iam.deployed import MACHINES, Deployed
from tests.iam.evaluated import tasks
from tests.iam.moto import Needed, moto_with_iam
from tests.iam.narrowed import narrowed
from tests.iam.stage import IamStage

LOG_DELIVERY = [
    "CreateLogDelivery",
    "DeleteLogDelivery",
    "DescribeLogGroups",
    "DescribeResourcePolicies",
    "GetLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "UpdateLogDelivery",
]
"""What Step Functions asks for when a machine with logging is made (its guide, "Logging")."""
OTHERS = ["prod", "dev2", "dev-2", "dev-spool", "de", "x-dev"]


@pytest.fixture(scope="module")
def moto() -> Iterator[Needed]:
    with moto_with_iam() as needed:
        yield needed


@pytest.fixture(scope="module")
def dev(moto: Needed) -> Iterator[IamStage]:
    with pytest.MonkeyPatch.context() as patch:
        stage = IamStage(Deployed("dev"), patch)
        stage.make()
        yield stage


@pytest.fixture(scope="module", params=[(m, via) for m in MACHINES for via in ("lambda", "sqs")])
def deployed(request: pytest.FixtureRequest) -> Deployed:
    machine, via = request.param
    return Deployed("dev", machine, via)


def do(session: Any, resource: str, arguments: Any) -> None:
    """Call what a Task calls; that it was not there, or not so, is no matter."""
    try:
        if "dynamodb:" in resource:
            name = resource.rpartition(":")[2]
            method = re.sub("[A-Z]", lambda one: f"_{one[0].lower()}", name)
            getattr(session.client("dynamodb"), method)(**arguments)
        elif ":sqs:sendMessage" in resource:
            body = json.dumps(arguments["MessageBody"])
            session.client("sqs").send_message(QueueUrl=arguments["QueueUrl"], MessageBody=body)
        else:
            function = resource if ":function:" in resource else arguments["FunctionName"]
            session.client("lambda").invoke(FunctionName=function)
    except ClientError as refused:
        if "not authorized" in str(refused):
            raise


def by_machine(dev: IamStage, deployed: Deployed, moto: Needed) -> set[Call]:
    """What a run through every Task of the machine asks for, made with the machine's role."""
    role = dev.take_on("MachineRole", deployed)
    calls = tasks(deployed.machine, deployed.via, dev.url(dev.names.spool))
    moto[role].clear()
    with enable_iam_authentication():
        session = dev.assumed("MachineRole")
        for resource, arguments in calls:
            do(session, resource, arguments)
    return moto[role] | {Call(f"logs:{action}", "*") for action in LOG_DELIVERY}


def test_the_machine_runs_with_its_own_role_and_needs_all_of_it(
    dev: IamStage, deployed: Deployed, moto: Needed
) -> None:
    needed = by_machine(dev, deployed, moto)
    policies = deployed.of_role("MachineRole")

    assert [call for call in needed if not allows(policies, call)] == []
    assert idle(policies, needed) == []
    for other in OTHERS:
        assert reached(policies, needed, other) == []


def test_schedules_run_with_their_role_and_need_all_of_it(dev: IamStage, moto: Needed) -> None:
    role = dev.role("SchedulerRole")
    targets = [
        one["Properties"]["Target"]
        for one in dev.deployed.resources.values()
        if one["Type"] == "AWS::Scheduler::Schedule"
    ]
    assert {json.dumps(one["RoleArn"]) for one in targets} == {'{"Ref": "SchedulerRole"}'}
    with enable_iam_authentication():
        session = dev.assumed("SchedulerRole")
        for target in targets:
            do(session, target["Arn"], {})
            if "DeadLetterConfig" in target:
                queue = target["DeadLetterConfig"]["Arn"].rpartition(":")[2]
                session.client("sqs").send_message(QueueUrl=dev.url(queue), MessageBody="{}")
    policies = dev.deployed.of_role("SchedulerRole")

    assert len(moto[role]) == 3
    assert idle(policies, moto[role]) == []
    for other in OTHERS:
        assert reached(policies, moto[role], other) == []


def idle(policies: list[Any], needed: set[Call]) -> list[str]:
    """What can be taken away and everything still works."""
    return [
        lacking
        for n, policy in enumerate(policies)
        for lacking, less in narrowed(policy)
        if all(allows([*policies[:n], less, *policies[n + 1 :]], call) for call in needed)
    ]


def reached(policies: list[Any], needed: set[Call], other: str) -> list[Call]:
    """What is allowed on another stage."""
    return [
        abroad
        for call in needed
        if "respool-dev" in call.resource
        and allows(
            policies,
            abroad := Call(
                call.action, call.resource.replace("respool-dev", f"respool-{other}"), call.context
            ),
        )
    ]

"""The stage that the end-to-end tests act on: what `chalice deploy --stage local` has deployed."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser

from chalicelib.aws.world import AwsWorld
from chalicelib.deployed import Deployed, SystemTime
from chalicelib.settings import Settings
from respool import variables
from respool.local.deployment import Deployment
from respool.local.emulator import LocalAws, local_aws
from respool.local.project import ProjectCopy, project_copy
from tests.e2e.browser import browser

WAIT_SCALE = 0.05
QUICK = {"SLEEP": "0"}

Copy = Callable[..., ProjectCopy]
Deploy = Callable[..., Deployment]
Engines = Callable[[Deployment], Deployed]


class Quiet:
    """A telemetry that keeps what it is told to itself."""

    def event(self, action: str, **fields: Any) -> None:
        """Nothing."""

    def warning(self, action: str, **fields: Any) -> None:
        """Nothing."""

    def metric(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Here:
    """Stands for an SDK session, whose clients call the local AWS."""

    deployment: Deployment

    def client(self, service: Any, **_: object) -> Any:
        """A client of that service at the deployment's account."""
        return self.deployment.client(service)


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    """A local AWS for the whole run; its waits and retry delays are 20 times shorter."""
    with local_aws(wait_scale=WAIT_SCALE) as local:
        yield local


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    """The browser, for the tests of one file."""
    with browser() as running:
        yield running


def make_orders(stage: Deployment) -> None:
    """The other machine that the stage serves; a sweep tells of one that is not there."""
    plain = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    account = stage.names.state_machine_arn.split(":")[4]
    stage.client("stepfunctions").create_state_machine(
        name="orders",
        definition=json.dumps(plain),
        roleArn=f"arn:aws:iam::{account}:role/orders",
    )


@pytest.fixture(scope="session")
def deployment(aws: LocalAws) -> Iterator[Deployment]:
    """The project, deployed once."""
    with project_copy(aws.endpoint) as copy:
        copy.change_settings({**QUICK, "MACHINES": "orders", "RESCUE_FAIL_STATES": "orders"})
        copy.deploy()
        stage = Deployment(copy)
        make_orders(stage)
        yield stage


@pytest.fixture(scope="session")
def sqs_deployment(aws: LocalAws) -> Iterator[Deployment]:
    """The project, deployed once with the state machine writing to the spool itself."""
    with project_copy(aws.endpoint, "222222222222") as copy:
        copy.change_settings({**QUICK, "SPOOL_VIA": "sqs"})
        copy.deploy()
        yield Deployment(copy)


@pytest.fixture
def stage(deployment: Deployment) -> Deployment:
    """The deployed stage with nothing running, spooled or claimed, and a task that works."""
    deployment.clear()
    return deployment


VIAS = ["lambda", pytest.param("sqs", marks=pytest.mark.soak)]
"""Both ways of spooling. The second one of all but the loop's tests is for `make soak`."""


def stage_that_spools_via(request: pytest.FixtureRequest) -> Deployment:
    """The cleared stage that spools in the way that the fixture's parameter says."""
    name = {"lambda": "deployment", "sqs": "sqs_deployment"}[request.param]
    deployment: Deployment = request.getfixturevalue(name)
    deployment.clear()
    return deployment


@contextmanager
def altered(stage: Deployment, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Executions that start meanwhile follow a changed definition."""
    machine = stage.names.state_machine_arn
    states = stage.client("stepfunctions")
    text = states.describe_state_machine(stateMachineArn=machine)["definition"]
    definition = json.loads(text)
    change(definition)
    states.update_state_machine(stateMachineArn=machine, definition=json.dumps(definition))
    try:
        yield
    finally:
        states.update_state_machine(stateMachineArn=machine, definition=text)


@pytest.fixture
def engines() -> Engines:
    """The engines wired to a deployed stage, as the command line wires them."""

    def wire(deployment: Deployment) -> Deployed:
        world = AwsWorld(deployment.names, Here(deployment), Quiet())
        function = f"{deployment.names.prefix}-reprocess"
        settings = Settings.read(variables.of(deployment.client("lambda"), function))
        return Deployed(world=world, settings=settings, clock=SystemTime())

    return wire


@pytest.fixture(scope="session")
def accounts() -> Iterator[int]:
    """Numbers of accounts that no other test uses, each an AWS of its own."""
    return count(100_000_000_000)


@pytest.fixture
def copy(aws: LocalAws, accounts: Iterator[int]) -> Iterator[Copy]:
    """Makes a copy of the project that is not deployed yet, in an account of its own.

    Takes `settings` for the stage's environment_variables and `files` to write, by their path.
    """
    with ExitStack() as copies:

        def make(
            settings: Mapping[str, str] | None = None, files: Mapping[str, str] | None = None
        ) -> ProjectCopy:
            made = copies.enter_context(project_copy(aws.endpoint, str(next(accounts))))
            made.change_settings({**QUICK, **(settings or {})})
            made.write(files or {})
            return made

        yield make


@pytest.fixture
def deploy(copy: Copy) -> Deploy:
    """Deploys a copy with changed settings or files, in an account of its own."""

    def make(
        settings: Mapping[str, str] | None = None, files: Mapping[str, str] | None = None
    ) -> Deployment:
        made = copy(settings, files)
        made.deploy()
        return Deployment(made)

    return make

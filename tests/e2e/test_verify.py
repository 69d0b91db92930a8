"""What `make verify` checks on a real account, checked here, so that it is known to work."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from respool.local.deployment import Deployment
from respool.local.emulator import PROJECT, LocalAws
from respool.local.environment import clients, sdk_session, variables, without_aws
from respool.local.wheels import wheel_folder
from respool.verify.scenario import Scenario
from respool.verify.site import Pace, Site
from tests.e2e.conftest import Here
from tests.fakes.stand_in import stand_in


def test_the_scenario_holds_on_the_emulator_and_leaves_nothing(stage: Deployment) -> None:
    site = Site(stand_in(Here(stage)), stage.project.stage, Pace(lambda: None, patience=90))
    said: list[str] = []

    Scenario(site, "verify-e2e-", said.append).run(work_seconds="0.3")

    assert sum(line[0].isdigit() for line in said) == 8
    assert stage.spool_depth() == 0
    assert stage.jobs("running", "line", "parked", "stuck") == []
    assert site.variables("uncertain_task")["SLEEP"] == "0"


@pytest.mark.soak
def test_the_command_makes_a_stage_of_its_own_and_deletes_it(
    aws: LocalAws, accounts: Iterator[int]
) -> None:
    account = str(next(accounts))
    wheels = wheel_folder(PROJECT / "requirements.txt")
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)} if wheels else {}

    done = subprocess.run(
        [sys.executable, "-m", "respool.verify", "dev", "--yes"],
        cwd=PROJECT,
        env={**without_aws(os.environ), **variables(aws.endpoint, account), **offline},
        capture_output=True,
        text=True,
        timeout=540,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "costs under one cent" in done.stdout
    assert "nothing is left of it" in done.stdout
    client = clients(sdk_session(account), aws.endpoint)
    assert client("lambda").list_functions()["Functions"] == []
    assert client("sqs").list_queues().get("QueueUrls", []) == []
    assert client("dynamodb").list_tables()["TableNames"] == []
    assert client("secretsmanager").list_secrets()["SecretList"] == []
    assert client("logs").describe_log_groups()["logGroups"] == []

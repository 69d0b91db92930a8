"""The command line as a person types it, at the deployed stage."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from respool.local.deployment import Deployment
from respool.local.environment import variables, without_aws

Result = subprocess.CompletedProcess[str]
Type = Callable[..., Result]
COMMAND = (sys.executable, "-m", "respool.cli")


def environment(deployment: Deployment) -> dict[str, str]:
    there = variables(deployment.project.endpoint, deployment.project.account)
    ours = {name: text for name, text in os.environ.items() if name != "COLUMNS"}
    return {**without_aws(ours), **there}


@pytest.fixture
def type_in(stage: Deployment) -> Type:
    """Types a command; anything but the expected exit code is an error that shows both outputs."""

    def type_in(*words: str, code: int = 0, text: str | None = None) -> Result:
        done = subprocess.run(
            [*COMMAND, "--stage", stage.project.stage, *words],
            env=environment(stage),
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, f"{words}: {done.stdout}\n{done.stderr}"
        return done

    return type_in


def _parked(stage: Deployment, count: int) -> None:
    stage.wait_until(lambda: len(stage.jobs("parked")) == count, f"{count} parked jobs")


def test_a_person_finds_replays_and_gives_up_failed_jobs(stage: Deployment, type_in: Type) -> None:
    stage.set_behavior("NG")
    (first,) = type_in("submit", '{"key": "12345"}').stdout.split()
    type_in("submit", "-", "--name", "from-a-pipe", text='{"key": "12346"}')
    _parked(stage, 2)

    said = type_in("status").stdout
    assert "2 jobs waiting" in said
    assert "about 2 on the spool" in said
    said = type_in("jobs", "--error", "ConnectionError").stdout
    assert re.search(r"12345 +parked +UncertainTask +1 .*ConnectionError: the service", said)
    said = type_in("show", "12345").stdout
    assert "UncertainTask was tried again." in said
    assert "It was parked, to wait for a replay." in said
    assert type_in("replay", "--dry-run").stdout.count("waits on its token") == 2

    stage.set_behavior("OK")
    done = type_in("replay", "--key", "12345")
    assert "1 job put back (1 resumed)." in done.stdout
    assert done.stderr == ""
    stage.wait_until(lambda: stage.status(first) == "SUCCEEDED", "the replayed job's end")
    assert stage.output(first) == {"key": "12345"}
    said = type_in("show", "12345").stdout
    assert "12345: finished" in said
    assert "It was put back, and goes on." in said
    assert "It finished." in said

    type_in("give-up", "12346", "--reason", "ordered twice", "--yes")
    about = stage.describe(first.replace(first.rpartition(":")[2], "from-a-pipe"))
    assert (about["status"], about["error"], about["cause"]) == (
        "FAILED",
        "GivenUp",
        "ordered twice",
    )
    assert "no job is waiting" in type_in("status").stdout


def test_a_task_is_held_limited_and_released(stage: Deployment, type_in: Type) -> None:
    assert "UncertainTask takes no jobs" in type_in("hold", "--reason", "repair").stdout
    type_in("submit", '{"key": "held"}')
    stage.wait_until(lambda: len(stage.jobs("line")) == 1, "the held job in line")
    said = type_in("status").stdout
    assert ": repair. 0 jobs failed, 1 in line" in said
    type_in("release")
    stage.wait_until(lambda: not _jobs(type_in), "the held job's end")
    assert "takes 2 jobs at once" in type_in("limit", "UncertainTask", "2").stdout
    assert "takes 5 jobs at once" in type_in("limit", "UncertainTask", "default").stdout


def test_a_change_from_a_terminal_stands_in_the_api_s_log(stage: Deployment, type_in: Type) -> None:
    done = type_in("limit", "UncertainTask", "4", "--reason", "less load from here")

    assert done.stderr == ""
    (line,) = [each for each in stage.logged() if "less load from here" in each]
    assert json.loads(line)["what"] == "limit"


def test_a_job_is_waited_for_until_it_has_ended_or_is_parked(
    stage: Deployment, type_in: Type
) -> None:
    assert "ended: finished" in type_in("submit", '{"key": "a"}', "--wait").stderr.lower()
    stage.set_behavior("NG")
    assert "Is parked since" in type_in("submit", '{"key": "b"}', "--wait", code=1).stderr
    told = type_in("submit", '{"key": "b"}', "--wait", code=1).stderr
    assert "its key is held by a job that is parked since" in told


def _jobs(type_in: Type) -> Any:
    return json.loads(type_in("jobs", "--json").stdout)["jobs"]


def test_the_trigger_is_switched_and_the_sweep_runs(type_in: Type) -> None:
    assert "enabled" in type_in("trigger", "enable").stdout
    assert json.loads(type_in("status", "--json").stdout)["trigger"] == "enabled"
    assert "disabled" in type_in("trigger", "disable").stdout
    assert json.loads(type_in("sweep", "--json").stdout)["more"] is False


def test_a_token_works_at_the_api_until_it_is_revoked(stage: Deployment, type_in: Type) -> None:
    token = type_in("token", "create", "e2e").stdout.strip()
    assert "e2e   full" in type_in("token", "list").stdout
    assert stage.api("POST", "/replay?max=1", token=token).status == 200
    type_in("token", "revoke", "e2e")
    assert "no token is named 'e2e'" in type_in("token", "revoke", "e2e", code=2).stderr
    assert "e2e" not in type_in("token", "list").stdout


def test_an_invitation_lets_one_look_from_a_message_s_link(
    stage: Deployment, type_in: Type
) -> None:
    page, _, token = type_in("invite", "lee", "--read-only").stdout.strip().partition("#invite=")
    assert page == type_in("open", "--no-browser").stdout.strip()
    stage.set_behavior("NG")
    stage.start({"key": "told", "card": "4242"})
    _parked(stage, 1)
    stage.invoke("admit", {})

    said = type_in("incident", "--message").stdout
    assert "UncertainTask is failing: 1 job waiting" in said
    id = said.partition("#incident=")[2].split()[0]
    assert stage.api("GET", f"/incidents/{id}", token).json["waiting"]["parked"] == 1
    assert stage.api("POST", "/replay?max=1", token).status == 403
    assert "| jobs that failed |" in type_in("incident", id, "--markdown").stdout
    assert "4242" not in said
    type_in("token", "revoke", "lee")


def test_the_page_s_url_answers(type_in: Type, stage: Deployment) -> None:
    url = json.loads(type_in("open", "--json").stdout)["url"]
    assert re.fullmatch(r"http://\w+\.execute-api\.localhost:\d+/api/", url)
    assert url.split("//")[1].split(".")[0] in stage.api_url


def test_a_stage_that_is_not_there_is_a_usage_error(type_in: Type) -> None:
    done = type_in("--stage", "nowhere", "status", code=2)
    assert done.stdout == ""
    assert "stage 'nowhere' is not deployed in region us-east-1" in done.stderr
    assert done.stderr.count("\n") == 1


def test_ctrl_c_ends_a_slow_replay_with_its_count(stage: Deployment) -> None:
    stage.set_behavior("NG")
    for n in range(3):
        stage.start({"key": f"slow-{n}"})
    _parked(stage, 3)
    stage.set_behavior("OK")
    words = ("--stage", stage.project.stage, "replay", "--max", "3", "--rate", "0.05")
    with subprocess.Popen(
        [*COMMAND, *words],
        env=environment(stage),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        stage.wait_until(lambda: len(stage.jobs("parked")) < 3, "the first job put back")
        running.send_signal(signal.SIGINT)
        said, remarks = running.communicate(timeout=30)
    assert running.returncode == 130, remarks
    assert "1 job put back" in said
    assert "Still waiting: 2." in said
    assert "Interrupted" in remarks

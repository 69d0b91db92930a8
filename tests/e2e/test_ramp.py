"""The backlog drains itself: deployed, with nobody who presses anything.

The emulator keeps EventBridge Scheduler's schedules and doesn't fire them, so the tests invoke what
the stored schedule names, with what it holds, again and again. Its grain is a minute, and an
interval here a second: ticks between two intervals do no harm.
"""

import json
import re
from typing import Any

from playwright.sync_api import expect

from respool.local.deployment import Deployment
from respool.local.picture import chromium
from tests.e2e.browser import browser, page
from tests.e2e.conftest import Deploy
from tests.e2e.test_loop import finished

SETTINGS = {"RECOVERY": "ramp", "RAMP_INTERVAL": "1", "HEALTHY_AFTER": "1"}


def schedule(stage: Deployment) -> dict[str, Any]:
    """The ramp's schedule as it is stored."""
    name = f"{stage.names.prefix}-ramp"
    return dict(stage.client("scheduler").get_schedule(Name=name))


def fire(stage: Deployment) -> dict[str, Any]:
    """Do what the schedule would; returns what the tick says of the task."""
    target = schedule(stage)["Target"]
    function = target["Arn"].rpartition(f":{stage.names.prefix}-")[2]
    told = stage.invoke(function, json.loads(target["Input"]))
    return dict(told["ramp"]["UncertainTask"])


def steps(stage: Deployment) -> list[int]:
    """The sizes of the steps that were released, as the log has them."""
    lines = [json.loads(line) for line in stage.logged() if '"ramp-released"' in line]
    return [line["released"] for line in sorted(lines, key=lambda line: str(line["timestamp"]))]


def tries(stage: Deployment) -> int:
    """How often the task was called."""
    return sum('"task-entered"' in line for line in stage.logged())


def says(stage: Deployment) -> str:
    (task,) = stage.api("GET", "/status", stage.token).json["tasks"]
    return str(task["ramp"]["says"])


def test_twelve_jobs_drain_by_themselves_in_steps_of_one_two_four_and_five(deploy: Deploy) -> None:
    stage = deploy(SETTINGS)
    assert (schedule(stage)["State"], schedule(stage)["ScheduleExpression"]) == (
        "ENABLED",
        "rate(1 minute)",
    )
    stage.set_behavior("NG")
    executions = [stage.start({"key": f"ramp-{n:02}"}) for n in range(12)]
    stage.wait_until(
        lambda: len(stage.jobs("parked", "line")) == 12, "twelve jobs parked or in line", 120
    )
    assert len(stage.jobs("line")) >= 12 - (5 + 5), "the gate closes after five failures"
    calls = tries(stage)

    stage.wait_until(lambda: fire(stage).get("verdict") == "refused", "a probe to be refused")
    assert steps(stage) == [1]
    assert tries(stage) == calls + 2, "a probe and its retry, and no other call"
    assert re.match(r"probed .+ with job ramp-\d\d: still refusing; next try ", says(stage))

    stage.set_behavior("OK")
    stage.wait_until(
        lambda: fire(stage) and finished(stage, executions), "all twelve to be done", timeout=120
    )

    assert steps(stage) == [1, 1, 2, 4, 5]
    assert stage.spool_depth() == 0
    stage.wait_until(lambda: fire(stage)["waiting"] == fire(stage)["out"] == 0, "it to be idle")
    if chromium():
        assert_the_page_says(stage, "Ramp: nothing waits to be put back.")


def assert_the_page_says(stage: Deployment, text: str) -> None:
    with browser() as running, page(running) as tab:
        tab.goto(f"{stage.api_url}/")
        tab.locator("#token").fill(stage.token)
        tab.locator("#token").press("Enter")
        expect(tab.locator(".ramp")).to_have_text(text)

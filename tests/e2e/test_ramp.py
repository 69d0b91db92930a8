"""The backlog drains itself: deployed, with nobody who presses anything.

The emulator keeps EventBridge Scheduler's schedules and doesn't fire them, so the tests invoke what
the stored schedule names, with what it holds, again and again. Its grain is a minute, and an
interval here a second: ticks between two intervals do no harm.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Page, expect

from chalicelib.aws.incident_table import DynamoIncidents
from chalicelib.moments import iso
from respool.local.deployment import Deployment
from respool.local.picture import chromium
from tests.e2e.browser import browser, page
from tests.e2e.conftest import Deploy
from tests.e2e.listener import Listener, listener
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


def keys_of_steps(stage: Deployment) -> list[str]:
    """The jobs that steps released, in order; a step names its first ten."""
    lines = [json.loads(line) for line in stage.logged() if '"ramp-released"' in line]
    return [
        key
        for line in sorted(lines, key=lambda line: str(line["timestamp"]))
        for key in line["keys"]
    ]


@contextmanager
def signed_in(stage: Deployment) -> Iterator[Page | None]:
    """The page, all through the story; None where there is no Chromium."""
    if not chromium():
        yield None
        return
    with browser() as running, page(running) as tab:
        tab.goto(f"{stage.api_url}/")
        tab.locator("#token").fill(stage.token)
        tab.locator("#token").press("Enter")
        yield tab


def gate(stage: Deployment) -> dict[str, Any]:
    (task,) = stage.api("GET", "/status", stage.token).json["tasks"]
    return dict(task["gate"])


def test_in_an_outage_the_gate_closes_and_after_it_all_jobs_drain_by_themselves(
    deploy: Deploy,
) -> None:
    with listener() as heard:
        stage = deploy({**SETTINGS, "WEBHOOK_URL": f"{heard.address}/hook"})
        heard.subscribe(stage)
        assert (schedule(stage)["State"], schedule(stage)["ScheduleExpression"]) == (
            "ENABLED",
            "rate(1 minute)",
        )
        with signed_in(stage) as tab:
            executions = outage(stage, tab)
            begun(stage, heard)
            recovery(stage, tab, executions)
            over(stage, heard)
        a_time_that_the_service_names(stage)


def outage(stage: Deployment, tab: Page | None) -> list[str]:
    """Twelve jobs meet a service that is down; three more are started before a closed gate."""
    stage.set_behavior("NG")
    executions = [stage.start({"key": f"ramp-{n:02}"}) for n in range(12)]
    stage.wait_until(
        lambda: len(stage.jobs("parked", "line")) == 12, "twelve jobs parked or in line", 120
    )
    assert len(stage.jobs("line")) >= 12 - (5 + 5), "the gate closes after five failures"
    calls, line = tries(stage), len(stage.jobs("line"))
    assert calls <= 2 * (5 + 5)
    executions += [stage.start({"key": f"ramp-{n:02}"}) for n in range(12, 15)]
    stage.wait_until(lambda: len(stage.jobs("line")) == line + 3, "three more in line", 60)
    if tab:
        expect(tab.locator("#now")).to_have_text("UncertainTask takes no jobs")
        expect(tab.locator(".lead.gate")).to_contain_text("Closed by failures in a row since")
        expect(tab.locator(".lead.gate")).to_contain_text(
            f"{15 - line - 3} jobs failed, {line + 3} are untried."
        )
    stage.wait_until(lambda: fire(stage).get("verdict") == "refused", "a probe to be refused")
    assert steps(stage) == [1]
    assert tries(stage) == calls + 2, "a probe and its retry, and no other call"
    refused = re.compile(r"probed .+ with job ramp-\d\d: still refusing; next try ")
    stage.wait_until(lambda: refused.match(says(stage)), "the API to tell of the probe")
    return executions


def incident(stage: Deployment) -> dict[str, Any]:
    """The stage's latest incident, as the API tells it."""
    listed = stage.api("GET", "/incidents", stage.token).json["incidents"]
    return dict(stage.api("GET", f"/incidents/{listed[0]['id']}", stage.token).json)


def seen(stage: Deployment, jobs: int) -> bool:
    """Whether what calls `admit` every five minutes has seen as many jobs fail."""
    stage.invoke("admit", {})
    return bool(incident(stage)["jobs"] == jobs)


def begun(stage: Deployment, heard: Listener) -> None:
    """One message by each way, signed, with how things stand and the link."""
    failed, line = len(stage.jobs("parked")), len(stage.jobs("line"))
    stage.wait_until(lambda: seen(stage, failed), "every failure to be counted", 60)
    stage.wait_until(lambda: bool(heard.mails), "the mail")

    ((body, headers),) = heard.hooks
    assert headers["x-respool-news"] == "begun,gate-closed"
    signed = dict(part.split("=") for part in headers["x-respool-signature"].split(","))
    key = stage.client("secretsmanager").get_secret_value(SecretId=stage.names.hook_secret)
    told = f"{signed['t']}.".encode() + body
    made = hmac.new(key["SecretString"].encode(), told, hashlib.sha256).hexdigest()
    assert signed["v1"] == made
    text = json.loads(body)["text"]
    assert f"{failed} jobs failed and wait. {line} in line were not tried yet." in text
    assert "By itself respool tries one job" in text
    assert f"{stage.api_url}/#incident={incident(stage)['id']}" in text
    (mail,) = heard.mails
    assert mail["Subject"] == f"[respool-local] UncertainTask is failing: {failed} jobs waiting"
    assert mail["Message"].replace("\n\n", "\n").strip() in text
    assert "ramp-0" not in text, "no key, and no input"


def over(stage: Deployment, heard: Listener) -> None:
    """It is over once nobody has failed for ten minutes; here the record says so."""
    stage.invoke("admit", {})
    told = incident(stage)
    assert (told["over"], told["waiting"]["parked"], told["ended"]) == (False, 0, told["jobs"])
    assert [each["kind"] for each in told["replays"]] == ["ramp"]
    table = DynamoIncidents(stage.client("dynamodb"), stage.names.table)
    early = iso(datetime.now(UTC) - timedelta(minutes=11))
    kept = table.current(["UncertainTask"])["UncertainTask"]
    table.put(replace(kept, calm_since=early, last_failure_at=early), kept)
    stage.invoke("admit", {})
    stage.wait_until(lambda: len(heard.mails) == 2, "the mail that it is over")

    told = incident(stage)
    assert told["over"]
    assert {each["what"] for each in told["changes"]} >= {
        "gate-closed",
        "refused",
        "healthy",
        "gate-opened",
    }
    assert len(heard.hooks) == 2
    assert heard.mails[1]["Subject"].endswith("over, no failed job waits for a replay")


def recovery(stage: Deployment, tab: Page | None, executions: list[str]) -> None:
    """The service is well: one probe, then twice as many, the oldest first and each once."""
    calls, before = tries(stage), len(keys_of_steps(stage))
    stage.set_behavior("OK")
    stage.wait_until(
        lambda: fire(stage) and finished(stage, executions), "all fifteen to be done", timeout=120
    )

    assert steps(stage)[:4] == [1, 1, 2, 4]
    assert tries(stage) == calls + 15, "each was called once more, and did its work"
    again = keys_of_steps(stage)[before:]
    assert again == [f"ramp-{n:02}" for n in range(len(again))]
    assert stage.spool_depth() == 0
    stage.wait_until(lambda: fire(stage)["waiting"] == fire(stage)["out"] == 0, "it to be idle")
    assert [json.loads(line)["action"] for line in told_of_gates(stage)] == [
        "gate-closed",
        "gate-opened",
    ]
    if tab:
        expect(tab.locator(".ramp")).to_have_text("Ramp: nothing waits to be put back.")
        expect(tab.locator("#now")).to_have_text("Nothing is waiting")


def told_of_gates(stage: Deployment) -> list[str]:
    """The log's lines of gates that closed and opened."""
    lines = [line for line in stage.logged() if '"action":"gate-' in line]
    return sorted(lines, key=lambda line: str(json.loads(line)["timestamp"]))


def a_time_that_the_service_names(stage: Deployment) -> None:
    """One failure closes the gate until then, and then one job is tried."""
    stage.set_environment("uncertain_task", BEHAVIOR="NG", CLOSED_FOR="12")
    executions = [stage.start({"key": "named-0"})]
    stage.wait_until(lambda: stage.jobs("parked") == ["named-0"], "the job to be parked")
    stage.wait_until(lambda: gate(stage)["by"] == "service", "the gate to be closed")
    assert gate(stage)["why"] == "ServiceClosed: the service is closed (Retry-After: 12)"
    executions += [stage.start({"key": "named-1"})]
    stage.wait_until(lambda: stage.jobs("line") == ["named-1"], "the other one in line")
    assert fire(stage)["released"] == 0, "not before that time"

    stage.set_behavior("OK")
    stage.wait_until(lambda: fire(stage) and finished(stage, executions), "both to be done", 60)
    assert keys_of_steps(stage)[-2:] == ["named-0", "named-1"]

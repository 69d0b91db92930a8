"""`make demo` and `make up`, as a newcomer runs them."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from respool import variables
from respool.local.demo import PICTURE
from respool.local.emulator import PROJECT
from respool.local.environment import clients, sdk_session
from respool.local.picture import chromium
from respool.local.up import has_desktop, own_machine
from respool.local.waiting import wait_until

PATIENCE = 600
"""Seconds after which a run is stuck, however slow the machine is."""


def test_the_demo_ends_well_and_shows_each_step() -> None:
    began = time.time()
    done = subprocess.run(
        [sys.executable, "-m", "respool.local.demo"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 7 jobs finished exactly once" in done.stdout
    for step in (
        "7 jobs in the spool",
        "Subject: [respool-local] UncertainTask is failing: 7 jobs waiting",
        "with no token: 401",
        "2 of 7 jobs done",
        "7 of 7 jobs done",
    ):
        assert step in done.stdout
    if chromium():
        pictured = f"its picture: {PICTURE}"
        assert pictured in done.stdout
        assert PICTURE.read_bytes().startswith(b"\x89PNG")
        assert PICTURE.stat().st_mtime > began
    else:
        assert "is not pictured: none of chromium" in done.stdout


def test_somebodys_own_pipeline_is_adopted_and_replayed_as_the_page_says(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "respool.local.adopt_demo"],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = " ".join(done.stdout.split())
    for step in (
        "friday FAILED 3.",
        "adopted.json was written.",
        "saturday/0/ChargeCard parked orders/ChargeCard 1",
        "1 job put back (1 resumed).",
        "saturday SUCCEEDED friday FAILED",
        "All 4 orders are paid, and were fetched once; again.json is orders.json again.",
    ):
        assert step in shown
    assert list(tmp_path.iterdir()) == []
    assert of(tmp_path) == []


def use(told: str, change: str) -> dict[str, str]:
    """Change a variable as `make up` says; returns all that it has then."""
    there = dict(re.findall(r"^export (\w+)=(\S*)$", told, re.MULTILINE))
    (line,) = re.findall(r"^ +(\S+ -m respool.local.function .*)$", told, re.MULTILINE)
    python, *words = shlex.split(line)
    assert python == ".venv/bin/python"
    subprocess.run(
        [sys.executable, *words[:-1], change],
        cwd=PROJECT,
        env={**os.environ, **there},
        check=True,
    )
    functions = clients(sdk_session(), there["AWS_ENDPOINT_URL"])("lambda")
    return variables.of(functions, "respool-local-uncertain_task")


def test_up_says_how_to_use_it_and_leaves_nothing_when_ended(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    printed = tmp_path / "printed"
    with (
        printed.open("w") as out,
        subprocess.Popen(
            [sys.executable, "-m", "respool.local.up"], cwd=PROJECT, stdout=out, env=environment
        ) as up,
    ):
        try:
            ready = re.compile(
                r"page +http://\S+/\n.*curl -X POST .*replay\?max=2.*export AWS_ENDPOINT_URL=",
                re.DOTALL,
            )
            wait_until(
                lambda: ready.search(printed.read_text()), "make up", 300, seen=printed.read_text
            )
            told = printed.read_text()
            before = use(told, "BEHAVIOR=OK")
            assert use(told, "BEHAVIOR=NG") == {**before, "BEHAVIOR": "NG"}
            assert len(before) > 1
            up.send_signal(signal.SIGTERM)
            assert up.wait(90) == 0
        finally:
            up.kill()
    assert [path.name for path in tmp_path.iterdir()] == ["printed"]


def test_up_starts_jobs_of_no_other_machine_than_the_sample_s() -> None:
    assert own_machine({"TASK_LIMIT": "5"}) == ""
    assert own_machine({"STATE_MACHINE": "orders.yaml"}) == "orders.yaml"
    assert own_machine({"UNCERTAIN_TASKS": "UncertainTask"}) == "statemachine.json"


@pytest.mark.skipif(sys.platform == "darwin", reason="there is always a desktop")
def test_up_opens_a_browser_only_where_there_is_a_desktop() -> None:
    assert has_desktop({"DISPLAY": ":0"})
    assert has_desktop({"WAYLAND_DISPLAY": "wayland-0"})
    assert not has_desktop({"TERM": "xterm"})


DEPLOYS = "waiting for the deployment"


def of(folder: Path) -> list[str]:
    """The processes that name a folder in their words or environment, by their words."""
    found = []
    for about in Path("/proc").glob("[0-9]*"):
        try:
            words, variables = (about / "cmdline").read_bytes(), (about / "environ").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        if os.fsencode(folder) in words + variables:
            found.append(words.replace(b"\0", b" ").decode())
    return found


@pytest.mark.parametrize(
    ("demo_of", "number", "reached", "code"),
    [
        ("demo", signal.SIGHUP, DEPLOYS, 129),
        pytest.param("demo", signal.SIGTERM, DEPLOYS, 143, marks=pytest.mark.soak),
        pytest.param("demo", signal.SIGINT, DEPLOYS, 130, marks=pytest.mark.soak),
        pytest.param("demo", signal.SIGHUP, "jobs in the spool", 129, marks=pytest.mark.soak),
        pytest.param("demo", signal.SIGTERM, "jobs in the spool", 143, marks=pytest.mark.soak),
        pytest.param("demo", signal.SIGINT, "jobs in the spool", 130, marks=pytest.mark.soak),
        ("adopt_demo", signal.SIGTERM, DEPLOYS, 143),
        pytest.param("adopt_demo", signal.SIGINT, DEPLOYS, 130, marks=pytest.mark.soak),
        pytest.param("adopt_demo", signal.SIGHUP, "name saturday", 129, marks=pytest.mark.soak),
    ],
)
def test_a_demo_that_is_ended_half_way_leaves_nothing(
    demo_of: str, number: signal.Signals, reached: str, code: int, tmp_path: Path
) -> None:
    folder = tmp_path / "scratch"
    folder.mkdir()
    printed = tmp_path / "printed"
    with (
        printed.open("w") as out,
        subprocess.Popen(
            [sys.executable, "-u", "-m", f"respool.local.{demo_of}"],
            cwd=PROJECT,
            stdout=out,
            stderr=out,
            env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        ) as demo,
    ):
        try:
            wait_until(lambda: reached in printed.read_text(), reached, 90, seen=printed.read_text)
            assert of(folder)
            os.killpg(demo.pid, number)  # as a terminal does
            assert demo.wait(30) == code, printed.read_text()
        finally:
            demo.kill()
    assert "Traceback" not in printed.read_text()
    assert list(folder.iterdir()) == []
    wait_until(lambda: not of(folder), "the end of its processes", 10, seen=lambda: of(folder))

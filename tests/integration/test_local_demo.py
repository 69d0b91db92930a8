"""`make demo` and `make up`, as a newcomer runs them."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from chalicelib.local.emulator import PROJECT
from chalicelib.local.waiting import wait_until


def test_the_demo_ends_well_within_two_minutes_and_shows_each_step() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chalicelib.local.demo"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 7 jobs finished exactly once" in done.stdout
    for step in (
        "7 jobs in the spool",
        "with no token: 401",
        "2 of 7 jobs done",
        "7 of 7 jobs done",
    ):
        assert step in done.stdout


def test_up_says_how_to_use_it_and_leaves_nothing_when_ended(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    printed = tmp_path / "printed"
    with (
        printed.open("w") as out,
        subprocess.Popen(
            [sys.executable, "-m", "chalicelib.local.up"], cwd=PROJECT, stdout=out, env=environment
        ) as up,
    ):
        try:
            ready = re.compile(r"curl -X POST .*replay\?max=2.*export AWS_ENDPOINT_URL=", re.DOTALL)
            wait_until(
                lambda: ready.search(printed.read_text()), "make up", 90, seen=printed.read_text
            )
            up.send_signal(signal.SIGTERM)
            assert up.wait(20) == 0
        finally:
            up.kill()
    assert [path.name for path in tmp_path.iterdir()] == ["printed"]

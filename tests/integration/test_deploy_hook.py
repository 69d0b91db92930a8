"""`chalice` and `make` as they are typed: what they refuse before AWS is asked for anything."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from respool.deploy import bundle
from respool.local.emulator import PROJECT
from respool.local.environment import variables, without_aws

CHALICE = Path(sys.executable).with_name("chalice")
NOWHERE = "http://127.0.0.1:1"
COMMANDS = (
    ("deploy",),
    ("delete",),
    ("dev", "plan"),
    ("package", "out"),
    ("local",),
    ("local", "--no-autoreload"),
)


def chalice(*words: str, **changes: str) -> str:
    """What a `chalice` command that has to fail says."""
    done = subprocess.run(
        [CHALICE, *words],
        cwd=PROJECT,
        env={**without_aws(os.environ), **variables(NOWHERE), **changes},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stdout
    if words[0] != "local":  # its parent process has no exit code of its own
        assert done.returncode == 1
    return done.stdout


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_an_empty_stage_is_refused_by_every_command(words: tuple[str, ...]) -> None:
    assert "--stage is given and empty" in chalice(*words, "--stage", "")


@pytest.mark.parametrize("words", [("deploy",), ("dev", "plan"), ("package", "out")], ids=" ".join)
def test_a_stage_that_there_is_not_is_refused_with_those_there_are(words: tuple[str, ...]) -> None:
    said = chalice(*words, "--stage", "nope")
    assert "has no stage 'nope'; it has dev, local, prod." in said


@pytest.mark.parametrize("words", [("deploy",), ("delete",), ("dev", "plan")], ids=" ".join)
def test_an_empty_profile_or_region_is_refused(words: tuple[str, ...]) -> None:
    stage = ("--stage", "local")
    assert "--profile is given and empty" in chalice(*words, *stage, "--profile", "")
    assert "AWS_REGION is given and empty" in chalice(*words, *stage, AWS_REGION="")


class Recorder(BaseHTTPRequestHandler):
    """An AWS that refuses everything, and remembers for which region it was signed."""

    regions: set[str]

    def do_POST(self) -> None:
        """Refuse."""
        scope = self.headers["Authorization"].partition("Credential=")[2].split(",")[0]
        self.regions.add(scope.split("/")[2])
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b"<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def recorder() -> Iterator[tuple[str, set[str]]]:
    """The address of such an AWS, and the regions that it was asked in."""
    regions: set[str] = set()
    kind = type("Recording", (Recorder,), {"regions": regions})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", regions
        server.shutdown()


def test_a_deploy_goes_where_the_newer_variable_says(recorder: tuple[str, set[str]]) -> None:
    url, regions = recorder
    there = {"AWS_ENDPOINT_URL": url, "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"}
    said = chalice("deploy", "--stage", "local", **there)
    assert regions == {"eu-west-1"}
    assert "Log in again: aws sso login" in said


def test_without_a_region_a_deploy_says_how_to_name_one() -> None:
    environment = {n: v for n, v in variables(NOWHERE).items() if "REGION" not in n}
    done = subprocess.run(
        [CHALICE, "deploy", "--stage", "local"],
        cwd=PROJECT,
        env={**without_aws(os.environ), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "Name one by AWS_REGION" in done.stderr


@pytest.mark.parametrize("stage", ["", "nope", "../.."])
def test_packing_a_stage_that_there_is_not_removes_nothing(stage: str) -> None:
    done = CliRunner().invoke(bundle.main, ["--stage", stage])
    assert done.exit_code == 1
    assert "--stage is given and empty" in done.output or "it has dev, local, prod" in done.output
    assert (PROJECT / "app.py").exists()


@pytest.mark.parametrize("target", ["package", "verify"])
@pytest.mark.parametrize(
    ("words", "passed"), [((), '"dev"'), (("STAGE=",), '""'), (("STAGE=prod",), '"prod"')]
)
def test_make_hands_on_the_stage_that_it_is_given(
    target: str, words: tuple[str, ...], passed: str, tmp_path: Path
) -> None:
    ready = tmp_path / ".ready"
    ready.touch()
    done = subprocess.run(
        ["make", "-n", target, f"READY={ready}", *words],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if name != "STAGE"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert passed in done.stdout

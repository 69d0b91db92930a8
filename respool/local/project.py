"""A copy of this project in a scratch folder, where `chalice` runs against the local AWS."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.errors import RespoolError
from respool.deploy.checks.findings import read_json
from respool.deploy.stages import CONFIG
from respool.local.emulator import PROJECT
from respool.local.environment import ACCOUNT, clients, sdk_session, variables, without_aws
from respool.local.wheels import wheel_folder
from respool.scratch import scratch

PARTS = (
    "app.py",
    "chalicelib",
    "respool",
    "statemachine.json",
    "requirements.txt",
    "vendor",
    ".chalice",
)
NOT_COPIED = ("__pycache__", "*.pyc", "deployed", "deployments", "rendered")
CHALICE = (sys.executable, "-c", "import sys; from chalice.cli import main; sys.exit(main())")
TIMEOUT = 300
BUCKET = "templates-{account}"
"""Where templates lie that are too large for a request, unless the stage names another bucket."""


class ChaliceFailed(RespoolError):
    """A `chalice` command ended with an error; the text is what it printed."""


@dataclass(frozen=True)
class ProjectCopy:
    """A copy of the project, and the local AWS and account that its deployments go to."""

    folder: Path
    endpoint: str
    account: str = ACCOUNT
    stage: str = "local"

    def chalice(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run `chalice <words> --stage <stage>` and return its code and its output."""
        return subprocess.run(
            [*CHALICE, *words, "--stage", self.stage],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
        )

    def deploy(self) -> str:
        """Run `chalice deploy` and return what it printed; raises ChaliceFailed.

        A bucket for large templates, which an account has already, is made here.
        """
        self._make_bucket()
        done = self.chalice("deploy")
        if done.returncode:
            raise ChaliceFailed(f"chalice deploy --stage {self.stage} failed:\n{done.stdout}")
        return done.stdout

    def settings(self) -> dict[str, str]:
        """The variables that the stage's next deploy takes."""
        config = read_json(self.folder / CONFIG, CONFIG)
        own = config.get("stages", {}).get(self.stage, {}).get("environment_variables", {})
        return {**config.get("environment_variables", {}), **own}

    def change_settings(self, settings: Mapping[str, str]) -> None:
        """Put them into the stage's environment_variables; the next deploy takes them."""
        path = self.folder / CONFIG
        config = json.loads(path.read_text())
        stage = config.setdefault("stages", {}).setdefault(self.stage, {})
        stage.setdefault("environment_variables", {}).update(settings)
        path.write_text(json.dumps(config, indent=2))

    def _make_bucket(self) -> None:
        name = self.settings().get("TEMPLATE_BUCKET", BUCKET.format(account=self.account))
        self.change_settings({"TEMPLATE_BUCKET": name})
        clients(sdk_session(self.account), self.endpoint)("s3").create_bucket(Bucket=name)

    def write(self, files: Mapping[str, str]) -> None:
        """Write files into the copy, by their path in the project."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def deployed(self) -> list[dict[str, Any]]:
        """What Chalice says that it deployed."""
        record = self.folder / ".chalice" / "deployed" / f"{self.stage}.json"
        resources: list[dict[str, Any]] = json.loads(record.read_text())["resources"]
        return resources

    def environment(self) -> dict[str, str]:
        """What a command in the folder finds: the local AWS, and nothing of the user's account."""
        wheels = wheel_folder(self.folder / "requirements.txt")
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)} if wheels else {}
        return {
            **without_aws(os.environ),
            **variables(self.endpoint, self.account),
            **offline,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }


@contextmanager
def project_copy(
    endpoint: str, account: str = ACCOUNT, source: Path = PROJECT
) -> Iterator[ProjectCopy]:
    """A copy without any record of the user's own deployments; gone afterwards."""
    with scratch("project") as folder:
        copy_parts(source, folder.path)
        yield ProjectCopy(folder.path, endpoint, account)


def copy_parts(source: Path, folder: Path) -> None:
    """Copy what a deployment is made of; a record of deployments in the folder stays."""
    for name in (*PARTS, *named_definitions(source)):
        _copy(source / name, folder / name)


def named_definitions(source: Path) -> list[str]:
    """The files inside the project that any stage's STATE_MACHINE names."""
    config = read_json(source / CONFIG, CONFIG)
    holders = [config, *config.get("stages", {}).values()]
    named = {one.get("environment_variables", {}).get("STATE_MACHINE", "") for one in holders}
    inside = source.resolve()
    return sorted(n for n in named if n and (source / n).resolve().is_relative_to(inside))


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        ignore = shutil.ignore_patterns(*NOT_COPIED)
        shutil.copytree(source, target, ignore=ignore, dirs_exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)

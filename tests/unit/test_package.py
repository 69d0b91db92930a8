"""What goes to Lambda: all that app.py can reach, and nothing else; and what a cold start loads."""

import ast
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from chalice.deploy.packager import AppOnlyDeploymentPackager, DependencyBuilder
from chalice.utils import UI, OSUtils

PROJECT = Path(__file__).resolve().parents[2]
NOT_AT_START = (
    "boto3",
    "click",
    "rich",
    "respool",
    "chalicelib.api.jobs",
    "chalicelib.api.openapi",
    "chalicelib.api.page_files",
    "chalicelib.api.status",
    "chalicelib.aws.ramp_table",
    "chalicelib.gate",
    "chalicelib.parking",
)


def packaged(folder: Path) -> set[str]:
    """The files in Chalice's package of a copy of this project."""
    shutil.copyfile(PROJECT / "app.py", folder / "app.py")
    for name in ("chalicelib", "respool", "tests"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc"))
    utils = OSUtils()
    packager = AppOnlyDeploymentPackager(utils, DependencyBuilder(utils), UI())
    with zipfile.ZipFile(packager.create_deployment_package(str(folder), "python3.13")) as opened:
        return set(opened.namelist())


def module_file(module: str) -> Path | None:
    base = PROJECT / module.replace(".", "/")
    files = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in files if path.is_file()), None)


def imported(path: Path) -> Iterator[str]:
    """What a module imports at any time, with the packages that those are in."""
    for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            inner = [f"{statement.module}.{alias.name}" for alias in statement.names]
            names = [statement.module, *inner]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[: n + 1]) for n in range(len(parts)))


def reached_from_app() -> set[Path]:
    reached: set[Path] = set()
    ahead = {PROJECT / "app.py"}
    while ahead:
        reached |= ahead
        names = {
            name for path in ahead for name in imported(path) if not name.startswith("respool")
        }
        ahead = {path for name in names if (path := module_file(name))} - reached
    return reached


def test_the_package_holds_app_chalicelib_and_the_runtime_alone(tmp_path: Path) -> None:
    names = packaged(tmp_path)

    assert "app.py" in names
    assert "chalicelib/api/page/index.html" in names
    assert {name.split("/")[0] for name in names} == {"app.py", "chalice", "chalicelib"}


def test_every_module_in_the_package_is_reached_from_app() -> None:
    modules = {PROJECT / "app.py", *(PROJECT / "chalicelib").rglob("*.py")}

    assert len(modules) > 30
    assert modules - reached_from_app() == set()


def test_a_cold_start_loads_nothing_that_only_looks_or_ramps() -> None:
    code = "import sys, app; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = set(done.stdout.split())
    assert "chalicelib.engines" in loaded
    assert {name for name in NOT_AT_START if name in loaded} == set()

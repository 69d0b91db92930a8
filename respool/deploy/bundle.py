"""`make package`: a stage's package and templates in build/, how large they are, and an SBOM.

The SBOM (CycloneDX) is made from the zip itself: unpacked into a bare environment, where the
tool finds the metadata of whatever is really in it. Needs cyclonedx-bom, a development requirement.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import click

from chalicelib.errors import RespoolError
from respool.deploy import stages
from respool.deploy.licences import PROJECT, RUNTIME
from respool.scratch import scratch

OUT = "build/package"
ZIP, SBOM = "deployment.zip", "sbom.json"
MOST_BYTES = 2_000_000
"""Zipped; each byte is a bit of every cold start."""
_CHALICE = (sys.executable, "-c", "import sys; from chalice.cli import main; sys.exit(main())")


class PackageFailed(RespoolError):
    """The package could not be made, or is not fit to be deployed; the text says why."""


def sizes(package: Path) -> Iterator[str]:
    """How large the zip is and what it holds, the largest first. Raises PackageFailed."""
    zipped = package.stat().st_size
    with zipfile.ZipFile(package) as opened:
        parts: Counter[str] = Counter()
        for entry in opened.infolist():
            parts[entry.filename.split("/")[0]] += entry.compress_size
    yield f"{package}: {zipped:,} bytes of {MOST_BYTES:,}"
    for name, size in parts.most_common(6):
        yield f"  {size:>9,}  {name}"
    if zipped > MOST_BYTES:
        raise PackageFailed(
            f"{package} has {zipped:,} bytes, {MOST_BYTES:,} are allowed: see what"
            " requirements.txt has brought in"
        )


def write_sbom(package: Path, target: Path) -> None:
    """Write the SBOM of what is in the zip. Raises PackageFailed."""
    with scratch("sbom") as folder:
        _unpack(package, folder.path)
        command = [sys.executable, "-m", "cyclonedx_py", "environment", "--no-validate"]
        about = [
            "--output-reproducible",
            "--pyproject",
            str(PROJECT / "pyproject.toml"),
            "-o",
            str(target),
            str(folder.path),
        ]
        _run([*command, *about], dict(os.environ))


def _unpack(package: Path, environment: Path) -> None:
    """Make an environment of the package, and name in it what Chalice put in without metadata."""
    venv.create(environment, with_pip=False, symlinks=True)
    where = {"base": str(environment), "platbase": str(environment)}
    libraries = Path(sysconfig.get_path("purelib", "venv", where))
    with zipfile.ZipFile(package) as opened:
        opened.extractall(libraries)
    metadata = Path(str(distribution(RUNTIME).locate_file(""))).glob(f"{RUNTIME}-*.dist-info")
    for folder in metadata:
        shutil.copytree(folder, libraries / folder.name)


def _package(stage: str, out: Path) -> None:
    """Run `chalice package`, which asks nothing of AWS but wants a region's name."""
    shutil.rmtree(out, ignore_errors=True)
    environment = {"AWS_DEFAULT_REGION": "us-east-1", **os.environ}
    _run([*_CHALICE, "package", "--stage", stage, str(out)], environment)


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise PackageFailed(f"{' '.join(command)} failed:\n{done.stdout}")


@click.command()
@click.option("--stage", default="dev", show_default=True, help="A stage of .chalice/config.json.")
def main(stage: str) -> None:
    """Write the stage's package, its templates and its SBOM into build/package/<stage>."""
    out = PROJECT / OUT / stage
    try:
        stages.refuse_unknown(PROJECT, stage)
        _package(stage, out)
        write_sbom(out / ZIP, out / SBOM)
        for line in sizes(out / ZIP):
            click.echo(line)
    except RespoolError as failed:
        raise click.ClickException(str(failed)) from None
    for file in sorted(out.iterdir()):
        click.echo(f"{file.stat().st_size:>11,}  {file.relative_to(PROJECT)}")


if __name__ == "__main__":
    main()

"""`make package`: what it says of a package, and what it refuses."""

import json
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from respool.deploy import bundle


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / bundle.ZIP
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("app.py", "")
        made.writestr("chalice/app.py", "")
        about = "Metadata-Version: 2.1\nName: shipped\nVersion: 1.2.3\nLicense-Expression: MIT\n"
        made.writestr("shipped-1.2.3.dist-info/METADATA", about)
        made.writestr("shipped/__init__.py", "")
    return path


def test_the_sbom_names_what_is_in_the_package_and_nothing_else(package: Path) -> None:
    sbom = package.with_name(bundle.SBOM)

    bundle.write_sbom(package, sbom)

    told = json.loads(sbom.read_text())
    found = {(each["name"], each["version"]) for each in told["components"]}
    assert found == {("shipped", "1.2.3"), ("chalice", version("chalice"))}
    assert told["metadata"]["component"]["name"] == "respool"


def test_a_package_over_two_megabytes_is_refused(package: Path) -> None:
    assert "deployment.zip" in "".join(bundle.sizes(package))

    with zipfile.ZipFile(package, "a") as made:
        made.writestr("large/module.py", b"x" * bundle.MOST_BYTES)

    with pytest.raises(bundle.PackageFailed, match="2,000,000 are allowed"):
        list(bundle.sizes(package))

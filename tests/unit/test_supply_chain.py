"""What is installed and shipped: pinned to the byte, and under licences that are named."""

import re
from pathlib import Path

import pytest

from respool.deploy import licences

PROJECT = Path(__file__).resolve().parents[2]
FREE = {"MIT", "Apache-2.0", "PSF-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC"}


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_to_a_version_and_its_hashes(file: str) -> None:
    text = (PROJECT / file).read_text()
    entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^ *#.*\n", "", text).strip())

    assert len(entries) > 3
    for entry in entries:
        assert re.match(r"[\w.-]+(\[\w+\])?==[\w.]+( ;|\s|$)", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


def test_nothing_is_installed_without_its_hash() -> None:
    installs = re.findall(r"pip install .*", (PROJECT / "Makefile").read_text())

    assert installs
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)


def test_the_page_of_licences_is_current() -> None:
    """Fix it with: python -m respool.deploy.licences."""
    written = (PROJECT / licences.PAGE).read_text(encoding="utf-8")

    assert written == licences.page((PROJECT / "requirements.txt").read_text())


def test_everything_shipped_may_be_used_freely() -> None:
    shipped = list(licences.shipped((PROJECT / "requirements.txt").read_text()))

    assert {each.name for each in shipped} >= {"chalice", "aws_lambda_powertools"}
    assert {each.licence for each in shipped} <= FREE

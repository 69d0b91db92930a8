"""docs/fidelity.md tells of every patch, and names nothing that is not there."""

import re
from pathlib import Path

import pytest

from respool.local.patches import PATCHES

TEXT = Path("docs/fidelity.md").read_text()
NAMED = sorted(set(re.findall(r"`((?:tests|chalicelib|respool)/[^`]+)`", TEXT)))


def test_every_patch_is_told_of_and_no_other() -> None:
    part = TEXT.partition("## Where the emulator is patched")[2].partition("\n## ")[0]

    told = re.findall(r"^- \*(.+?)\*:", part, re.MULTILINE)

    assert sorted(told) == sorted(one.__name__.replace("_", " ").capitalize() for one in PATCHES)


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`((?:tests|chalicelib|respool)/[^`]+)`", TEXT)))
)
def test_every_file_that_is_named_is_there(name: str) -> None:
    assert list(Path().glob(name))


def test_every_row_says_what_holds_it() -> None:
    rows = [row for row in TEXT.splitlines() if row.startswith("|") and row.count("|") == 5]

    held = [row.split("|")[3].strip() for row in rows]

    assert len(rows) > 50
    assert all(held)

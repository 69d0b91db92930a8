"""docs/fidelity.md is one page, cites facts that there are, and names nothing that is not there."""

import re
from pathlib import Path

import pytest

from tests.aws_facts.fact import FACTS
from tests.aws_facts.test_facts import MODULES

TEXT = Path("docs/fidelity.md").read_text()
NAMED = sorted(set(re.findall(r"`((?:tests|chalicelib|respool)/[^`]+)`", TEXT)))
ROWS = [row for row in TEXT.splitlines() if row.startswith("|") and row.count("|") == 5]
HELD = [row.split("|")[3].strip() for row in ROWS]
MOST_WORDS = 1805


def test_it_is_one_page() -> None:
    assert len(TEXT.split()) <= MOST_WORDS


@pytest.mark.parametrize("name", NAMED)
def test_every_file_that_is_named_is_there(name: str) -> None:
    assert list(Path().glob(name))


def test_every_row_says_what_holds_it() -> None:
    assert len(ROWS) > 45
    assert all(HELD)


def test_every_fact_is_cited_and_what_is_patched_cites_one() -> None:
    assert MODULES  # whose facts have noted themselves
    cited = set(re.findall(r"`([a-z]+(?:-[a-z0-9]+)+)`", " ".join(HELD)))
    assert cited == set(FACTS) - UNCITED
    assert not [held for held in HELD if "patch" in held and "`" not in held]


UNCITED = {"retry-delay-is-bounded", "imported-api-has-its-routes"}
"""Nothing here leans on these; they keep the emulator's waits and routes as they should be."""

"""One word for one thing: files and help have none of the words that the glossary replaced."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from respool.cli.run import respool

ROOT = Path(__file__).resolve().parents[2]
REPLACED = re.compile(
    r"\b(?:neighbou?rs?|twins?|journals?|graves?|heirs?|unborn|tally|foresight|set aside|sets aside"
    r"|a mend|the mend|its mend|mends|the net|a net|anew|excused|roomy|in sight|out of sight)\b",
    re.IGNORECASE,
)
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        *ROOT.glob("README*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "chalicelib" / "api" / "page").glob("*.js"),
        *(ROOT / "chalicelib").rglob("*.py"),
        *(ROOT / "respool").rglob("*.py"),
        *(ROOT / ".chalice" / "stack").glob("*.json"),
    )
)


def helps(command: click.Command) -> Iterator[str]:
    """What a command's help says, and that of each command in it."""
    yield command.get_help(click.Context(command))
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from helps(each)


@pytest.mark.parametrize("name", FILES)
def test_no_file_uses_a_word_that_the_glossary_replaced(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    assert REPLACED.findall(text) == []


def test_no_help_uses_a_word_that_the_glossary_replaced() -> None:
    assert [text for text in helps(respool) if REPLACED.search(text)] == []

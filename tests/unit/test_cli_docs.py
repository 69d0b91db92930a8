"""The documents, held to the command line's commands and options."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from respool.cli import codes
from respool.cli.run import respool

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("docs/cli.md",)
EVERY_DOCUMENT = (*DOCUMENTS, "README.md", "README.ja.md", "docs/api.md", "docs/settings.md")
EVERYWHERE = {"--stage", "--profile", "--region", "--json", "--help"}


def _commands(group: click.Group, path: str = "respool") -> Iterator[tuple[str, click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS = dict(_commands(respool))


def _own_options(command: click.Command) -> set[str]:
    options = (each for each in command.params if isinstance(each, click.Option))
    return {name for option in options for name in option.opts} - EVERYWHERE


def _lines(document: str, command: str) -> list[str]:
    """The lines that show this command at the beginning of a piece of code, with its options."""
    text = (PROJECT / document).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if re.search(rf"`{command}(?![\w-])", line)]


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_documented(document: str, command: str) -> None:
    lines = "\n".join(_lines(document, command))
    assert lines, f"{document} does not name `{command}`"
    missing = {o for o in _own_options(COMMANDS[command]) if not re.search(rf"{o}(?![\w-])", lines)}
    assert missing == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_options_of_all_commands_are_documented(document: str) -> None:
    text = (PROJECT / document).read_text(encoding="utf-8")
    assert [option for option in sorted(EVERYWHERE) if f"`{option}" not in text] == []


@pytest.mark.parametrize("document", EVERY_DOCUMENT)
def test_no_command_is_documented_that_is_not_there(document: str) -> None:
    text = (PROJECT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"[`$] ?respool ((?:token )?[a-z][a-z-]*)", text))
    assert {name for name in named if f"respool {name}" not in COMMANDS} <= {"token"}


def test_every_exit_code_is_documented() -> None:
    text = (PROJECT / "docs" / "cli.md").read_text(encoding="utf-8")
    exit_codes = {value for name, value in vars(codes).items() if name.isupper()}
    assert {code for code in exit_codes if f"| {code} |" not in text} == set()


def test_every_command_s_permissions_are_documented() -> None:
    _, _, text = (PROJECT / "docs" / "cli.md").read_text(encoding="utf-8").partition("be allowed")
    names = {command.split()[1] for command in COMMANDS}
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


def test_nothing_that_lambda_imports_knows_the_command_line() -> None:
    modules = [PROJECT / "app.py", *(PROJECT / "chalicelib").rglob("*.py")]
    imports = r"^\s*(?:from|import) (?:respool\.cli|click|rich)\b"
    text = {path: path.read_text(encoding="utf-8") for path in modules}
    assert len(modules) > 20
    assert [path for path in modules if re.search(imports, text[path], re.MULTILINE)] == []

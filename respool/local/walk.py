"""The commands of a page, run one after another as they stand there."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.errors import RespoolError
from respool.local.waiting import NotInTime, wait_until

LOOKS = (
    "respool jobs",
    "respool show",
    "respool status",
    "aws stepfunctions list-executions",
)
"""Commands that change nothing: they are typed again until they show what the page shows."""
PATIENCE = 120
TOOLS = {"respool": "respool.cli", "chalice": "chalice.cli", "aws": "respool.local.aws"}
_BLOCK = re.compile(r"```(\w+)[^\n]*\n(.*?)```", re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


class WalkFailed(RespoolError):
    """A command of the page does not do what the page says; the text shows what it did."""


@dataclass(frozen=True)
class Command:
    """One command, and the lines that the page shows of its output, where `...` may be anything."""

    line: str
    shown: tuple[str, ...]

    @property
    def looks(self) -> bool:
        """Whether it may be typed again."""
        return self.line.startswith(LOOKS)

    def lacks(self, output: str) -> list[str]:
        """What the page shows and the output has not, in that order."""
        rest = output.splitlines()
        lacking = []
        for line in self.shown:
            index = next((n for n, each in enumerate(rest) if _like(line, each)), None)
            if index is None:
                lacking.append(line)
            else:
                rest = rest[index + 1 :]
        return lacking


@dataclass(frozen=True)
class Step:
    """A part of the page: its words, the settings that it has one write, its commands."""

    title: str
    words: str
    settings: str
    commands: tuple[Command, ...]


def steps(page: str, section: str) -> list[Step]:
    """What stands under a heading of the second order, by its headings of the third."""
    (_, text) = page.split(f"\n## {section}\n")
    parts = text.partition("\n## ")[0].split("\n### ")[1:]
    return [_step(*part.split("\n", 1)) for part in parts]


def _step(title: str, text: str) -> Step:
    blocks = _BLOCK.findall(text)
    words = _LINK.sub(r"\1", _BLOCK.sub("", text)).strip()
    settings = next((content for kind, content in blocks if kind == "json"), "")
    typed = "".join(content for kind, content in blocks if kind == "console")
    return Step(title, words, settings, tuple(_commands(typed)))


def _commands(text: str) -> Iterator[Command]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, *output = part.rstrip().replace("\\\n", "").split("\n")
        yield Command(" ".join(line.split()), tuple(each for each in output if each.strip(" .")))


def _like(page_line: str, line: str) -> bool:
    pattern = "\\s+".join(map(re.escape, page_line.split())).replace(r"\.\.\.", ".*")
    return re.fullmatch(pattern, " ".join(line.split()).strip()) is not None


@dataclass(frozen=True)
class Shell:
    """Where the commands are typed: a folder, and an environment with tools of this project."""

    folder: Path
    environment: Mapping[str, str]

    def type_in(self, command: Command, tell: Callable[[str], None]) -> None:
        """Run a command and tell what it prints. Raises WalkFailed."""
        seen = (0, "")

        def satisfied() -> bool:
            nonlocal seen
            seen = self._run(command.line)
            return seen[0] == 0 and not command.lacks(seen[1])

        try:
            if command.looks:
                wait_until(satisfied, command.line, PATIENCE)
            elif not satisfied():
                raise NotInTime(command.line)
        except NotInTime:
            code, output = seen
            message = f"$ {command.line}\n{output}\nIt ended with the code {code}."
            lacking = "\n".join(command.lacks(output))
            excerpt = f" The page shows:\n{lacking}" if lacking else ""
            raise WalkFailed(message + excerpt) from None
        tell(seen[1])

    def _run(self, line: str) -> tuple[int, str]:
        done = subprocess.run(
            f"exec {line}",  # no shell stands between, which would leave it running
            shell=True,
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout.rstrip()


def put_tools(folder: Path) -> None:
    """Write the commands that a page may use, each as a script that runs this project's own."""
    folder.mkdir()
    for name, module in TOOLS.items():
        call = f"import sys; from {module} import main; sys.argv[0] = {name!r}; sys.exit(main())"
        words = shlex.join([sys.executable, "-c", call])
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        path.chmod(0o755)

"""What people and scripts get to see. Keys and errors are hostile text: nothing in them acts."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import click
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

LEAST = 20
"""Columns of a table's last one, however narrow the terminal is."""


def clean(text: str) -> str:
    """The text without anything that a terminal would obey, on one line."""
    return "".join(each if each.isprintable() else " " for each in text)


class Screen:
    """Results go to standard output; progress and remarks to standard error."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._out = _console(stderr=False)
        self.remarks = _console(stderr=True)

    def result(self, data: Any, tell: Callable[[], None]) -> None:
        """Print the data as JSON where that was asked for; else tell it in words."""
        if self._as_json:
            click.echo(json.dumps(data, indent=2, ensure_ascii=False))
        else:
            tell()

    def say(self, text: str, style: str = "") -> None:
        """A line for people, never cut or wrapped."""
        self._out.print(Text(clean(text), style=style), soft_wrap=True)

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table for people. Nothing is cut but the end of the last column, in a terminal."""
        cells = [[clean(str(cell)) for cell in row] for row in rows]
        widths = [max(map(cell_len, column)) for column in zip(heads, *cells, strict=True)]
        rest = max(LEAST, _columns() - sum(width + 2 for width in widths[:-1])) if _columns() else 0
        for number, row in enumerate([heads, *cells]):
            last = _cut(row[-1], rest) if rest else row[-1]
            padded = (
                set_cell_size(cell, width)
                for cell, width in zip(row[:-1], widths[:-1], strict=True)
            )
            self.say("  ".join([*padded, last]).rstrip(), "" if number else "bold")

    def facts(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Names and what they are, one a line; what is empty is left out."""
        rows = [(name, str(value)) for name, value in pairs if value not in ("", None)]
        width = max((len(name) for name, _ in rows), default=0)
        for name, value in rows:
            self.say(f"  {name:<{width}}  {value}")

    def remark(self, text: str) -> None:
        """A line beside the result, on standard error; where that is full or gone, nothing."""
        try:
            self.remarks.print(Text(clean(text), style="yellow"), soft_wrap=True)
        except OSError:
            self.remarks.quiet = True

    def busy(self, text: str) -> AbstractContextManager[Any]:
        """Show, where there is a terminal, that something is under way."""
        return self.remarks.status(text)


class _Console(Console):
    """A console that lets its caller know when the reader has gone."""

    def on_broken_pipe(self) -> None:
        """Rich would end the process here with code 1, which means something else."""
        raise BrokenPipeError


def _console(stderr: bool) -> Console:
    return _Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def _columns() -> int:
    """How wide the terminal is, or COLUMNS says; 0: it is none, so nothing is cut."""
    if not os.environ.get("COLUMNS", "").isdigit() and not sys.stdout.isatty():
        return 0
    return shutil.get_terminal_size().columns


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1).rstrip()}…"


def many(count: int, noun: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def moment(text: str) -> str:
    """An ISO 8601 time as the reader's clock shows it; other text as it is."""
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%a %Y-%m-%d %H:%M:%S %Z")
    except ValueError:
        return text


def span(seconds: float) -> str:
    """A length of time, roughly."""
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return many(int(seconds // size), unit)
    return many(int(seconds), "second")


def ago(text: str, now: datetime) -> str:
    """How long ago an ISO 8601 time was."""
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{span(max(0, (now - then.astimezone()).total_seconds()))} ago"

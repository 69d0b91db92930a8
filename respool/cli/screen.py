"""What people and scripts get to see. Keys and errors are hostile text: nothing in them acts."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chalicelib import moments

PIPED = 160
"""Columns where the output is no terminal and nobody knows its width."""


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
        """A table for people."""
        table = Table(*heads, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*(Text(clean(str(cell))) for cell in row))
        self._out.print(table)

    def facts(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Names and what they are, one a line; what is empty is left out."""
        shown = [(name, str(value)) for name, value in pairs if value not in ("", None)]
        width = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            self.say(f"  {name:<{width}}  {value}")

    def remark(self, text: str) -> None:
        """A line beside the result, on standard error."""
        self.remarks.print(Text(clean(text), style="yellow"), soft_wrap=True)

    def busy(self, text: str) -> AbstractContextManager[Any]:
        """Show, where there is a terminal, that something is under way."""
        return self.remarks.status(text)


class _Console(Console):
    """A console that lets its caller know when the reader has gone."""

    def on_broken_pipe(self) -> None:
        """Rich would end the process here with code 1, which means something else."""
        raise BrokenPipeError


def _console(stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPED
    return _Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def many(count: int, noun: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def moment(text: str) -> str:
    """An ISO 8601 time as the reader's clock shows it; other text as it is."""
    then = moments.read(text)
    return f"{then.astimezone():%a %Y-%m-%d %H:%M:%S %Z}" if then else text


def span(seconds: float) -> str:
    """A length of time, roughly."""
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return many(int(seconds // size), unit)
    return many(int(seconds), "second")


def ago(text: str, now: datetime) -> str:
    """How long ago an ISO 8601 time was."""
    then = moments.read(text)
    return f"{span(max(0, (now - then).total_seconds()))} ago" if then else text

"""Which `chalice` command runs, for which stage: read off its Click context, or its words."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

DEFAULT_STAGE = "dev"


@dataclass(frozen=True)
class Command:
    """A command under way; `context` is missing where Chalice imports the app in a thread."""

    name: str
    stage: str
    project: Path
    profile: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    context: click.Context | None = None


def current() -> Command | None:
    """The command that imports the app right now; None outside `chalice`."""
    context = click.get_current_context(silent=True)
    if context is None:
        return of_words(sys.argv[1:], Path.cwd())
    obj = context.find_root().obj
    if not isinstance(obj, dict) or "project_dir" not in obj:
        return None
    return Command(
        name=str(context.command.name),
        stage=str(context.params.get("stage", DEFAULT_STAGE)),
        project=Path(obj["project_dir"]),
        profile=context.params.get("profile"),
        params=context.params,
        context=context,
    )


def of_words(words: Sequence[str], here: Path) -> Command | None:
    """`chalice local`, which imports the app in a thread of its own, by the words it was given."""
    stage, command, previous = DEFAULT_STAGE, "", ""
    for word in words:
        if previous == "--stage":
            stage = word
        elif word.startswith("--stage="):
            stage = word.removeprefix("--stage=")
        elif word == "local":
            command = word
        previous = word
    if not command or not os.environ.get("AWS_CHALICE_CLI_MODE"):
        return None
    return Command(command, stage, here)

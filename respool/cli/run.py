"""Runs one command, and turns whatever goes wrong into one line and an exit code."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import click
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import AwsError, RespoolError
from respool.cli import changing, looking, replaying, tokens
from respool.cli.codes import DONE, INTERRUPTED, REFUSED, USAGE
from respool.cli.context import Context, everywhere
from respool.cli.screen import clean
from respool.refusals import explain


def _version() -> str:
    try:
        return version("respool")
    except PackageNotFoundError:  # run from a checkout
        return "(not installed)"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), prog_name="respool")
@everywhere
def respool() -> None:
    """Jobs that failed, parked whole: look at them, and put them back."""


for command in (
    *looking.COMMANDS,
    *replaying.COMMANDS,
    *changing.COMMANDS,
    *tokens.COMMANDS,
):
    respool.add_command(command)


def run(words: Sequence[str], context: Context | None = None) -> int:
    """Run one command; returns its exit code and never raises."""
    context = context or Context()
    try:
        code = respool.main(list(words), "respool", standalone_mode=False, obj=context)
        return code if isinstance(code, int) else DONE
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted; nothing more was begun", INTERRUPTED)
    except click.ClickException as wrong:
        return _fail(_usage(wrong), USAGE)
    except BrokenPipeError:
        return _closed()
    except (AwsError, BotoCoreError, ClientError) as refused:
        told = explain(refused, context.profile or "")
        return _fail(told.text, USAGE if told.chosen else REFUSED)
    except RespoolError as wrong:
        return _fail(str(wrong), USAGE)
    except Exception as unexpected:
        return _fail(f"unexpected {unexpected!r}; please report it", REFUSED)


def _fail(text: str, code: int) -> int:
    line = " ".join(clean(text).split())
    click.echo(f"respool: {line}", err=True)
    return code


def _usage(wrong: click.ClickException) -> str:
    context = getattr(wrong, "ctx", None)
    path = context.command_path if context else "respool"
    said = wrong.format_message().rstrip(".")
    return f"{said}{'' if said.endswith('?') else '.'} See {path} --help."


def _closed() -> int:
    """Whoever read our output has gone, as `head` does; Python's own flush must not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE

"""Runs one command, and turns whatever goes wrong into one line and an exit code."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import click
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import AwsError, RespoolError
from respool.cli import (
    adopting,
    changing,
    gates,
    incidents,
    inviting,
    looking,
    replaying,
    replays,
    streams,
    submitting,
    tokens,
)
from respool.cli.codes import DONE, INTERRUPTED, REFUSED, USAGE
from respool.cli.context import Context, everywhere
from respool.cli.screen import clean
from respool.refusals import explain


def _version() -> str:
    try:
        return version("respool")
    except PackageNotFoundError:  # run from a checkout
        return "(not installed)"


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.version_option(_version(), prog_name="respool")
@everywhere
@click.pass_context
def respool(shell: click.Context) -> None:
    """Jobs that failed, parked whole: look at them, and put them back."""
    if shell.invoked_subcommand is None:
        click.echo(shell.get_help())


for command in (
    *looking.COMMANDS,
    *replaying.COMMANDS,
    *replays.COMMANDS,
    *incidents.COMMANDS,
    *inviting.COMMANDS,
    *gates.COMMANDS,
    *changing.COMMANDS,
    *submitting.COMMANDS,
    *tokens.COMMANDS,
    *adopting.COMMANDS,
):
    respool.add_command(command)


def run(words: Sequence[str], context: Context | None = None) -> int:
    """Run one command; returns its exit code and never raises."""
    streams.prepare()
    context = context or Context()
    try:
        streams.check(words)
        code = _run(words, context)
        streams.flush()
        return code
    except BrokenPipeError:
        streams.give_up_on_output()
        return DONE
    except OSError as full:
        done = f"; {context.done}" if context.done else ""
        code = _fail(f"the result can't be written: {full.strerror or full}{done}", REFUSED)
        streams.give_up_on_output()
        return code
    except RespoolError as wrong:
        return _fail(str(wrong), USAGE)
    except KeyboardInterrupt:
        return _fail(f"interrupted; {context.done or 'nothing was begun'}", INTERRUPTED)


def _run(words: Sequence[str], context: Context) -> int:
    try:
        with respool.make_context("respool", list(words), obj=context) as shell:
            code = respool.invoke(shell)
        return code if isinstance(code, int) else DONE
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _fail(f"interrupted; {context.done or 'nothing was begun'}", INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as bare:
        click.echo(bare.format_message())
        return DONE
    except click.ClickException as wrong:
        return _fail(_usage(wrong), USAGE)
    except OSError:
        raise
    except (AwsError, BotoCoreError, ClientError) as refused:
        advice = explain(refused, context.profile or "")
        return _fail(advice.text, USAGE if advice.chosen else REFUSED)
    except RespoolError as wrong:
        return _fail(str(wrong), USAGE)
    except Exception as unexpected:
        return _fail(f"unexpected {unexpected!r}; please report it", REFUSED)
    finally:
        context.close()


def _fail(text: str, code: int) -> int:
    line = " ".join(clean(text).split())
    try:
        click.echo(f"respool: {line}", err=True)
    except OSError:
        streams.give_up_on_output()
    return code


def _usage(wrong: click.ClickException) -> str:
    context = getattr(wrong, "ctx", None)
    path = context.command_path if context else "respool"
    text = wrong.format_message().rstrip(".")
    return f"{text}{'' if text.endswith('?') else '.'} See {path} --help."

"""Runs one command, and turns whatever goes wrong into one line and an exit code."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import click
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from chalicelib.errors import AwsError, RespoolError
from respool.cli import changing, looking, replaying, tokens
from respool.cli.codes import DONE, INTERRUPTED, REFUSED, USAGE
from respool.cli.context import Context, everywhere
from respool.cli.screen import clean

_REMEDIES = {
    "AccessDenied": "Your credentials may not do this: docs/cli.md lists what each command needs.",
    "UnauthorizedOperation": "docs/cli.md lists what each command needs.",
    "NotAuthorized": "docs/cli.md lists what each command needs.",
    "ExpiredToken": "Log in again.",
    "InvalidClientTokenId": "Check the credentials, or choose others with --profile.",
    "UnrecognizedClient": "Check the credentials, or choose others with --profile.",
    "Could not connect": "Check the network and --region.",
}


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
    try:
        code = respool.main(list(words), "respool", standalone_mode=False, obj=context or Context())
        return code if isinstance(code, int) else DONE
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted; nothing more was begun", INTERRUPTED)
    except click.ClickException as wrong:
        return _fail(_usage(wrong), USAGE)
    except BrokenPipeError:
        return _closed()
    except AwsError as refused:
        return _fail(_with_remedy(str(refused), refused.__cause__), REFUSED)
    except RespoolError as wrong:
        return _fail(str(wrong), USAGE)
    except (BotoCoreError, ClientError) as refused:
        return _fail(_with_remedy(str(refused), refused), REFUSED)
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


def _with_remedy(text: str, cause: BaseException | None) -> str:
    if isinstance(cause, NoCredentialsError):
        return f"{text}. Give --profile, or set AWS_PROFILE."
    if isinstance(cause, NoRegionError):
        return f"{text} Give --region, or set AWS_REGION."
    remedy = next((remedy for sign, remedy in _REMEDIES.items() if sign in text), "")
    return f"{text.rstrip('.')}. {remedy}".strip()


def _closed() -> int:
    """Whoever read our output has gone, as `head` does; Python's own flush must not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE

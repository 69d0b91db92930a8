"""`python -m respool.local.function uncertain_task BEHAVIOR=NG`: on the local AWS alone."""

import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

import click
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import BadRequest, RespoolError
from chalicelib.names import APP
from respool import variables
from respool.deploy.stages import refuse_empty
from respool.refusals import explain
from respool.session import chosen

HERE = ("127.0.0.1", "localhost", "::1")


def read(words: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` as names and values. Raises BadRequest."""
    pairs = [word.partition("=") for word in words]
    for name, sign, _ in pairs:
        if not (name.isidentifier() and sign):
            raise BadRequest(f"{name + sign!r} must be NAME=VALUE, such as BEHAVIOR=NG")
    return {name: value for name, _, value in pairs}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("function")
@click.argument("changes", metavar="NAME=VALUE...", nargs=-1, required=True)
@click.option("--stage", default="local", show_default=True, help="The stage to work on.")
def change(function: str, changes: tuple[str, ...], stage: str) -> None:
    """Change variables of a FUNCTION of the stage on the local AWS; its others stay."""
    refuse_empty(stage)
    values = read(changes)
    functions = chosen().client("lambda")
    if urlsplit(str(functions.meta.endpoint_url)).hostname not in HERE:
        raise BadRequest("this is not the local AWS: first export what it has printed")
    name = f"{APP}-{stage}-{function}"
    variables.change(functions, name, values)
    click.echo(f"{name} has {', '.join(sorted(changes))} now; its other variables stay.")


def main() -> int:
    """Run it; what goes wrong is one line."""
    try:
        change.main(prog_name="respool.local.function", standalone_mode=False)
    except (RespoolError, BotoCoreError, ClientError) as wrong:
        click.echo(f"respool.local.function: {explain(wrong).text}", err=True)
        return 1
    except click.ClickException as wrong:
        wrong.show()
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Commands for the API's named tokens."""

import click

from chalicelib.aws.tokens import Kind
from respool.cli.desk import Desk, everywhere, pass_desk
from respool.cli.screen import moment


@click.group()
@everywhere
def token() -> None:
    """Who may use the page and the API."""


@token.command()
@click.argument("name")
@click.option("--read-only", is_flag=True, help="Good for looking only.")
@everywhere
@pass_desk
def create(desk: Desk, name: str, read_only: bool) -> None:
    """Make a token for NAME. It is shown now and never again."""
    kind = Kind.READ if read_only else Kind.FULL
    made = desk.stage.named_tokens.create(name, kind)
    data = {"name": name, "kind": kind.value, "token": made}
    desk.screen.result(data, lambda: desk.screen.say(made))


@token.command("list")
@everywhere
@pass_desk
def list_tokens(desk: Desk) -> None:
    """The named tokens, without what makes them good."""
    found = desk.stage.named_tokens.list()
    data = {"tokens": [{**vars(each), "kind": each.kind.value} for each in found]}

    def say() -> None:
        rows = [(each.name, each.kind.value, moment(each.created_at)) for each in found]
        if rows:
            desk.screen.table(("name", "kind", "made"), rows)
        else:
            desk.screen.say("There is no named token.")

    desk.screen.result(data, say)


@token.command()
@click.argument("name")
@everywhere
@pass_desk
def revoke(desk: Desk, name: str) -> None:
    """End the token of NAME. Within a minute it is refused."""
    desk.stage.named_tokens.revoke(name)
    done = {"name": name, "revoked": True}
    desk.screen.result(done, lambda: desk.screen.say(f"{name}'s token is revoked."))


COMMANDS = (token,)

"""Commands for the API's named tokens."""

import click

from chalicelib.api.audit import audited
from chalicelib.aws.tokens import Kind, Token
from respool.cli.context import Context, everywhere, pass_context
from respool.cli.screen import moment


@click.group()
@everywhere
def token() -> None:
    """Who may use the page and the API."""


@token.command()
@click.argument("name")
@click.option("--read-only", is_flag=True, help="Allow looking, and nothing else.")
@click.option("--days", type=int, help="Days for which it is good; else until it is revoked.")
@everywhere
@pass_context
def create(context: Context, name: str, read_only: bool, days: int | None) -> None:
    """Make a token for NAME. It is shown now and never again."""
    kind = Kind.READ if read_only else Kind.FULL
    stage = context.stage
    about = {"name": name, "kind": kind.value, **({"days": days} if days is not None else {})}
    with audited(stage, context.who, "token-create", "", **about) as line:
        secret = context.account.tokens().create(name, kind, days)
        line["count"] = 1
    data = {"name": name, "kind": kind.value, "token": secret}
    context.screen.result(data, lambda: context.screen.say(secret))


@token.command("list")
@everywhere
@pass_context
def list_tokens(context: Context) -> None:
    """List the named tokens, but never the tokens themselves."""
    tokens = context.account.tokens().list()
    data = {"tokens": [{**vars(each), "kind": each.kind.value} for each in tokens]}

    def say() -> None:
        rows = [
            (each.name, each.kind.value, moment(each.created_at), _end(each)) for each in tokens
        ]
        if rows:
            context.screen.table(("name", "kind", "made", "ends"), rows)
        else:
            context.screen.say("There is no named token.")

    context.screen.result(data, say)


@token.command()
@click.argument("name")
@everywhere
@pass_context
def revoke(context: Context, name: str) -> None:
    """End the token of NAME. Within a minute it is refused."""
    with audited(context.stage, context.who, "token-revoke", "", name=name) as line:
        context.account.tokens().revoke(name)
        line["count"] = 1
    done = {"name": name, "revoked": True}
    context.screen.result(done, lambda: context.screen.say(f"{name}'s token is revoked."))


def _end(token: Token) -> str:
    return moment(token.ends_at) if token.ends_at else "when revoked"


COMMANDS = (token,)

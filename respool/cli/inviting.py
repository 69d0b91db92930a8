"""The command that invites somebody to the page: one link, good for a while."""

import click

from chalicelib.api.audit import audited
from chalicelib.aws.tokens import Kind
from respool.cli.context import Context, everywhere, pass_context

DAYS = 90


@click.command()
@click.argument("name")
@click.option("--read-only", is_flag=True, help="Allow looking, and nothing else.")
@click.option(
    "--days", type=int, default=DAYS, show_default=True, help="Days for which the link is good."
)
@everywhere
@pass_context
def invite(context: Context, name: str, read_only: bool, days: int) -> None:
    """Print a link that opens the page for NAME. It is shown now and never again."""
    kind = Kind.READ if read_only else Kind.FULL
    page = context.account.page()
    about = {"name": name, "kind": kind.value, "days": days}
    with audited(context.stage, context.who, "token-create", "", **about) as line:
        token = context.account.tokens().create(name, kind, days)
        line["count"] = 1
    link = f"{page}#invite={token}"
    data = {"name": name, "kind": kind.value, "days": days, "link": link}
    context.screen.result(data, lambda: context.screen.say(link))


COMMANDS = (invite,)

"""What a command works with: the choices that every command takes, the screen, the stage."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import click

from chalicelib.stage import Stage, now
from respool.cli.account import Account
from respool.cli.screen import Screen

Command = TypeVar("Command", bound=Callable[..., Any])
Finder = Callable[[str, str | None, str | None], Account]


class Context:
    """One run of the command line; AWS is called only when a command needs it."""

    def __init__(self, find: Finder = Account.find, clock: Callable[[], datetime] = now) -> None:
        self.stage_name = "dev"
        self.profile: str | None = None
        self.region: str | None = None
        self.json = False
        self.clock = clock
        self._find = find

    @cached_property
    def account(self) -> Account:
        """The account that the credentials are for."""
        return self._find(self.stage_name, self.profile, self.region)

    @cached_property
    def stage(self) -> Stage:
        """The deployed stage, wired to the same engines as its Lambdas."""
        return self.account.stage()

    @cached_property
    def screen(self) -> Screen:
        """Where results go."""
        return Screen(self.json)


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(click_context: click.Context, option: click.Parameter, value: Any) -> None:
        if value == "":
            raise click.BadParameter("is empty: name one, or leave it out", click_context, option)
        if value:
            setattr(click_context.find_object(Context), name, value)

    return keep


_EVERYWHERE = (
    click.option(
        "--stage",
        metavar="NAME",
        expose_value=False,
        callback=_keep("stage_name"),
        help="The stage to work on (default: dev).",
    ),
    click.option(
        "--profile",
        metavar="NAME",
        expose_value=False,
        callback=_keep("profile"),
        help="The AWS profile whose credentials to use.",
    ),
    click.option(
        "--region",
        metavar="NAME",
        expose_value=False,
        callback=_keep("region"),
        help="The AWS region of the stage.",
    ),
    click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=_keep("json"),
        help="Print one JSON document, for scripts.",
    ),
)


def everywhere(command: Command) -> Command:
    """Give a command the options that all take, before or after the command's name."""
    for option in reversed(_EVERYWHERE):
        command = option(command)
    return command


pass_context = click.make_pass_decorator(Context)

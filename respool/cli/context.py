"""What a command works with: the choices that every command takes, the screen, the stage."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import click

from chalicelib.api.stage import Stage
from chalicelib.deployed import SystemTime
from chalicelib.errors import RespoolError
from chalicelib.moments import iso
from respool.cli.account import Account
from respool.cli.screen import Screen

Command = TypeVar("Command", bound=Callable[..., Any])
Finder = Callable[[str, str | None, str | None], Account]


class Context:
    """One run of the command line; AWS is called only when a command needs it.

    `done` says in words what has been done so far, for whoever is interrupted.
    """

    def __init__(
        self, find: Finder = Account.find, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.stage_name = "dev"
        self.profile: str | None = None
        self.region: str | None = None
        self.json = False
        self.done = ""
        self.clock = clock or SystemTime().now
        self._find = find
        self._account: Account | None = None

    @property
    def account(self) -> Account:
        """The account that the credentials are for."""
        if self._account is None:
            self._account = self._find(self.stage_name, self.profile, self.region)
        return self._account

    @cached_property
    def stage(self) -> Stage:
        """The deployed stage, with the same engines as its Lambdas."""
        return self.account.stage()

    @cached_property
    def who(self) -> str:
        """Who changes something, as the audit line and a closed gate name it."""
        return f"{self.account.who} (command line)"

    @cached_property
    def screen(self) -> Screen:
        """The screen to which results go."""
        return Screen(self.json)

    def close(self) -> None:
        """Hand over the audit lines, however the command ended."""
        if self._account is None:
            return
        try:
            self._account.send_audit(iso(self.clock()))
        except RespoolError as refused:
            self.screen.remark(f"No audit line was written of this: {refused}")


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(click_context: click.Context, option: click.Parameter, value: Any) -> None:
        if value is None or value is False:
            return
        if isinstance(value, str) and not value.strip():
            raise click.BadParameter("is empty; leave it out, or name one", param=option)
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

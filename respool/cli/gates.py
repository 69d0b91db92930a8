"""Commands for a task's limit and gate: limit, hold, release."""

from datetime import datetime, timedelta
from typing import Any

import click

from chalicelib.api import gates
from chalicelib.api.tasks import tasks
from chalicelib.errors import BadRequest
from chalicelib.moments import iso, read
from respool.cli.context import Context, everywhere, pass_context
from respool.cli.looking import closed
from respool.cli.replaying import UNITS, seconds_in
from respool.cli.screen import many

DEFAULT = "default"
_REASON = click.option("--reason", metavar="TEXT", help="The reason, shown to everybody.")


@click.command()
@click.argument("task")
@click.argument("n")
@_REASON
@everywhere
@pass_context
def limit(context: Context, task: str, n: str, reason: str | None) -> None:
    """Let at most N jobs into TASK at once. 0 holds it, `default` is the stage's TASK_LIMIT."""
    fields = {"limit": None if n == DEFAULT else n, **_given(reason=reason)}
    _tell(context, [gates.set_limit(context.stage, task, fields, context.who)])


@click.command()
@click.argument("task", required=False)
@click.option(
    "--until",
    metavar="TIME",
    help="When the gate opens by itself: 90m, 2h, 3d, or 2026-11-30T06:00.",
)
@_REASON
@everywhere
@pass_context
def hold(context: Context, task: str | None, until: str | None, reason: str | None) -> None:
    """Let no more jobs into TASK, or any task. Those inside go on, the others wait in line."""
    end = _time(context, until) if until is not None else None
    fields = {"open": False, **_given(until=end, reason=reason)}
    names = [task] if task is not None else _names(context)
    _tell(context, [gates.set_gate(context.stage, each, fields, context.who) for each in names])


@click.command()
@click.argument("task", required=False)
@_REASON
@everywhere
@pass_context
def release(context: Context, task: str | None, reason: str | None) -> None:
    """Open the gate of TASK, or all gates that are closed. A maintenance window stays."""
    fields = {"open": True, **_given(reason=reason)}
    names = [task] if task is not None else _names(context, shut=True)
    _tell(context, [gates.set_gate(context.stage, each, fields, context.who) for each in names])


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _time(context: Context, text: str) -> str:
    """A time, the reader's where it names no zone, or a length from now. Raises BadRequest."""
    if text[-1:] in UNITS and text[:-1].isdigit():
        return iso(context.clock() + timedelta(seconds=int(seconds_in(text, "--until"))))
    if read(text) is None:
        raise BadRequest(
            f"--until {text[:40]!r} must be a duration or a time, such as 90m, 2h, 3d or"
            " 2026-11-30T06:00"
        )
    moment = datetime.fromisoformat(text)
    return iso(moment if moment.tzinfo else moment.astimezone())


def _names(context: Context, shut: bool = False) -> list[str]:
    listing = tasks(context.stage, context.stage.overview.read())
    return [each["task"] for each in listing if not (shut and each["gate"]["open"])]


def _tell(context: Context, changed: list[dict[str, Any]]) -> None:
    def say() -> None:
        for each in changed:
            if each["gate"]["open"]:
                context.screen.say(
                    f"{each['task']} takes {many(each['limit'], 'job')} at once;"
                    f" {each['inside']} inside, {each['waiting']} in line."
                )
            else:
                context.screen.say(f"{closed(each)} {each['inside']} inside.")
        if not changed:
            context.screen.say("No gate is closed.")

    context.screen.result({"tasks": changed}, say)


COMMANDS = (limit, hold, release)

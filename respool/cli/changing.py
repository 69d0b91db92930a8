"""Commands that change one thing: give-up, limit, hold, release, trigger, sweep, submit."""

import sys
import uuid
from dataclasses import asdict
from typing import Any

import click

from chalicelib.api import actions
from chalicelib.api.status import tasks
from chalicelib.errors import BadRequest
from chalicelib.job.record import parse
from chalicelib.limits import PAYLOAD
from respool.cli.context import Context, everywhere, pass_context
from respool.cli.screen import many

WHO = "command line"
SWEEPING = 3600
DEFAULT = "default"


@click.command("give-up")
@click.argument("key")
@click.option("--reason", required=True, metavar="TEXT", help="Why nobody wants the job any more.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@everywhere
@pass_context
def give_up(context: Context, key: str, reason: str, yes: bool) -> None:
    """End a job for good. Its execution ends with GivenUp, its key is free, its message gone."""
    if not yes:
        _ask(f"End the job {key} for good? It can't be taken back.", "--yes")
    with context.screen.busy("looking for its message"):
        done = actions.give_up(context.stage, key, {"reason": reason}, WHO)
    about = "deleted" if done["message_removed"] else "dropped when a replay meets it"
    context.screen.result(
        done, lambda: context.screen.say(f"{key} is given up; its message is {about}.")
    )


def _ask(question: str, option: str) -> None:
    if not sys.stdin.isatty():
        raise BadRequest(f"nobody is there to ask; say {option} to do it all the same")
    click.confirm(question, abort=True, err=True)


@click.command()
@click.argument("task")
@click.argument("n")
@everywhere
@pass_context
def limit(context: Context, task: str, n: str) -> None:
    """Let at most N jobs into TASK at once. 0 holds it, `default` is the stage's TASK_LIMIT."""
    _tell_limits(context, [_set(context, task, None if n == DEFAULT else n)])


@click.command()
@click.argument("task", required=False)
@everywhere
@pass_context
def hold(context: Context, task: str | None) -> None:
    """Let no more jobs into TASK, or any task. Those inside go on, the others wait."""
    _tell_limits(context, [_set(context, each, "0") for each in _named(context, task)])


@click.command()
@click.argument("task", required=False)
@everywhere
@pass_context
def release(context: Context, task: str | None) -> None:
    """End the hold on TASK, or all holds. Then the stage's TASK_LIMIT holds again."""
    _tell_limits(context, [_set(context, each, None) for each in _named(context, task, held=True)])


def _set(context: Context, task: str, n: str | None) -> dict[str, Any]:
    return actions.set_limit(context.stage, task, {"limit": n}, WHO)


def _named(context: Context, task: str | None, held: bool = False) -> list[str]:
    known = tasks(context.stage, context.stage.overview.read())
    if task is not None:
        return [task]
    return [each["task"] for each in known if each["limit"] == 0 or not held]


def _tell_limits(context: Context, changed: list[dict[str, Any]]) -> None:
    def say() -> None:
        for each in changed:
            what = (
                "is held" if each["limit"] == 0 else f"takes {many(each['limit'], 'job')} at once"
            )
            context.screen.say(f"{each['task']} {what}; {each['inside']} inside.")
        if not changed:
            context.screen.say("No task is held.")

    context.screen.result({"tasks": changed}, say)


@click.command()
@click.argument("to", type=click.Choice(("enable", "disable")))
@everywhere
@pass_context
def trigger(context: Context, to: str) -> None:
    """Turn continuous replay on or off. Enabled, jobs are put back when they have cooled down."""
    state = context.stage.mapping.switch(to == "enable")
    context.screen.result(
        {"trigger": state}, lambda: context.screen.say(f"The trigger is {state}.")
    )


@click.command()
@everywhere
@pass_context
def sweep(context: Context) -> None:
    """Repair what events missed. Keys and slots without a live owner, jobs never spooled."""
    with context.screen.busy("comparing claims with executions"):
        found = context.stage.sweep(SWEEPING)

    def say() -> None:
        told = {
            "keys given back": found.released,
            "slots freed": found.freed,
            "dead jobs spooled": found.caught,
            "messages renewed": found.renewed,
            "jobs near their year": found.near_year,
        }
        context.screen.say(f"{many(found.count, 'repair')}.", "bold")
        context.screen.facts((name, ", ".join(each)) for name, each in told.items())
        if found.more:
            context.screen.remark("Time ran out before the end: run it again for the rest.")

    context.screen.result(asdict(found) | {"count": found.count}, say)


@click.command()
@click.argument("input", metavar="JSON|-")
@click.option("--name", metavar="NAME", help="The execution's name (default: a new one).")
@everywhere
@pass_context
def submit(context: Context, input: str, name: str | None) -> None:
    """Start a job with this input; - reads it from standard input."""
    text = sys.stdin.read() if input == "-" else input
    _check(text)
    if name == "":
        raise BadRequest("--name is empty: name the execution, or leave it out")
    execution = context.stage.workflow.start(name or f"cli-{uuid.uuid4()}", text)
    context.screen.result({"execution": execution}, lambda: context.screen.say(execution))


def _check(text: str) -> None:
    try:
        parse(text)
    except (ValueError, RecursionError) as wrong:
        raise BadRequest(
            f"the input {text[:40]!r} is not JSON: {wrong}; quote it for the shell"
        ) from wrong
    if (size := len(text.encode("utf-8", "surrogatepass"))) > PAYLOAD:
        raise BadRequest(f"the input has {size:,} bytes; a job takes at most {PAYLOAD:,}")


COMMANDS = (give_up, limit, hold, release, trigger, sweep, submit)

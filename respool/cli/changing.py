"""Commands that change one thing: give-up, trigger, sweep."""

import sys

import click

from chalicelib.api import actions
from chalicelib.api.audit import audited
from chalicelib.api.triggers import set_trigger
from chalicelib.errors import BadRequest
from chalicelib.replaying.requests import read_machine
from respool.cli.codes import DONE, NOT_ALL
from respool.cli.context import Context, everywhere, pass_context
from respool.cli.screen import many

SWEEPING = 3600


@click.command("give-up")
@click.argument("key")
@click.option("--reason", required=True, metavar="TEXT", help="Why the job is given up.")
@click.option(
    "--machine", metavar="NAME", help="Whose job it is: a state machine (default: the stage's own)."
)
@click.option("--yes", is_flag=True, help="Do not ask first.")
@everywhere
@pass_context
def give_up(context: Context, key: str, reason: str, machine: str | None, yes: bool) -> int:
    """End a job for good. Its execution ends with GivenUp, and its key is free.

    A job of an adopted machine goes the way of its task's own catcher, where it has a broad one.
    """
    if not yes:
        ask(f"End the job {key} for good? It can't be taken back.", "--yes")
    job = (key, read_machine({} if machine is None else {"machine": machine}))
    with context.screen.busy("ending it"):
        answer = actions.give_up(context.stage, job, {"reason": reason}, context.who)
    ending = "is given up" if answer["given_up"] else f"had ended before: {answer['state']}"
    context.screen.result(answer, lambda: context.screen.say(f"{key} {ending}."))
    return DONE if answer["given_up"] else NOT_ALL


def ask(question: str, option: str) -> None:
    """Go on only if a person says yes. Raises BadRequest where nobody can be asked."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise BadRequest(
            f"there is no terminal on which to ask you: add {option} to go ahead without a question"
        )
    click.confirm(question, abort=True, err=True)


@click.command()
@click.argument("to", type=click.Choice(("enable", "disable")))
@click.option("--reason", metavar="TEXT", help="The reason, shown to everybody.")
@everywhere
@pass_context
def trigger(context: Context, to: str, reason: str | None) -> None:
    """Turn continuous replay on or off. Enabled, jobs are put back when they have cooled down."""
    fields = {"enabled": to == "enable", **({"reason": reason} if reason is not None else {})}
    answer = set_trigger(context.stage, fields, context.who)
    context.screen.result(
        answer, lambda: context.screen.say(f"The trigger is {answer['trigger']}.")
    )


@click.command()
@everywhere
@pass_context
def sweep(context: Context) -> int:
    """Repair what events missed: deaths, slots without owners, lost notes, the line."""
    with (
        context.screen.busy("comparing claims with executions"),
        audited(context.stage, context.who, "sweep", "") as line,
    ):
        repairs = context.stage.engines.sweep.run(SWEEPING)
        line["count"] = repairs.count

    def say() -> None:
        lists = {
            "deaths dealt with": repairs.rescued,
            "jobs that had ended": repairs.ended,
            "slots freed": repairs.freed,
            "dead jobs that run again": repairs.revived,
            "parked again": repairs.parked_again,
            "restarted after a year": repairs.restarted,
            "notes sent again": repairs.noted,
            "lines recounted": repairs.recounted,
            "jobs near their end": repairs.near_year,
            "no claim tells of": repairs.unclaimed,
            "no longer adopted": repairs.unadopted,
        }
        context.screen.say(f"{many(repairs.count, 'repair')}.", "bold")
        context.screen.facts((name, ", ".join(each)) for name, each in lists.items())
        for each in repairs.refused:
            context.screen.remark("Not done: " + ", ".join(each.values()))
        if repairs.more:
            context.screen.remark("Time ran out before the end: run it again for the rest.")

    context.screen.result(repairs.as_json() | {"count": repairs.count}, say)
    return NOT_ALL if repairs.refused else DONE


COMMANDS = (give_up, trigger, sweep)

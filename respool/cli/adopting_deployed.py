"""The command adopt on a state machine that is in the account already."""

from collections.abc import Sequence
from dataclasses import dataclass

import click

from chalicelib.api import gates
from chalicelib.errors import BadRequest, Conflict
from chalicelib.job.frames import frames_in
from respool.adopt.choosing import chosen
from respool.adopt.definition import Choices, adopt, same, task_names
from respool.adopt.in_account import Deployed, Machines, name_of
from respool.adopt.reading import difference, write
from respool.adopt.refusals import Refused, candidates, warnings
from respool.adopt.stage import stage_values
from respool.adopt.undo import undo
from respool.adopt.watching import unrecoverable
from respool.cli.changing import ask
from respool.cli.codes import DONE, NOT_ALL
from respool.cli.context import Context
from respool.deploy.definition import Definition


@dataclass(frozen=True)
class Options:
    """What the command was given."""

    tasks: Sequence[str]
    key: str
    one_retry: bool
    limit: int | None
    diff: bool
    check: bool
    undo: bool
    yes: bool


def adopt_deployed(context: Context, arn: str, options: Options) -> int:
    """Adopt a machine in the account, or undo that: describe, transform, validate, ask, update."""
    name_of(arn, context.account.engines.world.names)
    machines = Machines(context.account.client)
    machine = machines.look(arn)
    if not options.tasks and not options.undo:
        return _list(context, machine)
    _refuse_unmarked(machine)
    choices = _choices(context, machine.name, options)
    before = machine.definition
    after = undo(before) if options.undo else adopt(before, choices)
    if options.check:
        return DONE if same(before, after) else NOT_ALL
    if not options.undo:
        for line in warnings(undo(before), list(choices.tasks), own=True):
            context.screen.remark(line)
    click.echo(difference(write(before), write(after), machine.name, machine.name), nl=False)
    if not options.diff:
        _change(context, machines, machine, after, choices, options)
    return DONE


def _choices(context: Context, name: str, options: Options) -> Choices:
    """What is asked for, with the stage's names. Raises BadRequest."""
    engines = context.account.engines
    if name not in engines.settings.machines and not options.undo:
        raise BadRequest(
            f"stage {context.stage_name} does not serve {name}:"
            " name it in MACHINES, and deploy the stage first"
        )
    names = engines.world.names
    values = stage_values(names.table, names.prefix, engines.settings)
    tasks = chosen(options.tasks, "--task")
    return Choices(tasks, name, options.key, options.one_retry, values)


def _change(
    context: Context,
    machines: Machines,
    machine: Deployed,
    after: Definition,
    choices: Choices,
    options: Options,
) -> None:
    """First the rights, then the definition: without them its new states would fail every job."""
    stays = same(machine.definition, after)
    if stays and options.undo:
        context.screen.say(f"{machine.name} has nothing of respool's.")
        return
    if not stays and not machines.refuse_invalid(after):
        context.screen.remark("These credentials may not have AWS validate it; it was not asked.")
    if stays:
        context.screen.say(f"{machine.name} is adopted like that already.")
    if not options.yes:
        ask(_question(machine, stays, options), "--yes")
    if not options.undo:
        shared = [task for task in choices.tasks.values() if task]
        machines.allow(machine, context.account.prefix, shared)
        context.done = f"the role {machine.role} has the rights that it needs"
    if not stays:
        _update(context, machines, machine, after, options)
    if options.limit is not None and not options.undo:
        for task in task_names(after, choices):
            gates.set_limit(context.stage, task, {"limit": str(options.limit)}, context.who)
            context.screen.say(f"{task} takes {options.limit} jobs at once.")


def _question(machine: Deployed, stays: bool, options: Options) -> str:
    if not stays:
        return f"Change {machine.name} to that?"
    limit = "" if options.limit is None else f", and set the limit to {options.limit}"
    return f"Give its role {machine.role} the rights that it needs{limit}?"


def _update(
    context: Context, machines: Machines, machine: Deployed, after: Definition, options: Options
) -> None:
    what = "undo" if options.undo else f"adopt {', '.join(options.tasks)}"
    try:
        kept, version = machines.update(machine, after, f"respool {what}")
    except Conflict as changed:
        raise Refused(
            f"Somebody has changed {machine.name} meanwhile. Nothing was changed: run it again."
        ) from changed
    context.done = f"{machine.name} was changed"
    context.screen.say(
        f"{machine.name} was changed: version {version.rpartition(':')[2] or '?'}; it was version"
        f" {kept.rpartition(':')[2]} before. Executions that run go on as they began."
    )


def _refuse_unmarked(machine: Deployed) -> None:
    """Raise where the comments that adopt wrote are gone: without them nothing can be undone."""
    frames = frames_in(machine.definition)
    if frames.tasks and same(machine.definition, undo(machine.definition)):
        raise Refused(
            f"{machine.name} is adopted, but the comments that say what it was are gone. Put back a"
            " version from before: aws stepfunctions list-state-machine-versions"
            f" --state-machine-arn {machine.arn}"
        )


def tell_unrecoverable(context: Context, definition: Definition, name: str = "it") -> None:
    """What is lost of a machine that MACHINES names and nobody adopts, if anything is."""
    if lines := unrecoverable(definition):
        context.screen.remark(
            f"While {name} is only watched (in MACHINES, not adopted), a redrive can't recover:"
        )
        for line in lines:
            context.screen.remark(f"  {line}")


def _list(context: Context, machine: Deployed) -> int:
    names = candidates(undo(machine.definition))

    def tell() -> None:
        for name in names:
            context.screen.say(name)
        if names:
            context.screen.remark("Choose one or more: --task STATE")
        tell_unrecoverable(context, undo(machine.definition), machine.name)

    context.screen.result({"tasks": names}, tell)
    return DONE if names else NOT_ALL

"""The command that makes an existing definition recoverable: adopt. It needs no account."""

import difflib
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from chalicelib.api.gates import MOST_LIMIT
from chalicelib.errors import BadRequest
from chalicelib.names import APP, Names
from chalicelib.settings import NEVER, Settings, is_machine
from respool.adopt.choosing import chosen
from respool.adopt.definition import Choices, adopt, same, task_names
from respool.adopt.reading import read, write
from respool.adopt.refusals import candidates, warnings
from respool.adopt.undo import undo
from respool.cli.codes import DONE, NOT_ALL
from respool.cli.context import Context, everywhere, pass_context
from respool.deploy.definition import Definition

CONFIG = ".chalice/config.json"


@click.command("adopt")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=False))
@click.option("--task", "tasks", multiple=True, metavar="STATE[=NAME]", help="A task to recover.")
@click.option("--machine", metavar="NAME", help="The state machine's name (default: the stage's).")
@click.option("--key", metavar="EXPR", help="Where a job's key is: a JSONPath, or {% JSONata %}.")
@click.option(
    "--limit",
    type=click.IntRange(0, MOST_LIMIT),
    metavar="N",
    help="Print what sets the tasks' limit.",
)
@click.option(
    "--retries",
    type=click.Choice(["keep", "one"]),
    default="keep",
    help="Keep a task's own Retry, or retry once.",
)
@click.option("-o", "--out", metavar="OUT", type=click.Path(dir_okay=False), help="Write it there.")
@click.option("--diff", is_flag=True, help="Show what changes, and write nothing.")
@click.option("--check", is_flag=True, help="Only say whether FILE is as adopt makes it.")
@click.option("--undo", "takes_out", is_flag=True, help="Take everything of respool's out again.")
@everywhere
@click.pass_context
@pass_context
def adopt_file(
    context: Context,
    shell: click.Context,
    /,
    file: str,
    tasks: tuple[str, ...],
    machine: str | None,
    key: str | None,
    limit: int | None,
    retries: str,
    out: str | None,
    diff: bool,
    check: bool,
    takes_out: bool,
) -> int:
    """Put respool's states around chosen tasks of FILE, which is ASL in JSON or YAML."""
    text = Path(file).read_text("utf-8")
    before = read(text, file)
    if not tasks and not takes_out:
        return _list(context, undo(before), file)
    stage = context.stage_name if _is_chosen(shell) else ""
    choices = _choices(tasks, _machine(machine, context.stage_name), key, retries, stage)
    after = undo(before) if takes_out else adopt(before, choices)
    if not takes_out:
        for line in warnings(undo(before), list(choices.tasks), not choices.machine):
            context.screen.remark(line)
        if limit is not None:
            for command in _limits(task_names(before, choices), limit, stage or "STAGE"):
                context.screen.remark(command)
    if check:
        return DONE if same(before, after) else NOT_ALL
    made = write(after, file)
    if diff:
        click.echo("".join(_difference(write(before, file), made, file, out or file)), nl=False)
    elif out:
        Path(out).write_text(made, "utf-8")
        context.done = f"{out} was written"
        context.screen.say(f"{out} was written.")
    else:
        click.echo(made, nl=False)
    return DONE


def _is_chosen(shell: click.Context | None) -> bool:
    """Whether --stage was given, before or after the command's name."""
    while shell is not None:
        if shell.get_parameter_source("stage") is click.core.ParameterSource.COMMANDLINE:
            return True
        shell = shell.parent
    return False


def _list(context: Context, definition: Definition, file: str) -> int:
    """The tasks that may be chosen, and how."""
    found = candidates(definition)
    again = f"respool adopt {shlex.quote(file)} --task {shlex.quote(found[0])}" if found else ""

    def tell() -> None:
        for name in found:
            context.screen.say(name)
        if again:
            context.screen.remark(f"Choose one or more: {again} --machine NAME")

    context.screen.result({"tasks": found}, tell)
    return DONE if found else NOT_ALL


def _machine(given: str | None, stage: str) -> str:
    """The machine's name; empty for the stage's own. Raises BadRequest."""
    if given is None or given == f"{APP}-{stage}":
        return ""
    if not is_machine(given):
        raise BadRequest(f"--machine {given[:80]!r} must be a state machine's name, such as orders")
    return given


def _choices(
    tasks: Sequence[str], machine: str, key: str | None, retries: str, stage: str
) -> Choices:
    named = chosen(tasks, "--task")
    if key == "":
        raise BadRequest("--key is empty; leave it out to have the input's `key`, or the name")
    if key and not machine:
        raise BadRequest("--key is for another machine: the stage's own reads the input's `key`")
    return Choices(named, machine, key or "", retries == "one", _values(stage) if stage else {})


def _limits(tasks: Sequence[str], limit: int, stage: str) -> list[str]:
    """The commands that set the tasks' limit on a stage which serves their machine."""
    return [f"respool --stage {stage} limit {shlex.quote(task)} {limit}" for task in tasks]


def _values(stage: str) -> Mapping[str, str]:
    """The deployed stage's names, in place of the placeholders; the rest as its settings say."""
    names = Names(f"{APP}-{stage}", "", "", "")
    settings = Settings.read(_variables(stage))
    return {
        "Claims": names.table,
        "ErrorSpool": f"{names.prefix}-error_spool",
        "CloseAfter": "0" if settings.close_after == NEVER else str(settings.close_after),
        "HistorySeconds": str(settings.history_days * 86_400),
    }


def _variables(stage: str) -> dict[str, str]:
    path = Path(CONFIG)
    if not path.exists():
        return {}
    config: dict[str, Any] = json.loads(path.read_text("utf-8"))
    own = config.get("stages", {}).get(stage, {}).get("environment_variables", {})
    return {**config.get("environment_variables", {}), **own}


def _difference(before: str, after: str, one: str, other: str) -> list[str]:
    lines = (before.splitlines(keepends=True), after.splitlines(keepends=True))
    return list(difflib.unified_diff(*lines, one, other))


COMMANDS = (adopt_file,)

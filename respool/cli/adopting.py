"""The command that makes an existing definition recoverable: adopt. It needs no account."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from chalicelib.api.gates import MOST_LIMIT
from chalicelib.errors import BadRequest
from chalicelib.names import APP, Names
from chalicelib.settings import Settings, is_machine
from respool.adopt.choosing import chosen
from respool.adopt.cloudformation import Machine, refuse
from respool.adopt.definition import Choices, adopt, same, task_names
from respool.adopt.documents import Document
from respool.adopt.in_account import ARN
from respool.adopt.reading import difference
from respool.adopt.refusals import candidates, warnings
from respool.adopt.stage import stage_values
from respool.adopt.undo import undo
from respool.cli.adopting_deployed import Options, adopt_deployed, tell_unrecoverable
from respool.cli.codes import DONE, NOT_ALL
from respool.cli.context import Context, everywhere, pass_context
from respool.deploy.definition import Definition

CONFIG = ".chalice/config.json"


@click.command("adopt")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("--task", "tasks", multiple=True, metavar="STATE[=NAME]", help="A task to recover.")
@click.option("--machine", metavar="NAME", help="The machine's name, or the ARN of a deployed one.")
@click.option("--resource", metavar="ID", help="The state machine, by its id in a template.")
@click.option("--key", metavar="EXPR", help="Where a job's key is: a JSONPath, or {% JSONata %}.")
@click.option(
    "--limit",
    type=click.IntRange(0, MOST_LIMIT),
    metavar="N",
    help="Print the commands that set the tasks' limit.",
)
@click.option(
    "--retries",
    type=click.Choice(["keep", "one"]),
    default="keep",
    help="Keep a task's own Retry, or retry once.",
)
@click.option(
    "-o", "--out", metavar="OUT", type=click.Path(dir_okay=False), help="Write the result to OUT."
)
@click.option("--diff", is_flag=True, help="Show what changes, and write nothing.")
@click.option("--check", is_flag=True, help="Only check whether FILE is as adopt writes it.")
@click.option("--yes", is_flag=True, help="With an ARN: do not ask first.")
@click.option("--undo", "takes_out", is_flag=True, help="Remove everything that adopt has added.")
@everywhere
@click.pass_context
@pass_context
def adopt_file(
    context: Context,
    shell: click.Context,
    /,
    file: str | None,
    tasks: tuple[str, ...],
    machine: str | None,
    resource: str | None,
    key: str | None,
    limit: int | None,
    retries: str,
    out: str | None,
    diff: bool,
    check: bool,
    takes_out: bool,
    yes: bool,
) -> int:
    """Put respool's states around chosen tasks of FILE: ASL in JSON or YAML, or a template.

    With --machine ARN in place of FILE the state machine itself is changed, after a question.
    """
    _refuse_empty(key, resource)
    options = Options(tasks, key or "", retries == "one", limit, diff, check, takes_out, yes)
    if machine is not None and machine.startswith(ARN):
        if file or out or resource:
            raise BadRequest("--machine ARN stands in place of FILE, -o and --resource")
        return adopt_deployed(context, machine, options)
    if file is None:
        raise BadRequest("FILE is missing: name one, or a deployed machine with --machine ARN")
    document = Document.of(Path(file).read_text("utf-8"), file)
    if not tasks and not takes_out:
        return _list(context, document, resource or "")
    stage = context.stage_name if _is_chosen(shell) else ""
    changes = _changes(context, document, resource or "", machine, options, stage)
    if check:
        return DONE if all(same(each.definition, after) for each, after in changes) else NOT_ALL
    text = document.put(changes)
    if diff:
        before = document.put([(each, each.definition) for each, _ in changes])
        click.echo(difference(before, text, file, out or file), nl=False)
    elif out:
        Path(out).write_text(text, "utf-8")
        context.done = f"{out} was written"
        context.screen.say(f"{out} was written.")
    else:
        click.echo(text, nl=False)
    return DONE


def _changes(
    context: Context,
    document: Document,
    resource: str,
    machine: str | None,
    options: Options,
    stage: str,
) -> list[tuple[Machine, Definition]]:
    """The machines of the file that are meant, each with what becomes of it."""
    if options.undo:
        subjects = [document.chosen(resource, "", ())] if resource else document.machines
        return [(each, undo(each.definition)) for each in subjects]
    choices = _choices(options, _machine(machine, context.stage_name), stage)
    subject = document.chosen(resource, choices.machine, list(choices.tasks))
    after = _adopted(context, subject, choices)
    if options.limit is not None:
        names = task_names(subject.definition, choices)
        for command in _limits(names, options.limit, stage or "STAGE"):
            context.screen.remark(command)
    return [(subject, after)]


def _adopted(context: Context, machine: Machine, choices: Choices) -> Definition:
    """The machine's definition, adopted; what is worth a warning is told. Raises Refused."""
    refuse(machine, choices.machine, bool(choices.values))
    after = adopt(machine.definition, choices)
    before = undo(machine.definition)
    for line in warnings(before, list(choices.tasks), not choices.machine or machine.kind != ""):
        context.screen.remark(line)
    if machine.id and machine.name != choices.machine:
        context.screen.remark(
            f"{machine.id} must be called {choices.machine} in AWS: its jobs' keys begin with that."
        )
    return after


def _is_chosen(shell: click.Context | None) -> bool:
    """Whether --stage was given, before or after the command's name."""
    while shell is not None:
        if shell.get_parameter_source("stage") is click.core.ParameterSource.COMMANDLINE:
            return True
        shell = shell.parent
    return False


def _list(context: Context, document: Document, resource: str) -> int:
    """The tasks that may be chosen, and how."""
    subjects = [document.chosen(resource, "", ())] if resource else document.machines
    names_by_machine = {each.id: candidates(undo(each.definition)) for each in subjects}
    tasks = [task for names in names_by_machine.values() for task in names]
    again = f"respool adopt {shlex.quote(document.file)}"

    def tell() -> None:
        for id, names in names_by_machine.items():
            for name in names:
                context.screen.say(f"{id}: {name}" if len(names_by_machine) > 1 else name)
        if tasks:
            which = (
                f" --resource {next(iter(names_by_machine))}" if len(names_by_machine) > 1 else ""
            )
            task = f"{which} --task {shlex.quote(tasks[0])}"
            context.screen.remark(f"Choose one or more: {again}{task} --machine NAME")
        for each in subjects:
            tell_unrecoverable(context, undo(each.definition), each.name or "it")

    context.screen.result(
        {"tasks": tasks} if len(names_by_machine) == 1 else {"machines": names_by_machine}, tell
    )
    return DONE if tasks else NOT_ALL


def _machine(name: str | None, stage: str) -> str:
    """The machine's name; empty for the stage's own. Raises BadRequest."""
    if name is None or name == f"{APP}-{stage}":
        return ""
    if not is_machine(name):
        raise BadRequest(f"--machine {name[:80]!r} must be a state machine's name, such as orders")
    return name


def _choices(options: Options, machine: str, stage: str) -> Choices:
    if options.key and not machine:
        raise BadRequest("--key is for another machine: the stage's own reads the input's `key`")
    values = _values(stage) if stage else {}
    return Choices(chosen(options.tasks, "--task"), machine, options.key, options.one_retry, values)


def _refuse_empty(key: str | None, resource: str | None) -> None:
    if key == "":
        raise BadRequest("--key is empty; leave it out to have the input's `key`, or the name")
    if resource == "":
        raise BadRequest("--resource is empty: name a state machine of the template")


def _limits(tasks: Sequence[str], limit: int, stage: str) -> list[str]:
    """The commands that set the tasks' limit on a stage which serves their machine."""
    return [f"respool --stage {stage} limit {shlex.quote(task)} {limit}" for task in tasks]


def _values(stage: str) -> Mapping[str, str]:
    """The deployed stage's names, in place of the placeholders; the rest as its settings say."""
    names = Names(f"{APP}-{stage}", "", "", "")
    return stage_values(names.table, names.prefix, Settings.read(_variables(stage)))


def _variables(stage: str) -> dict[str, str]:
    path = Path(CONFIG)
    if not path.exists():
        return {}
    config: dict[str, Any] = json.loads(path.read_text("utf-8"))
    own = config.get("stages", {}).get(stage, {}).get("environment_variables", {})
    return {**config.get("environment_variables", {}), **own}


COMMANDS = (adopt_file,)

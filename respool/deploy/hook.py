"""Joins in with `chalice deploy`, `delete`, `package` and `local`; imported by the CLI alone."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import RespoolError
from chalicelib.limits import TEMPLATE
from chalicelib.names import APP
from respool.deploy import packaging, policies, report, stages, template
from respool.deploy.command import Command, current
from respool.deploy.deleting import Deleting
from respool.deploy.preflight import check
from respool.deploy.target import Target
from respool.refusals import explain
from respool.session import agree_with_older_sdks


def attach(app: Any) -> None:
    """Serve the `chalice` command that imports this app, if it is one of ours.

    What is wrong stops the command here, before anything is made, with a click.ClickException.
    """
    command = current()
    serve = SERVED.get(command.name) if command else None
    if command and serve:
        agree_with_older_sdks()
        with _stopping(command):
            stages.refuse_empty(command.stage)
            serve(command, app)


@contextmanager
def _stopping(command: Command) -> Iterator[None]:
    """End the command with one line where something is wrong."""
    try:
        yield
    except (RespoolError, BotoCoreError, ClientError) as wrong:
        ended = click.ClickException(explain(wrong, command.profile or "").text)
        if command.context:
            raise ended from wrong
        ended.show()  # this is a thread of `chalice local`, whose process would go on without it
        os._exit(ended.exit_code)


def _at_the_end(command: Command, act: Callable[[], None]) -> None:
    def end() -> None:
        if sys.exc_info()[0] is None:
            with _stopping(command):
                act()

    if command.context:
        command.context.call_on_close(end)


def _deploy(command: Command, app: Any) -> None:
    stages.refuse_unknown(command.project, command.stage)
    target = Target(command, app)
    checked = check(target.source)
    target.refuse_another_regions()
    target.render(checked, target.values())
    target.deploying.refuse_early()
    target.refuse_second()
    target.refuse_health(checked.settings.health_url)
    target.bucket.source(checked.body)
    remark = target.validate(checked)
    _say([*checked.remarks, *([remark] if remark else [])])

    def finish() -> None:
        tags = {"app": APP, "stage": command.stage}
        done = target.deploying.run(checked.body, tags)
        target.task_slots.apply(checked.definition)
        target.limit_api(checked.settings)
        target.note_page()
        target.note_machines(checked.settings)
        _say(report.deployed(target.place(), done, checked.settings))

    _at_the_end(command, finish)


def _plan(command: Command, app: Any) -> None:
    stages.refuse_unknown(command.project, command.stage)
    target = Target(command, app)
    target.render(check(target.source), target.values())


def _delete(command: Command, app: Any) -> None:
    target = Target(command, app)
    parts = template.read_parts(command.project)
    remains = template.body(template.remains(parts, target.source.prefix))
    target.refuse_another_regions()  # and without credentials stop before Chalice begins
    target.refuse_unknown()
    target.forget_what_is_gone()

    def finish() -> None:
        done = Deleting(target.stack, target.retained).run(remains)
        _say(report.deleted(target.place(), done))

    _at_the_end(command, finish)


def _package(command: Command, app: Any) -> None:
    stages.refuse_unknown(command.project, command.stage)
    target = Target(command, app)
    packaging.refuse_unnamed(command.params)
    checked = check(target.source)
    if command.params.get("pkg_format") == "terraform":
        target.render(checked, {**policies.TERRAFORM, "Prefix": target.source.prefix})
    else:
        joined = {
            name: policies.for_cloudformation(policy, target.source.prefix)
            for name, policy in checked.policies.items()
        }
        target.write_policies(joined)

    def finish() -> None:
        source, out = target.source, Path(command.params["out"])
        written = packaging.write(out, command.params, source, checked)
        large = len(checked.body.encode()) > TEMPLATE
        bucket = checked.settings.template_bucket if large else ""
        _say(report.packaged(source.prefix, written, bucket))

    _at_the_end(command, finish)


def _local(command: Command, _: Any) -> None:
    os.environ["RESPOOL_PREFIX"] = f"{APP}-{command.stage}"


SERVED: dict[str, Callable[[Command, Any], None]] = {
    "deploy": _deploy,
    "plan": _plan,
    "delete": _delete,
    "package": _package,
    "local": _local,
}


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)

"""`make adopt-demo`: somebody's own pipeline, from its file to a replay, as the page tells it.

It runs docs/your-pipeline.md command by command, on a local AWS that has the pipeline already.
"""

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.markup import escape

from respool.local.demo import WAIT_SCALE, end_by_signals
from respool.local.deployment import Deployment
from respool.local.emulator import PROJECT, local_aws
from respool.local.project import ProjectCopy, project_copy
from respool.local.screen import Screen, performed
from respool.local.walk import Command, Shell, Step, WalkFailed, put_tools, steps

PAGE = PROJECT / "docs" / "your-pipeline.md"
SECTION = "From your file to a replay"
THEIRS = PROJECT / "docs" / "pipelines" / "orders"
DEFINITION = "orders.json"
FUNCTIONS = ("fetch-orders", "charge-card")
MACHINE = "orders"
RUN = "saturday"
"""The execution that is parked and replayed."""
UNDONE = "again.json"
SLOW = "chalice deploy"
WIDTH = "160"
"""Width at which no table cuts what the page shows."""


class Theirs:
    """The pipeline as it is in their account: two Lambdas and a state machine."""

    def __init__(self, copy: ProjectCopy) -> None:
        self._deployment = Deployment(copy)
        names = self._deployment.names
        self._role = f"arn:aws:iam::{names.account}:role/{MACHINE}"
        self.arn = f"{names.state_machine_arn.rpartition(':')[0]}:{MACHINE}"

    def make(self) -> None:
        """Make it of their files, as they had it before."""
        trusted = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}}
        self._deployment.client("iam").create_role(
            RoleName=MACHINE,
            AssumeRolePolicyDocument=json.dumps(
                {"Statement": {**trusted, "Action": "sts:AssumeRole"}}
            ),
        )
        for function in FUNCTIONS:
            self._deployment.client("lambda").create_function(
                FunctionName=function,
                Runtime="python3.11",
                Role=self._role,
                Handler=f"orders.{function.replace('-', '_')}",
                Code={"ZipFile": _zipped(THEIRS / "orders.py")},
                Timeout=60,  # a busy machine is slow to start one
            )
        self._deployment.client("stepfunctions").create_state_machine(
            name=MACHINE, definition=(THEIRS / DEFINITION).read_text(), roleArn=self._role
        )

    def check(self) -> str:
        """What became of the execution that was replayed; raises WalkFailed unless all is paid."""
        execution = f"{self.arn.replace(':stateMachine:', ':execution:')}:{RUN}"
        answer = self._deployment.describe(execution)
        orders = json.loads(answer.get("output", "{}")).get("orders", [])
        entered = self._deployment.entered(execution)
        fetched = entered.count("FetchOrders")
        again = json.dumps(json.loads((self._deployment.project.folder / UNDONE).read_text()))
        paid = [one for one in orders if one.get("paid") and one["receipt"]["number"]]
        if answer["status"] != "SUCCEEDED" or fetched != 1 or len(paid) != len(orders) or not paid:
            raise WalkFailed(f"{RUN} is {answer['status']}, {fetched=}, its output is {orders}.")
        if again != json.dumps(json.loads((THEIRS / DEFINITION).read_text())):
            raise WalkFailed(f"{UNDONE} is not what {DEFINITION} was.")
        left = self._deployment.jobs("running", "line", "parked", "stuck")
        if left:
            raise WalkFailed(f"Jobs are left: {', '.join(left)}.")
        ended = f"All {len(paid)} orders are paid, and were fetched once"
        return f"{ended}; {UNDONE} is {DEFINITION} again."


def _zipped(source: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as package:
        package.write(source, source.name)
    return packed.getvalue()


@contextmanager
def their_account() -> Iterator[tuple[ProjectCopy, Theirs]]:
    """A local AWS with their pipeline, and a copy of this project with their file in it."""
    with local_aws(wait_scale=WAIT_SCALE) as aws, project_copy(aws.endpoint) as copy:
        theirs = Theirs(copy)
        theirs.make()
        copy.write({DEFINITION: (THEIRS / DEFINITION).read_text()})
        yield copy, theirs


class Walk:
    """Goes through the page, and shows each command with its output."""

    def __init__(self, copy: ProjectCopy, machine: str, screen: Screen) -> None:
        self._copy = copy
        self._screen = screen
        tools = copy.folder / "tools"
        put_tools(tools)
        environment = copy.environment()
        path = f"{tools}:{environment['PATH']}"
        self._shell = Shell(
            copy.folder, {**environment, "PATH": path, "ORDERS": machine, "COLUMNS": WIDTH}
        )

    def go(self, step: Step) -> None:
        """One part of the page: what it says, what it has one write, what it has one type."""
        self._screen.chapter(escape(step.title))
        if step.words:
            self._screen.show(escape(step.words))
        if step.settings:
            self._copy.change_settings(json.loads(step.settings))
            self._screen.show(escape(step.settings.rstrip()))
        for command in step.commands:
            self._screen.show(f"\n[bold]$ {escape(command.line)}")
            self._type(command)

    def _type(self, command: Command) -> None:
        def type_in() -> None:
            self._shell.type_in(command, lines.append)

        lines: list[str] = []
        if command.line.startswith(SLOW):
            self._screen.work(type_in, "the deployment", 240)
        else:
            type_in()
        self._screen.show(*(escape(each) for each in lines if each))


def main() -> int:
    """Walk through the page; 0 only if the replayed execution ends with every order paid."""
    end_by_signals()
    return performed(_walk_through)


def _walk_through(screen: Screen) -> None:
    screen.chapter("A local AWS with a pipeline that knows nothing of respool")
    with their_account() as (copy, theirs):
        screen.show(f"The state machine is {theirs.arn}, and $ORDERS says so.")
        walk = Walk(copy, theirs.arn, screen)
        for step in steps(PAGE.read_text("utf-8"), SECTION):
            walk.go(step)
        screen.show(f"\n[bold green]{theirs.check()}")


if __name__ == "__main__":
    sys.exit(main())

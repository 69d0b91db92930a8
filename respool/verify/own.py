"""The stage that is verified: one of its own, deployed from a copy, and gone afterwards."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.aws.calling import calling
from chalicelib.deployed import Deployed
from chalicelib.errors import NotFound, RespoolError
from chalicelib.job.claim import WAITING, Claim, State
from chalicelib.job.execution import Status
from chalicelib.moments import iso
from chalicelib.names import APP, FUNCTIONS
from chalicelib.settings import OFF
from respool.local.project import CHALICE, copy_parts

if TYPE_CHECKING:
    import boto3

SUFFIX = "-verify"
KEYS = "verify-"
"""What every key of its jobs begins with."""
QUIET = {"REPLAY_SCHEDULE": OFF, "SWEEP_SCHEDULE": OFF, "RECOVERY": OFF, "COOL_DOWN": "0"}
"""Settings that would act meanwhile, as they have to be."""
LEFT_OUT = ("ALERT_EMAIL", "WEBHOOK_URL", "HOLD_WINDOWS")
"""Settings that would send mail or hold jobs, and are off where they are left out."""


class NotOurs(RespoolError):
    """The stage is there already, or holds jobs that are not the scenario's."""


class ChaliceFailed(RespoolError):
    """A `chalice` command ended with an error, which it has printed."""


@dataclass(frozen=True)
class OwnStage:
    """A stage with the settings of `like`, deployed from a folder that keeps Chalice's record.

    The stage of a run that was killed is deleted by the next one, which finds that record.
    """

    like: str
    folder: Path

    @property
    def name(self) -> str:
        """What the stage is called."""
        return self.like + SUFFIX

    @property
    def recorded(self) -> bool:
        """Whether an earlier run has deployed it and was killed."""
        return (self.folder / ".chalice" / "deployed" / f"{self.name}.json").exists()

    def deploy(self, source: Path) -> None:
        """Copy the project and deploy it. Raises ChaliceFailed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        copy_parts(source, self.folder)
        path = self.folder / ".chalice" / "config.json"
        path.write_text(json.dumps(own_config(json.loads(path.read_text()), self)))
        self._chalice("deploy")

    def delete(self) -> None:
        """Delete the stage, and the folder once that went well. Raises ChaliceFailed."""
        self._chalice("delete")
        shutil.rmtree(self.folder)

    def _chalice(self, command: str) -> None:
        done = subprocess.run(
            [*CHALICE, command, "--stage", self.name],
            cwd=self.folder,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise ChaliceFailed(f"chalice {command} --stage {self.name} failed; it says why above")


def own_config(config: dict[str, Any], own: OwnStage) -> dict[str, Any]:
    """The project's configuration with that stage in it. Raises NotOurs where `like` is none."""
    stages = config.get("stages", {})
    if own.like not in stages:
        raise NotOurs(f"stage {own.like!r} is not in .chalice/config.json; choose another: STAGE=")
    stage = {**stages[own.like], "environment_variables": _quiet(stages[own.like]) | QUIET}
    return {**config, "environment_variables": _quiet(config), "stages": {own.name: stage}}


def _quiet(holder: dict[str, Any]) -> dict[str, str]:
    settings = holder.get("environment_variables", {})
    return {name: value for name, value in settings.items() if name not in LEFT_OUT}


def refuse_others(claims: Iterable[Claim]) -> None:
    """Raise NotOurs where there is a job that no run of the scenario has started."""
    others = [claim.key for claim in claims if not claim.key.startswith(KEYS)]
    if others:
        raise NotOurs(f"the stage has jobs of somebody else, such as {others[0]}: left alone")


def open_jobs(engines: Deployed) -> Iterator[Claim]:
    """The claims of all jobs that wait or are in a task."""
    claims, line = engines.world.claims, engines.world.line
    for task in line.tasks():
        for state in WAITING:
            yield from claims.waiting(state, task)
        yield from claims.look(list(line.slots(task).owners)).values()


def clear(engines: Deployed, session: "boto3.Session") -> None:
    """End what an interrupted run has left, so that the stage can be deleted whole."""
    world = engines.world
    for execution in list(world.workflow.list(Status.RUNNING)):
        world.workflow.stop(execution, "GivenUp", "make verify")
    now = engines.clock.now()
    for claim in world.claims.get_many([claim.pk for claim in open_jobs(engines)]).values():
        world.claims.end(claim, State.GIVEN_UP, iso(now), int(now.timestamp()))
    sqs = session.client("sqs")
    for queue, spool in ((world.names.spool, world.spool), (world.names.stuck, world.stuck)):
        if spool.depth():
            with calling("PurgeQueue", queue):
                sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"])


def delete_logs(prefix: str, session: "boto3.Session") -> None:
    """Delete what Lambda made by itself, and would keep for ever."""
    for function in (prefix, *(f"{prefix}-{name}" for name in FUNCTIONS)):
        with suppress(NotFound), calling("DeleteLogGroup", function):
            session.client("logs").delete_log_group(logGroupName=f"/aws/lambda/{function}")


def prefix_of(own: OwnStage) -> str:
    """What the names of its resources begin with."""
    return f"{APP}-{own.name}"

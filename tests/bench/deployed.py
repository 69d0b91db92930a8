"""The deployed replay Lambda beside the loop, on a local AWS whose answers come 10 ms later."""

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.config import Config

from chalicelib.aws.line_table import DynamoLine
from chalicelib.aws.queue import SqsSpool
from chalicelib.aws.step_functions import StepFunctions
from chalicelib.moments import iso
from respool.local.deployment import Deployment
from respool.local.emulator import local_aws
from respool.local.project import project_copy
from tests.article import Loop
from tests.bench.figures import Figure
from tests.bench.server import FOLDER

JOBS = 200
SHORT_JOBS, SECONDS, LIMIT = 50, 2, 5
TASK = "UncertainTask"
PATIENT = Config(proxies={}, read_timeout=300, retries={"total_max_attempts": 1})


def deployed() -> Iterator[Figure]:
    """200 parked jobs: put back by the deployed handler, and by the loop with the same calls."""
    with tempfile.TemporaryDirectory(prefix="respool-bench-") as made:
        folder = Path(made)
        given = {FOLDER: made}
        with (
            local_aws(wait_scale=0.05, server="tests.bench.server", environment=given) as aws,
            project_copy(aws.endpoint) as copy,
        ):
            copy.change_settings({"SLEEP": "0", "TASK_LIMIT": str(JOBS)})
            copy.deploy()
            stage = _Stage(Deployment(copy), folder)
            ours, theirs = stage.seconds(stage.replay), stage.seconds(stage.loop)
            short = stage.against_ideal()
    yield Figure(f"seconds, deployed handler, {JOBS} jobs at 10 ms", ours, "s", loop=theirs)
    yield Figure("times as fast as the loop, deployed", theirs / ours, limit=12, at_least=True)
    name = f"{SHORT_JOBS} jobs of {SECONDS} s at limit {LIMIT} on the local AWS, against the ideal"
    yield Figure(name, short)


class _Stage:
    """A deployed stage whose calls are slow while something is measured."""

    def __init__(self, deployment: Deployment, folder: Path) -> None:
        self._stage = deployment
        self._slow = folder / "slow"
        self._states = deployment.client("stepfunctions")
        self._definition = self._states.describe_state_machine(
            stateMachineArn=deployment.names.state_machine_arn
        )["definition"]

    def seconds(self, act: Any) -> float:
        """How long it takes to put all jobs back, which wait again at its beginning."""
        self._park(JOBS, _stands_when_resumed)
        self._define(_stands_when_started)
        with self._slowed():
            began = time.perf_counter()
            put_back = act()
            took = time.perf_counter() - began
        return took if put_back == JOBS else 999

    def replay(self) -> int:
        """By the handler, in an environment that has served a call before."""
        report = self._stage.invoke("reprocess", {"max": JOBS})
        return int(report["replayed"])

    def loop(self) -> int:
        """As the article does, with our adapters."""
        names = self._stage.names
        queue = SqsSpool(self._stage.client("sqs"), names.spool, wait=0)
        workflow = StepFunctions(self._stage.client("stepfunctions"), names.state_machine_arn)
        done = 0
        while done < JOBS:  # it stops at an empty short poll; somebody starts it again
            done += Loop(queue, workflow).replay(JOBS - done)
        return done

    def against_ideal(self) -> float:
        """How long short jobs take that one replay puts back, against slots that are never free.

        From the first that gets into the task to the end of the last.
        """
        self._park(SHORT_JOBS, _goes_on)
        line = DynamoLine(self._stage.client("dynamodb"), self._stage.names.table)
        line.set_limit(TASK, LIMIT, "bench", "", iso(datetime.now(UTC)))
        self._stage.set_environment("uncertain_task", BEHAVIOR="OK", SLEEP=str(SECONDS))
        self._stage.invoke("reprocess", {"max": SHORT_JOBS})
        self._stage.wait_until(lambda: not self._open(), "all jobs to be done", 300)
        claims = [self._stage.claim(key) for key in _keys(SHORT_JOBS)]
        began = min(datetime.fromisoformat(claim["enteredAt"]) for claim in claims)
        ended = max(datetime.fromisoformat(claim["endedAt"]) for claim in claims)
        return (ended - began).total_seconds() / (SECONDS * SHORT_JOBS / LIMIT)

    def _open(self) -> bool:
        return bool(self._stage.jobs("running", "line", "parked"))

    def _park(self, jobs: int, change: Callable[[dict[str, Any]], None]) -> None:
        self._stage.clear()
        self._stage.set_behavior("NG")
        self._define(change)
        for key in _keys(jobs):
            self._stage.start({"key": key})
        parked = self._stage.wait_until
        parked(lambda: len(self._stage.jobs("parked")) == jobs, "all jobs to be parked", 300)
        parked(lambda: self._stage.spool_depth() == jobs, "a note of each", 60)
        self._stage.invoke("reprocess", {"max": 1, "dry_run": True})

    def _define(self, change: Callable[[dict[str, Any]], None]) -> None:
        definition = json.loads(self._definition)
        definition["States"]["Stand"] = {"Type": "Wait", "Seconds": 3600, "End": True}
        change(definition)
        self._states.update_state_machine(
            stateMachineArn=self._stage.names.state_machine_arn, definition=json.dumps(definition)
        )

    @contextlib.contextmanager
    def _slowed(self) -> Iterator[None]:
        self._slow.touch()
        try:
            yield
        finally:
            self._slow.unlink()


def _keys(jobs: int) -> list[str]:
    return [f"{n:03}" for n in range(jobs)]


def _goes_on(_: dict[str, Any]) -> None:
    """As it was deployed."""


def _stands_when_resumed(definition: dict[str, Any]) -> None:
    definition["States"]["Park"]["Next"] = "Stand"


def _stands_when_started(definition: dict[str, Any]) -> None:
    definition["StartAt"] = "Stand"

"""A stage on a local AWS that fails all the time, and a person's ways to act on it."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.config import Config

from chalicelib.aws.line_table import DynamoLine
from chalicelib.aws.world import AwsWorld
from chalicelib.deployed import SystemTime
from chalicelib.engines import Engines
from chalicelib.settings import Settings
from respool.local.deployment import Deployment
from respool.local.emulator import PROJECT, LocalAws, local_aws
from respool.local.environment import sdk_session
from respool.local.project import project_copy
from tests.soak.faults import Chance, Ground
from tests.soak.proxy import fault_proxy
from tests.soak.server import FOLDER, SEED

WAIT_SCALE = 0.02
REPLAY_TIMEOUT = 65
"""Seconds for the replay Lambda in place of 900: so long are the messages of a dead one hidden."""
_PATIENT = Config(proxies={}, read_timeout=300, retries={"total_max_attempts": 1})


class Silent:
    """A telemetry that keeps what it is told to itself."""

    def event(self, action: str, **fields: Any) -> None:
        """Nothing."""

    def warning(self, action: str, **fields: Any) -> None:
        """Nothing."""

    def metric(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Nothing."""


@dataclass(frozen=True)
class ThroughProxy:
    """Stands for an SDK session, whose calls all go through the proxy."""

    account: str
    url: str

    def client(self, service: str, config: Config) -> Any:
        """A client with the product's own time-outs and retries."""
        config = config.merge(Config(proxies={}))
        make: Callable[..., Any] = sdk_session(self.account).client
        return make(service, endpoint_url=self.url, config=config)


@dataclass(frozen=True)
class UnsafeStage:
    """The deployed stage. What is asked through `sure` meets no fault; all else does."""

    sure: Deployment
    aws: LocalAws
    ground: Ground
    url: str

    @property
    def line(self) -> DynamoLine:
        """The tasks' slots, without faults."""
        return DynamoLine(self.sure.client("dynamodb"), self.sure.names.table)

    def person(self) -> Engines:
        """The engines as the command line wires them, calling through the proxy."""
        session = ThroughProxy(self.sure.project.account, self.url)
        world = AwsWorld(self.sure.names, session, Silent())
        return Engines(world=world, settings=Settings(), clock=SystemTime())

    def replay_lambda(self, event: dict[str, Any]) -> bool:
        """Invoke the replay Lambda once; says whether it came to its end."""
        return self._invoke(self.sure.names.reprocess, event)

    def admit(self) -> bool:
        """Invoke `admit` as its schedule does; says whether it came to its end."""
        return self._invoke(f"{self.sure.names.prefix}-admit", {})

    def _invoke(self, function: str, event: dict[str, Any]) -> bool:
        session = sdk_session(self.sure.project.account)
        functions = session.client("lambda", endpoint_url=self.aws.endpoint, config=_PATIENT)
        answer = functions.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        return "FunctionError" not in answer

    def kill_replay_lambdas(self) -> int:
        """Kill the replay Lambda's processes, whatever they do; says how many there were."""
        workers = self.replay_workers()
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        return len(workers)

    def replay_workers(self) -> list[int]:
        """The replay Lambda's processes, at work or not."""
        return list(self._workers(self.sure.names.reprocess))

    def _workers(self, function: str) -> Iterator[int]:
        name = f"AWS_LAMBDA_FUNCTION_NAME={function}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                ours = parent == self.aws.process.pid
                if ours and name in (process / "environ").read_bytes().split(b"\0"):
                    yield int(process.name)
            except OSError:
                continue  # it has ended meanwhile


@contextmanager
def unsafe_stage(folder: Path, seed: int) -> Iterator[UnsafeStage]:
    """Deploy a copy of the project without faults, but so that from now on there are some."""
    ground = Ground(folder)
    with fault_proxy(ground, Chance(ground, seed)) as proxy:
        given = {FOLDER: str(folder), SEED: str(seed + 1), "AWS_ENDPOINT_URL": proxy.url}
        with (
            local_aws(wait_scale=WAIT_SCALE, server="tests.soak.server", environment=given) as aws,
            project_copy(aws.endpoint) as copy,
        ):
            proxy.upstream = aws.endpoint
            copy.write({".chalice/config.json": _config()})
            copy.change_settings({"SLEEP": "0"})
            copy.deploy()
            yield UnsafeStage(Deployment(copy), aws, ground, proxy.url)


def _config() -> str:
    config = json.loads((PROJECT / ".chalice" / "config.json").read_text())
    config["lambda_functions"]["reprocess"]["lambda_timeout"] = REPLAY_TIMEOUT
    return json.dumps(config)

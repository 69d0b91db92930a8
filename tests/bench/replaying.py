"""A process that replays over a connection to AWS in memory, and tells its peak memory."""

import json
import resource
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Client
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws.claims_table import DynamoClaims
from chalicelib.aws.line_table import DynamoLine
from chalicelib.aws.replay_table import DynamoReplays
from chalicelib.engines import Engines
from chalicelib.errors import RespoolError
from chalicelib.job.plan import Choice, Rules
from chalicelib.job.replay import Kind
from chalicelib.replaying.keeping import Provenance
from chalicelib.replaying.replay import Order
from chalicelib.settings import Settings
from chalicelib.telemetry import LambdaTelemetry
from tests.article import Loop

KEY = b"respool-bench"
TABLE = "respool-memory-claims"
PRESS = Provenance(Kind.PRESS, "bench")


class Port:
    """An adapter at the other end; each thread has a connection of its own."""

    def __init__(self, address: str, name: str) -> None:
        self._address = address
        self._name = name
        self._mine = threading.local()

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            if not hasattr(self._mine, "connection"):
                self._mine.connection = Client(self._address, authkey=KEY)
            self._mine.connection.send((self._name, method, given, named))
            answer = self._mine.connection.recv()
            if isinstance(answer, (RespoolError, ClientError)):
                raise answer
            return answer

        return call


class _Later:
    """A clock that is far ahead of the one in memory."""

    elapsed = staticmethod(time.monotonic)
    pause = staticmethod(time.sleep)

    @staticmethod
    def now() -> datetime:
        """A time at which every job has waited long."""
        return datetime.now(UTC) + timedelta(days=36_500)


def main(address: str, jobs: int, how: str) -> None:
    """Replay that many jobs; how: `all`, `choosing` by age, or as the article's `loop`."""
    spool: Any = Port(address, "spool")
    workflow: Any = Port(address, "workflow")
    if how == "loop":
        replayed = Loop(spool, workflow).replay(jobs)
    else:
        choice = Choice(older_than=60) if how == "choosing" else Choice()
        order = Order(jobs, Rules(attended=True, choice=choice), 600)
        report, _ = _engines(address, spool, workflow).keeping.run(order, PRESS)
        replayed = report.replayed
    print(json.dumps({"replayed": replayed, "peak": _peak()}), file=sys.stderr)


def _engines(address: str, spool: Any, workflow: Any) -> Engines:
    client: Any = Port(address, "dynamodb")
    world: Any = SimpleNamespace(
        claims=DynamoClaims(client, TABLE),
        line=DynamoLine(client, TABLE),
        replays=DynamoReplays(client, TABLE),
        hand_over=lambda _: None,
        spool=spool,
        stuck=Port(address, "stuck"),
        workflow=workflow,
        telemetry=LambdaTelemetry("bench"),
    )
    return Engines(world=world, settings=Settings(), clock=_Later())


def _peak() -> int:
    """Bytes. What getrusage tells counts the parent's memory before the exec."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = status.read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])

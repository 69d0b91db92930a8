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
from typing import Any

from chalicelib.errors import RespoolError
from chalicelib.job.plan import Choice, Rules
from chalicelib.replaying.recovery import Recovery
from chalicelib.replaying.replay import Order, Replayer
from chalicelib.telemetry import LambdaTelemetry
from tests.article import Loop

KEY = b"respool-bench"


class Port:
    """An adapter at the other end; each thread has a connection of its own."""

    def __init__(self, address: str, name: str) -> None:
        self._address = address
        self._name = name
        self._mine = threading.local()

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            if not hasattr(self._mine, "connection"):
                self._mine.connection = Client(self._address, authkey=KEY)
            self._mine.connection.send((self._name, method, given))
            answer = self._mine.connection.recv()
            if isinstance(answer, RespoolError):
                raise answer
            return answer

        return call


def main(address: str, jobs: int, how: str) -> None:
    """Replay so many jobs; how: `all`, `choosing` the one with the last key, or as the `loop`."""
    spool: Any = Port(address, "spool")
    workflow: Any = Port(address, "workflow")
    if how == "loop":
        print(
            json.dumps({"replayed": Loop(spool, workflow).replay(jobs), "peak": _peak()}),
            file=sys.stderr,
        )
        return
    claims: Any = Port(address, "claims")
    telemetry = LambdaTelemetry("bench")

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(days=36_500)

    recovery = Recovery(workflow, claims, spool, telemetry, now, 5)
    choice = Choice(key=str(jobs - 1)) if how == "choosing" else Choice()
    replayer = Replayer(recovery, telemetry, time.monotonic, time.sleep)
    report = replayer.replay(spool, Order(jobs, Rules(now(), choice=choice), 600))
    print(json.dumps({"replayed": report.replayed, "peak": _peak()}), file=sys.stderr)


def _peak() -> int:
    """Bytes. What getrusage tells counts the parent's memory before the exec."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = status.read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])

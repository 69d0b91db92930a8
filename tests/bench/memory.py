"""Peak memory of a replaying process; the AWS that it calls lives in another process."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection, Listener
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.errors import RespoolError
from tests.bench.figures import Figure
from tests.bench.spooled import parked
from tests.fakes.dynamodb import FakeDynamoDb
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Wire

KEY = b"respool-bench"
MEGABYTE = 1_048_576
LARGE = 60
"""Messages of a mebibyte, which nobody can start."""


def memory() -> Iterator[Figure]:
    """Growth of the peak between 100 and 10,000 parked jobs, and the peak with huge messages."""
    few, many = (peak(parked(jobs), jobs) / MEGABYTE for jobs in (100, 10_000))
    their_few, their_many = (peak(parked(n), n, "loop") / MEGABYTE for n in (100, 10_000))
    yield Figure("peak memory, 100 jobs", few, "MB", loop=their_few)
    yield Figure("peak memory, 10,000 jobs", many, "MB", loop=their_many)
    yield Figure("growth of peak memory", many - few, "MB", limit=10, loop=their_many - their_few)
    choosing = peak(parked(10_000), 100, "choosing") / MEGABYTE
    yield Figure("growth when 100 of 10,000 are chosen", choosing - few, "MB", limit=10)
    huge = peak(_huge(), 100) / MEGABYTE
    yield Figure("peak memory, 60 messages of 1 MiB on the queue", huge, "MB", limit=150)


def _huge() -> FakeStage:
    stage = parked(100)
    for n in range(LARGE):
        stage.spool.send(f"{n:02}" + "x" * (MEGABYTE - 2))
    return stage


def peak(stage: FakeStage, jobs: int, how: str = "all") -> int:
    """Bytes of resident memory, at most, of a process that replays that many jobs."""
    process = stage.process()
    ports = {
        "dynamodb": FakeDynamoDb(stage.table, Wire()),
        "spool": process.spool,
        "stuck": process.stuck,
        "workflow": process.workflow,
    }
    with Listener(authkey=KEY) as listener:
        threading.Thread(target=_accept, args=(listener, ports), daemon=True).start()
        command = [sys.executable, "-m", "tests.bench.replaying", listener.address, str(jobs), how]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stderr)
    if answer["replayed"] != jobs:
        raise RespoolError(f"{answer['replayed']} jobs were replayed instead of {jobs}")
    return int(answer["peak"])


def _accept(listener: Listener, ports: dict[str, Any]) -> None:
    while True:
        try:
            connection = listener.accept()
        except OSError:
            return  # closed
        threading.Thread(target=_serve, args=(connection, ports), daemon=True).start()


def _serve(connection: "Connection[Any, Any]", ports: dict[str, Any]) -> None:
    while True:
        try:
            port, method, given, named = connection.recv()
        except EOFError:
            return
        try:
            answer = getattr(ports[port], method)(*given, **named)
        except (RespoolError, ClientError) as problem:
            answer = problem
        connection.send(answer)

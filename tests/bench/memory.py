"""Peak memory of a replaying process; the AWS that it calls lives in another process."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection, Listener
from typing import Any

from chalicelib.errors import RespoolError
from tests.bench.figures import Figure
from tests.bench.spooled import spooled

KEY = b"respool-bench"
MEGABYTE = 1_048_576


def memory() -> Iterator[Figure]:
    """Growth of the peak between 100 and 10,000 spooled jobs."""
    few, many = (peak(jobs) / MEGABYTE for jobs in (100, 10_000))
    their_few, their_many = (peak(jobs, "loop") / MEGABYTE for jobs in (100, 10_000))
    yield Figure("peak memory, 100 jobs", few, "MB", loop=their_few)
    yield Figure("peak memory, 10,000 jobs", many, "MB", loop=their_many)
    yield Figure("growth of peak memory", many - few, "MB", limit=10, loop=their_many - their_few)
    choosing = peak(10_000, "choosing") / MEGABYTE
    yield Figure("growth when 1 of 10,000 is chosen", choosing - few, "MB", limit=10)


def peak(jobs: int, how: str = "all") -> int:
    """Bytes of resident memory, at most, of a process that replays so many jobs."""
    process = spooled(jobs).process()
    ports = {"spool": process.spool, "workflow": process.workflow, "claims": process.claims}
    with Listener(authkey=KEY) as listener:
        threading.Thread(target=_accept, args=(listener, ports), daemon=True).start()
        command = [sys.executable, "-m", "tests.bench.replaying", listener.address, str(jobs), how]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stderr)
    if answer["replayed"] != (1 if how == "choosing" else jobs):
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
            port, method, given = connection.recv()
        except EOFError:
            return
        try:
            answer = getattr(ports[port], method)(*given)
        except RespoolError as problem:
            answer = problem
        connection.send(answer)

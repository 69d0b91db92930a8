"""Cold start, and the size of what has to be loaded for it."""

import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from respool.local.emulator import PROJECT
from respool.local.project import project_copy
from tests.bench.figures import Figure

RUNS = 15
SHOWN = 12
ARN = "arn:aws:lambda:us-east-1:123456789012:function:respool-dev-reprocess"
READY = f"""
import app
from chalicelib.deployed import engines_of
here = engines_of("{ARN}")
here.world.spool, here.replayer
"""
BOTO3 = """
import boto3
for service in ("sqs", "stepfunctions", "dynamodb"):
    boto3.client(service)
"""
TIMED = "import time; began = time.process_time()\n{}\nprint(time.process_time() - began)"


def cold_start() -> Iterator[Figure]:
    """Processor time, which other work blurs least: medians of fresh processes, in turns."""
    ours, boto3 = [], []
    for _ in range(RUNS):
        boto3.append(_seconds(BOTO3))
        ours.append(_seconds(READY))
    bare, ready = statistics.median(boto3), statistics.median(ours)
    yield Figure("importing boto3 and making three clients", 1000 * bare, "ms")
    yield Figure("importing app and being ready to replay", 1000 * ready, "ms")
    yield Figure("ratio of the two", ready / bare, limit=1.2)


def _seconds(code: str) -> float:
    return float(_python("-c", TIMED.format(code)).stdout)


def _python(*words: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_LAMBDA_FUNCTION_NAME": "respool-dev-reprocess",
    }
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )


def profile() -> list[str]:
    """The slowest imports of our own and of what we add to boto3: own ms, then the module."""
    lines = _python("-X", "importtime", "-c", READY).stderr.splitlines()
    found = [re.match(r"import time: +(\d+) \| +(\d+) \| *(\S+)", line) for line in lines]
    times = [(int(m[1]), m[3]) for m in found if m and not m[3].startswith(("boto", "s3tr"))]
    return [f"{own / 1000:8.1f} ms  {module}" for own, module in sorted(times)[::-1][:SHOWN]]


def package_size() -> Iterator[Figure]:
    """The archive that `chalice package` writes, which is what Lambda unpacks."""
    with project_copy("http://127.0.0.1:9") as project, TemporaryDirectory() as scratch:
        done = project.chalice("package", scratch)
        if done.returncode:
            raise RuntimeError(done.stdout)
        size = (Path(scratch) / "deployment.zip").stat().st_size
    yield Figure("package", size / 1_000_000, "MB", limit=2)

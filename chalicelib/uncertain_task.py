"""Stands for the task that calls the service: put your own work in its place."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.job.key import key_in
from chalicelib.job.ports import Telemetry


def work(
    event: Any, environ: Mapping[str, str], telemetry: Telemetry, pause: Callable[[float], None]
) -> Any:
    """Take `SLEEP` seconds (2), then return the event, or raise where `BEHAVIOR` is `NG`."""
    key = key_in(event) or ""
    telemetry.event("task-entered", key=key, at=time.time())
    try:
        pause(float(environ.get("SLEEP", "2")))
        if environ.get("BEHAVIOR") == "NG":
            raise ConnectionError("the service does not answer")
    finally:
        telemetry.event("task-left", key=key, at=time.time())
    return event

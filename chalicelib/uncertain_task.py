"""Stands for the task that calls the service: put your own work in its place."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from chalicelib.job.key import key_in
from chalicelib.job.ports import Telemetry


class ServiceClosed(Exception):
    """Raise it where the service says when to come again: its gate is closed until then.

    `until` is seconds from now, or a time with its zone.
    """

    def __init__(self, message: str, until: float | datetime) -> None:
        text = until.isoformat() if isinstance(until, datetime) else f"{until:g}"
        super().__init__(f"{message} (Retry-After: {text})")


def work(
    event: Any, environ: Mapping[str, str], telemetry: Telemetry, pause: Callable[[float], None]
) -> Any:
    """Take `SLEEP` seconds (2), then return the event, or raise where `BEHAVIOR` is `NG`.

    With `CLOSED_FOR` it says for how many seconds the service stays closed.
    """
    key = key_in(event) or ""
    telemetry.event("task-entered", key=key, at=time.time())
    try:
        pause(float(environ.get("SLEEP", "2")))
        if environ.get("BEHAVIOR") == "NG":
            if "CLOSED_FOR" in environ:
                raise ServiceClosed("the service is closed", float(environ["CLOSED_FOR"]))
            raise ConnectionError("the service does not answer")
    finally:
        telemetry.event("task-left", key=key, at=time.time())
    return event

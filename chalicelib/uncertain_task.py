"""Stands for the task that calls the neighbour: put your own work in its place."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.journal import Journal
from chalicelib.keys import key_in


def work(
    event: Any, environ: Mapping[str, str], journal: Journal, pause: Callable[[float], None]
) -> Any:
    """Take `SLEEP` seconds (2), then return the event, or raise where `BEHAVIOR` is `NG`."""
    key = key_in(event) or ""
    journal.tell("task-entered", key=key, at=time.time())
    try:
        pause(float(environ.get("SLEEP", "2")))
        if environ.get("BEHAVIOR") == "NG":
            raise ConnectionError("the neighbour does not answer")
    finally:
        journal.tell("task-left", key=key, at=time.time())
    return event

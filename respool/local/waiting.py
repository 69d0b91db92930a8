"""Waiting until something is so, with an end and a word about what was seen instead."""

import time
from collections.abc import Callable
from typing import TypeVar

from chalicelib.errors import RespoolError

T = TypeVar("T")
PAUSE = 0.1


class NotInTime(RespoolError):
    """Something awaited did not come about; the text names it and what was seen last."""


def wait_until(
    condition: Callable[[], T],
    what: str,
    timeout: float,
    seen: Callable[[], object] | None = None,
    each: Callable[[], object] | None = None,
) -> T:
    """Ask until the condition's answer is true, and return that answer.

    Raises NotInTime after `timeout` seconds; `seen` says what to report then (default: the
    condition's last answer), and `each` is called between two questions.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            last = seen() if seen else answer
            raise NotInTime(f"Waited {timeout:g} s for {what}; seen instead: {last!r}")
        if each:
            each()
        time.sleep(PAUSE)

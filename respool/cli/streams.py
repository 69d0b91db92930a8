"""Standard output and error as they may be: closed, full, or in another alphabet."""

import os
import sys
from collections.abc import Sequence
from typing import TextIO

from chalicelib.errors import BadRequest


def prepare() -> None:
    """Let nothing that is written fail for its letters, nor for a stream that is not there."""
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:  # closed before we began
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def check(words: Sequence[str]) -> None:
    """Refuse words of a shell that are not text. Raises BadRequest, before anything is done."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError as wrong:
            text = word.encode("utf-8", "backslashreplace").decode()
            raise BadRequest(f"{text[:60]!r} is not UTF-8: write it in UTF-8") from wrong


def flush() -> None:
    """Write out all that was printed. Raises OSError where that can't be done."""
    sys.stdout.flush()


def give_up_on_output() -> None:
    """Nobody reads on: what is left to write goes nowhere, and Python's own flush is content."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())

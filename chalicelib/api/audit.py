"""One line for each change that a person makes: who did what, to how many, and why."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib.api.stage import Stage
from chalicelib.errors import RespoolError

AUDIT = "audit"
"""The action that such a line names."""


@contextmanager
def audited(
    stage: Stage, who: str, what: str, reason: str, **about: Any
) -> Iterator[dict[str, Any]]:
    """Write the line when the change is done or refused; then the next look sees it.

    What is put into the yielded `line` stands in it, `count` above all: how many it changed.
    """
    line: dict[str, Any] = {"count": 0}
    try:
        yield line
    except RespoolError as problem:
        line["problem"] = str(problem)
        raise
    except BaseException as unexpected:
        line["problem"] = type(unexpected).__name__
        raise
    finally:
        stage.changed()
        telemetry = stage.engines.world.telemetry
        telemetry.event(AUDIT, who=who, what=what, reason=reason, about=about, **line)

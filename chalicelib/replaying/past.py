"""How long jobs took lately, read from the histories of the last that came through."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from chalicelib.errors import RespoolError
from chalicelib.job.execution import Status
from chalicelib.job.ports import Telemetry, Workflow
from chalicelib.replaying.estimate import Pace, pace, typical

SAMPLES = 5
MOST_EVENTS = 1000
KEPT = 300
"""Seconds for which what was read is good."""


@dataclass
class Past:
    """Remembers for some minutes what it read; `elapsed` counts seconds."""

    workflow: Workflow
    telemetry: Telemetry
    elapsed: Callable[[], float]
    _known: dict[str, tuple[float, Pace | None]] = field(default_factory=dict)

    def pace(self, task: str) -> Pace | None:
        """How jobs went that came through this task; None where nobody can tell."""
        at, latest = self._known.get(task, (0.0, None))
        if task not in self._known or self.elapsed() - at > KEPT:
            latest = self._read(task)
            self._known[task] = (self.elapsed(), latest)
        return latest

    def _read(self, task: str) -> Pace | None:
        try:
            last = list(islice(self.workflow.list(Status.SUCCEEDED), SAMPLES))
            paces = [pace(self.workflow.history(one, MOST_EVENTS), task) for one in last]
        except RespoolError as refused:  # a preview without an estimate is better than none
            self.telemetry.warning("past-not-read", task=task, reason=str(refused))
            return None
        return typical(each for each in paces if each is not None)

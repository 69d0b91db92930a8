"""Asks AWS again while it asks to slow down, or while others write the same item."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from chalicelib import metrics
from chalicelib.errors import Conflict, Throttled
from chalicelib.job.ports import Telemetry

T = TypeVar("T")
SHORTEST = 0.2
LONGEST = 5.0
"""Seconds of the first pause and of the longest one, at most: they are drawn with full jitter."""


@dataclass(frozen=True)
class Patience:
    """Lasts until `deadline`, a moment of `elapsed`; `pause` lets seconds pass."""

    telemetry: Telemetry
    elapsed: Callable[[], float]
    pause: Callable[[float], None]
    deadline: float

    def __call__(self, act: Callable[[], T]) -> T:
        """What `act` returns in the end. Raises Throttled or Conflict when time is up."""
        longest = SHORTEST
        while True:
            try:
                return act()
            except (Throttled, Conflict) as busy:
                if isinstance(busy, Throttled):
                    self.telemetry.metric(metrics.THROTTLED)
                if self.elapsed() + longest > self.deadline:
                    raise
                self.pause(random.uniform(0, longest))
                longest = min(longest * 2, LONGEST)

    def wait(self, seconds: float) -> bool:
        """Let that many seconds pass; False, and at once, where they would not end in time."""
        if self.elapsed() + seconds > self.deadline:
            return False
        self.pause(seconds)
        return True

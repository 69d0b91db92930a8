"""How a command waits for AWS: growing pauses, an end to them, and something to look at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between one look and the next."""


@dataclass(frozen=True)
class Patience:
    """How to wait: a clock (seconds), a pause, and where progress is told."""

    elapsed: Callable[[], float]
    pause: Callable[[float], None]
    progress: Callable[[str], None]

    def looks(self, seconds: float) -> Iterator[None]:
        """One turn for each look that fits into that many seconds; the first one comes at once."""
        start = self.elapsed()
        pause = FIRST_PAUSE
        while self.elapsed() - start < seconds:
            yield
            self.pause(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

"""A clock that stands still until somebody moves it on."""

from datetime import UTC, datetime, timedelta
from threading import Lock

from chalicelib.moments import iso

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class SteppedClock:
    """Time for everything in memory; waiting on it takes no time at all."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed = 0
        self._lock = Lock()

    def now(self) -> datetime:
        """The time of day, UTC."""
        return self._start + timedelta(microseconds=self._passed)

    def tick(self) -> datetime:
        """A moment that nothing else happens in: a millisecond passes."""
        self.pause(0.001)
        return self.now()

    def elapsed(self) -> float:
        """Seconds since this clock began."""
        return self._passed / 1_000_000

    def pause(self, seconds: float) -> None:
        """Let so many seconds pass."""
        with self._lock:
            self._passed += max(0, round(seconds * 1_000_000))

    def iso(self) -> str:
        """The time of day as Step Functions writes it."""
        return iso(self.now())

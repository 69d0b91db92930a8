"""A clock that stands still until somebody moves it on."""

from datetime import UTC, datetime, timedelta
from threading import Lock

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class SteppedClock:
    """Time for everything in memory; waiting on it takes no time at all."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed = 0.0
        self._lock = Lock()

    def now(self) -> datetime:
        """The time of day, UTC."""
        return self._start + timedelta(seconds=self.elapsed())

    def elapsed(self) -> float:
        """Seconds since this clock began."""
        with self._lock:
            return self._passed

    def pause(self, seconds: float) -> None:
        """Let so many seconds pass."""
        with self._lock:
            self._passed += max(0.0, seconds)

    def iso(self) -> str:
        """The time of day as Step Functions writes it."""
        return self.now().isoformat(timespec="milliseconds")

"""Telemetry that remembers what it was told."""

from collections import Counter
from typing import Any


class FakeTelemetry:
    """Keeps every line and adds up every metric."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.counts: Counter[str] = Counter()

    @property
    def actions(self) -> list[str]:
        """What was done, in order."""
        return [action for action, _ in self.lines]

    def event(self, action: str, **fields: Any) -> None:
        """Remember a line."""
        self.lines.append((action, fields))

    def warning(self, action: str, **fields: Any) -> None:
        """Remember a warning, among the lines."""
        self.lines.append((action, fields))

    def metric(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Add to a metric, whatever its dimensions."""
        del dimensions
        self.counts[name] += int(value)

"""One measured figure, its target, and how it is shown."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A measured value beside its target (`limit`), and the loop's where it has one."""

    name: str
    value: float
    unit: str = ""
    limit: float | None = None
    at_least: bool = False
    loop: float | None = None

    @property
    def met(self) -> bool:
        """Whether the target is reached; without one there is nothing to reach."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def line(self) -> str:
        """As `make bench` prints it."""
        bound = "at least" if self.at_least else "at most"
        target = f"{bound} {_text(self.limit)}" if self.limit is not None else ""
        loop = f"loop {_text(self.loop)}" if self.loop is not None else ""
        verdict = "" if self.limit is None else ("ok" if self.met else "MISSED")
        value = f"{_text(self.value)} {self.unit}".strip()
        return f"{self.name:<68}{value:>12}  {target:<16}{loop:<14}{verdict}".rstrip()

    def as_json(self) -> dict[str, Any]:
        """For the file of figures."""
        return {**vars(self), "met": self.met}


def _text(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:,.3g}"

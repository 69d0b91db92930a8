"""What a replay needs to know of the tasks' gates: each is read once, when it is asked for."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock

from chalicelib.job.claim import Claim, Slots
from chalicelib.job.ports import Line
from chalicelib.moments import iso


@dataclass
class Gates:
    """The gates as they stood at `now`, or when they were read."""

    line: Line
    now: datetime
    _slots: dict[str, Slots] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def slots(self, task: str) -> Slots:
        """The task's slots."""
        with self._lock:
            if task not in self._slots:
                self._slots[task] = self.line.slots(task)
            return self._slots[task]

    def add_pass(self, claim: Claim, until: str) -> None:
        """Know of a pass that the job has been given, or in a dry run would be."""
        slots = self.slots(claim.task)
        with self._lock:
            latest = self._slots.get(claim.task, slots)
            passes = {**latest.passes, claim.pk: until}
            self._slots[claim.task] = replace(latest, passes=passes)

    def closed(self, claim: Claim) -> str:
        """Why the job would have to wait at its task's gate; empty where it may go in."""
        good = self.slots(claim.task).passes.get(claim.pk, "") > iso(self.now)
        return "" if good else self.why(claim.task)

    def shut(self, task: str) -> bool:
        """Whether nobody at all may go in."""
        at = iso(self.now)
        passes = self.slots(task).passes.values()
        return bool(self.why(task)) and not any(until > at for until in passes)

    def why(self, task: str) -> str:
        """Why a task takes no jobs, by whom and until when; empty where it does."""
        slots = self.slots(task)
        gate = slots.gate(self.now)
        if gate.open:
            return "its limit is 0" if slots.complete and not slots.limit else ""
        by = f" by {gate.by}" if gate.by else ""
        until = f" until {gate.until}" if gate.until else ""
        why = f": {gate.why}" if gate.why else ""
        return f"its gate is closed{by}{until}{why}"

    def until(self, task: str) -> str:
        """When a closed gate opens by itself; empty where nobody knows."""
        return self.slots(task).gate(self.now).until

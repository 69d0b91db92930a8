"""How many jobs wait, told in numbers every few minutes: what alarms and dashboard look at.

The table says it, never the depth of a queue: a note may be missing, doubled or stale.
"""

from dataclasses import dataclass

from chalicelib import metrics
from chalicelib.gate.turn import turn
from chalicelib.job.claim import FAILURES, RAMP, SERVICE, Slots, State
from chalicelib.job.ports import Claims, Clock, Count, Line, Spool, Telemetry

MOST_PAGES = 30
"""Pages of the index that one count reads; beyond it the number is a lower bound."""


@dataclass(frozen=True)
class Standing:
    """How a task stands: its slots, and how many jobs wait for it, and how."""

    slots: Slots
    parked: Count
    stuck: Count
    line: Count


@dataclass(frozen=True)
class Gauges:
    """Counts what waits at this moment; `stuck` holds the messages that have no claim."""

    claims: Claims
    line: Line
    stuck: Spool
    telemetry: Telemetry
    clock: Clock

    def tell(self) -> tuple[Standing, ...]:
        """Count; to be called after all tasks were served. Returns how each task stands."""
        standings = tuple(map(self._standing, self.line.tasks()))
        self.telemetry.metric(metrics.UNUSABLE_NOW, self.stuck.depth())
        self.telemetry.metric(metrics.PARKED_NOW, sum(each.parked.number for each in standings))
        self.telemetry.metric(metrics.STUCK_NOW, sum(each.stuck.number for each in standings))
        self.telemetry.metric(metrics.LINE_NOW, sum(each.line.number for each in standings))
        closed = sum(self._is_closed(each.slots) for each in standings)
        blocked = sum(self._is_blocked(each.slots) for each in standings)
        self.telemetry.metric(metrics.CLOSED_NOW, closed)
        self.telemetry.metric(metrics.BLOCKED_NOW, blocked)
        return standings

    def _standing(self, task: str) -> Standing:
        parked, stuck, line = (
            self.claims.count(state, task, most=MOST_PAGES)
            for state in (State.PARKED, State.STUCK, State.LINE)
        )
        return Standing(self.line.slots(task), parked, stuck, line)

    def _is_closed(self, slots: Slots) -> bool:
        """Whether the service's trouble has closed its gate: no person, and no window."""
        return slots.gate(self.clock()).by in (FAILURES, RAMP, SERVICE)

    def _is_blocked(self, slots: Slots) -> bool:
        """Whether a slot is free for somebody in line, whom nobody has let in."""
        return bool(slots.waking) or turn(slots, self.clock()).count > 0

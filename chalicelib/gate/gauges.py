"""How many jobs wait, told in numbers every few minutes: what alarms and dashboard look at.

The table says it, never the depth of a queue: a note may be missing, doubled or stale.
"""

from dataclasses import dataclass

from chalicelib import metrics
from chalicelib.gate.turn import turn
from chalicelib.job.claim import FAILURES, RAMP, SERVICE, State
from chalicelib.job.ports import Claims, Clock, Line, Spool, Telemetry

MOST_PAGES = 30
"""Pages of the index that one count reads; beyond it the number is a lower bound."""


@dataclass(frozen=True)
class Gauges:
    """Counts what waits at this moment; `stuck` holds the messages that have no claim."""

    claims: Claims
    line: Line
    stuck: Spool
    telemetry: Telemetry
    clock: Clock

    def tell(self) -> None:
        """Count; to be called after all tasks were served."""
        tasks = self.line.tasks()
        stuck = self._count(tasks, State.STUCK) + self.stuck.depth()
        self.telemetry.metric(metrics.PARKED_NOW, self._count(tasks, State.PARKED))
        self.telemetry.metric(metrics.STUCK_NOW, stuck)
        self.telemetry.metric(metrics.LINE_NOW, self._count(tasks, State.LINE))
        closed = sum(map(self._is_closed, tasks))
        self.telemetry.metric(metrics.CLOSED_NOW, closed)
        self.telemetry.metric(metrics.BLOCKED_NOW, closed + sum(map(self._is_blocked, tasks)))

    def _count(self, tasks: list[str], state: State) -> int:
        return sum(self.claims.count(state, task, most=MOST_PAGES).number for task in tasks)

    def _is_closed(self, task: str) -> bool:
        """Whether the service's trouble has closed its gate: no person, and no window."""
        gate = self.line.slots(task).gate(self.clock())
        return gate.by in (FAILURES, RAMP, SERVICE)

    def _is_blocked(self, task: str) -> bool:
        """Whether it has room for somebody in line, whom nobody has let in."""
        slots = self.line.slots(task)
        return bool(slots.waking) or turn(slots, self.clock()).count > 0

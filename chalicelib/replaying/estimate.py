"""What a replay would come to: when it is through, what it costs, how hard it meets the service.

Pure. It goes by how long the last jobs took; what nobody can know is None.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from chalicelib.job.claim import Slots
from chalicelib.job.plan import Action
from chalicelib.moments import iso, read
from chalicelib.replaying.outcome import Outcome

TRANSITION = 0.000025
"""Dollars: Step Functions Standard in us-east-1, $0.025 per 1,000 (price list, November 2026)."""
HOUR = 3600


@dataclass(frozen=True)
class Pace:
    """How a job went that came through: seconds in the task and from there to its end.

    `transitions` are those from its slot on, `whole` those from its beginning.
    """

    seconds: float
    rest: float
    transitions: int
    whole: int


def pace(events: Sequence[Mapping[str, Any]], task: str) -> Pace | None:
    """Read an execution's history, oldest event first; None where it was not in that task."""
    entries = [n for n, event in enumerate(events) if event["type"].endswith("StateEntered")]
    inside = [n for n in entries if _state(events[n]) == task]
    if not inside:
        return None
    start = inside[-1]
    end = next((n for n in entries if n > start), len(events) - 1)
    exits = (n for n in range(start + 1, end) if events[n]["type"].endswith("StateExited"))
    end = next(exits, end)
    times: list[datetime] = [event["timestamp"] for event in events]
    return Pace(
        seconds=(times[end] - times[start]).total_seconds(),
        rest=(times[-1] - times[end]).total_seconds(),
        transitions=sum(n >= start for n in entries) + 1,
        whole=len(entries),
    )


def typical(paces: Iterable[Pace]) -> Pace | None:
    """The middle of each of their figures; None where there are none."""
    samples = list(paces)
    if not samples:
        return None
    return Pace(
        seconds=median(each.seconds for each in samples),
        rest=median(each.rest for each in samples),
        transitions=round(median(each.transitions for each in samples)),
        whole=round(median(each.whole for each in samples)),
    )


@dataclass(frozen=True)
class Estimate:
    """When (seconds from now), how much, how hard, and how many stuck if they fail once more."""

    jobs: int
    seconds: float | None
    transitions: int | None
    calls_per_hour: float | None
    stuck_if_failed: int

    def as_json(self, now: datetime) -> dict[str, Any]:
        """As callers get it."""
        ends = None if self.seconds is None else iso(now + timedelta(seconds=self.seconds))
        dollars = None if self.transitions is None else round(self.transitions * TRANSITION, 6)
        calls = self.calls_per_hour
        return {
            "jobs": self.jobs,
            "seconds": None if self.seconds is None else round(self.seconds),
            "finish_at": ends,
            "transitions": self.transitions,
            "dollars": dollars,
            "calls_per_hour": None if calls is None else round(calls),
            "stuck_if_failed": self.stuck_if_failed,
        }


def estimate(
    plan: Iterable[Outcome],
    tasks: Mapping[str, Slots],
    paces: Mapping[str, Pace | None],
    now: datetime,
    rate: float = 0,
    max_attempts: int = 0,
) -> Estimate:
    """What putting these jobs back would come to, where each task goes on as it did."""
    jobs = [each for each in plan if each.put_back]
    by_task: dict[str, list[Outcome]] = {}
    for each in jobs:
        by_task.setdefault(each.task, []).append(each)
    ends: list[float | None] = []
    transitions: list[int | None] = []
    calls: list[float | None] = []
    for task, some in by_task.items():
        pace, slots = paces.get(task), tasks.get(task)
        if pace is None or slots is None:
            ends, transitions, calls = [*ends, None], [*transitions, None], [*calls, None]
            continue
        end, queued = _course(len(some), slots, pace, rate, now)
        ends.append(end)
        transitions.append(queued + sum(_transitions(each, pace) for each in some))
        calls.append(_calls(len(some), slots.limit, pace.seconds, rate))
    return Estimate(
        jobs=len(jobs),
        seconds=None if None in ends else max((end for end in ends if end is not None), default=0),
        transitions=None if None in transitions else sum(each or 0 for each in transitions),
        calls_per_hour=None if None in calls else sum(each or 0 for each in calls),
        stuck_if_failed=sum(each.attempt + 1 >= max_attempts for each in jobs),
    )


def _course(
    jobs: int, slots: Slots, pace: Pace, rate: float, now: datetime
) -> tuple[float | None, int]:
    """Seconds until the last of them has ended, and how many come into line, for a transition each.

    Who stands in line already goes first.
    """
    gate = slots.gate(now)
    opens = read(gate.until)
    if slots.limit < 1 or (not gate.open and opens is None):
        return None, jobs
    begins = 0.0 if gate.open or opens is None else max(0.0, (opens - now).total_seconds())
    half = pace.seconds / 2  # of those who are inside, one is about half way
    busy = min(slots.limit, len(slots.owners))
    free = [begins] * (slots.limit - busy) + [max(begins, half)] * busy
    heapq.heapify(free)
    queued = 0
    for n in range(-slots.waiting, jobs):
        comes = n / rate if rate and n > 0 else 0.0
        slot = heapq.heappop(free)
        queued += n >= 0 and slot > comes
        heapq.heappush(free, max(slot, comes) + pace.seconds)
    return max(free) + pace.rest, queued


def _transitions(job: Outcome, pace: Pace) -> int:
    return pace.whole if job.action is Action.RESTART else pace.transitions


def _calls(jobs: int, limit: int, seconds: float, rate: float) -> float:
    """Calls on the service in the busiest hour, where none is tried again."""
    at_once = limit * HOUR / seconds if seconds else float(jobs)
    return min(jobs, at_once, rate * HOUR if rate else jobs)


def _state(event: Mapping[str, Any]) -> str:
    return str(event.get("stateEnteredEventDetails", {}).get("name", ""))

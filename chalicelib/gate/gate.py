"""The gate: a task's limit, and whether it takes jobs at all: a thin layer over the slots item.

Closing and opening write once; what has a time, begins and ends by itself: TakeSlot and `admit`
compare it with the clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from chalicelib import metrics
from chalicelib.errors import BadRequest, SettingsError
from chalicelib.gate.windows import upcoming
from chalicelib.job.claim import FOR_EVER, Slots
from chalicelib.job.ports import Clock, Line, Telemetry
from chalicelib.moments import iso
from chalicelib.schedules import Window

OPEN, CLOSED = "open", "closed"
LIMIT_0 = "limit 0"
"""Why a gate is closed that a limit of 0 closed; a limit of more opens it again."""


def is_closed_by_limit(slots: Slots, at: str) -> bool:
    """Whether it was a limit of 0 that closed the gate, which is closed still."""
    return slots.closed_until > at and slots.closed_why.startswith(LIMIT_0)


@dataclass(frozen=True)
class Gates:
    """The gates of a stage's tasks. `limit` and `close_after` are for tasks that have none yet."""

    line: Line
    telemetry: Telemetry
    clock: Clock
    windows: tuple[Window, ...]
    limit: int
    close_after: int

    def prepare(self, task: str) -> Slots:
        """A task's slots, complete where anybody needs them, with the window that concerns it.

        Windows that can't be read leave the stored one: they never keep a job from its slot.
        """
        slots = self.line.slots(task)
        if not slots.complete and (slots.waiting or slots.owners):
            slots = self.complete(task)
        try:
            slots = self.refresh(slots)
        except SettingsError as wrong:
            self.telemetry.warning("window-not-read", task=task, reason=str(wrong))
        self.tell(slots)
        return slots

    def tell(self, slots: Slots) -> None:
        """Say once that the gate is closed, by whomever, and once that it is open again."""
        gate = slots.gate(self.clock())
        word = OPEN if gate.open else CLOSED
        if not slots.complete or word == (slots.told or OPEN):
            return
        if not self.line.note_told(slots, word):
            return
        about = {"task": slots.task, "in_line": slots.waiting, "failed": len(slots.failed)}
        if gate.open:
            self.telemetry.event("gate-opened", **about)
        else:
            why = {"by": gate.by, "why": gate.why, "until": gate.until}
            self.telemetry.event("gate-closed", **about, **why)
        metric = metrics.GATE_OPENED if gate.open else metrics.GATE_CLOSED
        self.telemetry.metric(metric, task=slots.task)

    def complete(self, task: str) -> Slots:
        """Make whatever the task's item lacks; what is there stays."""
        return self.line.complete(task, self.limit, self.close_after)

    def refresh(self, slots: Slots) -> Slots:
        """Write down the maintenance window under way or next, where the item says otherwise.

        Raises SettingsError where there is no data of its time zone.
        """
        if not slots.complete:
            return slots
        span = _upcoming(self.windows, self.clock().replace(second=0, microsecond=0))
        if span == (slots.window_from, slots.window_until, slots.window_why):
            return slots
        self.line.set_window(slots.task, *span)
        return self.line.slots(slots.task)

    def set_limit(self, task: str, limit: int, by: str, why: str) -> Slots:
        """Let at most `limit` jobs in at once. 0 closes the gate and keeps the stored limit.

        Any other opens a gate that 0 has closed, by giving it an end: failures in a row, or a
        window, may keep it closed all the same.
        """
        at = iso(self.clock())
        if limit == 0:
            reason = f"{LIMIT_0}: {why}" if why else LIMIT_0
            return self.line.close(task, FOR_EVER, by, reason, at)
        slots = self.line.set_limit(task, limit, by, why, at)
        if is_closed_by_limit(slots, at):
            return self.line.close(task, at, by, why, at)
        return slots

    def close(self, task: str, until: datetime | None, by: str, why: str) -> Slots:
        """Let nobody in until then; None: until somebody opens it. Raises BadRequest."""
        now = self.clock()
        if until is not None and until <= now:
            raise BadRequest(f"until={iso(until)} is in the past: give a time after {iso(now)}")
        end = FOR_EVER if until is None else iso(until)
        return self.line.close(task, end, by, why, iso(now))

    def open(self, task: str, by: str, why: str) -> Slots:
        """Let jobs in again and count failures in a row from none; a window stays closed."""
        at = iso(self.clock())
        return self.line.open(task, by, why, at)


@lru_cache(maxsize=8)
def _upcoming(windows: Sequence[Window], now: datetime) -> tuple[str, str, str]:
    """The window under way or next as the item holds it; empty texts where there is none."""
    span = upcoming(windows, now)
    return (iso(span.begins), iso(span.ends), span.why) if span else ("", "", "")

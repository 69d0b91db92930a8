"""Whom a task can take now, and whose line an event is about. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.errors import BadRequest
from chalicelib.job.claim import Slots
from chalicelib.moments import iso

SLOTS = "slots#"
MOST = 10
"""Jobs that a turn lets in at most."""
SHAPES = 'admit takes records of the table\'s stream, {"task": ...}, or {} for all tasks'


@dataclass(frozen=True)
class Turn:
    """How many jobs a task can take now, and where its gate is closed, only which of them."""

    count: int
    passes: tuple[str, ...] | None = None


def turn(slots: Slots, now: datetime) -> Turn:
    """Decide how many of those in line may go in, and who."""
    count = max(0, min(in_line(slots), slots.free, MOST))
    if slots.gate(now).open:
        return Turn(count)
    at = iso(now)
    good = tuple(sorted(pk for pk, until in slots.passes.items() if until > at))
    return Turn(min(count, len(good)), good)


def in_line(slots: Slots) -> int:
    """How many wait for a slot, without those who have one and are just being told."""
    return slots.waiting - len(slots.waking)


def tasks_in(event: Any) -> list[str] | None:
    """The tasks that an event names, each once; None where it names none, for they all count.

    A record of anything else is passed over: nothing that is read here can make a batch fail.
    Raises BadRequest for what is not an event at all.
    """
    if not isinstance(event, dict):
        raise BadRequest(f"{SHAPES}, not {type(event).__name__}")
    if "Records" in event:
        records = event["Records"] if isinstance(event["Records"], list) else []
        return sorted({_task(record) for record in records} - {""})
    task = event.get("task")
    if task is not None and (not isinstance(task, str) or not task):
        raise BadRequest(f'{SHAPES}; this "task" is not a name')
    return None if task is None else [task]


def _task(record: Any) -> str:
    value: Any = record
    for name in ("dynamodb", "Keys", "pk", "S"):
        value = value.get(name) if isinstance(value, dict) else None
    is_task = isinstance(value, str) and value.startswith(SLOTS)
    return str(value).removeprefix(SLOTS) if is_task else ""

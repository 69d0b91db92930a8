"""Tasks as people see them: who is inside and in line, the limit, the gate, and the ramp."""

from typing import Any

from chalicelib.api.overview import View
from chalicelib.api.ramps import ramp_of
from chalicelib.api.stage import Stage
from chalicelib.job.claim import Gate, Slots, State


def tasks(stage: Stage, view: View) -> list[dict[str, Any]]:
    """Every task that has slots, in order of name."""
    return [task_as_json(stage, view, slots) for slots in view.tasks]


def task_as_json(stage: Stage, view: View, slots: Slots) -> dict[str, Any]:
    """One task; `waiting` are those in line, `limit` holds also while the gate is closed."""
    default = stage.engines.settings.task_limit
    first = view.first_in_line.get(slots.task)
    return {
        "task": slots.task,
        "inside": len(slots.owners),
        "limit": slots.limit if slots.complete else default,
        "waiting": view.count(State.LINE, slots.task).number,
        "waiting_since": first.since if first else None,
        "parked": view.count(State.PARKED, slots.task).number,
        "stuck": view.count(State.STUCK, slots.task).number,
        "gate": gate_as_json(slots.gate(view.at)),
        **_behind(view, slots),
        "default_limit": default,
        "limit_by": slots.limit_by or None,
        "limit_why": slots.limit_why or None,
        "limit_at": slots.limit_at or None,
        "ramp": ramp_of(stage, view, slots),
    }


def _behind(view: View, slots: Slots) -> dict[str, int | None]:
    """What stands behind a closed gate: how many failed and wait, and how many are untried.

    Nobody knows of a line that is too long to be read.
    """
    if slots.task not in view.untried:
        return {"failed": None, "untried": None}
    line, parked, stuck = (
        view.count(state, slots.task).number for state in (State.LINE, State.PARKED, State.STUCK)
    )
    untried = max(0, view.untried[slots.task])
    return {"failed": parked + stuck + line - min(line, untried), "untried": untried}


def gate_as_json(gate: Gate) -> dict[str, Any]:
    """A gate; what is not known, or not so, is null. Closed without `until`: until it is opened."""
    values = {"by": gate.by, "why": gate.why, "since": gate.since, "until": gate.until}
    return {"open": gate.open, **{name: text or None for name, text in values.items()}}

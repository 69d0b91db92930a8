"""What the ramp is doing for a task: as its last tick wrote it down, and as it is held now."""

from dataclasses import replace
from typing import Any

from chalicelib.engines import Deployed
from chalicelib.gate.ramp.decide import Policy, silence
from chalicelib.gate.ramp.describe import sentence, tell
from chalicelib.job.claim import Slots
from chalicelib.job.overview import State as Stands
from chalicelib.job.overview import View, state_of
from chalicelib.job.ramp_state import State
from chalicelib.names import UNCERTAIN_TASK
from chalicelib.settings import RAMP


def ramp_of(stage: Deployed, view: View, slots: Slots, limit: int) -> dict[str, Any] | None:
    """In a sentence, and in the parts that a page makes its own of; None: there is no ramp."""
    if stage.settings.recovery != RAMP:
        return None
    known = {each.task: each for each in view.ramps}
    held, until = silence(limit, stage.settings.hold_windows, view.at)
    state = known.get(slots.task, State(slots.task))
    state = replace(
        state,
        waiting=_waiting(view, slots),
        held=held,
        held_until=until.isoformat() if until else "",
        due="" if held else state.due,
    )
    told = tell(state, Policy.of(stage.settings))
    return {
        "says": sentence(told, view.at),
        "code": told.code,
        "values": dict(told.values),
        "times": dict(told.times),
        "step": state.step,
        "next": state.held_until or state.due or None,
    }


def _waiting(view: View, slots: Slots) -> int:
    return sum(
        state_of(job) is Stands.PARKED
        and (job.task or UNCERTAIN_TASK) == slots.task
        and job.execution not in slots.holders
        for job in view.jobs
    )

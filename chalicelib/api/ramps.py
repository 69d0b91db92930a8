"""What the ramp is doing for a task: as its last tick wrote it down, and as the gate stands now."""

from dataclasses import replace
from typing import Any

from chalicelib.api.overview import View
from chalicelib.api.stage import Stage
from chalicelib.job.claim import SERVICE, Slots, State
from chalicelib.moments import iso
from chalicelib.settings import RAMP


def ramp_of(stage: Stage, view: View, slots: Slots) -> dict[str, Any] | None:
    """The ramp as a sentence, and as the parts of it; None where there is no ramp."""
    settings = stage.engines.settings
    if settings.recovery != RAMP:
        return None
    from chalicelib.gate.ramp.decide import Policy, held  # a stage without a ramp starts without it
    from chalicelib.gate.ramp.describe import sentence, tell

    gate = slots.gate(view.at)
    named = gate.until if gate.by == SERVICE else ""
    state = stage.engines.world.ramps.get(slots.task)
    state = replace(
        state,
        waiting=view.count(State.PARKED, slots.task).number,
        held=(silent := held(gate)),
        held_until=gate.until if silent else "",
        named=named if named > iso(view.at) else "",
        due="" if silent or named else state.due,
    )
    summary = tell(state, Policy.of(settings))
    return {
        "says": sentence(summary, view.at),
        "code": summary.code,
        "values": dict(summary.values),
        "times": dict(summary.times),
        "step": state.step,
        "next": state.held_until or state.named or state.due or None,
    }

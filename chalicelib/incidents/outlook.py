"""What respool will do by itself while an incident lasts, and when. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.job.claim import FAILURES, RAMP, SERVICE, WINDOW
from chalicelib.job.incident import Incident
from chalicelib.job.ramp_state import State as Ramp
from chalicelib.words import Word


class Plan(Word):
    """One thing that respool does by itself, or does not."""

    PROBES = "probes"
    PROBES_NAMED = "probes-named"
    PROBES_SOON = "probes-soon"
    WINDOW = "window"
    HELD = "held"
    HELD_UNTIL = "held-until"
    REOPENS = "reopens"
    STAYS_CLOSED = "stays-closed"
    TRIGGER = "trigger"
    SCHEDULE = "schedule"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Next:
    """A plan, the time that it is for (ISO 8601, UTC; empty: none), and what else it says."""

    plan: Plan
    at: str = ""
    text: str = ""
    number: int = 0


@dataclass(frozen=True)
class Arrangements:
    """What the stage does by itself at all. `trigger` is None where nobody could tell."""

    ramp: Ramp | None = None
    trigger: bool | None = False
    schedule: str = ""
    schedule_zone: str = ""
    schedule_max: int = 0


def outlook(incident: Incident, arrangements: Arrangements) -> Sequence[Next]:
    """What comes next by itself, the gate first; nothing is said of what nobody knows."""
    if incident.is_over:
        return ()
    plans = [*_of_gate(incident, arrangements)]
    if arrangements.trigger:
        plans.append(Next(Plan.TRIGGER))
    if arrangements.schedule:
        text = f"{arrangements.schedule} {arrangements.schedule_zone}"
        plans.append(Next(Plan.SCHEDULE, text=text, number=arrangements.schedule_max))
    ramps = arrangements.ramp is not None
    if (
        not ramps
        and arrangements.trigger is False
        and not arrangements.schedule
        and incident.failed
    ):
        plans.append(Next(Plan.NOTHING))
    return plans


def _of_gate(incident: Incident, arrangements: Arrangements) -> Sequence[Next]:
    ramp, until = arrangements.ramp, incident.gate_until
    if incident.gate_closed and incident.gate_by == WINDOW:
        return (Next(Plan.WINDOW, until),)
    if incident.gate_closed and incident.gate_by not in (FAILURES, RAMP, SERVICE):
        return (Next(Plan.HELD_UNTIL if until else Plan.HELD, until, incident.gate_by),)
    if ramp is not None:
        named_until = until if incident.gate_by == SERVICE else ramp.named
        if named_until:
            return (Next(Plan.PROBES_NAMED, named_until),)
        return (Next(Plan.PROBES, ramp.due),) if ramp.due else (Next(Plan.PROBES_SOON),)
    if not incident.gate_closed:
        return ()
    return (Next(Plan.REOPENS, until),) if until else (Next(Plan.STAYS_CLOSED),)

"""What a note still says, beside the claim of its job. Pure."""

from chalicelib.job.claim import Claim, State
from chalicelib.job.record import Record
from chalicelib.words import Word


class Fate(Word):
    """VOID: it says nothing any more. WAITS: its job waits as it says. EARLY: not yet.

    UNCLAIMED: no claim knows its job.
    """

    VOID = "void"
    WAITS = "waits"
    EARLY = "early"
    UNCLAIMED = "unclaimed"


def fate(record: Record, claim: Claim | None) -> Fate:
    """Judge a note by the claim on its key, read consistently after the note was received.

    A note is sent before its job is parked; so one of a later failure than the claim knows is
    early, not wrong. Of a restart that never started, the note of the dead execution counts.
    """
    if claim is None:
        return Fate.UNCLAIMED
    if claim.ended_at or record.execution not in _executions(claim):
        return Fate.VOID
    if record.attempt != claim.attempt:
        return Fate.EARLY if record.attempt > claim.attempt else Fate.VOID
    waits = claim.dead_at or (claim.waits and claim.state is not State.LINE)
    return Fate.WAITS if waits else Fate.VOID


def _executions(claim: Claim) -> tuple[str, ...]:
    return (claim.execution, claim.predecessor) if claim.dead_at else (claim.execution,)

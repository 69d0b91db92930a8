"""Passes for the jobs that a person names: each lets its job through the closed gate, once.

The pass comes first and then the resume. If nothing follows, the pass is void after some hours, and
the sweep takes away what is left of it.
"""

from dataclasses import dataclass
from datetime import timedelta

from chalicelib.job.claim import Claim, State
from chalicelib.job.plan import Action
from chalicelib.job.ports import Line
from chalicelib.moments import iso
from chalicelib.replaying.gates import Gates
from chalicelib.replaying.outcome import Outcome, of_claim

GOOD = timedelta(hours=6)
"""How long a job may wait for a slot on its pass."""


@dataclass(frozen=True)
class Passing:
    """Gives passes; `dry` only acts as if."""

    line: Line
    gates: Gates
    dry: bool

    def serves(self, claim: Claim) -> bool:
        """Whether the job waits at a closed gate."""
        return claim.waits and not self.gates.slots(claim.task).gate(self.gates.now).open

    def give(self, claim: Claim) -> None:
        """Let the job through the gate, within the limit. Raises NotFound."""
        until = iso(self.gates.now + GOOD)
        if not self.dry:
            self.line.give_pass(claim.task, [claim.pk], until)
        self.gates.add_pass(claim, until)

    def let_in(self, claim: Claim) -> Outcome | None:
        """What becomes of a job in line that has just got a pass; None for any other."""
        if claim.state is not State.LINE:
            return None
        return of_claim(claim, Action.LET_IN, "stands in line, and its pass lets it in")

"""The other jobs of a dead job's execution: none of them goes on alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.errors import NotFound
from chalicelib.job.asked import claims_asked
from chalicelib.job.claim import Claim
from chalicelib.job.execution import Status
from chalicelib.job.key import job_key
from chalicelib.job.plan import Facts
from chalicelib.job.ports import Claims, Clock, Workflow
from chalicelib.replaying.patience import Patience
from chalicelib.words import Word


class Stand(Word):
    """How they stand, in words that end a sentence about the job."""

    SETTLED = "all are dead, and say so"
    RESTARTED = "was restarted already"
    GOING_ON = "has gone on already"
    UNSETTLED = (
        "its execution is dead, and not all its jobs say so yet: the next sweep sets that right"
    )
    LATE = "its execution died a moment ago, and a call of it may still be on its way"
    FORGOTTEN = "Step Functions has forgotten which jobs its execution had"
    UNKNOWN = "its input has another key than the job"


@dataclass(frozen=True)
class Family:
    """The execution's other claims that have not ended, and how all of them stand."""

    stand: Stand
    others: Sequence[Claim] = ()


ALONE = Family(Stand.SETTLED)
LATEST = timedelta(minutes=1)
"""Longer than a call takes that a dead execution had under way."""


def has_usual_key(claim: Claim, text: str) -> bool:
    """Whether the job's key is its input's, else its execution's name.

    Then it is the only one, unless it was handed over by one that died before it asked for a key.
    Of a restart that never started the name may be the predecessor's.
    """
    names = (claim.execution.rpartition(":")[2], claim.predecessor.rpartition(":")[2])
    return bool(text) and claim.key in [job_key(text, name) for name in names if name]


@dataclass(frozen=True)
class Siblings:
    """Looks for them; changes nothing."""

    workflow: Workflow
    claims: Claims
    clock: Clock

    def of(self, claim: Claim, facts: Facts, calm: Patience) -> Family:
        """The siblings of a job in its dead execution, or in the one it was handed over from."""
        is_restart = facts.status is Status.MISSING and bool(claim.predecessor)
        dead = claim.predecessor if is_restart else claim.execution
        usual = has_usual_key(claim, facts.input)
        if claim.watched or (usual and not claim.predecessor):
            return ALONE
        home = self.workflow.of(claim.machine)
        try:
            key = job_key(facts.input, dead.rpartition(":")[2]) if facts.input else None
            by_pk = calm(lambda: claims_asked(home, self.claims, dead, claim.machine, key))
        except NotFound:
            return ALONE if usual else Family(Stand.FORGOTTEN)
        if usual and not by_pk.keys() - {claim.pk}:
            return ALONE
        if claim.pk not in by_pk and not claim.predecessor:
            return Family(Stand.UNKNOWN)
        died = facts.stopped_at
        recent = not is_restart and died is not None and self.clock() - died < LATEST
        if recent and None in by_pk.values():
            return Family(Stand.LATE)
        open_claims = [
            one for one in by_pk.values() if one and not one.ended_at and one.pk != claim.pk
        ]
        others = [one for one in open_claims if one.execution == dead]
        return Family(_stand(open_claims, others, dead), others)


def _stand(open_claims: Sequence[Claim], others: Sequence[Claim], dead: str) -> Stand:
    if any(one.predecessor == dead != one.execution for one in open_claims):
        return Stand.RESTARTED
    if any(one.dead_at and not one.waits for one in others):
        return Stand.GOING_ON
    if any(not one.dead_at for one in others):
        return Stand.UNSETTLED
    return Stand.SETTLED

"""Ends jobs whose branch or item was stopped as another one failed, while their execution goes on.

Its machine has caught that failure, so nothing announces the end of such a job: its claim says that
it waits, or is inside its task, and it keeps its slot.
"""

from dataclasses import dataclass
from datetime import timedelta

from chalicelib.errors import NotFound
from chalicelib.job.claim import Claim, State
from chalicelib.job.plan import after
from chalicelib.job.ports import Claims, Clock, Workflow


@dataclass(frozen=True)
class LeftBehind:
    """`history` is how long the claim of an ended job is kept."""

    workflow: Workflow
    claims: Claims
    clock: Clock
    history: timedelta = timedelta(days=30)

    def end(self, claim: Claim) -> bool:
        """End the job if the history says so; returns whether it was left behind.

        The claim must have been read before: one that has changed since is left as it is. Should
        its Parallel or Map be tried again, the frame takes the ended claim over as its own.
        """
        if not claim.may_be_in_scope or claim.dead_at:
            return False
        try:
            stopped = self.workflow.of(claim.machine).left_behind(claim.execution)
        except NotFound:
            return False
        if claim.pk not in stopped:
            return False
        now = self.clock()
        expires = int((now + self.history).timestamp())
        return self.claims.end(claim, State.FAILED, after(now, claim), expires, as_seen=True)

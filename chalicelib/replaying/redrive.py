"""Redrives a dead job: its claim is written first, so that nobody who saw it before acts on it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from chalicelib.errors import AwsError, Conflict, RedriveRefused, Throttled
from chalicelib.job.claim import Claim, State
from chalicelib.job.execution import DEAD, Status
from chalicelib.job.plan import Facts, after, needs_slot
from chalicelib.job.ports import Claims, Clock, Telemetry, Workflow
from chalicelib.moments import read
from chalicelib.replaying.inspection import Inspection
from chalicelib.replaying.patience import Patience
from chalicelib.words import Word

SETTLED = 3.0
"""Seconds after which DescribeExecution, which lags, tells how an execution stood before them."""
RECENT = 60.0
"""Seconds since a claim was written, in which another replay may be redriving its job."""
_RUNS = State.RUNNING
RUNS = "Execution is RUNNING"
"""A reason that Step Functions gives for a refused redrive; no lag can hide it."""


class Redriven(Word):
    """How trying it ended. REFUSED: the job is parked and dead as before, and can't be redriven."""

    DONE = "done"
    GONE_ON = "gone on"
    NO_SLOT = "no slot"
    REFUSED = "refused"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Attempt:
    """How trying it ended, and the claim and the facts as they stand then."""

    end: Redriven
    claim: Claim
    facts: Facts


@dataclass(frozen=True)
class Redrive:
    """Inside its task a job takes its slot first; elsewhere its claim says that it is begun."""

    workflow: Workflow
    claims: Claims
    telemetry: Telemetry
    clock: Clock

    def attempt(self, claim: Claim, facts: Facts, calm: Patience) -> Attempt:
        """Let it go on where it failed. Raises whatever AWS refuses, with the slot given back."""
        at = after(self.clock(), claim)
        if needs_slot(claim, facts.failed_in):
            if not calm(lambda: self.claims.take_slot(claim, at)):
                return Attempt(Redriven.NO_SLOT, claim, facts)
            return self.inside(claim, replace(claim, state=State.RUNNING, since=at), facts, calm)
        if not calm(lambda: self.claims.begin_redrive(claim, at)):
            return Attempt(Redriven.GONE_ON, claim, facts)
        return self.inside(claim, replace(claim, since=at), facts, calm)

    def attempt_all(
        self, claim: Claim, others: Sequence[Claim], facts: Facts, calm: Patience
    ) -> Attempt:
        """Redrive an execution with several jobs: all go on, or none.

        Each is begun as it was seen, in one order, before Step Functions hears of it: of two who
        try this at once, and of a restart of any of them, only one can win them all.
        """
        pairs: list[tuple[Claim, Claim]] = []
        for job in sorted([claim, *others], key=lambda one: one.pk):
            at = after(self.clock(), job)
            enters = needs_slot(job)
            write = self.claims.take_slot if enters else self.claims.begin_redrive
            if not calm(partial(write, job, at)):
                self._take_all_back(pairs, calm)
                end = Redriven.NO_SLOT if enters and self._stands(job, calm) else Redriven.GONE_ON
                return Attempt(end, claim, facts)
            pairs.append((job, replace(job, since=at, state=_RUNS if enters else job.state)))
        (parked, mine) = next(pair for pair in pairs if pair[0].pk == claim.pk)
        rest = [pair for pair in pairs if pair[0].pk != claim.pk]
        try:
            attempt = self.inside(parked, mine, facts, calm)
        except (Throttled, Conflict):
            self._take_all_back(rest, calm)
            raise
        if attempt.end is Redriven.DONE:
            for _, other in rest:
                self._say_running(other)
        elif attempt.end is not Redriven.GONE_ON:
            self._take_all_back(rest, calm)
        return attempt

    def _take_all_back(self, pairs: Sequence[tuple[Claim, Claim]], calm: Patience) -> None:
        for parked, current in pairs:
            self.take_back(parked, current, calm)

    def _stands(self, claim: Claim, calm: Patience) -> bool:
        """Whether it is as it was seen: then it was the task that had no free slot."""
        now = calm(lambda: self.claims.get(claim.pk))
        return now is not None and (now.execution, now.since) == (claim.execution, claim.since)

    def inside(self, parked: Claim, current: Claim, facts: Facts, calm: Patience) -> Attempt:
        """Redrive a job; its claim says so already (`current`), and was `parked` before."""
        try:
            calm(lambda: self.workflow.redrive(_root(current, facts)))
        except RedriveRefused as refused:
            if RUNS in str(refused):
                return Attempt(Redriven.GONE_ON, current, facts)
            return self._refused(parked, current, facts, calm)
        except (Throttled, Conflict):
            self.take_back(parked, current, calm)
            raise
        self._say_running(current)
        return Attempt(Redriven.DONE, current, facts)

    def _refused(self, parked: Claim, current: Claim, facts: Facts, calm: Patience) -> Attempt:
        """Somebody else was quicker, or it can't be redriven: another look tells, a later one.

        Nothing follows from the look that promised a redrive: DescribeExecution may lag.
        """
        look = Inspection(self.workflow).look
        facts = look(current, calm)
        unclear = _contradicts(facts)
        if unclear and calm.wait(SETTLED):
            facts = look(current, calm)
            unclear = _contradicts(facts) and self._is_recent(parked)
        if facts.status is Status.RUNNING:
            return Attempt(Redriven.GONE_ON, current, facts)
        stands = self.take_back(parked, current, calm)
        if stands is None:
            return Attempt(Redriven.GONE_ON, current, facts)
        end = Redriven.UNCLEAR if unclear else Redriven.REFUSED
        return Attempt(end, stands, replace(facts, redrivable=False))

    def _is_recent(self, claim: Claim) -> bool:
        since = read(claim.since)
        return since is not None and (self.clock() - since).total_seconds() < RECENT

    def take_back(self, parked: Claim, current: Claim, calm: Patience) -> Claim | None:
        """Give the slot back that was taken for it; the claim as it stands then, if it is ours."""
        if current.state is not State.RUNNING:
            return current
        at = after(self.clock(), current)
        if calm(lambda: self.claims.leave_again(parked, at)):
            return replace(parked, since=at)
        return None

    def _say_running(self, current: Claim) -> None:
        """Say in the claim that the job runs; where this write fails, the sweep says it later."""
        try:
            self.claims.mark_running(current)
        except (AwsError, Conflict) as refused:
            self.telemetry.warning("claim-not-revived", key=current.key, reason=str(refused))


def _root(claim: Claim, facts: Facts) -> str:
    """The execution that is redriven: of a distributed Map's child it is its parent."""
    return facts.parent.arn if facts.parent is not None else claim.execution


def _contradicts(facts: Facts) -> bool:
    """Whether a look after a refused redrive promises one all the same."""
    return facts.status in DEAD and facts.redrivable

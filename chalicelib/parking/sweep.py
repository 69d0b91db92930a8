"""The sweep: compares claims and slots with live executions, and repairs what it finds.

Status-change events are best effort, and an aborted execution may still write its slot; so
from time to time somebody has to look.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from chalicelib import metrics, moments
from chalicelib.job.claim import Claim
from chalicelib.job.deaths import death
from chalicelib.job.execution import DEAD, Execution, Status
from chalicelib.job.plan import ENDS
from chalicelib.job.ports import Claims, Clock, Telemetry, Workflow
from chalicelib.parking.rescue import RENEWING, Rescue

GRACE = timedelta(minutes=10)
"""A claim may be older than its execution by as much: a replay claims before it starts."""
RENEW = timedelta(days=10)
"""Age at which a restart's message is sent anew; SQS would drop it after 14 days."""
NEAR_YEAR = timedelta(days=330)
"""Age at which a job is announced: Step Functions ends every execution after a year."""
NEAR_FORGOTTEN = timedelta(days=60)
"""The same for one that is dead: Step Functions forgets it 90 days after its end."""
PACE = 0.15
"""Seconds between two DescribeExecution calls: under 10 a second, the smallest quota."""
CATCH = 2 * PACE
"""The rescue looks twice: at the execution, and at the one that would have restarted it."""


@dataclass
class Repairs:
    """What a sweep found and repaired; each list names keys or executions."""

    released: list[str] = field(default_factory=list)
    freed: list[str] = field(default_factory=list)
    caught: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    near_year: list[str] = field(default_factory=list)
    more: bool = False

    @property
    def count(self) -> int:
        """How many things were repaired."""
        return len(self.released) + len(self.freed) + len(self.caught) + len(self.renewed)


@dataclass(frozen=True)
class Sweep:
    """Looks and repairs; idempotent, paced within Step Functions' quotas, stops at its deadline."""

    workflow: Workflow
    claims: Claims
    rescue: Rescue
    telemetry: Telemetry
    clock: Clock
    elapsed: Callable[[], float]
    pause: Callable[[float], None]

    def run(self, seconds: float) -> Repairs:
        """Sweep for at most so long; `more` says that time ran out."""
        deadline = self.elapsed() + seconds
        repairs = Repairs()
        seen: dict[str, Execution] = {}
        live = frozenset(self.workflow.list(Status.RUNNING))
        for step in self._steps(live, seen, repairs):
            if self.elapsed() >= deadline:
                repairs.more = True
                break
            step()
        self._report(repairs)
        return repairs

    def _steps(
        self, live: frozenset[str], seen: dict[str, Execution], repairs: Repairs
    ) -> Iterable[Callable[[], None]]:
        for execution in self._without_tombstones():
            yield lambda e=execution: self._catch(e, repairs)  # type: ignore[misc]
        for slots in self.claims.slots():
            for holder in sorted(slots.holders - live):
                yield lambda t=slots.task, h=holder: self._free(t, h, seen, repairs)  # type: ignore[misc]
        for claim in self.claims.claims():
            self._announce(claim, repairs)
            if claim.execution not in live and not self._waits_for_restart(claim):
                yield lambda c=claim: self._claim(c, seen, repairs)  # type: ignore[misc]

    def _waits_for_restart(self, claim: Claim) -> bool:
        """Its owner's death was dealt with, and its message is young enough to be there still."""
        return bool(claim.spooled_at) and self._age(claim.spooled_at) < RENEW

    def _without_tombstones(self) -> Iterable[str]:
        """Dead executions that nobody has dealt with; an event may have been lost."""
        for status in DEAD:
            page: list[str] = []
            for execution in self.workflow.list(status):
                page.append(execution)
                if len(page) == 100:
                    yield from self._of_those_without_tombstone(page)
                    page = []
            yield from self._of_those_without_tombstone(page)

    def _of_those_without_tombstone(self, executions: list[str]) -> list[str]:
        """Of a redriven execution only its first death can be told from its ARN alone."""
        tombstones = self.claims.tombstones([death(e) for e in executions])
        dealt_with = {name for name, how in tombstones.items() if how != RENEWING}
        return [e for e in executions if death(e) not in dealt_with]

    def _catch(self, execution: str, repairs: Repairs) -> None:
        self.pause(CATCH)
        if self.rescue.catch(execution) == "spooled":
            repairs.caught.append(execution)

    def _look(self, execution: str, seen: dict[str, Execution]) -> Execution:
        if execution not in seen:
            self.pause(PACE)
            seen[execution] = self.workflow.describe(execution)
        return seen[execution]

    def _free(self, task: str, holder: str, seen: dict[str, Execution], repairs: Repairs) -> None:
        if self._look(holder, seen).status is not Status.RUNNING:
            self.claims.free_slot(task, holder)
            repairs.freed.append(holder)

    def _claim(self, claim: Claim, seen: dict[str, Execution], repairs: Repairs) -> None:
        owner = self._look(claim.execution, seen)
        if owner.status is Status.RUNNING:
            return
        if owner.status is Status.SUCCEEDED or owner.error in ENDS:
            self._release(claim, repairs)
        elif owner.status is not Status.MISSING:
            self._of_dead(claim, owner, repairs)
        elif claim.predecessor and claim.parked_at:
            self._of_never_started(claim, self._look(claim.predecessor, seen), repairs)
        elif not claim.parked_at and self._age(claim.claimed_at) > GRACE:
            self._release(claim, repairs)

    def _of_dead(self, claim: Claim, owner: Execution, repairs: Repairs) -> None:
        """Its death was not heard of, or its message may have been dropped by now."""
        self.pause(CATCH)
        if self.rescue.catch(owner.arn) == "spooled":
            repairs.caught.append(owner.arn)
            return
        if self._given_up(owner):
            self._release(claim, repairs)
        elif self.rescue.renew(owner):
            repairs.renewed.append(claim.key)

    def _of_never_started(self, claim: Claim, origin: Execution, repairs: Repairs) -> None:
        """A replay died between handing over the key and the start; its message may be dropped."""
        if self._given_up(origin):
            self._release(claim, repairs)
        elif origin.status in DEAD and self._age(claim.spooled_at or claim.parked_at) >= RENEW:
            self.rescue.renew_start(claim, origin)
            repairs.renewed.append(claim.key)

    def _given_up(self, owner: Execution) -> bool:
        name = death(owner.arn, owner.redrives)
        return self.claims.tombstones([name]).get(name) == "given up"

    def _release(self, claim: Claim, repairs: Repairs) -> None:
        if self.claims.release(claim.key, claim.execution):
            repairs.released.append(claim.key)

    def _announce(self, claim: Claim, repairs: Repairs) -> None:
        dead = claim.spooled_at and self._age(claim.parked_at) > NEAR_FORGOTTEN
        if dead or (claim.claimed_at and self._age(claim.claimed_at) > NEAR_YEAR):
            repairs.near_year.append(claim.key)
            self.telemetry.warning("job-near-the-year", key=claim.key, execution=claim.execution)
            self.telemetry.metric(metrics.NEAR_YEAR)

    def _age(self, moment: str) -> timedelta:
        then = moments.read(moment)
        return self.clock() - then if then else timedelta.max

    def _report(self, repairs: Repairs) -> None:
        told = {name: value for name, value in asdict(repairs).items() if value}
        self.telemetry.event("sweep-ended", **told)
        if repairs.count:
            self.telemetry.metric(metrics.SWEPT, repairs.count)

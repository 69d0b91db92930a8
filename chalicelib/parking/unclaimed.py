"""What a sweep looks for among the executions that run: jobs that no claim tells of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from chalicelib import metrics
from chalicelib.errors import NotFound
from chalicelib.job.claim import job_pk
from chalicelib.job.execution import Status
from chalicelib.job.key import job_key
from chalicelib.job.ports import Claims, Clock, Telemetry, Workflow
from chalicelib.parking.lapses import GRACE
from chalicelib.parking.repairs import PACE, Looks, Repairs

MOST_LOOKED = 40
"""Executions that one sweep looks at; the next hour's takes the ones behind them."""
HOUR = 3600


@dataclass(frozen=True)
class Unclaimed:
    """Tells of each one, and changes nothing: whose key it is, only a person can decide.

    A restored table is how it comes about: what began after the restored moment has no claim.
    """

    workflow: Workflow
    claims: Claims
    telemetry: Telemetry
    clock: Clock
    pause: Callable[[float], None]
    looks: Looks
    repairs: Repairs
    seen: set[str] = field(default_factory=set)
    """The executions of which a slot or the index told in this sweep."""

    def steps(self, running: frozenset[str]) -> Iterator[Callable[[], None]]:
        """Steps that look at executions of which no claim tells, from another place every hour."""
        unseen = sorted(running - self.seen)
        if not unseen:
            return
        frames = self.workflow.frames()
        ours = frames.states | frames.tasks
        now = self.clock()
        begin = int(now.timestamp()) // HOUR * MOST_LOOKED % len(unseen)
        for execution in (unseen[begin:] + unseen[:begin])[:MOST_LOOKED]:
            yield partial(self._look, execution, ours, now)

    def _look(self, execution: str, ours: frozenset[str], now: datetime) -> None:
        """Report an execution that has had no claim for longer than the index lags."""
        self.pause(PACE)
        try:
            tail = self.workflow.tail(execution)
        except NotFound:  # it has ended, and is forgotten
            return
        if tail.state not in ours or tail.entered_at is None or now - tail.entered_at <= GRACE:
            return
        if self._has_claim(execution) or self.looks.at(execution).status is not Status.RUNNING:
            return
        self.repairs.unclaimed.append(execution)
        self.telemetry.warning("job-without-claim", execution=execution, state=tail.state)
        self.telemetry.metric(metrics.UNCLAIMED)

    def _has_claim(self, execution: str) -> bool:
        """A job that was redriven by hand may be inside its task without a slot."""
        key = job_key(self.looks.at(execution).input, execution.rpartition(":")[2])
        claim = self.claims.get(job_pk(key)) if key is not None else None
        return claim is not None and claim.execution == execution and not claim.ended_at

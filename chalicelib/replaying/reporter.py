"""Tells what became of a job: to the log, to the metrics, and to whoever has asked."""

from dataclasses import dataclass

from chalicelib import metrics
from chalicelib.job.claim import Claim
from chalicelib.job.plan import Action
from chalicelib.job.ports import Clock, Telemetry
from chalicelib.moments import read
from chalicelib.replaying.outcome import Outcome, of_claim

_DONE = {
    Action.RESUME: "resumed",
    Action.REDRIVE: "redriven",
    Action.RESTART: "restarted",
    Action.LINE: "in-line",
    Action.STALE: "stale",
    Action.STUCK: "stuck",
}
_COUNTED = {
    Action.RESUME: metrics.RESUMED,
    Action.REDRIVE: metrics.RESUMED,
    Action.RESTART: metrics.RESTARTED,
    Action.STALE: metrics.STALE,
    Action.STUCK: metrics.STUCK,
}


@dataclass(frozen=True)
class Reporter:
    """Each job is told of once; one that is left as it was, only to whoever has asked."""

    telemetry: Telemetry
    clock: Clock

    def tell(self, claim: Claim, action: Action, reason: str, problem: bool = False) -> Outcome:
        """What was done with it, and why."""
        if action is Action.LEAVE:
            return of_claim(claim, action, reason, problem=True)
        self.telemetry.event(
            f"job-{_DONE[action]}",
            key=claim.key,
            execution=claim.execution,
            task=claim.task,
            attempt=claim.attempt,
            reason=reason,
        )
        outcome = of_claim(claim, action, reason, problem=problem)
        if action in _COUNTED:
            self.telemetry.metric(_COUNTED[action], task=claim.task)
        if _COUNTED.get(action) in (metrics.RESUMED, metrics.RESTARTED):
            self._measure(claim.first_failed_at)
        return outcome

    def _measure(self, first_failed_at: str) -> None:
        """How long the job waited, where its claim says since when."""
        if (since := read(first_failed_at)) is not None:
            waited = (self.clock() - since).total_seconds()
            self.telemetry.metric(metrics.WAITED, max(0, waited))

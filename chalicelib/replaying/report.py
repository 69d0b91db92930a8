"""What a replay did, counted job by job."""

from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.job.plan import GONE_ON, RESTARTED, Action
from chalicelib.replaying.recovery import Outcome

PUT_BACK = (Action.RESUME, Action.REDRIVE, Action.RESTART)
MOST_FAILED = 1000


@dataclass
class Report:
    """What a replay did, or with `dry_run` what it would do."""

    counts: dict[Action, int] = field(default_factory=lambda: dict.fromkeys(Action, 0))
    failed: list[dict[str, str]] = field(default_factory=list)
    plan: list[dict[str, str]] | None = None
    remaining: int | None = None
    more: bool = False
    _planned: set[str] = field(default_factory=set)

    @property
    def replayed(self) -> int:
        """How many jobs were put back."""
        return sum(self.counts[action] for action in PUT_BACK)

    def add(self, outcome: Outcome) -> None:
        """Count one more message."""
        if self.plan is not None:
            outcome = self._once(outcome)
        self.counts[outcome.action] += 1
        told = {"key": outcome.key, "reason": outcome.reason}
        if self.plan is not None:
            self.plan.append({**told, "action": outcome.action.value})
        elif outcome.problem and len(self.failed) < MOST_FAILED:
            self.failed.append(told)

    def _once(self, outcome: Outcome) -> Outcome:
        """A job may have two messages: the first one puts it back, and the second is stale then."""
        if outcome.action not in PUT_BACK or not outcome.execution:
            return outcome
        if outcome.execution in self._planned:
            reason = RESTARTED if outcome.action is Action.RESTART else GONE_ON
            return replace(outcome, action=Action.STALE, reason=reason)
        self._planned.add(outcome.execution)
        return outcome

    def as_json(self) -> dict[str, Any]:
        """The result as callers get it."""
        result: dict[str, Any] = {
            "replayed": self.replayed,
            "resumed": self.counts[Action.RESUME] + self.counts[Action.REDRIVE],
            "restarted": self.counts[Action.RESTART],
            "stale": self.counts[Action.STALE],
            "failed": self.failed,
            "remaining": self.remaining,
            "more": self.more,
        }
        if self.plan is not None:
            result |= {"dry_run": True, "plan": self.plan}
        return result

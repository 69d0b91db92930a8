"""What a replay did, counted job by job."""

import json
from dataclasses import dataclass, field
from typing import Any

from chalicelib.job.claim import job_pk, machine_in
from chalicelib.job.plan import PUT_BACK, Action
from chalicelib.limits import ANSWER
from chalicelib.replaying.outcome import Outcome

MOST_FAILED = 10_000
"""Names kept in memory: whatever lies on a queue, no more."""
MOST_BYTES = ANSWER // 3
"""Bytes for the jobs that a report names: behind API Gateway it is JSON inside JSON."""


@dataclass
class Report:
    """What a replay did, or with a `plan` what it would do.

    `remaining`: how many jobs that match still wait; None where nobody could count them. `held`
    names the tasks from which an unattended replay took nothing, and why. `more`: time ran out,
    or somebody stopped it, before it was through. `unnamed`: of those that failed, how many are
    counted alone.
    """

    counts: dict[Action, int] = field(default_factory=lambda: dict.fromkeys(Action, 0))
    passes: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)
    plan: list[dict[str, str]] | None = None
    remaining: int | None = None
    more: bool = False
    unnamed: int = 0

    @property
    def replayed(self) -> int:
        """How many jobs were put back."""
        return sum(self.counts[action] for action in PUT_BACK)

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self.counts[outcome.action] += 1
        self.passes += outcome.passed
        self.more |= outcome.late
        job = job_as_json(outcome.pk or job_pk(outcome.key), outcome.reason)
        if self.plan is not None:
            self.plan.append({**job, "action": outcome.action.value})
        elif outcome.problem and len(self.failed) < MOST_FAILED:
            self.failed.append(job)
        elif outcome.problem:
            self.unnamed += 1

    def as_json(self, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
        """The result as callers get it; what never happened in most replays is left out.

        `most_bytes` is how much the named jobs may take; `unnamed` counts those beyond it.
        """
        failed = _fitting(self.failed, most_bytes)
        plan = _fitting(self.plan or [], most_bytes)
        cut = len(self.failed) - len(failed) + len(self.plan or []) - len(plan)
        result: dict[str, Any] = {
            "replayed": self.replayed,
            "resumed": self.counts[Action.RESUME] + self.counts[Action.REDRIVE],
            "restarted": self.counts[Action.RESTART],
            "stale": self.counts[Action.STALE],
            "failed": failed,
            "remaining": self.remaining,
            "more": self.more,
        }
        if self.counts[Action.LINE]:
            result["in_line"] = self.counts[Action.LINE]
        if self.passes:
            result["passes"] = self.passes
        if self.held:
            result["held"] = [{"task": task, "reason": why} for task, why in self.held.items()]
        if self.unnamed + cut:
            result["unnamed"] = self.unnamed + cut
        if self.plan is not None:
            result |= {"dry_run": True, "plan": plan}
        return result


def job_as_json(pk: str, reason: str) -> dict[str, str]:
    """A job and what is said of it, with its machine where that is a listed one."""
    machine = machine_in(pk)
    about = {"machine": machine} if machine else {}
    return {"key": pk.partition("#")[2], "reason": reason, **about}


def _fitting(jobs: list[dict[str, str]], most_bytes: int) -> list[dict[str, str]]:
    """As many of the jobs, from the first on, as fit into that many bytes."""
    left = most_bytes
    for n, job in enumerate(jobs):
        left -= len(json.dumps(job)) + 2
        if left < 0:
            return jobs[:n]
    return jobs

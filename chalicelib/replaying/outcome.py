"""What became of one job that a replay met, or of one message."""

from dataclasses import dataclass

from chalicelib.job.claim import Claim
from chalicelib.job.plan import PUT_BACK, Action


@dataclass(frozen=True)
class Outcome:
    """An action and why, to the job as it stood before: its key, execution, task and failures.

    `pk` is the claim's own key; empty for a message that no claim knows. `wait`: after how many
    seconds a job that was left is worth another look. `problem`: somebody should know of it.
    `late`: AWS asked to slow down until time was up; the job is as well off as before. `passed`:
    a pass lets it through the closed gate.
    """

    key: str
    action: Action
    reason: str
    pk: str = ""
    execution: str = ""
    task: str = ""
    error: str = ""
    attempt: int = 0
    first_failed_at: str = ""
    wait: int = 0
    problem: bool = False
    late: bool = False
    passed: bool = False

    @property
    def put_back(self) -> bool:
        """Whether the job goes on now, or when its turn comes."""
        return self.action in PUT_BACK


def of_claim(
    claim: Claim,
    action: Action,
    reason: str,
    wait: int = 0,
    problem: bool = False,
    late: bool = False,
) -> Outcome:
    """What became of the job that a claim tells of."""
    return Outcome(
        key=claim.key,
        action=action,
        reason=reason,
        pk=claim.pk,
        execution=claim.execution,
        task=claim.task,
        error=claim.error or claim.failure.name,
        attempt=claim.attempt,
        first_failed_at=claim.first_failed_at,
        wait=wait,
        problem=problem,
        late=late,
    )


def in_line_for(claim: Claim) -> str:
    """Why it does not go on at once, in words that end a sentence about it."""
    return f"waits in line for a slot in {claim.task}"

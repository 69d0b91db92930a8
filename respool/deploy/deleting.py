"""`chalice delete`: everything goes but the queues and table that still hold jobs."""

from dataclasses import dataclass

from respool.deploy.retained import Retained
from respool.deploy.stack import Stack
from respool.deploy.steps import Step, before_delete


@dataclass(frozen=True)
class Deleted:
    """What a delete did: how many jobs it kept, and which executions it ended."""

    step: Step
    jobs: int
    stopped: list[str]


@dataclass(frozen=True)
class Deleting:
    """Deletes one stage's companion stack; safe to run again."""

    stack: Stack
    retained: Retained

    def run(self, remains: str) -> Deleted:
        """Delete the stack, or while jobs are parked update it down to `remains`, a template."""
        status = self.stack.settled()
        stopped = self.retained.stop_executions()
        jobs = self.retained.jobs()
        step = before_delete(status, jobs)
        if step is Step.SHRINK:
            self.stack.update(remains)
        elif step is Step.DELETE:
            self.stack.delete()
        if not jobs:
            self.retained.remove()
        return Deleted(step, jobs, stopped)

"""`chalice delete`: everything goes but the queues and table that still hold jobs."""

from dataclasses import dataclass

from respool.deploy.set_aside import SetAside
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
    set_aside: SetAside

    def run(self, remains: str) -> Deleted:
        """Delete the stack, or while jobs are set aside update it down to `remains`, a template."""
        status = self.stack.settled()
        stopped = self.set_aside.stop_executions()
        jobs = self.set_aside.jobs()
        step = before_delete(status, jobs)
        if step is Step.SHRINK:
            self.stack.update(remains)
        elif step is Step.DELETE:
            self.stack.delete()
        if not jobs:
            self.set_aside.remove()
        return Deleted(step, jobs, stopped)

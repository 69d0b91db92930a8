"""`chalice delete`: everything goes but the queues and table in which jobs still wait."""

from dataclasses import dataclass

from respool.deploy.retained import Kept, Retained
from respool.deploy.stack import Stack
from respool.deploy.steps import Step, before_delete


@dataclass(frozen=True)
class Deleted:
    """What a delete did: what it kept, and which executions it ended."""

    step: Step
    kept: Kept
    stopped: list[str]


@dataclass(frozen=True)
class Deleting:
    """Deletes one stage's companion stack; safe to run again."""

    stack: Stack
    retained: Retained

    def run(self, remains: str) -> Deleted:
        """Delete the stack, or while jobs wait update it down to `remains`, a template."""
        status = self.stack.settled()
        stopped = self.retained.stop_executions()
        kept = self.retained.kept()
        step = before_delete(status, bool(kept))
        if step is Step.SHRINK:
            self.stack.update(remains)
        elif step is Step.DELETE:
            self.stack.delete()
        if not kept:
            self.retained.remove()
        return Deleted(step, kept, stopped)

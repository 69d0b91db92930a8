"""`chalice deploy`: the companion stack made or updated, the trigger checked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.names import APP
from respool.deploy.checks.findings import DeployFailed
from respool.deploy.retained import Retained
from respool.deploy.stack import Stack
from respool.deploy.steps import Step, before_deploy, remedy_for, trigger_wanted
from respool.deploy.template import adoption
from respool.deploy.trigger import Trigger


@dataclass(frozen=True)
class Deployed:
    """What a deploy did to the stack, and what the stack and the trigger say now."""

    step: Step
    changed: list[str]
    outputs: Mapping[str, str]
    trigger: bool
    adopted: Sequence[str] = ()


@dataclass(frozen=True)
class Deploying:
    """Deploys one stage's companion stack; again and again, with the same end."""

    stack: Stack
    trigger: Trigger
    retained: Retained
    options: str = ""
    """What a command of the AWS CLI needs to act on the same account and region."""

    def refuse_early(self) -> None:
        """Raise DeployFailed where the stack is in a state that no deploy can go on from."""
        status = self.stack.settled()
        if before_deploy(status) is Step.REFUSE:
            raise DeployFailed(remedy_for(self.stack.name, status, self.options))

    def run(self, body: str, tags: Mapping[str, str]) -> Deployed:
        """Bring the stack to this template. Raises DeployFailed, with CloudFormation's reasons."""
        self.refuse_early()
        step = before_deploy(self.stack.settled())
        before = self._was_enabled()
        if step is Step.RECREATE:
            self.stack.delete()
        adopted = self._adopt(body) if step is not Step.UPDATE else []
        new = step is not Step.UPDATE and not adopted
        changed = self.stack.create(body, tags) if new else self.stack.update(body, tags)
        outputs = self.stack.outputs()
        return Deployed(step, changed, outputs, self._check_trigger(outputs, before), adopted)

    def _adopt(self, body: str) -> list[str]:
        """Take in what a stack that was deleted otherwise left behind, with the jobs in it."""
        part, resources = adoption(json.loads(body), self.retained.existing())
        return self.stack.adopt(json.dumps(part), resources) if resources else []

    def _was_enabled(self) -> bool | None:
        return self.trigger.is_enabled(self.stack.outputs().get("TriggerId", ""))

    def _check_trigger(self, outputs: Mapping[str, str], before: bool | None) -> bool:
        """Somebody may have enabled it on purpose, and keeps it; a new one has to be disabled."""
        mapping = outputs["TriggerId"]
        wanted = trigger_wanted(before)
        enabled = self.trigger.is_enabled(mapping)
        if enabled is None:
            stage = self.stack.name.removeprefix(f"{APP}-")
            raise DeployFailed(
                f"The trigger {mapping} was deleted outside the stack {self.stack.name}. Run"
                f" chalice delete --stage {stage}, which keeps the jobs that wait, and deploy"
                " again."
            )
        if enabled != wanted:
            self.trigger.set(mapping, wanted)
        return wanted

"""The companion stack on CloudFormation: its state, and what can be done to it."""

from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from chalicelib.aws.calling import calling
from respool.deploy.bucket import in_request
from respool.deploy.change_set import LONGEST, ChangeSet, endless
from respool.deploy.operation import Operation, described
from respool.deploy.patience import Patience
from respool.deploy.steps import is_settled

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


def new_token() -> str:
    """Marks one operation's events, and names its change set."""
    return f"deploy-{token_hex(8)}"


class Stack:
    """One stack, by its name; `source` says how a request names a template."""

    def __init__(
        self,
        client: "CloudFormationClient",
        name: str,
        patience: Patience,
        token: Callable[[], str] = new_token,
        source: Callable[[str], Mapping[str, str]] = in_request,
    ) -> None:
        self._client = client
        self.name = name
        self._patience = patience
        self._new_token = token
        self._source = source

    def status(self) -> str:
        """CloudFormation's word for its state; empty where there is none."""
        return str((described(self._client, self.name) or {}).get("StackStatus", ""))

    def outputs(self) -> dict[str, str]:
        """What the stack says of itself, by name; empty where there is none."""
        outputs = (described(self._client, self.name) or {}).get("Outputs", [])
        return {one["OutputKey"]: one["OutputValue"] for one in outputs}

    def settled(self) -> str:
        """Wait until CloudFormation works on it no longer; returns its status."""
        for _ in self._patience.looks(LONGEST):
            status = self.status()
            if is_settled(status):
                return status
            self._patience.progress(f"{self.name}: {status}")
        raise endless(self.name)

    def create(self, body: str, tags: Mapping[str, str]) -> list[str]:
        """Create it; returns the logical names of what is in it. Raises DeployFailed."""
        return self._change("CREATE", body, tags=tags)

    def update(self, body: str, tags: Mapping[str, str] | None = None) -> list[str]:
        """Update it; returns the logical names of what has changed. Raises DeployFailed."""
        return self._change("UPDATE", body, tags=tags)

    def adopt(self, body: str, resources: Sequence[Mapping[str, Any]]) -> list[str]:
        """Create it of resources that are there already, as CloudFormation identifies them.

        Raises DeployFailed.
        """
        return self._change("IMPORT", body, resources)

    def delete(self) -> None:
        """Delete it; what is retained stays. Raises DeployFailed."""
        stack = described(self._client, self.name)
        if stack is None:
            return
        operation = self._operation(str(stack["StackId"]), self._new_token())
        with calling("DeleteStack", self.name):  # by its id: never one that was made since
            self._client.delete_stack(
                StackName=stack["StackId"], ClientRequestToken=operation.token
            )
        operation.finish("DELETE_COMPLETE")

    def _change(
        self,
        kind: str,
        body: str,
        imported: Sequence[Mapping[str, Any]] = (),
        tags: Mapping[str, str] | None = None,
    ) -> list[str]:
        request: dict[str, Any] = {"ChangeSetType": kind, **self._source(body)}
        if imported:
            request["ResourcesToImport"] = imported
        if tags:
            request["Tags"] = [{"Key": k, "Value": v} for k, v in tags.items()]
        token = self._new_token()
        proposed = ChangeSet.create(self._client, self.name, self._patience, token, request)
        if changed := proposed.changes():
            operation = self._operation(proposed.stack_id, token)
            # What a failed first deploy made is empty; it must not stand in the next one's way.
            how = {} if kind == "IMPORT" else {"RetainExceptOnCreate": True}
            proposed.execute(token, **how)
            operation.finish(f"{kind}_COMPLETE")
        return changed

    def _operation(self, stack_id: str, token: str) -> Operation:
        return Operation(self._client, self.name, self._patience, stack_id, token)

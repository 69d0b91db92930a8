"""The companion stack on CloudFormation: its state, change sets, waiting and what went wrong."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws.calling import calling
from respool.deploy.checks.findings import DeployFailed
from respool.deploy.steps import is_settled

LONGEST = 3600
"""Seconds that an operation of CloudFormation is waited for."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
CHANGE_SET = "respool-deploy"
BEGINNINGS = (
    "CREATE_IN_PROGRESS",
    "UPDATE_IN_PROGRESS",
    "IMPORT_IN_PROGRESS",
    "DELETE_IN_PROGRESS",
)
_NOTHING_NEW = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class Patience:
    """How to wait: a clock (seconds), a pause, and where progress is told."""

    elapsed: Callable[[], float]
    pause: Callable[[float], None]
    progress: Callable[[str], None]


class Stack:
    """One stack, by its name."""

    def __init__(self, client: Any, name: str, patience: Patience) -> None:
        self._client = client
        self.name = name
        self._patience = patience

    def status(self) -> str:
        """CloudFormation's word for its state; empty where there is none."""
        return str((self._describe() or {}).get("StackStatus", ""))

    def outputs(self) -> dict[str, str]:
        """What the stack says of itself, by name; empty where there is none."""
        found = (self._describe() or {}).get("Outputs", [])
        return {one["OutputKey"]: one["OutputValue"] for one in found}

    def settled(self) -> str:
        """Wait until CloudFormation works on it no longer; returns its status."""
        return str((self._settled(self.name) or {}).get("StackStatus", ""))

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

    def _change(
        self,
        kind: str,
        body: str,
        imported: Sequence[Mapping[str, Any]] = (),
        tags: Mapping[str, str] | None = None,
    ) -> list[str]:
        self._delete_change_set()
        request: dict[str, Any] = {"ChangeSetType": kind, "TemplateBody": body}
        if imported:
            request["ResourcesToImport"] = imported
        if tags:
            request["Tags"] = [{"Key": k, "Value": v} for k, v in tags.items()]
        with calling("CreateChangeSet", self.name):
            self._client.create_change_set(
                **self._change_set, Capabilities=["CAPABILITY_IAM"], **request
            )
        proposed = self._proposed()
        if proposed["Status"] == "FAILED":
            return self._refused(str(proposed.get("StatusReason", "")), kind != "UPDATE")
        # What a failed first deploy made is empty; it must not stand in the next one's way.
        empty = {} if kind == "IMPORT" else {"RetainExceptOnCreate": True}
        with calling("ExecuteChangeSet", self.name):
            self._client.execute_change_set(**self._change_set, **empty)
        self._wait_for(f"{kind}_COMPLETE")
        return [one["ResourceChange"]["LogicalResourceId"] for one in proposed.get("Changes", [])]

    @property
    def _change_set(self) -> dict[str, str]:
        return {"StackName": self.name, "ChangeSetName": CHANGE_SET}

    def delete(self) -> None:
        """Delete it; what is retained stays. Raises DeployFailed."""
        stack = self._describe()
        if stack is None:
            return
        with calling("DeleteStack", self.name):
            self._client.delete_stack(StackName=self.name)
        found = self._settled(str(stack["StackId"]))
        if found is not None and found["StackStatus"] != "DELETE_COMPLETE":
            raise self._failed(str(found["StackStatus"]))

    def _describe(self, name: str | None = None) -> dict[str, Any] | None:
        try:
            answer = self._client.describe_stacks(StackName=name or self.name)
        except ClientError as refused:
            if "does not exist" in str(refused):
                return None
            with calling("DescribeStacks", self.name):
                raise
        stack: dict[str, Any] = answer["Stacks"][0]
        return stack

    def _proposed(self) -> dict[str, Any]:
        about = self._change_set
        for _ in self._waiting():
            with calling("DescribeChangeSet", self.name):
                found: dict[str, Any] = self._client.describe_change_set(**about)
                if found["Status"] == "FAILED":
                    return found
                if found["Status"] == "CREATE_COMPLETE":
                    pages = self._client.get_paginator("describe_change_set").paginate(**about)
                    return {**found, "Changes": [one for page in pages for one in page["Changes"]]}
        raise self._endless()

    def _refused(self, reason: str, create: bool) -> list[str]:
        self._delete_change_set()
        if create:  # an empty stack under review is all that there is
            self._client.delete_stack(StackName=self.name)
        if any(words in reason for words in _NOTHING_NEW):
            return []
        raise DeployFailed(f"CloudFormation refused the template of {self.name}: {reason}")

    def _delete_change_set(self) -> None:
        try:
            self._client.delete_change_set(**self._change_set)
        except ClientError as refused:
            if not any(word in str(refused) for word in ("does not exist", "NotFound")):
                with calling("DeleteChangeSet", self.name):
                    raise

    def _wait_for(self, wanted: str) -> None:
        found = self._settled(self.name)
        status = str((found or {}).get("StackStatus", "gone"))
        if status != wanted:
            raise self._failed(status)

    def _settled(self, name: str) -> dict[str, Any] | None:
        for _ in self._waiting():
            found = self._describe(name)
            if found is None or is_settled(found["StackStatus"]):
                return found
            self._patience.progress(f"{self.name}: {found['StackStatus']}")
        raise self._endless()

    def _waiting(self) -> Iterator[None]:
        began = self._patience.elapsed()
        pause = FIRST_PAUSE
        while self._patience.elapsed() - began < LONGEST:
            yield
            self._patience.pause(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def _endless(self) -> DeployFailed:
        return DeployFailed(
            f"CloudFormation still works on {self.name} after {LONGEST // 60} minutes."
            " Watch it in the CloudFormation console, and run the command again when it is done."
        )

    def _failed(self, status: str) -> DeployFailed:
        reasons = "\n".join(f"  {one}" for one in self.reasons()) or "  no reason was given"
        return DeployFailed(f"CloudFormation left the stack {self.name} {status}:\n{reasons}")

    def reasons(self) -> list[str]:
        """Why the last operation failed, in CloudFormation's words, what failed first above."""
        failed: list[str] = []
        with calling("DescribeStackEvents", self.name):
            pages = self._client.get_paginator("describe_stack_events").paginate(
                StackName=self.name
            )
            for event in (event for page in pages for event in page["StackEvents"]):
                status, reason = event["ResourceStatus"], event.get("ResourceStatusReason", "")
                if event["LogicalResourceId"] == self.name:
                    if status in BEGINNINGS:
                        break
                elif status.endswith("_FAILED") and "cancelled" not in reason:
                    about = f"{event['LogicalResourceId']} ({event['ResourceType']})"
                    failed.append(f"{about}: {reason}")
        return failed[::-1]

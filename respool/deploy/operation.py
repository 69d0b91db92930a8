"""One operation of CloudFormation on a stack: followed by its own events to its end.

DescribeStacks may answer for a while as if the operation had not begun (aws/aws-cdk-cli#1802),
which after an ExecuteChangeSet looks like an end. Its events bear the token it was begun with.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.calling import calling
from respool.deploy.change_set import LONGEST, endless, validation_errors
from respool.deploy.checks.findings import DeployFailed
from respool.deploy.patience import Patience
from respool.deploy.steps import has_ended

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

LAG = 60
"""Seconds that DescribeStacks may need to catch up with the events."""
_DELETED = "DELETE_COMPLETE"
_TAKEN_YET = "60 seconds after deleting"
"""What SQS says of a queue whose name a rollback has given up just now."""
_NONE = "does not exist"

Event = Mapping[str, Any]
Described = Mapping[str, Any]


def described(client: "CloudFormationClient", name: str) -> Described | None:
    """A stack by its name or id, as DescribeStacks has it; None where there is none."""
    try:
        answer = client.describe_stacks(StackName=name)
    except ClientError as refused:
        if _NONE in str(refused):
            return None
        with calling("DescribeStacks", name):
            raise
    return answer["Stacks"][0]


class Operation:
    """What is about to be done to the stack with that id; made before it begins."""

    def __init__(
        self,
        client: "CloudFormationClient",
        name: str,
        patience: Patience,
        stack_id: str,
        token: str,
    ) -> None:
        self._client = client
        self._name = name
        self._patience = patience
        self._stack_id = stack_id
        self.token = token
        self._before = next((one["EventId"] for one in self._history()), "")
        self._was = self._state()

    def finish(self, wanted: str) -> None:
        """Wait for its end, and until DescribeStacks knows of it. Raises DeployFailed where that
        is another than the wanted one, with CloudFormation's reasons."""
        status = self._ended(deleting=wanted == _DELETED)
        for _ in self._patience.looks(LAG):
            if (now := self._state()) != self._was and now[0] == status:
                break
        if status != wanted:
            reasons = "\n".join(f"  {one}" for one in self._reasons()) or "  no reason was given"
            later = _TAKEN_YET in reasons
            advice = "\nSQS keeps a deleted queue's name for a minute: deploy again then." * later
            message = f"CloudFormation left the stack {self._name} {status}:\n{reasons}{advice}"
            raise DeployFailed(message)

    def _ended(self, deleting: bool) -> str:
        for _ in self._patience.looks(LONGEST):
            if deleting and self._state()[0] == _DELETED:
                return _DELETED  # which no earlier state can be mistaken for
            status = next((one["ResourceStatus"] for one in self._events(of_stack=True)), "")
            if has_ended(status):
                return status
            self._patience.progress(f"{self._name}: {status or 'about to begin'}")
        raise endless(self._name)

    def _state(self) -> tuple[str, Any]:
        """The stack's status and when it was updated last, as DescribeStacks tells just now."""
        stack = described(self._client, self._stack_id) or {"StackStatus": _DELETED}
        return str(stack["StackStatus"]), stack.get("LastUpdatedTime")

    def _events(self, of_stack: bool) -> Iterator[Event]:
        """Events so far, the latest first: those of the stack itself, or of what is in it."""
        for event in self._history():
            if event["EventId"] == self._before:
                return  # a long history is not read again at each look
            itself = event.get("PhysicalResourceId") == self._stack_id
            if event.get("ClientRequestToken") == self.token and itself == of_stack:
                yield event

    def _history(self) -> Iterator[Event]:
        pages = self._client.get_paginator("describe_stack_events")
        try:
            for page in pages.paginate(StackName=self._stack_id):
                yield from page["StackEvents"]
        except ClientError as refused:
            if _NONE not in str(refused):  # a stack that is new, or long gone, has no events
                with calling("DescribeStackEvents", self._name):
                    raise

    def _reasons(self) -> list[str]:
        """Why it failed, in CloudFormation's words, what failed first above."""
        failed = [
            f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"
            for event in self._events(of_stack=False)
            for reason in [event.get("ResourceStatusReason", "")]
            if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason
        ]
        return failed[::-1] or validation_errors(self._client, {"StackName": self._stack_id})

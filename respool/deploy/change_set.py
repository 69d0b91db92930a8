"""One change set of the companion stack: made under a name of its own, looked at, executed.

Two deploys at once have a change set each, and neither touches the other's: whichever is
executed second is refused by CloudFormation.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.calling import calling
from respool.deploy.checks.findings import DeployFailed
from respool.deploy.patience import Patience

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

LONGEST = 3600
"""Seconds that CloudFormation is waited for."""
_NOTHING_NEW = ("didn't contain changes", "No updates are to be performed")
_OVERTAKEN = ("InvalidChangeSetStatus", "ChangeSetNotFound")
_GONE = ("does not exist", "NotFound")


class ChangeSet:
    """A change set, by its ARN: a name alone could be another deploy's."""

    def __init__(
        self,
        client: "CloudFormationClient",
        stack: str,
        patience: Patience,
        answer: Mapping[str, Any],
    ) -> None:
        self._client = client
        self._stack = stack
        self._patience = patience
        self._arn = answer["Id"]
        self.stack_id = answer["StackId"]

    @classmethod
    def create(
        cls,
        client: "CloudFormationClient",
        stack: str,
        patience: Patience,
        token: str,
        request: Mapping[str, Any],
    ) -> "ChangeSet":
        """Ask for it; `token` names it, and says to CloudFormation that a retry is the same."""
        with calling("CreateChangeSet", stack):
            answer = client.create_change_set(
                StackName=stack,
                ChangeSetName=f"{stack}-{token}",
                ClientToken=token,
                Capabilities=["CAPABILITY_IAM"],
                **request,
            )
        return cls(client, stack, patience, answer)

    def changes(self) -> list[str]:
        """The logical names of what it would change; empty where there is nothing to do.

        Raises DeployFailed where CloudFormation refuses the template.
        """
        proposed = self._proposed()
        if proposed["Status"] != "FAILED":
            return [one["ResourceChange"]["LogicalResourceId"] for one in proposed["Changes"]]
        reason = str(proposed.get("StatusReason", ""))
        if any(words in reason for words in _NOTHING_NEW):
            self.discard()
            return []
        reasons = "\n".join(f"  {one}" for one in validation_errors(self._client, self._named))
        self.discard()
        raise DeployFailed(
            f"CloudFormation refused the template of {self._stack}: {reason}\n{reasons}".rstrip()
        )

    def execute(self, token: str, **how: Any) -> None:
        """Begin; every event of what follows bears the token. Raises DeployFailed."""
        with self._ours("ExecuteChangeSet"):
            self._client.execute_change_set(**self._named, ClientRequestToken=token, **how)

    def discard(self) -> None:
        """Delete it; the stack, and what others propose for it, stay as they are."""
        try:
            self._client.delete_change_set(**self._named)
        except ClientError as refused:
            if not any(word in str(refused) for word in _GONE):
                with calling("DeleteChangeSet", self._stack):
                    raise

    @contextmanager
    def _ours(self, call: str) -> Iterator[None]:
        """Executing a change set deletes all others of the stack: say so where ours is gone."""
        with calling(call, self._stack):
            try:
                yield
            except ClientError as refused:
                if refused.response["Error"]["Code"] not in _OVERTAKEN:
                    raise
                raise DeployFailed(
                    f"Another deploy of {self._stack} came in between: {refused}."
                    " Run the command again when that one has ended."
                ) from refused

    @property
    def _named(self) -> dict[str, Any]:
        return {"StackName": self._stack, "ChangeSetName": self._arn}

    def _proposed(self) -> Mapping[str, Any]:
        for _ in self._patience.looks(LONGEST):
            with self._ours("DescribeChangeSet"):
                change_set = self._client.describe_change_set(**self._named)
                if change_set["Status"] == "FAILED":
                    return change_set
                if change_set["Status"] == "CREATE_COMPLETE":
                    pages = self._client.get_paginator("describe_change_set")
                    all_of_it = pages.paginate(**self._named)
                    return {
                        **change_set,
                        "Changes": [c for page in all_of_it for c in page["Changes"]],
                    }
        raise endless(self._stack)


def validation_errors(client: "CloudFormationClient", about: Mapping[str, Any]) -> list[str]:
    """What CloudFormation's own validation found, by DescribeEvents, which alone tells it.

    That the reasons can't be had must not hide that there was a failure, so it is one of them.
    """
    try:
        pages = client.get_paginator("describe_events").paginate(
            **about, Filters={"FailedEvents": True}
        )
        events = [event for page in pages for event in page.get("OperationEvents", [])]
    except ClientError as refused:
        return [f"CloudFormation's own reasons can't be read: {refused}"]
    errors = [_told(event) for event in events if event.get("ValidationStatus") == "FAILED"]
    return list(dict.fromkeys(errors))


def _told(event: Mapping[str, Any]) -> str:
    place = event.get("ValidationPath", "")
    about = f"{event.get('LogicalResourceId', '?')} ({event.get('ResourceType', '?')})"
    return f"{about}: {event.get('ValidationStatusReason', '')}" + (f" (at {place})" * bool(place))


def endless(stack: str) -> DeployFailed:
    """CloudFormation was waited for in vain."""
    return DeployFailed(
        f"CloudFormation still works on {stack} after {LONGEST // 60} minutes."
        " Watch it in the CloudFormation console, and run the command again when it is done."
    )

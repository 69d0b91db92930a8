"""CloudFormation in memory, as far as the stack adapter calls it, with its real refusals.

`stale` is how often DescribeStacks answers as before once an operation has begun. `stored` is what
lies in S3, by bucket and key.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.limits import TEMPLATE
from respool.deploy.patience import Patience

Event = dict[str, Any]
STACK = "AWS::CloudFormation::Stack"
ROLLED_BACK = {
    "CREATE": "ROLLBACK_COMPLETE",
    "UPDATE": "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT": "IMPORT_ROLLBACK_COMPLETE",
}


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CloudFormation")


class Clock:
    """Time that passes only by pausing."""

    def __init__(self) -> None:
        self.now = 0.0

    def pause(self, seconds: float) -> None:
        self.now += seconds

    @property
    def patience(self) -> Patience:
        return Patience(lambda: self.now, self.pause, lambda _: None)


class FakeCloudFormation:
    """One stack. `breaks` names resources that can't be made, each with AWS's reason."""

    def __init__(
        self,
        status: str = "",
        breaks: dict[str, str] | None = None,
        stale: int = 0,
        stored: Mapping[str, bytes] | None = None,
    ) -> None:
        self.status = status
        self.breaks = breaks or {}
        self.stale = stale
        self.stored = {} if stored is None else stored
        self.body: dict[str, Any] = {"Resources": {}} if status else {}
        self.calls: list[str] = []
        self.imported: list[str] = []
        self.under_way: list[str] = []
        self.undeletable = ""
        self.meanwhile: list[Callable[[], object]] = []
        """What others do once a change set has been made, each of them once."""
        self.validation: list[Event] | None = []
        """What DescribeEvents answers; None: it may not be called."""
        self.change_sets: dict[str, dict[str, Any]] = {}
        self._generation = 1
        self._events: list[Event] = []
        self._token = ""
        self._updated = 0
        self._before: tuple[int, str, dict[str, Any], int] = (0, "", {}, 0)
        if status:
            self._event(self.stack_id, status, "")

    @property
    def stack_id(self) -> str:
        """Each stack of the name has its own."""
        return f"arn:stack/{self._generation}"

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        left, status, body, updated = self._before
        if left:
            self._before = (left - 1, status, body, updated)
        else:
            self._pass()
            status, body, updated = self.status, self.body, self._updated
        named = StackName.startswith("arn:")
        if not status or (status == "DELETE_COMPLETE" and not named):
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist")
        outputs = [
            {"OutputKey": name, "OutputValue": str(output["Value"])}
            for name, output in body.get("Outputs", {}).items()
        ]
        about = {"StackId": self.stack_id, "StackStatus": status, "LastUpdatedTime": updated}
        return {"Stacks": [{**about, "Outputs": outputs}]}

    def create_change_set(self, **request: Any) -> dict[str, str]:
        self.calls.append(f"create_change_set {request['ChangeSetType']}")
        assert request["ClientToken"]
        body = json.loads(self._template(**request))
        arn = f"arn:changeSet/{request['ChangeSetName']}"
        assert arn not in self.change_sets, "each deploy has a change set of its own"
        kind = request["ChangeSetType"]
        change_set = {"Status": "CREATE_COMPLETE", "Changes": self._changes(body), "body": body}
        self.change_sets[arn] = {**change_set, "kind": kind}
        if kind != "UPDATE":
            for resource in request.get("ResourcesToImport", []):
                self.imported.append(resource["LogicalResourceId"])
            if self.status == "DELETE_COMPLETE":
                self._generation += 1
            self.status = "REVIEW_IN_PROGRESS"
            self._event(self.stack_id, self.status, "User Initiated")
        if "Refused" in body["Resources"]:
            self.change_sets[arn] |= {"Status": "FAILED", "StatusReason": "Unresolved Refused"}
        elif not change_set["Changes"]:
            reason = "The submitted information didn't contain changes. Submit different"
            self.change_sets[arn] |= {"Status": "FAILED", "StatusReason": reason}
        while self.meanwhile:
            self.meanwhile.pop()()
        return {"Id": arn, "StackId": self.stack_id}

    def _template(self, TemplateBody: str = "", TemplateURL: str = "", **_: Any) -> str:
        assert bool(TemplateBody) != bool(TemplateURL)
        assert len(TemplateBody.encode()) <= TEMPLATE
        return TemplateBody or self.stored[TemplateURL.split("/", 3)[3]].decode()

    def _changes(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        old, new = self.body.get("Resources", {}), body["Resources"]
        changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        return [{"ResourceChange": {"LogicalResourceId": name}} for name in changed]

    def describe_change_set(self, ChangeSetName: str, **_: Any) -> dict[str, Any]:
        return self._change_set(ChangeSetName)

    def delete_change_set(self, ChangeSetName: str, **_: Any) -> None:
        del self.change_sets[ChangeSetName]

    def _change_set(self, arn: str) -> dict[str, Any]:
        if arn not in self.change_sets:
            raise refusal("ChangeSetNotFound", f"ChangeSet [{arn}] does not exist")
        return self.change_sets[arn]

    def execute_change_set(self, ChangeSetName: str, **request: Any) -> None:
        proposed = self._change_set(ChangeSetName)
        if self.under_way:
            raise refusal("InvalidChangeSetStatus", f"the stack is {self.status}")
        verb, body = proposed["kind"], proposed["body"]
        assert ("RetainExceptOnCreate" in request) == (verb != "IMPORT")
        self._begin(request["ClientRequestToken"])
        self.change_sets.clear()  # CloudFormation deletes what others proposed meanwhile, too
        self._event(self.stack_id, f"{verb}_IN_PROGRESS", "User Initiated")
        broken = [name for name in body["Resources"] if name in self.breaks]
        for name in broken:
            self._event(name, f"{verb}_FAILED", self.breaks[name])
            self._event("Other", f"{verb}_FAILED", "Resource creation cancelled")
        if not broken:
            self.body = body
        ends = [f"{verb}_FAILED", ROLLED_BACK[verb]] if broken else [f"{verb}_COMPLETE"]
        self.status = f"{verb}_IN_PROGRESS"
        self.under_way = [f"{verb}_IN_PROGRESS", *ends]

    def delete_stack(self, StackName: str, ClientRequestToken: str) -> None:
        self.calls.append("delete_stack")
        assert StackName == self.stack_id, "by its name it could be one that was made since"
        self._begin(ClientRequestToken)
        self._event(self.stack_id, "DELETE_IN_PROGRESS", "User Initiated")
        if self.undeletable:
            self._event("Machine", "DELETE_FAILED", self.undeletable)
        else:
            self.body = {}
        self.status = "DELETE_IN_PROGRESS"
        ends = "DELETE_FAILED" if self.undeletable else "DELETE_COMPLETE"
        self.under_way = ["DELETE_IN_PROGRESS", ends]

    def _begin(self, token: str) -> None:
        assert token
        self._token = token
        self._before = (self.stale, self.status, dict(self.body), self._updated)
        self._updated += 1

    def _pass(self) -> None:
        """A little time passes, and what is under way gets on."""
        if self.under_way:
            self.status = self.under_way.pop(0)
            self._event(self.stack_id, self.status, "")

    def get_paginator(self, operation: str) -> "FakePages":
        return FakePages(getattr(self, f"_pages_of_{operation}"))

    def _pages_of_describe_change_set(self, ChangeSetName: str, **_: Any) -> Iterable[Any]:
        return [self._change_set(ChangeSetName)]

    def _pages_of_describe_stack_events(self, StackName: str) -> Iterable[Any]:
        assert StackName == self.stack_id
        self._pass()
        return [{"StackEvents": [event]} for event in reversed(self._events)]

    def _pages_of_describe_events(self, **request: Any) -> Iterable[Any]:
        assert request["Filters"] == {"FailedEvents": True}
        assert request.get("ChangeSetName", "arn:").startswith("arn:"), "a name alone is refused"
        if self.validation is None:
            raise refusal("AccessDenied", "not authorized to perform cloudformation:DescribeEvents")
        return [{"OperationEvents": [one]} for one in self.validation]

    def _event(self, name: str, status: str, reason: str) -> None:
        itself = name == self.stack_id
        event = {
            "EventId": str(len(self._events)),
            "LogicalResourceId": "respool-dev" if itself else name,
            "PhysicalResourceId": name,
            "ResourceType": STACK if itself else "AWS::Some::Thing",
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
        }
        self._events.append(event | ({"ClientRequestToken": self._token} if self._token else {}))


class FakePages:
    """Pages of a list, which are asked for when they are read."""

    def __init__(self, pages: Any) -> None:
        self._pages = pages

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        yield from self._pages(**request)

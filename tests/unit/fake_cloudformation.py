"""CloudFormation in memory, as far as the stack adapter calls it, with its real refusals."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from botocore.exceptions import ClientError

Event = dict[str, Any]


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CloudFormation")


class FakeCloudFormation:
    """One stack. `breaks` names resources that can't be made, each with AWS's reason."""

    def __init__(self, status: str = "", breaks: dict[str, str] | None = None) -> None:
        self.status = status
        self.breaks = breaks or {}
        self.body: dict[str, Any] = {"Resources": {}} if status else {}
        self.calls: list[str] = []
        self.imported: list[str] = []
        self.under_way: list[str] = []
        self.undeletable = ""
        self.deleted = False
        self._events: list[Event] = []
        self._change_set: dict[str, Any] | None = None
        self._kind = ""

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        if self.under_way:
            self.status = self.under_way.pop(0)
        if not self.status or (
            self.status == "DELETE_COMPLETE" and not StackName.startswith("arn:")
        ):
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist")
        outputs = [
            {"OutputKey": name, "OutputValue": str(output["Value"])}
            for name, output in self.body.get("Outputs", {}).items()
        ]
        return {
            "Stacks": [{"StackId": "arn:stack", "StackStatus": self.status, "Outputs": outputs}]
        }

    def create_change_set(self, **request: Any) -> None:
        self.calls.append(f"create_change_set {request['ChangeSetType']}")
        self._kind = request["ChangeSetType"]
        for resource in request.get("ResourcesToImport", []):
            self.imported.append(resource["LogicalResourceId"])
        body = json.loads(request["TemplateBody"])
        self._change_set = {
            "Status": "CREATE_COMPLETE",
            "Changes": self._changes(body),
            "body": body,
        }
        if self._kind != "UPDATE":
            self.status = "REVIEW_IN_PROGRESS"
        if "Refused" in body["Resources"]:
            self._change_set |= {"Status": "FAILED", "StatusReason": "Unresolved Refused"}
        elif not self._change_set["Changes"]:
            reason = (
                "The submitted information didn't contain changes. Submit different information"
            )
            self._change_set |= {"Status": "FAILED", "StatusReason": reason}

    def _changes(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        old, new = self.body.get("Resources", {}), body["Resources"]
        changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        return [{"ResourceChange": {"LogicalResourceId": name}} for name in changed]

    def describe_change_set(self, **_: Any) -> dict[str, Any]:
        assert self._change_set is not None
        return self._change_set

    def delete_change_set(self, **_: Any) -> None:
        if not self.status:
            raise refusal("ValidationError", "Stack [respool-dev] does not exist")
        self._change_set = None

    def execute_change_set(self, **request: Any) -> None:
        assert self._change_set is not None
        verb = self._kind
        assert ("RetainExceptOnCreate" in request) == (verb != "IMPORT")
        self._event("respool-dev", f"{verb}_IN_PROGRESS", "User Initiated")
        broken = [name for name in self._change_set["body"]["Resources"] if name in self.breaks]
        for name in broken:
            self._event(name, f"{verb}_FAILED", self.breaks[name])
            self._event("Other", f"{verb}_FAILED", "Resource creation cancelled")
        if not broken:
            self.body = self._change_set["body"]
        ends = {
            "CREATE": "ROLLBACK_COMPLETE",
            "UPDATE": "UPDATE_ROLLBACK_COMPLETE",
            "IMPORT": "IMPORT_ROLLBACK_COMPLETE",
        }
        end = ends[verb] if broken else f"{verb}_COMPLETE"
        self.under_way = [f"{verb}_IN_PROGRESS", f"{verb}_IN_PROGRESS", end]

    def delete_stack(self, **_: Any) -> None:
        self.calls.append("delete_stack")
        self._event("respool-dev", "DELETE_IN_PROGRESS", "User Initiated")
        if self.undeletable:
            self._event("Machine", "DELETE_FAILED", self.undeletable)
            self.under_way = ["DELETE_IN_PROGRESS", "DELETE_FAILED"]
            return
        self.body = {}
        self.status = "" if self.status == "REVIEW_IN_PROGRESS" else self.status
        self.under_way = ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"] if self.status else []

    def get_paginator(self, operation: str) -> "FakePages":
        pages: dict[str, Iterable[dict[str, Any]]] = {
            "describe_change_set": [self._change_set or {}],
            "describe_stack_events": [{"StackEvents": [e]} for e in reversed(self._events)],
        }
        return FakePages(pages[operation])

    def _event(self, name: str, status: str, reason: str) -> None:
        self._events.append(
            {
                "LogicalResourceId": name,
                "ResourceType": "AWS::Some::Thing",
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
            }
        )


class FakePages:
    def __init__(self, pages: Iterable[dict[str, Any]]) -> None:
        self._pages = pages

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        yield from self._pages

"""moto with IAM enforced, its judgement patched, and every call of every role remembered.

moto checks signatures and credentials and knows each role's policies. But it judges by resource
for SQS alone, takes a batch call for an action of its own, reads `?` in a pattern as a regular
expression does, and heeds few conditions; so here the judgement is `respool/deploy/iam.py`. It
also completes no task tokens and redrives nothing: those calls do nothing once they are allowed.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws
from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult, EmptyResult
from moto.iam import access_control
from moto.stepfunctions.responses import StepFunctionResponse

from chalicelib.job.execution import is_child
from respool.deploy.iam import Call, allows
from tests.iam.requests import TOKEN_MARK, calls_of


class Needed(defaultdict[str, set[Call]]):
    """What each role asked for and was allowed, by the role's name; `denied`: what it was not."""

    def __init__(self) -> None:
        super().__init__(set)
        self.denied: defaultdict[str, set[Call]] = defaultdict(set)


@contextmanager
def moto_with_iam() -> Iterator[Needed]:
    """moto, whose IAM is on inside `enable_iam_authentication`."""
    needed = Needed()

    class Judged(access_control.IAMRequest):
        def check_signature(self) -> None:
            if self._service in ("sts", "sns"):  # moto signs another body than was sent
                return
            if not self._body:  # moto would take the query for the body
                self._data = {}
            super().check_signature()

        def check_action_permitted(self, resource: str) -> None:
            del resource  # moto knows it for SQS alone
            service, _, operation = self._action.partition(":")
            if service == "sts":
                return  # everybody may ask who he is
            given: Any = json.loads(self._body) if self._body else {}
            if service == "sns":  # is asked in a form's words
                given = {name: _one(value) for name, value in self._data.items()}
            policies = [_document(one) for one in self._access_key.collect_policies()]
            role = self._access_key.arn.split("/")[1]
            for call in calls_of(self._service, operation, self._path, given):
                if not allows(policies, call):
                    needed.denied[role].add(call)
                    self._raise_access_denied()
                needed[role].add(call)

    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(access_control, "IAMRequest", Judged)
        patch.setattr(StepFunctionResponse, "send_task_success", _answered)
        patch.setattr(StepFunctionResponse, "send_task_failure", _answered)
        patch.setattr(StepFunctionResponse, "redrive_execution", _redriven, raising=False)
        patch.setattr(StepFunctionResponse, "describe_execution", _redrivable)
        patch.setattr(StepFunctionResponse, "describe_map_run", _map_run, raising=False)
        patch.setattr(StepFunctionResponse, "get_execution_history", with_its_end)
        yield needed


def _one(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value


def _document(policy: Any) -> Any:
    return json.loads(policy) if isinstance(policy, str) else json.loads(policy.document)


def _answered(response: Any) -> ActionResult:
    """A token works while the execution runs that waits on it, and changes nothing here."""
    execution = json.loads(response.body)["taskToken"].partition(TOKEN_MARK)[2]
    found = response.stepfunction_backend.describe_execution(execution)
    if found.status != "RUNNING":
        raise _TaskTimedOut(f"Task Timed Out: {execution}")
    return EmptyResult()


class _TaskTimedOut(AWSError):
    TYPE = "TaskTimedOut"
    STATUS = 400


def _redriven(_: Any) -> ActionResult:
    return ActionResult({"redriveDate": datetime.now(UTC)})


PARENT = "-parent"
_describe = StepFunctionResponse.describe_execution


def _redrivable(response: Any) -> ActionResult:
    """A failed execution can be redriven, which moto never says; a Map's child by its parent."""
    described: Any = _describe(response).result
    status = "REDRIVABLE" if described["status"] == "FAILED" else "NOT_REDRIVABLE"
    arn = described["executionArn"]
    if not is_child(arn):
        return ActionResult({**described, "redriveStatus": status})
    run = arn.replace(":execution:", ":mapRun:")
    return ActionResult({**described, "redriveStatus": f"{status}_BY_MAP_RUN", "mapRunArn": run})


def _map_run(response: Any) -> ActionResult:
    """A Map Run is named as its only child is, and the parent besides that it is the parent."""
    machine, _, name = json.loads(response.body)["mapRunArn"].rpartition(":")
    parent = f"{machine.replace(':mapRun:', ':execution:').partition('/')[0]}:{name}{PARENT}"
    return ActionResult({"executionArn": parent})


_history = StepFunctionResponse.get_execution_history
_ENDS = {
    "FAILED": "ExecutionFailed",
    "ABORTED": "ExecutionAborted",
    "TIMED_OUT": "ExecutionTimedOut",
}
ASKED: defaultdict[str, list[str]] = defaultdict(list)
"""The keys of the claims that an execution's states have asked for, by its ARN."""


def with_its_end(response: Any) -> ActionResult:
    """What a dead execution asked for, and its end; moto tells of another one."""
    told: Any = _history(response).result
    arn = json.loads(response.body)["executionArn"]
    end = _ENDS.get(response.stepfunction_backend.describe_execution(arn).status)
    events = [_scheduled(key) for key in ASKED[arn]] + ([{"type": end}] if end else [])
    first = len(told["events"]) + 1
    more = [
        {"id": id, "timestamp": datetime.now(UTC), **event}
        for id, event in enumerate(events, first)
    ]
    return ActionResult({**told, "events": [*told["events"], *more]})


def _scheduled(key: str) -> dict[str, Any]:
    details = {
        "resourceType": "aws-sdk:dynamodb",
        "resource": "updateItem",
        "region": "us-east-1",
        "parameters": json.dumps({"Key": {"pk": {"S": key}}}),
    }
    return {"type": "TaskScheduled", "taskScheduledEventDetails": details}

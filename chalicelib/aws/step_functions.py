"""Step Functions: executions looked at, resumed, redriven, started and stopped."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.calling import calling
from chalicelib.errors import AwsError, Lagging, NotFound, Throttled, Unanswered
from chalicelib.job.execution import Execution, Status, Tail
from chalicelib.limits import CAUSE, ERROR_NAME

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from chalicelib.job.frames import Frames

ENDED = ("ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")
"""The last events of dead executions."""
SCOPES_FAILED = ("ParallelStateFailed", "MapStateFailed")
"""What ends the waits of all branches or items, caught or not."""
LAST_EVENTS = 1000
"""How far back to look for the state that an execution ended in: over 300 tries of a task."""


class StepFunctions:
    """The stage's state machine on Step Functions."""

    def __init__(self, client: "SFNClient", state_machine: str) -> None:
        self._client = client
        self._machine = state_machine

    def resume(self, token: str) -> None:
        """Complete the waiting task; a token works once. Raises TokenRefused."""
        with calling("SendTaskSuccess", "a waiting job"):
            self._client.send_task_success(taskToken=token, output="{}")

    def fail(self, token: str, error: str, cause: str) -> None:
        """End the wait on this token with an error. Raises TokenRefused."""
        with calling("SendTaskFailure", "a waiting job"):
            self._client.send_task_failure(
                taskToken=token, error=error[:ERROR_NAME], cause=cause[:CAUSE]
            )

    def start(self, name: str, input: str) -> str:
        """Start an execution. Raises AlreadyStarted where that name has been used."""
        with calling("StartExecution", name):
            answer = self._client.start_execution(
                stateMachineArn=self._machine, name=name, input=input
            )
        return str(answer["executionArn"])

    def redrive(self, execution: str) -> None:
        """Let it go on at its failed state. Raises RedriveRefused."""
        with calling("RedriveExecution", execution):
            self._client.redrive_execution(executionArn=execution)

    def stop(self, execution: str, error: str, cause: str) -> None:
        """End it as ABORTED with that error; one that has ended stays as it is. Raises NotFound.

        Of a closed one AWS may say yes, or that it can't be stopped: either is fine.
        """
        try:
            with calling("StopExecution", execution):
                self._client.stop_execution(
                    executionArn=execution, error=error, cause=cause[:CAUSE]
                )
        except AwsError as refused:
            unclear = isinstance(refused, (Throttled, Unanswered))
            if unclear or self.describe(execution).status is Status.RUNNING:
                raise

    def describe(self, execution: str) -> Execution:
        """Look at one execution (250 at once, 10 per second in small regions)."""
        try:
            with calling("DescribeExecution", execution):
                answer = self._client.describe_execution(executionArn=execution)
        except NotFound:
            return Execution(execution, Status.MISSING)
        return Execution(
            arn=execution,
            status=Status(answer["status"].replace("PENDING_REDRIVE", "RUNNING")),
            input=answer.get("input", ""),
            error=answer.get("error", ""),
            cause=answer.get("cause", ""),
            started_at=answer.get("startDate"),
            stopped_at=answer.get("stopDate"),
            redrives=answer.get("redriveCount", 0),
            redrivable=answer.get("redriveStatus") == "REDRIVABLE",
            map_run=answer.get("mapRunArn", ""),
        )

    def parent(self, map_run: str) -> Execution:
        """Look at the execution whose distributed Map it is: two calls."""
        try:
            with calling("DescribeMapRun", map_run):
                answer = self._client.describe_map_run(mapRunArn=map_run)
        except NotFound:
            return Execution("", Status.MISSING)
        return self.describe(answer["executionArn"])

    def tail(self, execution: str) -> Tail:
        """Look at the last events; their ids count from 1, so the last is the number of them."""
        with calling("GetExecutionHistory", execution):
            events = self._client.get_execution_history(
                executionArn=execution,
                reverseOrder=True,
                maxResults=LAST_EVENTS,
                includeExecutionData=False,
            )["events"]
        last = events[0]["id"] if events else 0
        entry: Any = next((e for e in events if e["type"].endswith("StateEntered")), {"type": ""})
        name = entry.get("stateEnteredEventDetails", {}).get("name", "")
        failed = next((e["timestamp"] for e in events if e["type"] in SCOPES_FAILED), None)
        in_fail_state = entry["type"] == "FailStateEntered"
        return Tail(last, in_fail_state, name, entry.get("timestamp"), failed)

    def history(self, execution: str, most: int) -> list[Mapping[str, Any]]:
        """The latest `most` events of an execution, the oldest of them first; without payloads."""
        events: list[Mapping[str, Any]] = []
        page: dict[str, Any] = {}
        while True:
            with calling("GetExecutionHistory", execution):
                answer = self._client.get_execution_history(
                    executionArn=execution,
                    reverseOrder=True,
                    maxResults=min(most - len(events), LAST_EVENTS),
                    includeExecutionData=False,
                    **page,
                )
            events += answer["events"]
            if "nextToken" not in answer or len(events) >= most:
                return events[:most][::-1]
            page = {"nextToken": answer["nextToken"]}

    def asked(self, execution: str) -> "list[str]":
        """The keys of all claims that a dead execution's states have asked for, in that order.

        Raises NotFound, and Lagging where its history does not show its end yet.
        """
        from chalicelib.job.asked import keys_in  # a replay seldom needs it

        keys: dict[str, None] = {}
        last = ""
        for event in self._whole_history(execution):
            keys.update(dict.fromkeys(keys_in(event)))
            last = event["type"]
        if last not in ENDED:
            raise Lagging(f"the history of {execution} does not show its end yet: call again")
        return list(keys)

    def left_behind(self, execution: str) -> "set[str]":
        """The keys of all claims whose branch or item was stopped as another one failed.

        Raises NotFound.
        """
        from chalicelib.job.left_behind import left_behind  # a replay seldom needs it

        return left_behind(self._whole_history(execution))

    def _whole_history(self, execution: str) -> Iterator[Mapping[str, Any]]:
        """An execution's events from the first on, with payloads."""
        page: dict[str, Any] = {}
        while True:
            with calling("GetExecutionHistory", execution):
                answer = self._client.get_execution_history(
                    executionArn=execution, maxResults=LAST_EVENTS, **page
                )
            yield from answer["events"]
            if "nextToken" not in answer:
                return
            page = {"nextToken": answer["nextToken"]}

    def list(self, status: Status) -> Iterator[str]:
        """All executions of that status, a thousand a call (100 at once, 2 per second)."""
        return (execution["executionArn"] for execution in self._list(status))

    def deaths(self, status: Status, since: datetime | None = None) -> Iterator[tuple[str, int]]:
        """Executions of a status, with how often each was redriven; the latest start first."""
        for execution in self._list(status):
            if since is not None and execution["startDate"] < since:
                return
            yield execution["executionArn"], execution.get("redriveCount", 0)

    def _list(self, status: Status) -> Iterator[Mapping[str, Any]]:
        query: dict[str, Any] = {"stateMachineArn": self._machine, "statusFilter": status.value}
        while True:
            with calling("ListExecutions", self._machine):
                answer = self._client.list_executions(**query, maxResults=1000)
            yield from answer["executions"]
            if "nextToken" not in answer:
                return
            query["nextToken"] = answer["nextToken"]

    def frames(self) -> "Frames":
        """What respool has put into the machine's definition."""
        from chalicelib.job.frames import frames_in  # a replay starts without it

        with calling("DescribeStateMachine", self._machine):
            answer = self._client.describe_state_machine(stateMachineArn=self._machine)
        return frames_in(json.loads(answer["definition"]))

    def frames_of(self, execution: str) -> "Frames":
        """What respool had put into the definition that an execution has run by."""
        from chalicelib.job.frames import frames_in

        with calling("DescribeStateMachineForExecution", execution):
            answer = self._client.describe_state_machine_for_execution(executionArn=execution)
        return frames_in(json.loads(answer["definition"]))

    def arn(self, name: str) -> str:
        """The ARN that an execution of that name has."""
        return self._machine.replace(":stateMachine:", ":execution:") + f":{name}"

    def of(self, machine: str) -> "StepFunctions":
        """The workflow of another state machine of this account and region, by its name."""
        own = self._machine.rpartition(":")[0]
        return StepFunctions(self._client, f"{own}:{machine}") if machine else self

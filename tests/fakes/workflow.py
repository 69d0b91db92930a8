"""Step Functions in memory, as one process sees it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.errors import Lagging
from chalicelib.job.execution import Execution, Status, Tail
from chalicelib.job.frames import Frames
from tests.fakes.definition import Definition
from tests.fakes.executions import Executions
from tests.fakes.run import Answer
from tests.fakes.wire import Wire

PAGE = 1000


class FakeWorkflow:
    """One process's access to the executions of a state machine."""

    def __init__(
        self, executions: Executions, wire: Wire, definition: Definition, machine: str = ""
    ) -> None:
        self._executions = executions
        self._wire = wire
        self._definition = definition
        self._machine = machine

    def resume(self, token: str) -> None:
        """Let the job go on that waits on this token. Raises TokenRefused."""
        self._wire.call("SendTaskSuccess", lambda: self._executions.answer(token, Answer()))

    def fail(self, token: str, error: str, cause: str) -> None:
        """End the wait on this token with an error. Raises TokenRefused."""
        answer = Answer(error, cause, failed=True)
        self._wire.call("SendTaskFailure", lambda: self._executions.answer(token, answer))

    def start(self, name: str, input: str) -> str:
        """Start an execution; returns its ARN. Raises AlreadyStarted."""
        return self._wire.call(
            "StartExecution", lambda: self._executions.start(name, input, self._machine)
        )

    def redrive(self, execution: str) -> None:
        """Let a dead execution go on at its failed state. Raises RedriveRefused."""
        self._wire.call("RedriveExecution", lambda: self._executions.redrive(execution))

    def stop(self, execution: str, error: str, cause: str) -> None:
        """End a running execution; one that has ended already stays as it is."""
        self._wire.call("StopExecution", lambda: self._executions.stop(execution, error, cause))

    def describe(self, execution: str) -> Execution:
        """Look at one; its status is MISSING where there is none."""
        return self._wire.call("DescribeExecution", lambda: self._executions.describe(execution))

    def parent(self, map_run: str) -> Execution:
        """Look at the execution that a Map Run belongs to."""
        parent = self._executions.map_runs.get(map_run, "")
        return self._wire.call("DescribeMapRun", lambda: self._executions.describe(parent))

    def tail(self, execution: str) -> Tail:
        """Look at the end of its history."""
        return self._wire.call("GetExecutionHistory", lambda: self._executions.tail(execution))

    def history(self, execution: str, most: int) -> list[Mapping[str, Any]]:
        """Its latest events, at most that many, the oldest of them first; without payloads."""

        def effect() -> list[Mapping[str, Any]]:
            events = self._executions.known(execution).history
            told: list[Mapping[str, Any]] = [
                {
                    "id": number,
                    "type": f"{self._definition.states[state].type}{kind}",
                    "timestamp": at,
                    "stateEnteredEventDetails": {"name": state},
                }
                for number, (kind, state, at) in enumerate(events, 1)
            ]
            return told[-most:]

        return self._wire.call("GetExecutionHistory", effect)

    def asked(self, execution: str) -> list[str]:
        """The keys of all claims that a dead execution's states have asked for."""

        def effect() -> list[str]:
            found = list(self._executions.known(execution).asked)
            if self._executions.unfinished:
                raise Lagging(execution)
            return found

        return self._wire.call("GetExecutionHistory", effect)

    def left_behind(self, execution: str) -> set[str]:
        """The keys of all claims whose branch or item was stopped as another one failed."""
        return self._wire.call(
            "GetExecutionHistory", lambda: set(self._executions.known(execution).left_behind)
        )

    def frames(self) -> Frames:
        """What respool has put into the definition; another machine's tasks begin with its name."""
        return self._wire.call("DescribeStateMachine", self._frames)

    def frames_of(self, execution: str) -> Frames:
        """What respool had put into the definition that an execution has run by."""
        self._executions.known(execution)
        return self._wire.call("DescribeStateMachineForExecution", self._frames)

    def _frames(self) -> Frames:
        definition = self._executions.definitions.get(self._machine)
        if definition is not None:
            return definition.frames
        own = self._definition.frames
        begin = f"{self._machine}/" if self._machine else ""
        return replace(own, tasks=frozenset(begin + task for task in own.tasks))

    def list(self, status: Status) -> Iterator[str]:
        """The ARNs of all executions of that status, youngest first, a thousand a call."""
        return (arn for arn, _ in self.deaths(status))

    def deaths(self, status: Status, since: datetime | None = None) -> Iterator[tuple[str, int]]:
        """Those of a status, with how often each was redriven, a thousand a call."""
        pages = self._executions.pages(status, PAGE, self._machine)
        while (page := self._wire.call("ListExecutions", lambda: next(pages, None))) is not None:
            for arn, redrives in page:
                if since is not None and self._executions.runs[arn].started_at < since:
                    return
                yield arn, redrives
            if len(page) < PAGE:
                return

    def arn(self, name: str) -> str:
        """The ARN that an execution of that name has."""
        return self._executions.arn(name, self._machine)

    def of(self, machine: str) -> "FakeWorkflow":
        """The same of another state machine, whose executions are its own."""
        if not machine:
            return self
        return FakeWorkflow(self._executions, self._wire, self._definition, machine)

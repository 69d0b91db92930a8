"""Step Functions in memory, as one process sees it."""

from collections.abc import Iterator

from chalicelib.job.execution import Execution, Status, Tail
from tests.fakes.executions import Executions
from tests.fakes.wire import Wire

PAGE = 1000


class FakeWorkflow:
    """One process's access to the executions."""

    def __init__(self, executions: Executions, wire: Wire) -> None:
        self._executions = executions
        self._wire = wire

    def resume(self, token: str) -> None:
        """Let the job go on that waits on this token. Raises TokenRefused."""
        self._wire.call("SendTaskSuccess", lambda: self._executions.resume(token))

    def start(self, name: str, input: str) -> str:
        """Start an execution; returns its ARN. Raises AlreadyStarted."""
        return self._wire.call("StartExecution", lambda: self._executions.start(name, input))

    def redrive(self, execution: str) -> None:
        """Let a dead execution go on at its failed state. Raises RedriveRefused."""
        self._wire.call("RedriveExecution", lambda: self._executions.redrive(execution))

    def stop(self, execution: str, error: str, cause: str) -> None:
        """End a running execution; one that has ended already stays as it is."""
        self._wire.call("StopExecution", lambda: self._executions.stop(execution, error, cause))

    def describe(self, execution: str) -> Execution:
        """Look at one; its status is MISSING where there is none."""
        return self._wire.call("DescribeExecution", lambda: self._executions.describe(execution))

    def tail(self, execution: str) -> Tail:
        """Look at the end of its history."""
        return self._wire.call("GetExecutionHistory", lambda: self._executions.tail(execution))

    def list(self, status: Status) -> Iterator[str]:
        """The ARNs of all executions of that status, youngest first, a thousand a call."""
        pages = self._executions.pages(status, PAGE)
        while (page := self._wire.call("ListExecutions", lambda: next(pages, None))) is not None:
            yield from page
            if len(page) < PAGE:
                return

    def arn(self, name: str) -> str:
        """The ARN that an execution of that name has."""
        return self._executions.arn(name)

"""A deployed stage as the scenario acts on it: by AWS's own calls and the product's engines."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from chalicelib.aws.calling import calling
from chalicelib.deployed import Deployed
from respool import variables
from respool.cli.account import Account
from respool.local.waiting import wait_until

if TYPE_CHECKING:
    import boto3

T = TypeVar("T")
ON_THIS_MACHINE = ".localhost"
"""What names ending so resolve to, not every resolver knows."""


@dataclass(frozen=True)
class Pace:
    """How often to look, and for how long at most; seconds."""

    pause: Callable[[], None]
    patience: float = 240


class Site:
    """One stage in one account."""

    def __init__(self, session: "boto3.Session", stage: str, pace: Pace) -> None:
        self._session = session
        self._pace = pace
        self.account = Account(session, stage)

    @cached_property
    def engines(self) -> Deployed:
        """The engines, built as the command line builds them."""
        engines = self.account.stage().engines
        assert isinstance(engines, Deployed)  # an account's stage is a deployed one
        return engines

    @property
    def prefix(self) -> str:
        """What the names of its resources begin with."""
        return self.account.prefix

    def start(self, name: str, job: Any) -> str:
        """Start a job; returns its execution's ARN."""
        return self.engines.world.workflow.start(name, json.dumps(job))

    def describe(self, execution: str) -> Mapping[str, Any]:
        """What Step Functions says of an execution."""
        with calling("DescribeExecution", execution):
            steps = self._session.client("stepfunctions")
            return steps.describe_execution(executionArn=execution)

    def status(self, execution: str) -> str:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
        return str(self.describe(execution)["status"])

    def history(self, execution: str) -> list[Mapping[str, Any]]:
        """All its events."""
        pages = self._session.client("stepfunctions").get_paginator("get_execution_history")
        with calling("GetExecutionHistory", execution):
            return [
                event for page in pages.paginate(executionArn=execution) for event in page["events"]
            ]

    def entered(self, execution: str) -> list[str]:
        """The names of the states that it entered."""
        events = self.history(execution)
        names = [event.get("stateEnteredEventDetails", {}).get("name") for event in events]
        return [name for name in names if name]

    def variables(self, function: str) -> dict[str, str]:
        """A function's environment."""
        functions = self._session.client("lambda")
        return variables.of(functions, f"{self.prefix}-{function}")

    def set_variables(self, function: str, **changes: str) -> None:
        """Change a function's environment, and wait until that holds."""
        functions = self._session.client("lambda")
        variables.change(functions, f"{self.prefix}-{function}", changes)

    def invoke(self, function: str, event: Any) -> Any:
        """Invoke a function and return its result; an error in it is an AssertionError here."""
        name = f"{self.prefix}-{function}"
        with calling("Invoke", name):
            answer = self._session.client("lambda").invoke(
                FunctionName=name, Payload=json.dumps(event).encode()
            )
        result = json.loads(answer["Payload"].read() or b"null")
        assert "FunctionError" not in answer, f"{name} failed: {result}"
        return result

    def call(self, method: str, path: str, token: str = "") -> tuple[int, Any]:
        """Call the deployed API over HTTP; returns its status and its JSON."""
        address = urlsplit(self.account.page())
        host = str(address.hostname)
        reached = "127.0.0.1" if host.endswith(ON_THIS_MACHINE) else host
        port = f":{address.port}" if address.port else ""
        url = f"{address.scheme}://{reached}{port}{address.path.rstrip('/')}{path}"
        request = urllib.request.Request(url, method=method)
        request.add_header("Host", f"{host}{port}")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, _json(answer.read())
        except urllib.error.HTTPError as refusal:
            return refusal.code, _json(refusal.read())

    def wait(self, condition: Callable[[], T], what: str) -> T:
        """Wait until it is so. Raises NotInTime, which names it."""
        return wait_until(condition, what, self._pace.patience, each=self._pace.pause)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None

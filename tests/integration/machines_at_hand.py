"""The local AWS's interpreter in this process: any definition, run at once and without waits."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from itertools import count
from types import SimpleNamespace
from typing import Any

from chalicelib.job.left_behind import left_behind
from respool.deploy.definition import Definition

WORK = "arn:aws:lambda:us-east-1:000000000000:function:at-hand"
SPOOL = "arn:aws:lambda:us-east-1:000000000000:function:at-hand-spool"
TABLE = "at-hand"
VALUES = {"Claims": TABLE, "ErrorSpool": SPOOL, "CloseAfter": "0", "HistorySeconds": "86400"}
Call = tuple[str, int]
"""A task's name, and the number of the item that it is called for."""
_numbers = count()


class World:
    """A table, and a service whose calls are noted and fail as told.

    Both have names of their own: a branch that was stopped may still be about to call them.
    """

    def __init__(self, tasks: Mapping[str, str]) -> None:
        self.states, self.tables, functions = _interpreter()
        self.before = set(self.states._executions)
        self.name = f"{TABLE}-{next(_numbers)}"
        functions[self.name] = self._called
        self.calls: Counter[Call] = Counter()
        self.failing: Call | None = None
        self.tables._create_table(
            {
                "TableName": self.name,
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
            }
        )
        for task in tasks:
            item = {"pk": {"S": f"slots#{task}"}, "limit": {"N": "99"}, "closeAfter": {"N": "99"}}
            maps: dict[str, Any] = {
                name: {"M": {}} for name in ("owners", "waking", "passes", "failed")
            }
            self.tables._put_item(
                {"TableName": self.name, "Item": {**item, **maps, "waiting": {"N": "0"}}}
            )

    def _called(self, function: str, event: Any) -> Any:
        if not function.endswith(self.name):
            return {}
        call = (event["task"], event["n"])
        self.calls[call] += 1
        if call == self.failing:
            raise self.states._ExecutionError("Down", "the service is down")
        return {"did": event["task"], "n": event["n"]}

    def start(self, definition: Definition, given: Any) -> dict[str, Any]:
        """An execution of a machine of that definition."""
        name = f"machine-{next(_numbers)}"
        role = "arn:aws:iam::000000000000:role/any"
        text = json.dumps(definition).replace(TABLE, self.name)
        machine = self._asked(
            self.states._create_state_machine({"name": name, "definition": text, "roleArn": role})
        )["stateMachineArn"]
        arn = self._asked(
            self.states._start_execution(
                {"stateMachineArn": machine, "name": "one", "input": json.dumps(given)}
            )
        )["executionArn"]
        found: dict[str, Any] = self.states._executions[arn]
        return found

    def ended(self, execution: dict[str, Any]) -> tuple[Any, ...]:
        """How an execution ended: status, output, error and cause; a failed one has no output."""
        self.until(lambda: execution["status"] != "RUNNING" and execution.get("stopDate"))
        well = execution["status"] == "SUCCEEDED"
        return (
            execution["status"],
            json.loads(execution["output"]) if well else None,
            execution.get("error"),
            execution.get("cause"),
        )

    @property
    def entered(self) -> Counter[str]:
        """How often each state was entered, in all executions since the beginning."""
        return Counter(
            event["stateEnteredEventDetails"]["name"]
            for arn, execution in list(self.states._executions.items())
            if arn not in self.before
            for event in execution["events"]
            if "stateEnteredEventDetails" in event
        )

    def stopped(self) -> set[str]:
        """The claims of jobs whose branch or item was stopped, and of children that were."""
        executions = [
            one for arn, one in list(self.states._executions.items()) if arn not in self.before
        ]
        pks = {pk for one in executions for pk in left_behind(list(one["events"]))}
        aborted = {one["executionArn"] for one in executions if one["status"] == "ABORTED"}
        return pks | {claim["pk"] for claim in self.claims() if claim["execution"] in aborted}

    def parks(self, execution: dict[str, Any]) -> bool:
        """Whether it parks a job before it ends."""
        self.until(lambda: self.claims("parked") or execution["status"] != "RUNNING")
        return execution["status"] == "RUNNING" and bool(self.claims("parked"))

    def claims(self, state: str = "") -> list[dict[str, str]]:
        """The claims, of one state alone where it is named, their attributes as text."""
        return [
            claim
            for item in self._items()
            if not item["pk"]["S"].startswith("slots#")
            for claim in [{name: str(next(iter(one.values()))) for name, one in item.items()}]
            if not state or (claim["state"] == state and "endedAt" not in claim)
        ]

    def owners(self) -> list[str]:
        """Who holds a slot."""
        return [name for item in self._items() for name in item.get("owners", {}).get("M", {})]

    def _items(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._asked(self.tables._scan({"TableName": self.name}))[
            "Items"
        ]
        return found

    def answer(self, token: str, error: str = "", cause: str = "") -> None:
        """Let a waiting job go on, or give it up with that error."""
        if error:
            given = {"taskToken": token, "error": error, "cause": cause}
            self._asked(self.states._send_task_failure(given))
        else:
            self._asked(self.states._send_task_success({"taskToken": token, "output": "{}"}))

    def until(self, condition: Callable[[], Any], seconds: float = 20) -> None:
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, (self.claims(), dict(self.calls))
            threading.Event().wait(0.004)

    @staticmethod
    def _asked(answer: Any) -> Any:
        assert answer[0] == 200, answer
        return json.loads(answer[2] or b"{}")


@cache
def _interpreter() -> tuple[Any, Any, dict[str, Any]]:
    from ministack.services import dynamodb, stepfunctions

    from respool.local import patches

    patches.apply()
    functions: dict[str, Any] = {}

    def call(function: str, event: Any) -> Any:
        return functions[function.rpartition(":")[2].removesuffix("-spool")](function, event)

    stepfunctions._call_lambda = call
    clock = {**vars(time), "sleep": lambda _: None}
    stepfunctions.time = SimpleNamespace(**clock)
    return stepfunctions, dynamodb, functions

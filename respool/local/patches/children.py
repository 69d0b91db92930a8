"""Step Functions: the executions that a distributed Map starts."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import new_uuid, now_iso
from ministack.services import stepfunctions as states

from respool.local.patches import timeouts
from respool.local.patches.scopes import all_of, items_of, most_at_once, outcome, selected_item
from respool.local.patches.tokens import Stopped, close_tokens_of

Data = dict[str, Any]
RUN_COUNTS = ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total")
COUNTS = (*RUN_COUNTS, "resultsWritten", "failuresNotRedrivable", "pendingRedrive")
MOST = 1000
"""How many children run at once where nothing bounds them; AWS runs 10,000."""
THRESHOLD = "States.ExceedToleratedFailureThreshold"


def children_are_executions() -> None:
    """AWS: each item, or batch, of a distributed Map is an execution of its own.

    It has its own ARN, name, input and context object, sees no variable of its parent, is
    announced like any other, and can be stopped: one that was is a failed item. A parent that is
    stopped, or whose items fail too often, stops its children.
    """

    def run(state: Data, entered: Any, _: Any, machine: Data, execution: Data, ctx: Data) -> Any:
        return _MapRun(state, machine, execution, ctx).outcome(entered)

    states._run_distributed_map = run
    stop, expire = states._stop_execution, timeouts.expire

    def stop_all(data: Data) -> Any:
        answer = stop(data)
        _stop_children_of(data.get("executionArn", ""))
        return answer

    def expire_all(arn: str) -> None:
        expire(arn)
        _stop_children_of(arn)

    states._stop_execution = stop_all
    timeouts.expire = expire_all


def _stop_children_of(arn: str) -> None:
    parent = states._executions.get(arn)
    if parent and parent["status"] != "RUNNING":
        stop_children(parent)


@dataclass
class _MapRun:
    state: Data
    machine: Data
    parent: Data
    ctx: Data
    record: Data = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def outcome(self, entered: Any) -> Any:
        items = _batches(self.state, self._given(entered), entered, self.ctx)
        self._begin(len(items))
        try:
            calls = [self._call(each) for each in items]
            most = most_at_once(self.state, entered, self.ctx)
            results = all_of(calls, most or MOST, "Map", self.parent)
            self.record["status"] = "SUCCEEDED"
        except states._ExecutionError:
            self.record["status"] = "FAILED"
            raise
        finally:
            self.record["stopDate"] = now_iso()
            if self.record["status"] != "SUCCEEDED":
                stop_children(self.parent, self.record["mapRunArn"])
        return outcome(self.state, entered, self.ctx, results)

    def _given(self, entered: Any) -> list[Any]:
        items = items_of(self.state, entered, self.ctx)
        return [
            selected_item(self.state, entered, self.ctx, index, item)[0]
            for index, item in enumerate(items)
        ]

    def _begin(self, total: int) -> None:
        *_, region, account, _, name = self.parent["stateMachineArn"].split(":")
        label = self.state.get("Label") or new_uuid()
        self.prefix = f"arn:aws:states:{region}:{account}"
        self.name = f"{name}/{label}"
        counts = {**dict.fromkeys(COUNTS, 0), "total": total, "pending": total}
        self.record.update(
            mapRunArn=f"{self.prefix}:mapRun:{self.name}:{new_uuid()}",
            executionArn=self.parent["executionArn"],
            status="RUNNING",
            startDate=now_iso(),
            maxConcurrency=int(self.state.get("MaxConcurrency") or 0),
            toleratedFailurePercentage=float(self.state.get("ToleratedFailurePercentage") or 0),
            toleratedFailureCount=int(self.state.get("ToleratedFailureCount") or 0),
            itemCounts=dict(counts),
            executionCounts=dict(counts),
            redriveCount=0,
            _stateMachineArn=f"{self.prefix}:stateMachine:{self.name}",
        )
        states._map_runs[self.record["mapRunArn"]] = self.record

    def _call(self, item: Any) -> Callable[[], Any]:
        return lambda: self._run(item)

    def _run(self, item: Any) -> Any:
        child = self._child(item)
        self._count("pending", "running")
        try:
            result = states._run_sub_machine(
                self.machine["States"], self.machine["StartAt"], item, child, self._seen(child)
            )
        except states._ExecutionError as failure:
            states._fail_execution(child, failure.error, failure.cause)
            result = None
        except Stopped:
            _abort(child)
            result = None
        if child["status"] == "RUNNING":
            self._succeed(child, result)
            self._count("running", "succeeded")
            return result
        self._count("running", "aborted" if child["status"] == "ABORTED" else "failed")
        self._check()
        return None

    def _child(self, item: Any) -> Data:
        name = new_uuid()
        child: Data = {
            "executionArn": f"{self.prefix}:execution:{self.name}:{name}",
            "stateMachineArn": self.record["_stateMachineArn"],
            "mapRunArn": self.record["mapRunArn"],
            "name": name,
            "status": "RUNNING",
            "startDate": now_iso(),
            "stopDate": None,
            "input": json.dumps(item),
            "inputDetails": {"included": True},
            "output": None,
            "outputDetails": {"included": True},
            "events": [],
            "testCase": self.parent.get("testCase"),
            "mockAttempts": {},
        }
        states._executions[child["executionArn"]] = child
        details = {"executionStartedEventDetails": {"input": child["input"]}}
        states._add_event(child, "ExecutionStarted", details)
        states._emit_execution_status_event(child)
        return child

    def _seen(self, child: Data) -> Data:
        """The child's context object."""
        return {
            "QueryLanguage": self.ctx.get("QueryLanguage", "JSONPath"),
            "Execution": {
                "Id": child["executionArn"],
                "Input": json.loads(child["input"]),
                "Name": child["name"],
                "StartTime": child["startDate"],
            },
            "StateMachine": {"Id": child["stateMachineArn"], "Name": self.name},
            "variables": {},
        }

    def _succeed(self, child: Data, result: Any) -> None:
        text = json.dumps(result)
        child.update(status="SUCCEEDED", output=text, stopDate=now_iso())
        details = {"executionSucceededEventDetails": {"output": text}}
        states._add_event(child, "ExecutionSucceeded", details)
        states._emit_execution_status_event(child)

    def _count(self, before: str, after: str) -> None:
        with self.lock:
            for counts in (self.record["itemCounts"], self.record["executionCounts"]):
                counts[before] -= 1
                counts[after] += 1

    def _check(self) -> None:
        """Fail the Map once more items have failed than it tolerates; any, where it says none."""
        counts = self.record["itemCounts"]
        failed = counts["failed"] + counts["aborted"]
        tolerated = [
            most
            for name, most in (
                ("ToleratedFailureCount", self.record["toleratedFailureCount"]),
                (
                    "ToleratedFailurePercentage",
                    self.record["toleratedFailurePercentage"] * counts["total"] / 100,
                ),
            )
            if name in self.state
        ]
        if failed > min(tolerated, default=0):
            raise states._ExecutionError(
                THRESHOLD, "The specified tolerated failure threshold was exceeded"
            )


def _batches(state: Data, values: list[Any], entered: Any, ctx: Data) -> list[Any]:
    """What each child is given: an item, or as many as ItemBatcher puts together."""
    batcher = state.get("ItemBatcher")
    if not batcher:
        return values
    if states._state_query_language(state, ctx) == "JSONata":
        batcher = states._apply_jsonata_template(batcher, entered, ctx)
        more = batcher.get("BatchInput")
    else:
        more = states._resolve_params_obj(batcher.get("BatchInput"), entered, ctx)
    items = int(batcher.get("MaxItemsPerBatch") or len(values) or 1)
    room = int(batcher.get("MaxInputBytesPerBatch") or 262_144)
    batches: list[Any] = []
    batch: list[Any] = []
    for item in values:
        if batch and (len(batch) == items or len(json.dumps([*batch, item])) > room):
            batches.append(batch)
            batch = []
        batch.append(item)
    batches += [batch] if batch else []
    return [{**({"BatchInput": more} if more else {}), "Items": each} for each in batches]


def stop_children(parent: Data, map_run: str = "") -> None:
    """Abort the children of an execution that still run; of one Map alone, where one is named."""
    for child in list(states._executions.values()):
        run = states._map_runs.get(child.get("mapRunArn") or "", {})
        if (
            child["status"] == "RUNNING"
            and run.get("executionArn") == parent["executionArn"]
            and run["mapRunArn"] == (map_run or run["mapRunArn"])
        ):
            _abort(child)


def _abort(child: Data) -> None:
    if child["status"] == "RUNNING":
        child.update(status="ABORTED", stopDate=now_iso())
        states._add_event(child, "ExecutionAborted", {"executionAbortedEventDetails": {}})
        states._emit_execution_status_event(child)
        close_tokens_of(child)
        stop_children(child)

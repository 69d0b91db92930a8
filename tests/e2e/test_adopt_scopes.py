"""Adopted tasks in Parallel, Map and distributed Map: each waits, goes on and ends by itself."""

import io
import json
import zipfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from respool.adopt.definition import Choices, adopt
from respool.deploy.definition import Definition, State
from respool.local.deployment import Deployment
from tests.e2e.conftest import Engines

WORK = """
import json, os

class Busy(Exception):
    pass

def handler(event, context):
    call = f"{event['task']}:{event['n']}"
    with open(os.environ["FOLDER"] + "/calls", "a") as calls:
        calls.write(call + "\\n")
    told = json.load(open(os.environ["FOLDER"] + "/failing"))
    if call in told:
        raise {"Busy": Busy, "Down": ConnectionError}[told[call]]("not now")
    return {"did": call}
"""
TASKS = ("Left", "Right", "Item", "Child")
ITEMS = [{"n": 1}, {"n": 2}, {"n": 3}]
GIVEN = {"n": 0, "items": ITEMS}
ONE_EACH = {"Left:0": "Down", "Item:2": "Down", "Child:2": "Down"}
FAR = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}


def machine(task: str, work: str, **more: Any) -> Definition:
    """A task with a narrow catcher and one that makes up for it."""
    busy = {"ErrorEquals": ["Busy"], "ResultPath": "$.busy", "Next": f"{task} later"}
    all_else = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": f"Undo {task}"}
    call: State = {
        "Type": "Task",
        "Resource": work,
        "Parameters": {"task": task, "n.$": "$.n"},
        "ResultPath": f"$.{task}",
        "Catch": [busy, all_else],
        "End": True,
    }
    later = {"Type": "Pass", "Result": "later", "ResultPath": "$.went", "End": True}
    undo = {"Type": "Pass", "Result": "undone", "ResultPath": "$.went", "End": True}
    states = {task: call, f"{task} later": later, f"Undo {task}": undo}
    return {**more, "StartAt": task, "States": states}


def pipeline(work: str) -> Definition:
    """Two branches, then each item in this execution, then each in one of its own."""

    def each(inside: Definition, kept: str) -> State:
        return {
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemProcessor": inside,
            "ResultPath": kept,
        }

    branches = [machine("Left", work), machine("Right", work)]
    both = {"Type": "Parallel", "Branches": branches, "ResultPath": "$.both", "Next": "Each"}
    far = each(machine("Child", work, ProcessorConfig=FAR), "$.children")
    return {
        "StartAt": "Both",
        "States": {
            "Both": both,
            "Each": {**each(machine("Item", work), "$.each"), "Next": "Far"},
            "Far": {**far, "Label": "Far", "End": True},
        },
    }


class Orders:
    """The pipeline, plain and adopted as `orders`, on the stage; its Lambda fails as told."""

    def __init__(self, stage: Deployment, folder: Path) -> None:
        self.stage = stage
        self.folder = folder
        self.states = stage.client("stepfunctions")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as package:
            package.writestr("index.py", WORK)
        account = stage.names.state_machine_arn.split(":")[4]
        role = f"arn:aws:iam::{account}:role/any"
        work = stage.client("lambda").create_function(
            FunctionName="scopes-work",
            Runtime="python3.11",
            Role=role,
            Handler="index.handler",
            Code={"ZipFile": packed.getvalue()},
            Environment={"Variables": {"FOLDER": str(folder)}},
            Timeout=60,
        )["FunctionArn"]
        plain = pipeline(work)
        values = {
            "Claims": stage.names.table,
            "ErrorSpool": f"{work.rpartition(':')[0]}:{stage.names.prefix}-error_spool",
            "CloseAfter": "0",
            "HistorySeconds": "86400",
        }
        self.work, self.values = work, values
        choices = Choices(dict.fromkeys(TASKS, ""), "orders", values=values)
        self.plain = self.states.create_state_machine(
            name="scopes-plain", definition=json.dumps(plain), roleArn=role
        )["stateMachineArn"]
        self.adopted = stage.names.state_machine_arn.rpartition(":")[0] + ":orders"
        self.definition = adopt(plain, choices)

    def deploy(self, definition: Definition) -> None:
        """Let `orders` run by that definition from now on."""
        self.states.update_state_machine(
            stateMachineArn=self.adopted, definition=json.dumps(definition)
        )

    def failing(self, **calls: str) -> None:
        """Let exactly these calls fail from now on."""
        (self.folder / "failing").write_text(json.dumps(calls))

    @property
    def calls(self) -> Counter[str]:
        """How often the service was called for what, since the last look."""
        written = self.folder / "calls"
        names = written.read_text().split() if written.exists() else []
        self.forget_calls()
        return Counter(names)

    def forget_calls(self) -> None:
        """Count them from none."""
        (self.folder / "calls").unlink(missing_ok=True)

    def start(self, machine: str, name: str, **given: Any) -> str:
        """An execution of one of the two."""
        started = self.states.start_execution(
            stateMachineArn=machine, name=name, input=json.dumps({**GIVEN, **given})
        )
        return str(started["executionArn"])

    def output(self, execution: str) -> Any:
        """What an execution gives, once it has succeeded."""
        self.stage.wait_until(
            lambda: self.stage.status(execution) != "RUNNING", "the execution to end"
        )
        found = self.stage.describe(execution)
        assert found["status"] == "SUCCEEDED", found
        return json.loads(found["output"])

    def claims(self, key: str = "", how: str = "") -> dict[str, dict[str, Any]]:
        """The claims of `orders` by what follows the key, as far as they stand so."""
        found = {}
        for item in self.stage.claims():
            if item["pk"]["S"].startswith(f"job@orders#{key}"):
                claim = {name: next(iter(value.values())) for name, value in item.items()}
                if how in ("", claim.get("how") if "endedAt" in claim else claim["state"]):
                    found[item["pk"]["S"].removeprefix(f"job@orders#{key}")] = claim
        return found

    def owners(self) -> list[str]:
        """Who is in a task."""
        slots = [self.stage.slots(f"orders/{task}") for task in TASKS]
        return [name for one in slots for name in one.get("owners", {})]

    def waits(self, task: str, state: str = "parked") -> tuple[str, dict[str, Any]]:
        """The one job that waits for a task, when nobody is inside any more."""

        def look() -> Any:
            found = [
                (pk, claim)
                for pk, claim in self.claims(how=state).items()
                if claim["task"] == f"orders/{task}" and "queue" in claim
            ]
            return found if found and not self.owners() else None

        found: tuple[str, dict[str, Any]]
        (found,) = self.stage.wait_until(look, f"one job of {task} to be {state}")
        return found


@pytest.fixture(scope="module")
def pipelines(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Orders:
    return Orders(deployment, tmp_path_factory.mktemp("orders"))


@pytest.fixture
def orders(pipelines: Orders) -> Orders:
    """Both of them as they were made, whatever a test before has deployed and called."""
    pipelines.deploy(pipelines.definition)
    pipelines.forget_calls()
    return pipelines


def lists(stage: Deployment, wanted: list[tuple[str, str]]) -> bool:
    """Whether the API lists just these, by key and task, as the parked jobs of `orders`."""
    listed = stage.api("GET", "/jobs?state=parked&machine=orders", token=stage.token).json["jobs"]
    return [(job["key"], job["task"]) for job in listed] == wanted


def test_one_branch_one_item_and_one_child_are_replayed_by_themselves(
    stage: Deployment, orders: Orders
) -> None:
    orders.failing()
    plain = orders.output(orders.start(orders.plain, "all-is-well", key="k"))
    as_plain = orders.calls
    orders.failing(**ONE_EACH)
    execution = orders.start(orders.adopted, "replayed", key="k")

    for number, task in enumerate(("Left", "Item", "Child")):
        pk, claim = orders.waits(task)
        listed = [(pk, f"orders/{task}")]
        stage.wait_until(partial(lists, stage, listed), "the API to list it alone")
        done = orders.claims(how="finished")
        others = {"Left": {"k/Right"}, "Item": {"k/0/Item", "k/2/Item"}}.get(task)
        if others is None:
            assert pk == f"{claim['execution'].rpartition(':')[2]}/Child"
            assert ":orders/Far:" in claim["execution"]
            assert len([one for one in done if one.endswith("/Child")]) == 2
        else:
            assert (pk, others - done.keys()) == (
                {"Left": "k/Left", "Item": "k/1/Item"}[task],
                set(),
            )
        orders.failing(**dict(list(ONE_EACH.items())[number + 1 :]))
        report = stage.invoke("reprocess", {})
        assert (report["replayed"], report["resumed"]) == (1, 1)

    assert orders.output(execution) == plain
    assert orders.calls == as_plain + Counter(dict.fromkeys(ONE_EACH, 1))
    assert orders.claims(how="finished").keys() == orders.claims().keys()
    assert (orders.owners(), stage.spool_depth()) == ([], 0)


def test_what_is_given_up_goes_the_way_of_its_own_catchers(
    stage: Deployment, orders: Orders, engines: Engines
) -> None:
    busy = {"Right:0": "Busy", "Item:3": "Busy", "Child:1": "Busy"}
    orders.failing(**ONE_EACH, **busy)
    plain = orders.output(orders.start(orders.plain, "all-fail", key="g"))
    execution = orders.start(orders.adopted, "given-up", key="g")

    for task in ("Left", "Item", "Child"):
        pk, claim = orders.waits(task)
        ending = engines(stage).give_up.end(pk, "nobody wants it", "orders")
        assert ending.given_up
        assert claim["error"] == "ConnectionError"

    assert without_ids(orders.output(execution)) == without_ids(plain)
    hows = Counter((one["task"], one["how"]) for one in orders.claims().values())
    assert hows == Counter(
        {("orders/Left", "given-up"): 1, ("orders/Right", "finished"): 1}
        | {("orders/Item", "given-up"): 1, ("orders/Item", "finished"): 2}
        | {("orders/Child", "given-up"): 1, ("orders/Child", "finished"): 2}
    )
    assert (orders.owners(), stage.jobs("running", "line", "parked", "stuck")) == ([], [])


def test_an_item_in_line_that_is_given_up_leaves_the_line(
    stage: Deployment, orders: Orders, engines: Engines
) -> None:
    orders.failing()
    plain = orders.output(orders.start(orders.plain, "in-line", key="l"))
    engines(stage).gates.set_limit("orders/Left", 0, "console", "test")
    execution = orders.start(orders.adopted, "in-line", key="l")

    pk, _ = orders.waits("Left", "line")
    stage.wait_until(lambda: "l/Right" in orders.claims(how="finished"), "the other branch")
    assert engines(stage).give_up.end(pk, "nobody wants it", "orders").given_up

    found = orders.output(execution)
    left = found["both"][0]
    assert (left.pop("went"), left.pop("error")["Error"]) == ("undone", "GivenUp")
    assert left == GIVEN | {"key": "l"}
    assert {**found, "both": found["both"][1:]} == {**plain, "both": plain["both"][1:]}
    assert stage.slots("orders/Left")["waiting"] == "0"
    assert orders.claims("l/Left")[""]["how"] == "given-up"
    assert (orders.owners(), stage.jobs("running", "line", "parked", "stuck")) == ([], [])


def without_ids(output: Any) -> Any:
    """An output whose errors' causes are without what differs from call to call."""
    if isinstance(output, dict):
        return {
            name: json.loads(value)["errorMessage"] if name == "Cause" else without_ids(value)
            for name, value in output.items()
        }
    return [without_ids(each) for each in output] if isinstance(output, list) else output


def test_a_child_that_is_stopped_leaves_its_slot_and_is_not_started_without_its_map(
    stage: Deployment, orders: Orders, engines: Engines
) -> None:
    orders.failing(**{"Child:2": "Down"})
    parent = orders.start(orders.adopted, "stopped", key="s")
    pk, claim = orders.waits("Child")
    child = claim["execution"]
    orders.states.stop_execution(executionArn=child)
    stage.wait_until(lambda: stage.status(parent) != "RUNNING", "the Map to fail")

    swept = stage.invoke("reprocess", {"sweep": True})

    assert (swept["refused"], swept["rescued"]) == ([], [child])
    dead = orders.claims()[pk]
    assert (dead["state"], "token" in dead, bool(dead["deadAt"])) == ("parked", False, True)
    before = orders.states.list_executions(stateMachineArn=orders.adopted)["executions"]
    assert stage.invoke("reprocess", {"max": 1, "dry_run": True})["plan"][0]["key"] == pk
    after = orders.states.list_executions(stateMachineArn=orders.adopted)["executions"]
    assert len(after) == len(before)
    assert engines(stage).give_up.end(pk, "nobody wants it", "orders").given_up
    assert (orders.owners(), stage.jobs("running", "line", "parked", "stuck")) == ([], [])


def test_a_branch_that_was_stopped_is_told_as_failed_while_its_execution_goes_on(
    stage: Deployment, orders: Orders
) -> None:
    left = machine("Left", orders.work)
    del left["States"]["Left"]["Catch"]
    sqs = stage.client("sqs")
    queue = sqs.create_queue(QueueName="asked")["QueueUrl"]
    ask = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}},
        "End": True,
    }
    right = {"StartAt": "Ask", "States": {"Ask": ask}}
    caught = [{"ErrorEquals": ["E"], "Next": "Hold on"}]
    both = {"Type": "Parallel", "Branches": [left, right], "Catch": caught, "End": True}
    hold = {"Type": "Wait", "Seconds": 86_400, "End": True}
    plain = {"StartAt": "Both", "States": {"Both": both, "Hold on": hold}}
    adopted = adopt(plain, Choices({"Left": ""}, "orders", values=orders.values))
    orders.deploy(adopted)
    orders.failing(**{"Left:0": "Down"})
    execution = orders.start(orders.adopted, "caught", key="c")
    pk, _ = orders.waits("Left")
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    token = json.loads(message["Body"])["token"]
    orders.states.send_task_failure(taskToken=token, error="E", cause="c")
    stage.wait_until(lambda: "Hold on" in stage.entered(execution), "the failure to be caught")

    report = stage.invoke("reprocess", {})

    assert (report["replayed"], report["stale"]) == (0, 1)
    assert orders.claims()[pk]["how"] == "failed"
    assert stage.status(execution) == "RUNNING"
    assert (orders.owners(), stage.jobs("running", "line", "parked", "stuck")) == ([], [])
    orders.states.stop_execution(executionArn=execution)

"""An adopted machine with a Map on the local AWS: its items are parked and go on one by one."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from respool.adopt.definition import Choices, adopt
from respool.deploy.definition import Definition
from respool.local.emulator import local_aws
from respool.local.waiting import wait_until
from tests.integration.local_machines import ROLE, LocalMachines
from tests.integration.test_statemachine_runs import EXACT, TABLE, Stage

TASK = "orders/Call"
WORK = """
if event["n"] == 2 and open(os.environ["TOLD"]).read() == "NG":
    raise ConnectionError("down")
return event["n"] * 10
"""
ITEMS = [{"n": 1}, {"n": 2, "exact": EXACT}, {"n": 3}]


def adopted(work: str, spool: str) -> Definition:
    """A JSONPath machine whose items have a task with a broad catcher, adopted as `orders`."""
    items: Definition = {
        "StartAt": "Call",
        "States": {
            "Call": {
                "Type": "Task",
                "Resource": work,
                "ResultPath": "$.answer",
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Undo"}],
                "End": True,
            },
            "Undo": {"Type": "Pass", "Result": "undone", "ResultPath": "$.undo", "End": True},
        },
    }
    plain: Definition = {
        "StartAt": "Each",
        "States": {
            "Each": {
                "Type": "Map",
                "ItemsPath": "$.items",
                "ItemProcessor": items,
                "ResultPath": "$.answers",
                "End": True,
            }
        },
    }
    values = {"Claims": TABLE, "ErrorSpool": spool, "CloseAfter": "5", "HistorySeconds": "86400"}
    return adopt(plain, Choices({"Call": ""}, "orders", values=values))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("metered")
    server = "tests.integration.metered"
    with local_aws(None, 0.01, server, {"METERED": str(folder)}) as aws:
        yield Stage(LocalMachines(aws.endpoint), folder)


@pytest.fixture(scope="module")
def machine(stage: Stage) -> str:
    stage.settle(TASK)
    work = stage.machines.function("call", WORK, TOLD=str(stage.folder / "work"))
    made = stage.machines.client("stepfunctions").create_state_machine(
        name="orders",
        definition=json.dumps(adopted(work, stage.values["ErrorSpool"])),
        roleArn=ROLE,
    )
    return str(made["stateMachineArn"])


def parked(stage: Stage, machine: str, key: str) -> tuple[str, dict[str, Any]]:
    """An execution whose second item is parked, and that item's claim."""
    stage.settle(TASK)
    stage.behave("work", "NG")
    execution = stage.machines.start(machine, {"key": key, "exact": EXACT, "items": ITEMS}, key)

    def look() -> Any:
        claim = stage.item(f"job@orders#{key}/1/Call")
        return claim if claim.get("state") == "parked" else {}

    claim: dict[str, Any] = wait_until(look, "the second item to be parked", 60)
    return execution, claim


def test_an_item_is_parked_and_replayed_alone(stage: Stage, machine: str) -> None:
    execution, claim = parked(stage, machine, "replayed")
    others = [stage.item(f"job@orders#replayed/{n}/Call") for n in (0, 2)]
    assert [each["how"] for each in others] == ["finished", "finished"]
    assert (claim["task"], claim["error"]) == (TASK, "ConnectionError")

    stage.behave("work", "OK")
    stage.resume(claim)
    output = json.loads(stage.ended(execution)["output"])
    assert output["answers"] == [{**item, "answer": item["n"] * 10} for item in ITEMS]
    assert output["exact"] == EXACT
    assert stage.item(claim["pk"])["how"] == "finished"
    assert stage.item(f"slots#{TASK}")["owners"] == {}


def test_an_item_that_is_given_up_goes_the_way_of_its_own_catcher(
    stage: Stage, machine: str
) -> None:
    execution, claim = parked(stage, machine, "given-up")

    stage.fail(claim, error=claim["error"], cause=claim["cause"])
    _, second, _ = json.loads(stage.ended(execution)["output"])["answers"]
    caught = second.pop("error")
    assert second == {**ITEMS[1], "undo": "undone"}
    assert (caught["Error"], caught["Cause"]) == ("ConnectionError", claim["cause"])
    assert stage.item(claim["pk"])["how"] == "given-up"
    assert stage.item(f"slots#{TASK}")["owners"] == {}

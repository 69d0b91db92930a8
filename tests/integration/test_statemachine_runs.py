"""The definitions run on the local AWS: their ways, their costs, and answers that get lost."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from respool.adopt.definition import Choices, adopt
from respool.deploy.definition import Definition, fill, strings
from respool.local.emulator import local_aws
from respool.local.waiting import wait_until
from tests.frame import VALUES, read
from tests.integration.local_machines import LocalMachines
from tests.integration.metered import tell

TABLE = "respool-dev-claims"
EXACT = 1161888007138312192
INDEX: Any = {
    "IndexName": "waiting",
    "KeySchema": [
        {"AttributeName": "queue", "KeyType": "HASH"},
        {"AttributeName": "order", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["since", "attempt", "error"]},
}
WORK = """
kind = open(os.environ["TOLD"]).read()
if kind == "NG":
    raise ConnectionError("down")
return "x" * 300_000 if kind == "LARGE" else event
"""
SEND = """
if open(os.environ["TOLD"]).read() == "NG":
    raise RuntimeError("no spool")
boto3.client("sqs").send_message(QueueUrl=os.environ["SPOOL"], MessageBody=json.dumps(event))
"""
STRAIGHT = ["ClaimJob", "TakeSlot", "UncertainTask", "Finish"]
PARKING = [*STRAIGHT[:3], "ErrorSpool", "Park"]


class Stage:
    """A table, a spool, the two Lambdas, and machines made of the project's definitions."""

    def __init__(self, machines: LocalMachines, folder: Path) -> None:
        self.machines = machines
        self.folder = folder
        self.started = 0
        dynamodb = machines.client("dynamodb")
        dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "queue", "order")
            ],
            GlobalSecondaryIndexes=[INDEX],
            BillingMode="PAY_PER_REQUEST",
        )
        self.spool = machines.queue("respool-dev-spool")
        work = machines.function("work", WORK, TOLD=str(folder / "work"))
        send = machines.function("send", SEND, TOLD=str(folder / "send"), SPOOL=self.spool)
        self.values = VALUES | {
            "UncertainTask": work,
            "ErrorSpool": send,
            "SpoolUrl": self.spool,
        }
        self.made: dict[tuple[str, str], str] = {}

    def machine(self, path: str, via: str) -> str:
        if (path, via) not in self.made:
            definition = fill(read(path, via), self.values)
            made = self.machines.client("stepfunctions").create_state_machine(
                name=f"{Path(path).stem}-{via}",
                definition=json.dumps(definition),
                roleArn="arn:aws:iam::000000000000:role/any",
            )
            self.made[path, via] = made["stateMachineArn"]
        return self.made[path, via]

    def settle(self, task: str = "UncertainTask", **changed: Any) -> None:
        """Tasks with five free slots but for what is named; the Lambdas work; nothing is lost."""
        item: dict[str, Any] = {
            "pk": {"S": f"slots#{task}"},
            "owners": {"M": {}},
            "waking": {"M": {}},
            "passes": {"M": {}},
            "failed": {"M": {}},
            "waiting": {"N": "0"},
            "limit": {"N": "5"},
            "closeAfter": {"N": "5"},
            "queue": {"S": "tasks"},
            "order": {"S": task},
        }
        self.machines.client("dynamodb").put_item(TableName=TABLE, Item=item | changed)
        for function in ("work", "send"):
            self.behave(function, "OK")
        self.lose()

    def behave(self, function: str, how: str) -> None:
        """OK, NG, or LARGE; the Lambda reads it at each call."""
        (self.folder / function).write_text(how)

    def lose(self, *beginnings: str) -> None:
        tell(self.folder / "lost", beginnings)

    def units(self) -> float:
        told = self.folder / "units"
        return sum(map(float, told.read_text().split())) if told.exists() else 0

    def start(self, job: Any, path: str = "statemachine.json", via: str = "lambda") -> str:
        self.started += 1
        return self.machines.start(self.machine(path, via), job, f"run-{self.started}")

    def item(self, pk: str) -> dict[str, Any]:
        found = self.machines.client("dynamodb").get_item(
            TableName=TABLE, Key={"pk": {"S": pk}}, ConsistentRead=True
        )
        return {n: next(iter(value.values())) for n, value in found.get("Item", {}).items()}

    def waits(self, key: str, state: str, attempt: str = "") -> dict[str, Any]:
        """The claim, once its job waits like that."""

        def look() -> Any:
            claim = self.item(f"job#{key}")
            as_wanted = claim.get("state") == state and "queue" in claim
            return claim if as_wanted and claim["attempt"] == (attempt or claim["attempt"]) else {}

        found: dict[str, Any] = wait_until(look, f"{key} to be {state}", 30)
        return found

    def resume(self, claim: dict[str, Any]) -> None:
        self.machines.client("stepfunctions").send_task_success(
            taskToken=claim["token"], output="{}"
        )

    def fail(self, claim: dict[str, Any], **told: str) -> None:
        self.machines.client("stepfunctions").send_task_failure(taskToken=claim["token"], **told)

    def admit(self, key: str) -> None:
        """Hand a slot to a job in line, as the line's keeper does."""
        claim = self.item(f"job#{key}")
        names = {"#me": f"job#{key}"}
        dynamodb = self.machines.client("dynamodb")
        dynamodb.update_item(
            TableName=TABLE,
            Key={"pk": {"S": "slots#UncertainTask"}},
            UpdateExpression="SET owners.#me = :me ADD waiting :less",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={":me": {"S": claim["execution"]}, ":less": {"N": "-1"}},
        )
        dynamodb.update_item(
            TableName=TABLE, Key={"pk": {"S": claim["pk"]}}, UpdateExpression="REMOVE queue"
        )
        self.resume(claim)

    def ended(self, execution: str) -> Mapping[str, Any]:
        return self.machines.ended(execution, 60)

    def way(self, execution: str) -> tuple[list[str], int]:
        """The states that were entered, and the transitions that are charged: retries count."""
        history = self.machines.client("stepfunctions").get_paginator("get_execution_history")
        events = [
            event for page in history.paginate(executionArn=execution) for event in page["events"]
        ]
        entered = [
            event["stateEnteredEventDetails"]["name"]
            for event in events
            if "stateEnteredEventDetails" in event
        ]
        tried = sum(event["type"].endswith("Scheduled") for event in events)
        idle = sum(
            event["type"] in ("ChoiceStateEntered", "PassStateEntered", "FailStateEntered")
            for event in events
        )
        return entered, tried + idle

    def notes(self) -> list[Any]:
        """All notes on the spool, taken off it."""
        sqs = self.machines.client("sqs")
        found: list[Any] = []
        while messages := sqs.receive_message(
            QueueUrl=self.spool, MaxNumberOfMessages=10, VisibilityTimeout=30
        ).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self.spool, ReceiptHandle=message["ReceiptHandle"])
        return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("metered")
    server = "tests.integration.metered"
    with local_aws(None, 0.01, server, {"METERED": str(folder)}) as aws:
        yield Stage(LocalMachines(aws.endpoint), folder)


@pytest.fixture
def stage(made: Stage) -> Stage:
    made.settle()
    made.notes()
    return made


def test_a_job_that_works_costs_four_transitions_and_eight_units(stage: Stage) -> None:
    before = stage.units()
    job = {"key": "straight", "order": EXACT}
    execution = stage.start(job)
    ended = stage.ended(execution)

    assert json.loads(ended["output"]) == job
    assert stage.way(execution) == (STRAIGHT, 4)
    assert stage.units() - before <= 8
    assert stage.item("slots#UncertainTask")["owners"] == {}
    assert stage.item("job#straight")["how"] == "finished"


def test_a_job_that_fails_and_is_resumed_costs_nine_transitions(stage: Stage) -> None:
    stage.behave("work", "NG")
    job = {"key": "fails", "order": EXACT}
    execution = stage.start(job)
    claim = stage.waits("fails", "parked")
    (note,) = stage.notes()
    stage.behave("work", "OK")
    stage.resume(claim)

    assert json.loads(stage.ended(execution)["output"]) == job
    assert stage.way(execution) == ([*PARKING, *STRAIGHT[1:]], 9)
    assert (claim["attempt"], claim["error"], claim["noted"]) == ("1", "ConnectionError", "yes")
    assert json.loads(claim["cause"])["errorMessage"] == "down"
    assert (note["key"], note["attempt"], note["execution"]) == ("fails", 1, execution)
    assert claim["token"] not in json.dumps(note)


def test_a_job_in_line_is_given_its_slot_and_what_it_was_started_with(stage: Stage) -> None:
    stage.settle(waiting={"N": "1"})
    job = {"key": "waits", "order": EXACT}
    execution = stage.start(job)
    stage.waits("waits", "line")
    assert stage.item("slots#UncertainTask")["waiting"] == "2"
    stage.admit("waits")

    assert json.loads(stage.ended(execution)["output"]) == job
    assert stage.way(execution) == ([*STRAIGHT[:2], "WaitInLine", *STRAIGHT[2:]], 5)


@pytest.mark.parametrize(
    ("write", "state"),
    [
        ("SET owners.#me", ""),
        ("SET failed.#counts", "parked"),
        ("SET failed = :none", ""),
        ("ADD waiting", "line"),
    ],
)
def test_a_write_whose_answer_gets_lost_is_made_once(stage: Stage, write: str, state: str) -> None:
    key = f"lost-{write.split()[1]}"
    stage.settle(closedUntil={"S": "9999-12-31T00:00:00.000Z"} if state == "line" else {"S": ""})
    stage.behave("work", "NG" if state == "parked" else "OK")
    stage.lose(write)
    execution = stage.start({"key": key})
    if state:
        wait_until(lambda: not json.loads((stage.folder / "lost").read_text()), "the loss", 30)
    if state == "parked":
        wait_until(lambda: retried(stage, execution, "Park"), "Park to be tried again", 30)
        stage.behave("work", "OK")
        stage.resume(stage.waits(key, "parked"))
    if state == "line":
        wait_until(lambda: "Rejoin" in stage.way(execution)[0], "the job to rejoin", 30)
        wait_until(lambda: rejoined(stage, execution), "its new token", 30)
        assert stage.item("slots#UncertainTask")["waiting"] == "1"
        stage.admit(key)

    assert stage.ended(execution)["status"] == "SUCCEEDED"
    slots = stage.item("slots#UncertainTask")
    assert (slots["owners"], slots["waiting"], slots["failed"]) == ({}, "0", {})
    assert stage.item(f"job#{key}")["how"] == "finished"
    assert len(stage.notes()) == (state == "parked")


def retried(stage: Stage, execution: str, state: str) -> bool:
    states, transitions = stage.way(execution)
    return states[-1] == state and transitions > len(states) + 1


def rejoined(stage: Stage, execution: str) -> bool:
    claim = stage.item(f"job#{json.loads(stage.machines.describe(execution)['input'])['key']}")
    history = stage.machines.client("stepfunctions").get_execution_history(
        executionArn=execution, reverseOrder=True, maxResults=1
    )
    return bool(claim["state"] == "line" and history["events"][0]["type"] == "TaskScheduled")


def test_a_second_job_of_one_key_ends_without_touching_the_task(stage: Stage) -> None:
    stage.settle(waiting={"N": "1"})
    first = stage.start({"key": "one-key"})
    stage.waits("one-key", "line")
    second = stage.start({"key": "one-key"})

    ended = stage.ended(second)
    assert (ended["status"], ended["error"]) == ("FAILED", "AlreadyRunning")
    assert "The key one-key belongs to another execution" in ended["cause"]
    assert stage.item("slots#UncertainTask")["waiting"] == "2"
    stage.admit("one-key")
    assert stage.ended(first)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("state", ["line", "parked"])
def test_giving_up_ends_a_waiting_job(stage: Stage, state: str) -> None:
    stage.settle(waiting={"N": "1" if state == "line" else "0"})
    stage.behave("work", "NG")
    execution = stage.start({"key": f"given-up-{state}"})
    stage.fail(stage.waits(f"given-up-{state}", state), error="GivenUp", cause="enough")

    ended = stage.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "GivenUp")


def test_any_other_failure_of_a_parked_job_parks_it_again(stage: Stage) -> None:
    stage.behave("work", "NG")
    execution = stage.start({"key": "bare"})
    claim = stage.waits("bare", "parked")
    stage.fail(claim)
    wait_until(lambda: stage.item("job#bare")["token"] != claim["token"], "a new token", 30)
    stage.behave("work", "OK")
    stage.resume(stage.waits("bare", "parked"))

    assert stage.ended(execution)["status"] == "SUCCEEDED"


def test_work_that_made_too_much_is_done_once_and_needs_a_person(stage: Stage) -> None:
    stage.behave("work", "LARGE")
    execution = stage.start({"key": "large"})
    claim = stage.waits("large", "stuck")

    assert (claim["queue"], claim["error"]) == ("stuck#UncertainTask", "States.DataLimitExceeded")
    assert stage.way(execution) == (PARKING, 5)


def test_a_spool_that_is_broken_keeps_no_job_from_park(stage: Stage) -> None:
    stage.behave("work", "NG")
    stage.behave("send", "NG")
    stage.start({"key": "broken-spool"})

    assert stage.waits("broken-spool", "parked")["noted"] == "no"


@pytest.mark.parametrize(
    ("job", "noted"),
    [({"key": "small"}, {"key": "small"}), ({"key": "exact", "order": EXACT}, None)],
)
def test_without_a_lambda_the_note_has_an_input_that_it_can_hold(
    stage: Stage, job: dict[str, Any], noted: Any
) -> None:
    stage.behave("work", "NG")
    execution = stage.start(job, via="sqs")
    claim = stage.waits(job["key"], "parked")
    (note,) = stage.notes()
    stage.behave("work", "OK")
    stage.resume(claim)

    assert (note["input"], note["key"], note["attempt"]) == (noted, job["key"], 1)
    assert json.loads(stage.ended(execution)["output"]) == job


@pytest.mark.parametrize("via", ["lambda", "sqs"])
def test_a_job_of_three_steps_keeps_what_the_first_one_made(stage: Stage, via: str) -> None:
    stage.behave("work", "NG")
    job: dict[str, Any] = {"key": f"three-{via}", "order": EXACT}
    execution = stage.start(job, "docs/pipelines/three-steps.json", via)
    claim = stage.waits(job["key"], "parked")
    stage.behave("work", "OK")
    stage.resume(claim)

    output = {"answer": {**job, "made": {"runs": 1}}, "done": {"runs": 1}}
    assert json.loads(stage.ended(execution)["output"]) == output
    states, _ = stage.way(execution)
    assert (states.count("StepA"), states.count("StepC")) == (1, 1)
    assert stage.item(f"job#{job['key']}")["how"] == "finished"
    assert stage.item("slots#UncertainTask")["owners"] == {}


def test_a_job_of_two_tasks_is_resumed_at_the_one_where_it_failed(stage: Stage) -> None:
    for task in ("FetchOrders", "SendInvoice"):
        stage.settle(task)
    stage.behave("work", "NG")
    job = {"key": "two", "order": EXACT}
    execution = stage.start(job, "docs/pipelines/two-tasks.json")
    first = stage.waits("two/FetchOrders", "parked")
    stage.settle("SendInvoice", waiting={"N": "1"})
    stage.resume(first)
    second = stage.waits("two/SendInvoice", "line")

    assert (first["queue"], second["queue"]) == ("parked#FetchOrders", "line#SendInvoice")
    assert stage.item("slots#FetchOrders")["owners"] == {}
    assert stage.item("job#two/FetchOrders")["how"] == "finished"
    stage.resume(second)
    assert json.loads(stage.ended(execution)["output"]) == {"orders": job}
    states, _ = stage.way(execution)
    assert (states.count("FetchOrders"), states.count("SendInvoice")) == (2, 1)


@pytest.mark.parametrize("via", ["lambda", "sqs"])
def test_the_stage_s_own_machine_may_have_a_map_whose_items_are_parked(
    stage: Stage, tmp_path: Path, via: str
) -> None:
    call = {"Type": "Task", "Resource": "${UncertainTask}", "End": True}
    each = {"StartAt": "Call", "States": {"Call": call}}
    plain: Definition = {
        "StartAt": "Each",
        "States": {
            "Each": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": each, "Next": "Last"},
            "Last": call,
        },
    }
    path = tmp_path / "map.json"
    path.write_text(json.dumps(adopt(plain, Choices({"Call": "", "Last": ""}))))
    for task in ("Call", "Last"):
        stage.settle(task)
    stage.behave("work", "NG")
    key = f"map-{via}"
    execution = stage.start({"key": key, "items": [1, 2]}, str(path), via)
    items = [stage.waits(f"{key}/{n}/Call", "parked") for n in (0, 1)]
    assert stage.item("slots#Call")["owners"] == {}
    if via == "sqs":
        assert {note["key"] for note in stage.notes()} == {f"{key}/0/Call", f"{key}/1/Call"}
    stage.behave("work", "OK")
    for claim in items:
        stage.resume(claim)

    assert json.loads(stage.ended(execution)["output"]) == [1, 2]
    for wait in ("0/Call", "1/Call", "Last"):
        assert stage.item(f"job#{key}/{wait}")["how"] == "finished"


def test_every_placeholder_of_the_definitions_has_a_value(stage: Stage) -> None:
    for path in ("statemachine.json", *map(str, Path("docs/pipelines").glob("*.json"))):
        for via in ("lambda", "sqs"):
            filled = fill(read(path, via), stage.values)
            assert not [text for text in strings(filled) if "${" in text]

"""What the state machine writes to DynamoDB holds when it is written twice, late, or by another."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.frame import MACHINE, NOW, TABLE, Run

SLOTS = "slots#UncertainTask"
LATER = "2026-11-24T02:00:00.000Z"
EARLIER = "2026-11-24T00:30:00.000Z"
FOREVER = "9999-12-31T00:00:00.000Z"
CANCELLED = "TransactionCanceledException"
REFUSED = "ConditionalCheckFailedException"
HASH_AND_RANGE: Any = [
    {"AttributeName": "queue", "KeyType": "HASH"},
    {"AttributeName": "order", "KeyType": "RANGE"},
]


class Table:
    """A table with one task that takes one job, and the writes of executions `one` and `two`."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.slots()

    def slots(self, **changed: Any) -> None:
        """The task's slots as a deploy makes them, but for what is named here."""
        item = {
            "pk": {"S": SLOTS},
            "owners": {"M": {}},
            "waking": {"M": {}},
            "passes": {"M": {}},
            "failed": {"M": {}},
            "waiting": {"N": "0"},
            "limit": {"N": "1"},
            "closeAfter": {"N": "5"},
            "queue": {"S": "tasks"},
            "order": {"S": "UncertainTask"},
        }
        self.client.put_item(TableName=TABLE, Item=item | changed)

    def forget(self, pk: str = SLOTS) -> None:
        self.client.delete_item(TableName=TABLE, Key={"pk": {"S": pk}})

    def item(self, pk: str = "job#k") -> dict[str, Any]:
        """An item's plain values, maps as they are."""
        found = self.client.get_item(TableName=TABLE, Key={"pk": {"S": pk}}).get("Item", {})
        return {name: next(iter(value.values())) for name, value in found.items()}

    def waiting(self) -> str:
        return str(self.item(SLOTS)["waiting"])

    def owners(self) -> dict[str, Any]:
        owners: dict[str, Any] = self.item(SLOTS)["owners"]
        return owners

    def change(self, expression: str, **values: Any) -> None:
        """Write to the claim what somebody else would."""
        self.client.update_item(
            TableName=TABLE,
            Key={"pk": {"S": "job#k"}},
            UpdateExpression=expression,
            **({"ExpressionAttributeValues": values} if values else {}),
        )

    def write(self, state: str, run: Run, now: str = NOW, token: str = "") -> str:
        """Do what a state does as that execution; "" or the name of the refusal."""
        call = run.parameters(state, now, token)
        try:
            if "TransactItems" in call:
                self.client.transact_write_items(**call)
            else:
                self.client.update_item(**call)
        except ClientError as refusal:
            return str(refusal.response["Error"]["Code"])
        return ""


@pytest.fixture
def table() -> Iterator[Table]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        names = ("pk", "queue", "order")
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in names],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "waiting",
                    "KeySchema": HASH_AND_RANGE,
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield Table(client)


def execution(name: str, key: str = "k", attempt: int = 0, **values: str) -> Run:
    """An execution that is past ClaimJob; with an attempt, its task has failed as often."""
    run = Run({"key": key}, name, values=values)
    run.claim()
    for _ in range(attempt):
        run.fail("E", "cause")
    run.variables["respoolNoted"] = "yes"
    return run


@pytest.fixture
def one() -> Run:
    return execution("one")


@pytest.fixture
def two() -> Run:
    return execution("two")


def test_a_free_slot_is_taken_with_the_key_and_once_only(table: Table, one: Run) -> None:
    assert table.write("TakeSlot", one) == ""
    assert table.write("TakeSlot", one) == ""  # the answer of the first got lost

    assert table.owners() == {"job#k": {"S": one.execution}}
    claim = table.item()
    assert claim.pop("claimedAt")
    assert claim == {
        "pk": "job#k",
        "execution": one.execution,
        "state": "running",
        "task": "UncertainTask",
        "order": "2026-11-24T00:00:00.000Z#k",
        "attempt": "0",
        "since": NOW,
        "enteredAt": NOW,
    }


@pytest.mark.parametrize(
    ("changed", "enters"),
    [
        ({}, True),
        ({"limit": {"N": "0"}}, False),
        ({"owners": {"M": {"job#other": {"S": "e"}}}}, False),
        ({"owners": {"M": {"job#other": {"S": "e"}}}, "limit": {"N": "2"}}, True),
        ({"waiting": {"N": "1"}}, False),
        ({"closedUntil": {"S": FOREVER}}, False),
        ({"closedUntil": {"S": NOW}}, True),
        ({"windowFrom": {"S": EARLIER}, "windowUntil": {"S": LATER}}, False),
        ({"windowFrom": {"S": NOW}, "windowUntil": {"S": LATER}}, False),
        ({"windowFrom": {"S": EARLIER}, "windowUntil": {"S": NOW}}, True),
        ({"windowFrom": {"S": LATER}, "windowUntil": {"S": FOREVER}}, True),
        ({"failed": {"M": {"job#1": {"S": NOW}}}, "closeAfter": {"N": "1"}}, False),
        ({"failed": {"M": {"off": {"S": NOW}}}, "closeAfter": {"N": "1000000"}}, True),
    ],
)
def test_a_newcomer_enters_where_there_is_room_nobody_waits_and_the_gate_is_open(
    table: Table, one: Run, changed: dict[str, Any], enters: bool
) -> None:
    table.slots(**changed)

    assert table.write("TakeSlot", one) == ("" if enters else CANCELLED)
    assert table.item() == {} or enters


def test_a_pass_leads_through_a_closed_gate_past_the_line_and_is_used_up(
    table: Table, one: Run
) -> None:
    given = {"passes": {"M": {"job#k": {"S": LATER}}}, "waiting": {"N": "3"}}
    table.slots(closedUntil={"S": FOREVER}, **given)

    assert table.write("TakeSlot", one) == ""
    assert table.item(SLOTS)["passes"] == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"passes": {"M": {"job#k": {"S": EARLIER}}}},
        {"passes": {"M": {"job#other": {"S": LATER}}}},
        {"passes": {"M": {"job#k": {"S": LATER}}}, "limit": {"N": "0"}},
    ],
)
def test_a_pass_that_is_old_anothers_or_beyond_the_limit_is_none(
    table: Table, one: Run, changed: dict[str, Any]
) -> None:
    table.slots(closedUntil={"S": FOREVER}, **changed)

    assert table.write("TakeSlot", one) == CANCELLED


def test_a_job_with_a_slot_enters_whatever_has_changed_since(table: Table, one: Run) -> None:
    owned = {"owners": {"M": {"job#k": {"S": one.execution}}}}
    table.slots(closedUntil={"S": FOREVER}, limit={"N": "0"}, waiting={"N": "3"}, **owned)

    assert table.write("TakeSlot", one) == ""


def test_without_slots_a_job_joins_the_line_which_then_counts_it(table: Table, one: Run) -> None:
    table.forget()

    assert table.write("TakeSlot", one) == CANCELLED
    assert table.write("WaitInLine", one) == ""
    assert table.item(SLOTS) == {"pk": SLOTS, "waiting": "1"}
    assert table.write("TakeSlot", one) == CANCELLED


def test_a_key_that_another_execution_holds_is_taken_by_no_state(
    table: Table, one: Run, two: Run
) -> None:
    table.write("TakeSlot", one)
    table.slots(limit={"N": "5"})

    assert table.write("TakeSlot", two) == CANCELLED
    assert table.write("WaitInLine", two) == CANCELLED
    assert table.write("Rejoin", two) == REFUSED
    assert table.write("ConfirmClaim", two) == REFUSED
    assert table.write("Park", two) == CANCELLED
    assert table.write("Finish", two) == CANCELLED
    assert table.waiting() == "0"
    assert table.item()["execution"] == one.execution


def test_a_place_in_line_is_counted_once_and_says_who_waits_how(table: Table, one: Run) -> None:
    assert table.write("WaitInLine", one, token="first") == ""
    assert table.write("WaitInLine", one, token="second") == CANCELLED

    claim = table.item()
    assert table.waiting() == "1"
    assert (claim["state"], claim["queue"]) == ("line", "line#UncertainTask")
    assert (claim["token"], claim["since"]) == ("first", NOW)
    assert claim["order"] == "2026-11-24T00:00:00.000Z#k"


def test_who_joined_unseen_leaves_the_token_that_is_waited_on(table: Table, one: Run) -> None:
    table.write("WaitInLine", one, token="lost")

    assert table.write("Rejoin", one, LATER, token="new") == ""
    claim = table.item()
    assert (claim["token"], claim["since"]) == ("new", LATER)


def test_who_was_let_in_unseen_finds_the_slot(table: Table, one: Run) -> None:
    table.write("WaitInLine", one, token="lost")
    table.slots(owners={"M": {"job#k": {"S": one.execution}}}, waiting={"N": "1"})
    table.change("REMOVE queue")

    assert table.write("WaitInLine", one) == CANCELLED
    assert table.write("Rejoin", one) == REFUSED
    assert table.write("ConfirmClaim", one) == ""
    assert table.write("TakeSlot", one) == ""
    assert table.waiting() == "1"


def test_a_parked_job_that_finds_its_task_full_moves_into_line(table: Table) -> None:
    run = execution("one", attempt=1)
    table.write("TakeSlot", run)
    table.write("Park", run)
    table.slots(owners={"M": {"job#other": {"S": "e"}}})

    assert table.write("TakeSlot", run, LATER) == CANCELLED
    assert table.write("WaitInLine", run, LATER, "t2") == ""
    claim = table.item()
    assert (claim["state"], claim["queue"], claim["attempt"]) == ("line", "line#UncertainTask", "1")
    assert (claim["since"], claim["token"]) == (LATER, "t2")
    assert "noted" not in claim


def test_parking_frees_the_slot_and_says_why_both_or_neither(table: Table) -> None:
    run = execution("one", attempt=2)
    table.write("TakeSlot", run)

    assert table.write("Park", run, LATER, "lost") == ""
    assert table.write("Park", run, LATER, "new") == ""

    failure = run.variables["respoolFailure"]
    claim = table.item()
    assert table.owners() == {}
    assert table.item(SLOTS)["failed"] == {"job#k": {"S": failure["failedAt"]}}
    assert claim.pop("claimedAt")
    assert claim == {
        "pk": "job#k",
        "execution": run.execution,
        "state": "parked",
        "queue": "parked#UncertainTask",
        "task": "UncertainTask",
        "order": "2026-11-24T00:00:00.000Z#k",
        "since": LATER,
        "attempt": "2",
        "failedAt": failure["failedAt"],
        "firstFailedAt": failure["failedAt"],
        "error": "E",
        "cause": "cause",
        "noted": "yes",
        "token": "new",
        "enteredAt": NOW,
    }


def test_a_job_that_parks_again_keeps_its_first_failure_over_a_restart(table: Table) -> None:
    first = execution("one", attempt=1)
    table.write("TakeSlot", first)
    table.write("Park", first)
    began = table.item()["firstFailedAt"]
    successor = "one-respool-1764028800123-1-0123456789abcde"
    table.change("SET execution = :me", **{":me": {"S": f"{MACHINE}:{successor}"}})
    second = execution(successor, attempt=1)

    assert table.write("TakeSlot", second) == ""
    assert table.item()["attempt"] == "2"
    assert table.write("Park", second) == ""
    claim = table.item()
    assert (claim["attempt"], claim["firstFailedAt"]) == ("2", began)
    assert claim["order"] == "2025-11-25T00:00:00.123Z#k"


def test_where_failures_do_not_close_the_gate_one_stands_for_all(table: Table) -> None:
    for name in ("one", "two"):
        run = execution(name, key=name, attempt=1, CloseAfter="0")
        table.write("TakeSlot", run)
        assert table.write("Park", run) == ""

    assert list(table.item(SLOTS)["failed"]) == ["off"]


def test_finishing_twice_ends_the_claim_once_and_counts_failures_anew(
    table: Table, one: Run
) -> None:
    table.write("TakeSlot", one)
    table.slots(
        owners={"M": {"job#k": {"S": one.execution}, "job#x": {"S": "e"}}},
        failed={"M": {"job#1": {"S": NOW}}},
    )

    assert table.write("Finish", one, LATER) == ""
    assert table.write("Finish", one, LATER) == ""
    slots, claim = table.item(SLOTS), table.item()
    assert (slots["owners"], slots["failed"]) == ({"job#x": {"S": "e"}}, {})
    assert (claim["endedAt"], claim["how"]) == (LATER, "finished")
    assert claim["expiresAt"] == one.variables["respoolExpires"]
    assert not {"queue", "token", "firstFailedAt", "predecessor"} & set(claim)


def test_a_stragglers_success_opens_no_gate_that_failures_closed(table: Table, one: Run) -> None:
    table.write("TakeSlot", one)
    owned = {"owners": {"M": {"job#k": {"S": one.execution}}}}
    table.slots(failed={"M": {"job#1": {"S": NOW}}}, closeAfter={"N": "1"}, **owned)

    assert table.write("Finish", one) == CANCELLED
    assert table.write("FinishClosed", one) == ""
    assert list(table.item(SLOTS)["failed"]) == ["job#1"]
    assert (table.owners(), table.item()["how"]) == ({}, "finished")


def test_an_ended_claim_is_the_next_executions(table: Table, one: Run, two: Run) -> None:
    table.write("TakeSlot", one)
    table.write("Finish", one)

    assert table.write("TakeSlot", two, LATER) == ""
    claim = table.item()
    assert (claim["execution"], claim["state"], claim["attempt"]) == (two.execution, "running", "0")
    assert not {"endedAt", "how", "expiresAt"} & set(claim)
    assert table.write("Finish", one) == CANCELLED  # late, of the one before


@pytest.mark.parametrize("state", ["TakeSlot", "WaitInLine", "Park"])
def test_a_late_write_of_a_job_that_was_given_up_brings_nothing_back(
    table: Table, state: str
) -> None:
    run = execution("one", attempt=1)
    table.write("TakeSlot", run)
    table.slots()
    table.change("SET endedAt = :at", **{":at": {"S": NOW}})

    assert table.write(state, run, LATER) == CANCELLED
    assert "queue" not in table.item()
    assert (table.owners(), table.waiting()) == ({}, "0")


def test_an_ended_job_that_is_redriven_by_hand_gets_its_key_back(table: Table, one: Run) -> None:
    table.write("TakeSlot", one)
    table.slots()
    table.change("SET endedAt = :at", **{":at": {"S": NOW}})

    assert table.write("ConfirmClaim", one) == ""
    assert table.write("TakeSlot", one) == ""
    assert "endedAt" not in table.item()


def test_a_redriven_job_leaves_its_death_behind(table: Table, one: Run) -> None:
    table.write("TakeSlot", one)
    table.slots()
    dead = {":at": {"S": NOW}, ":parked": {"S": "parked#UncertainTask"}}
    table.change("SET deadAt = :at, queue = :parked, noted = :at", **dead)

    assert table.write("WaitInLine", one, LATER) == ""
    assert table.item()["queue"] == "line#UncertainTask"
    table.slots(owners={"M": {"job#k": {"S": one.execution}}})
    assert table.write("TakeSlot", one, LATER) == ""
    assert not {"deadAt", "queue", "noted", "token"} & set(table.item())

"""What the state machine writes to DynamoDB holds when it is written twice, or by another."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from ministack.services import stepfunctions
from moto import mock_aws

from chalicelib.aws.claims_table import DynamoClaims

STATES = json.loads(Path("statemachine.json").read_text())["States"]
TABLE = "respool-dev-claims"
FIRST, SECOND = (f"arn:aws:states:us-east-1:1:execution:respool-dev:{n}" for n in ("one", "two"))
VARIABLES: dict[str, Any] = {
    "key": "k",
    "task": "UncertainTask",
    "limit": "1",
    "attempt": 2,
    "failedAt": "2026-11-24T01:00:00.000Z",
    "firstFailedAt": "",
    "failure": {"name": "E", "message": ""},
}


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


@pytest.fixture
def claims(client: Any) -> DynamoClaims:
    return DynamoClaims(client, TABLE)


def write(client: Any, state: str, execution: str, **variables: Any) -> Any:
    """Do what a state does: evaluate its arguments as that execution, and call DynamoDB."""
    context = {
        "QueryLanguage": "JSONata",
        "Execution": {"Id": execution, "Input": {"key": "k"}, "Name": execution[-3:]},
        "State": {"EnteredTime": "2026-11-24T00:00:00.000Z"},
        "variables": {**VARIABLES, **variables},
    }
    template = json.loads(json.dumps(STATES[state]["Arguments"]).replace("${Claims}", TABLE))
    arguments = stepfunctions._apply_jsonata_template(template, {}, context)
    if "TransactItems" in arguments:
        wire = json.loads(json.dumps(arguments).replace('"Ss"', '"SS"'))
        return client.transact_write_items(**wire)
    return client.update_item(**arguments)


def refused(client: Any, state: str, execution: str, **variables: Any) -> str:
    with pytest.raises(ClientError) as error:
        write(client, state, execution, **variables)
    return str(error.value.response["Error"]["Code"])


def test_a_claim_can_be_retried_by_its_owner_and_by_nobody_else(client: Any) -> None:
    write(client, "ClaimJob", FIRST)
    write(client, "ClaimJob", FIRST)

    assert refused(client, "ClaimJob", SECOND) == "ConditionalCheckFailedException"


def test_a_restart_reads_back_how_often_its_job_has_failed(
    client: Any, claims: DynamoClaims
) -> None:
    write(client, "ClaimJob", FIRST)
    write(client, "ParkJob", FIRST)
    assert claims.hand_over("k", FIRST, SECOND)

    attributes = write(client, "ClaimJob", SECOND)["Attributes"]

    assert attributes["attempt"] == {"N": "2"}
    assert attributes["firstFailedAt"] == {"S": "2026-11-24T01:00:00.000Z"}
    assert "parkedAt" not in attributes


def test_a_full_task_lets_its_holder_in_again_and_nobody_else(client: Any) -> None:
    write(client, "TakeSlot", FIRST)
    write(client, "TakeSlot", FIRST)

    assert refused(client, "TakeSlot", SECOND) == "ConditionalCheckFailedException"


@pytest.mark.parametrize("limit", ["0", None])
def test_a_hold_lets_nobody_in_whether_it_is_the_stages_or_somebodys(
    client: Any, claims: DynamoClaims, limit: str | None
) -> None:
    if limit is None:
        claims.set_limit("UncertainTask", 0)

    assert refused(client, "TakeSlot", FIRST, limit=limit or "1")


def test_a_limit_that_somebody_set_goes_before_the_stages(
    client: Any, claims: DynamoClaims
) -> None:
    claims.set_limit("UncertainTask", 2)
    write(client, "TakeSlot", FIRST)
    write(client, "TakeSlot", SECOND)

    claims.set_limit("UncertainTask", None)
    assert refused(client, "TakeSlot", FIRST.replace("one", "six"))


def test_the_lambda_takes_slots_by_the_very_same_rule(claims: DynamoClaims) -> None:
    parts = STATES["TakeSlot"]["Arguments"]

    assert claims.take_slot("UncertainTask", FIRST, 1)
    assert claims.take_slot("UncertainTask", FIRST, 1)
    assert not claims.take_slot("UncertainTask", SECOND, 1)
    assert not claims.take_slot("Other", FIRST, 0)
    assert parts["UpdateExpression"] == "ADD holders :mine"


def test_parking_twice_frees_one_slot_and_marks_one_claim(
    client: Any, claims: DynamoClaims
) -> None:
    write(client, "ClaimJob", FIRST)
    write(client, "TakeSlot", FIRST)

    write(client, "ParkJob", FIRST)
    write(client, "ParkJob", FIRST)

    (slots,) = claims.slots()
    claim = claims.get("k")
    assert not slots.holders
    assert claim is not None
    assert (claim.execution, claim.task, claim.attempt) == (FIRST, "UncertainTask", 2)
    assert claim.failure.name == "E"
    assert claim.first_failed_at == claim.parked_at == "2026-11-24T01:00:00.000Z"


def test_nobody_parks_or_resumes_a_job_that_is_anothers(client: Any) -> None:
    write(client, "ClaimJob", FIRST)

    assert refused(client, "ParkJob", SECOND) == "TransactionCanceledException"
    assert refused(client, "ResumeJob", SECOND) == "ConditionalCheckFailedException"


def test_finishing_twice_is_harmless_and_never_takes_anothers_claim(
    client: Any, claims: DynamoClaims
) -> None:
    write(client, "ClaimJob", FIRST)
    write(client, "TakeSlot", FIRST)
    write(client, "Finish", FIRST)
    write(client, "Finish", FIRST)
    assert claims.get("k") is None

    write(client, "ClaimJob", SECOND)
    assert refused(client, "Finish", FIRST) == "TransactionCanceledException"
    assert claims.get("k") is not None

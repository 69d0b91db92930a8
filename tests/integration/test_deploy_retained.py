"""What a delete does with jobs, on moto."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.aws.claims_table import DynamoClaims
from chalicelib.job.deaths import death
from chalicelib.job.record import Record, decode, encode
from chalicelib.names import Names
from respool.deploy.retained import Retained

NAMES = Names("respool-dev", "aws", "us-east-1", "123456789012")
ROLE = "arn:aws:iam::123456789012:role/machine"
DEFINITION = '{"StartAt": "Wait", "States": {"Wait": {"Type": "Succeed"}}}'


class Aws:
    """The stage's queues, table and machine."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}
        for queue in (NAMES.spool, NAMES.stuck):
            self.client("sqs").create_queue(QueueName=queue)
        self.client("dynamodb").create_table(
            TableName=NAMES.table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(service, region_name="us-east-1")
        return self._clients[service]

    @property
    def retained(self) -> Retained:
        return Retained(self.client, NAMES, wait=0)

    def start(self, job: Any) -> str:
        states = self.client("stepfunctions")
        if not states.list_state_machines()["stateMachines"]:
            states.create_state_machine(name=NAMES.prefix, definition=DEFINITION, roleArn=ROLE)
        started = states.start_execution(
            stateMachineArn=NAMES.state_machine_arn, input=json.dumps(job)
        )
        return str(started["executionArn"])

    def spool(self, body: str, queue: str = NAMES.spool) -> None:
        url = self.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
        self.client("sqs").send_message(QueueUrl=url, MessageBody=body)

    def spooled(self) -> list[Record]:
        url = self.client("sqs").get_queue_url(QueueName=NAMES.spool)["QueueUrl"]
        found = self.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [decode(message["Body"]) for message in found.get("Messages", [])]

    def status(self, execution: str) -> str:
        about = self.client("stepfunctions").describe_execution(executionArn=execution)
        return str(about["status"])


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield Aws()


def test_jobs_of_both_queues_are_counted(aws: Aws) -> None:
    assert aws.retained.jobs() == 0
    aws.spool('{"key": "1"}')
    aws.spool('{"key": "2"}', NAMES.stuck)
    assert aws.retained.jobs() == 2


def test_a_stage_that_was_never_deployed_has_nothing(aws: Aws) -> None:
    nowhere = Retained(aws.client, Names("respool-prod", "aws", "us-east-1", "123456789012"))
    assert nowhere.existing() == {}
    assert nowhere.jobs() == 0
    assert nowhere.stop_executions() == []
    nowhere.remove()


def test_a_parked_job_is_stopped_and_stays_spooled_once(aws: Aws) -> None:
    execution = aws.start({"key": "12345"})
    aws.spool(encode(Record(key="12345", execution=execution, token="t", input={"key": "12345"})))
    assert aws.retained.stop_executions() == [execution]
    assert aws.status(execution) == "ABORTED"
    (record,) = aws.spooled()
    assert record.token == "t"


def test_a_parked_job_that_was_stopped_is_not_found_again_by_a_sweep(aws: Aws) -> None:
    execution = aws.start({"key": "12345"})
    record = Record(key="12345", execution=execution, token="t", input={"key": "12345"})
    aws.spool(encode(record))
    aws.retained.stop_executions()
    claims = DynamoClaims(aws.client("dynamodb"), NAMES.table)
    assert claims.tombstones([death(execution)]) == {death(execution): "spooled"}


def test_an_input_kept_by_reference_is_fetched_before_its_execution_is_gone(aws: Aws) -> None:
    job = {"key": "12345", "load": "x" * 70_000}
    execution = aws.start(job)
    aws.spool(encode(Record(key="12345", execution=execution, token="t")))
    aws.retained.stop_executions()
    (record,) = aws.spooled()
    assert record.input == job


def test_a_running_job_is_parked_with_its_input(aws: Aws) -> None:
    execution = aws.start({"key": "12345"})
    aws.retained.stop_executions()
    (record,) = aws.spooled()
    assert (record.key, record.execution, record.input) == ("12345", execution, {"key": "12345"})


def test_what_can_not_be_read_stays_as_it_is(aws: Aws) -> None:
    aws.start({"key": "12345"})
    aws.spool("not JSON")
    aws.retained.stop_executions()
    url = aws.client("sqs").get_queue_url(QueueName=NAMES.spool)["QueueUrl"]
    found = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert "not JSON" in [message["Body"] for message in found]


def test_removing_takes_queues_and_table(aws: Aws) -> None:
    assert set(aws.retained.existing()) == {NAMES.spool, NAMES.stuck, NAMES.table}
    aws.retained.remove()
    assert aws.retained.existing() == {}
    aws.retained.remove()

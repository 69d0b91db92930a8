"""What a delete does with jobs, on moto."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.stepfunctions.models import stepfunctions_backends
from moto.stepfunctions.responses import StepFunctionResponse

from chalicelib.deployed import SystemTime
from chalicelib.job.claim import JOB, Claim, State
from chalicelib.job.record import Record, decode, encode
from chalicelib.names import Names
from chalicelib.settings import Settings
from respool.deploy.checks.findings import DeployFailed
from respool.deploy.engines import engines_for
from respool.deploy.retained import Kept, Retained
from tests.iam.moto import with_its_end
from tests.tables import create_claims
from tests.unit.fake_cloudformation import Clock

NAMES = Names("respool-dev", "aws", "us-east-1", "123456789012")
ROLE = "arn:aws:iam::123456789012:role/machine"
DEFINITION = '{"StartAt": "Wait", "States": {"Wait": {"Type": "Succeed"}}}'
TASK = "UncertainTask"
LONG_AGO = "2026-11-20T13:10:00.000Z"


class Quick(SystemTime):
    """A clock whose pauses take no time."""

    def pause(self, seconds: float) -> None:
        """At once."""


class Aws:
    """The stage's queues, table and machine."""

    def __init__(self, protected: bool = False) -> None:
        self._clients: dict[str, Any] = {}
        for queue in (NAMES.spool, NAMES.stuck):
            self.client("sqs").create_queue(QueueName=queue)
        create_claims(self.client("dynamodb"), NAMES.table)
        self.client("dynamodb").update_table(
            TableName=NAMES.table, DeletionProtectionEnabled=protected
        )
        self.engines = engines_for(self.client, NAMES, Settings(), Quick())
        self.engines.world.line.apply_settings(TASK, 5, 5)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            make: Callable[..., Any] = boto3.client
            self._clients[service] = make(service, region_name="us-east-1")
        return self._clients[service]

    @property
    def retained(self) -> Retained:
        return Retained(self.client, NAMES, self.engines, Clock().patience, wait=0)

    def make_machine(self) -> None:
        self.client("stepfunctions").create_state_machine(
            name=NAMES.prefix, definition=DEFINITION, roleArn=ROLE
        )

    def start(self, job: Any, name: str, status: str = "RUNNING") -> str:
        if not self.client("stepfunctions").list_state_machines()["stateMachines"]:
            self.make_machine()
        arn = self.client("stepfunctions").start_execution(
            stateMachineArn=NAMES.state_machine_arn, input=json.dumps(job), name=name
        )["executionArn"]
        if status != "RUNNING":
            found = stepfunctions_backends["123456789012"]["us-east-1"].describe_execution(arn)
            found.status, found.error, found.stop_date = status, "Killed", datetime.now(UTC)
        return str(arn)

    def park(self, key: str, execution: str, dead: bool = True) -> None:
        claim = Claim(
            JOB + key,
            execution,
            state=State.PARKED,
            task=TASK,
            order=f"{LONG_AGO}#{key}",
            attempt=1,
            error="E",
            failed_at=LONG_AGO,
            dead_at=LONG_AGO if dead else "",
        )
        assert self.engines.world.claims.park_dead(claim, LONG_AGO)

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

    def claim(self, key: str) -> Claim:
        found = self.engines.world.claims.get(JOB + key)
        assert found is not None
        return found


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr(StepFunctionResponse, "get_execution_history", with_its_end)


@pytest.fixture
def aws(credentials: None) -> Iterator[Aws]:
    with mock_aws():
        yield Aws()


def test_jobs_that_wait_are_counted_by_the_table_and_not_by_the_queue(aws: Aws) -> None:
    assert aws.retained.kept() == Kept()
    aws.park("1", NAMES.execution_arn("one"))
    aws.park("2", NAMES.execution_arn("two"))
    aws.spool('{"key": "3"}')
    assert aws.retained.kept() == Kept(jobs=2)


def test_messages_that_no_claim_knows_of_are_kept(aws: Aws) -> None:
    aws.spool('{"key": "1"}')
    aws.spool("{not to be read", NAMES.stuck)
    assert aws.retained.kept() == Kept(messages=2)


def test_the_note_of_a_job_that_has_ended_keeps_nothing(aws: Aws) -> None:
    aws.spool(encode(Record(key="gone", execution=NAMES.execution_arn("gone"), task=TASK)))
    assert aws.retained.kept() == Kept()


def test_the_note_of_a_job_that_the_index_does_not_show_yet_keeps_it(aws: Aws) -> None:
    execution = NAMES.execution_arn("one")
    aws.park("1", execution)
    aws.client("dynamodb").update_item(  # as if the index lagged
        TableName=NAMES.table, Key={"pk": {"S": "job#1"}}, UpdateExpression="REMOVE queue"
    )
    aws.spool(encode(Record(key="1", execution=execution, task=TASK)))
    assert aws.retained.kept() == Kept(jobs=1)


@pytest.mark.parametrize("pk", ["job#1", "job@other#1"])
def test_a_job_of_which_the_table_alone_is_left_keeps_the_table(aws: Aws, pk: str) -> None:
    """Its machine was deleted by hand while it ran: no index, no queue and no execution has it."""
    item = {"pk": {"S": pk}, "execution": {"S": NAMES.execution_arn("one")}}
    aws.client("dynamodb").put_item(TableName=NAMES.table, Item=item)
    assert aws.retained.stop_executions() == []
    assert aws.retained.kept() == Kept(jobs=1)
    ended = {**item, "endedAt": {"S": LONG_AGO}}
    aws.client("dynamodb").put_item(TableName=NAMES.table, Item=ended)
    assert aws.retained.kept() == Kept()


def test_a_stage_that_was_never_deployed_has_nothing(credentials: None) -> None:
    nowhere = Names("respool-prod", "aws", "us-east-1", "123456789012")
    with mock_aws():
        aws = Aws()
        engines = engines_for(aws.client, nowhere, Settings())
        retained = Retained(aws.client, nowhere, engines, Clock().patience, wait=0)
        assert retained.stop_executions() == []
        assert (retained.kept(), retained.existing()) == (Kept(), {})
        retained.remove()


def test_running_jobs_are_stopped_parked_and_noted_with_their_inputs(aws: Aws) -> None:
    jobs = [{"key": "a", "load": [1]}, {"key": "b", "load": [2]}]
    executions = [aws.start(job, str(job["key"])) for job in jobs]

    assert sorted(aws.retained.stop_executions()) == sorted(executions)

    assert [aws.status(one) for one in executions] == ["ABORTED", "ABORTED"]
    assert sorted(json.dumps(one.input) for one in aws.spooled()) == [json.dumps(j) for j in jobs]
    assert [aws.claim(key).state for key in "ab"] == [State.PARKED, State.PARKED]
    assert aws.retained.kept() == Kept(jobs=2)


def test_a_death_that_nobody_heard_of_is_found(aws: Aws) -> None:
    aws.start({"key": "lost"}, "lost", "FAILED")
    aws.retained.stop_executions()
    assert aws.claim("lost").state is State.PARKED
    assert aws.retained.kept() == Kept(jobs=1)


def test_a_dead_jobs_input_is_noted_once_more_before_it_is_forgotten(aws: Aws) -> None:
    execution = aws.start({"key": "a", "load": "x"}, "a", "FAILED")
    aws.retained.stop_executions()
    aws.client("sqs").purge_queue(
        QueueUrl=aws.client("sqs").get_queue_url(QueueName=NAMES.spool)["QueueUrl"]
    )

    aws.retained.stop_executions()

    (note,) = aws.spooled()
    assert (note.execution, note.input) == (execution, {"key": "a", "load": "x"})


def test_stopping_twice_changes_nothing_more(aws: Aws) -> None:
    aws.start({"key": "a"}, "a")
    aws.retained.stop_executions()
    before = aws.claim("a")
    assert aws.retained.stop_executions() == []
    assert aws.claim("a") == before


def test_an_input_that_could_not_be_read_again_stops_the_delete(aws: Aws) -> None:
    machine = NAMES.state_machine_arn
    aws.make_machine()
    text = '{"key": "deep", "x": ' + "[" * 600 + "]" * 600 + "}"
    execution = aws.client("stepfunctions").start_execution(
        stateMachineArn=machine, input=text, name="deep"
    )["executionArn"]
    with pytest.raises(DeployFailed, match="can't be kept"):
        aws.retained.stop_executions()
    assert aws.status(execution) == "RUNNING"


def test_a_machine_that_is_gone_has_nothing_to_stop(aws: Aws) -> None:
    assert aws.retained.stop_executions() == []


def test_removing_takes_queues_and_table(aws: Aws) -> None:
    assert set(aws.retained.existing()) == {NAMES.spool, NAMES.stuck, NAMES.table}
    aws.retained.remove()
    assert aws.retained.existing() == {}


def test_a_protected_table_stays_where_the_queues_go(credentials: None) -> None:
    with mock_aws():
        aws = Aws(protected=True)
        assert aws.retained.kept() == Kept(protected=True)
        aws.retained.remove()
        assert set(aws.retained.existing()) == {NAMES.table}

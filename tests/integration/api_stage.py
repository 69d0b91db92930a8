"""A stage on moto and the app in front of it: real adapters and routes, no network."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import boto3
from chalice.test import Client, HTTPResponse
from moto import mock_aws

from app import app
from chalicelib.aws.queue import SqsSpool
from chalicelib.job.record import Failure, Record, encode
from chalicelib.names import Names
from chalicelib.stage import Stage, forget_stages, stage_of
from tests.fakes.telemetry import FakeTelemetry

PREFIX = "respool-test"
TOKEN = "the-token-of-the-console"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "RESPOOL_PREFIX": PREFIX,
}
DEFINITION = {
    "StartAt": "UncertainTask",
    "States": {
        "UncertainTask": {"Type": "Pass", "Next": "Fan"},
        "Fan": {
            "Type": "Parallel",
            "Branches": [{"StartAt": "Second", "States": {"Second": {"Type": "Succeed"}}}],
            "End": True,
        },
    },
}


@dataclass(frozen=True)
class ApiStage:
    """What tests act on: the API over its routes, and the stage behind it."""

    client: Client
    stage: Stage
    telemetry: FakeTelemetry

    def call(
        self, method: str, path: str, body: Any = None, token: str | None = TOKEN, **query: Any
    ) -> HTTPResponse:
        """Call a route, with that token or none."""
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if query:
            path += "?" + urlencode(query, doseq=True)
        data = body if isinstance(body, bytes) else b"" if body is None else _json(body)
        self.stage.overview.forget()
        return self.client.http.request(method, path, headers=headers, body=data)

    def spool(self, key: str, queue: str = "", **record: Any) -> None:
        """Put a job on the spool, or another queue, that has no execution yet."""
        sqs = boto3.client("sqs")
        url = sqs.get_queue_url(QueueName=queue or self.stage.names.spool)["QueueUrl"]
        body = encode(Record(key=key, **{"input": {"key": key}, **record}))
        sqs.send_message(QueueUrl=url, MessageBody=body)

    def claim(self, key: str, **more: Any) -> None:
        """Write a claim as the state machine does: parked, unless told otherwise."""
        fields = PARKED | {"execution": self.stage.names.execution_arn(f"run-{key}")} | more
        failure: Failure = fields.pop("failure")
        item = {
            "pk": {"S": f"job#{key}"},
            "attempt": {"N": str(fields.pop("attempt"))},
            "failure": {
                "M": {"name": {"S": failure.name}, "message": {"S": failure.message}},
            },
            **{name: {"S": value} for name, value in fields.items() if value},
        }
        boto3.client("dynamodb").put_item(TableName=self.stage.names.table, Item=item)

    def depth(self, queue: str = "") -> int:
        """Messages in the spool, or another queue."""
        return (self.stage.stuck if queue == self.stage.names.stuck else self.stage.spool).depth()

    def started(self) -> list[str]:
        """The inputs' keys of all executions."""
        states = boto3.client("stepfunctions")
        found = states.list_executions(stateMachineArn=self.stage.names.state_machine_arn)
        inputs = [
            json.loads(states.describe_execution(executionArn=each["executionArn"])["input"])
            for each in found["executions"]
        ]
        return sorted(each["key"] for each in inputs)

    def audit(self) -> list[dict[str, Any]]:
        """The audit lines."""
        return [fields for action, fields in self.telemetry.lines if action == "audit"]


PARKED: dict[str, Any] = {
    "claimedAt": "2026-11-20T13:00:00.000Z",
    "parkedAt": "2026-11-20T13:10:00.000Z",
    "firstFailedAt": "2026-11-20T13:10:00.000Z",
    "task": "UncertainTask",
    "attempt": 1,
    "failure": Failure("ConnectionError", "the service does not answer"),
}


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()


@contextmanager
def api_stage() -> Iterator[ApiStage]:
    """A fresh stage; needs ENVIRONMENT."""
    with mock_aws():
        forget_stages()
        stage = stage_of("")
        _make(stage.names)
        stage.telemetry = telemetry = FakeTelemetry()
        sqs = boto3.client("sqs")
        stage.spool = SqsSpool(sqs, stage.names.spool, wait=0)
        stage.stuck = SqsSpool(sqs, stage.names.stuck, wait=0)
        with Client(app) as client:
            yield ApiStage(client, stage, telemetry)
        forget_stages()


def _make(names: Names) -> None:
    sqs = boto3.client("sqs")
    for queue in (names.spool, names.stuck):
        sqs.create_queue(QueueName=queue)
    boto3.client("dynamodb").create_table(
        TableName=names.table,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    boto3.client("stepfunctions").create_state_machine(
        name=names.prefix,
        definition=json.dumps(DEFINITION),
        roleArn="arn:aws:iam::123456789012:role/machine",
    )
    boto3.client("secretsmanager").create_secret(Name=names.secret, SecretString=TOKEN)

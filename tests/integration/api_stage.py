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
from chalicelib.api.stage import Stage, forget_stages, stage_of
from chalicelib.aws.queue import SqsSpool
from chalicelib.aws.tokens import NamedTokens
from chalicelib.aws.world import AwsWorld
from chalicelib.deployed import forget_engines
from chalicelib.names import Names
from tests.fakes.telemetry import FakeTelemetry
from tests.tables import create_claims
from tests.unit.api_stage import job, slots

PREFIX = "respool-test"
TOKEN = "the-token-of-the-console"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "RESPOOL_PREFIX": PREFIX,
}
CLAIM = {"respool": {"pk": "job#1", "task": "Second"}}
BRANCH = {
    "StartAt": "ClaimJob",
    "States": {
        "ClaimJob": {"Type": "Pass", "Assign": CLAIM, "Next": "Second"},
        "Second": {"Type": "Succeed"},
    },
}
DEFINITION = {
    "StartAt": "UncertainTask",
    "States": {
        "UncertainTask": {"Type": "Pass", "Next": "Fan"},
        "Fan": {
            "Type": "Parallel",
            "Branches": [BRANCH],
            "End": True,
        },
    },
}


@dataclass(frozen=True)
class ApiStage:
    """What tests act on: the API over its routes, and the stage behind it."""

    client: Client
    stage: Stage
    world: AwsWorld
    telemetry: FakeTelemetry

    @property
    def names(self) -> Names:
        """The names of the stage's resources."""
        return self.world.names

    @property
    def tokens(self) -> NamedTokens:
        """The tokens that people were given."""
        return self.world.named_tokens

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
        self.stage.changed()
        return self.client.http.request(method, path, headers=headers, body=data)

    def spool(self, key: str, **input: Any) -> None:
        """Put a job on the spool that has no execution yet."""
        sqs = boto3.client("sqs")
        url = sqs.get_queue_url(QueueName=self.names.spool)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"key": key, **input}))

    def claim(self, key: str, minutes: float = 0, **more: Any) -> None:
        """Write a claim as the state machine does: parked, unless told otherwise."""
        self.put(job(key, minutes, **more))

    def put(self, item: dict[str, Any]) -> None:
        """Write an item."""
        boto3.client("dynamodb").put_item(TableName=self.names.table, Item=item)

    def depth(self) -> int:
        """Messages in the spool."""
        return self.world.spool.depth()

    def started(self) -> list[str]:
        """The inputs' keys of all executions."""
        states = boto3.client("stepfunctions")
        found = states.list_executions(stateMachineArn=self.names.state_machine_arn)
        inputs = [
            json.loads(states.describe_execution(executionArn=each["executionArn"])["input"])
            for each in found["executions"]
        ]
        return sorted(each["key"] for each in inputs)

    def audit(self) -> list[dict[str, Any]]:
        """The audit lines."""
        return [fields for action, fields in self.telemetry.lines if action == "audit"]


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()


@contextmanager
def api_stage() -> Iterator[ApiStage]:
    """A fresh stage; needs ENVIRONMENT."""
    with mock_aws():
        forget_engines()
        forget_stages()
        stage = stage_of("")
        world = stage.engines.world
        assert isinstance(world, AwsWorld)
        _make(world.names)
        telemetry = FakeTelemetry()
        world.telemetry = telemetry
        sqs = boto3.client("sqs")
        world.spool = SqsSpool(sqs, world.names.spool, wait=0)
        world.stuck = SqsSpool(sqs, world.names.stuck, wait=0)
        with Client(app) as client:
            made = ApiStage(client, stage, world, telemetry)
            made.put(slots())
            yield made
        forget_stages()
        forget_engines()


def _make(names: Names) -> None:
    sqs = boto3.client("sqs")
    for queue in (names.spool, names.stuck):
        sqs.create_queue(QueueName=queue)
    create_claims(boto3.client("dynamodb"), names.table)
    boto3.client("stepfunctions").create_state_machine(
        name=names.prefix,
        definition=json.dumps(DEFINITION),
        roleArn="arn:aws:iam::123456789012:role/machine",
    )
    boto3.client("secretsmanager").create_secret(Name=names.secret, SecretString=TOKEN)

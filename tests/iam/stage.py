"""Stages on moto, whose Lambdas run as on AWS: by event, with their own role and no other."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from chalicelib.stage import forget_stages, stage_of
from moto.core.authorization import disable_iam_authentication, enable_iam_authentication
from moto.stepfunctions.models import stepfunctions_backends

import app
from chalicelib.aws.calling import client
from chalicelib.aws.claims_table import DynamoClaims
from chalicelib.aws.queue import SqsSpool
from chalicelib.job.claim import Claim
from chalicelib.job.record import Failure, Record, encode
from chalicelib.names import Names
from respool.deploy.iam import Policy
from respool.deploy.resolved import ACCOUNT, REGION
from respool.deploy.resolved import arn as arn_of
from tests.iam.deployed import FUNCTIONS, ROLES, Deployed
from tests.iam.requests import TOKEN_MARK

TOKEN = "the-token-of-the-console"
STATES = {"UncertainTask": {"Type": "Pass", "Next": "Another"}, "Another": {"Type": "Succeed"}}
FAILED = Failure("ConnectionError", "the service does not answer")
LONG_AGO = "2026-11-20T13:10:00.000+00:00"
HANDLERS = {
    "uncertain_task": app.uncertain_task,
    "error_spool": app.error_spool,
    "reprocess": app.reprocess,
    "authorizer": app.authorizer,
    "api_handler": app.app,
}


@dataclass(frozen=True)
class _Context:
    """What a Lambda is told about itself."""

    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


class IamStage:
    """One stage: its resources and roles, with tests as its administrator."""

    def __init__(self, deployed: Deployed, patch: pytest.MonkeyPatch) -> None:
        self.deployed = deployed
        self.names = Names(deployed.prefix, "aws", REGION, ACCOUNT)
        self.session = boto3.Session("admin", "admin", region_name=REGION)
        self.claims = DynamoClaims(self.session.client("dynamodb"), self.names.table)
        self._patch = patch

    def make(self) -> None:
        """Make what the deployed stage has."""
        sqs = self.session.client("sqs")
        for queue in (self.names.spool, self.names.stuck, f"{self.names.prefix}-missed"):
            sqs.create_queue(QueueName=queue)
        self.session.client("dynamodb").create_table(
            TableName=self.names.table,
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.session.client("stepfunctions").create_state_machine(
            name=self.names.prefix,
            definition=json.dumps({"StartAt": "UncertainTask", "States": STATES}),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine",
        )
        self.session.client("secretsmanager").create_secret(
            Name=self.names.secret, SecretString=json.dumps({"name": "console", "token": TOKEN})
        )
        for function in FUNCTIONS:
            self.make_role(function, [self.deployed.of_function(function)])
        for role in ROLES:
            self.make_role(role, self.deployed.of_role(role))

    def make_role(self, name: str, policies: list[Policy]) -> None:
        """Make a role with those policies."""
        iam, role = self.session.client("iam"), self.role(name)
        iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
        for n, policy in enumerate(policies):
            iam.put_role_policy(RoleName=role, PolicyName=str(n), PolicyDocument=json.dumps(policy))

    def take_on(self, role: str, deployed: Deployed) -> str:
        """Give a role the policies of another deployment of the stage; gives its name."""
        iam, name = self.session.client("iam"), self.role(role)
        with disable_iam_authentication():
            for old in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                iam.delete_role_policy(RoleName=name, PolicyName=old)
            iam.delete_role(RoleName=name)
            self.make_role(role, deployed.of_role(role))
        return name

    def role(self, name: str) -> str:
        """The name of a Lambda's role, or of one in the stack."""
        return f"{self.names.prefix}-{name}"

    def assumed(self, name: str) -> Any:
        """A session that has assumed the role."""
        with disable_iam_authentication():
            given = self.session.client("sts").assume_role(
                RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{self.role(name)}", RoleSessionName="one"
            )["Credentials"]
        return boto3.Session(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], REGION
        )

    @contextmanager
    def process(self, function: str, **variables: str) -> Iterator[Any]:
        """A process of that Lambda, with IAM enforced; gives what invokes it with an event."""
        name = self.deployed.name_of(function)
        arn = arn_of("lambda", f"function:{name}")
        with self._patch.context() as environ, enable_iam_authentication():
            credentials = self.assumed(function).get_credentials()
            environ.setenv("AWS_LAMBDA_FUNCTION_NAME", name)
            environ.setenv("AWS_DEFAULT_REGION", REGION)
            environ.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
            environ.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
            environ.setenv("AWS_SESSION_TOKEN", credentials.token)
            for variable, value in variables.items():
                environ.setenv(variable, value)
            forget_stages()
            here = stage_of(arn)
            sqs = client("sqs")  # a long poll is no other call, and takes two seconds each time
            here.spool = SqsSpool(sqs, self.names.spool, wait=0)
            here.stuck = SqsSpool(sqs, self.names.stuck, wait=0)
            yield lambda event: HANDLERS[function](event, _Context(arn))
        forget_stages()

    def start(self, name: str, status: str = "RUNNING", error: str = "") -> str:
        """An execution that stands so."""
        arn: str = self.session.client("stepfunctions").start_execution(
            stateMachineArn=self.names.state_machine_arn,
            name=name,
            input=json.dumps({"key": name}),
        )["executionArn"]
        if status != "RUNNING":
            found = stepfunctions_backends[ACCOUNT][REGION].describe_execution(arn)
            found.status, found.error, found.stop_date = status, error, datetime.now(UTC)
        return arn

    def claim(self, execution: str, **more: Any) -> str:
        """The claim of a parked job that has that execution; gives its key."""
        key = execution.rpartition(":")[2]
        fields = {"parked_at": LONG_AGO, "first_failed_at": LONG_AGO, "attempt": 1, **more}
        self.claims.mark_spooled(Claim(key, execution, LONG_AGO, task="UncertainTask", **fields))
        return key

    def token(self) -> str:
        """A task token of this stage's machine."""
        return f"{self.names.state_machine_arn}{TOKEN_MARK}1"

    def spool(self, record: Record | str, queue: str = "") -> None:
        """Put a job on the spool, or another queue."""
        body = record if isinstance(record, str) else encode(record)
        SqsSpool(self.session.client("sqs"), queue or self.names.spool).send(body)


def spool_every_kind(stage: IamStage, name: str) -> None:
    """Jobs that are resumed, started anew, redriven, handed over, stuck and not to be read."""
    dead = stage.start(f"{name}-dead", "FAILED", "States.Runtime")
    aborted = stage.start(f"{name}-aborted", "ABORTED")
    stage.claim(dead)
    stage.claim(aborted)
    stage.spool(Record(key=f"{name}-parked", execution=dead, token=stage.token(), error=FAILED))
    stage.spool(Record(key=f"{name}-bare", input={"key": f"{name}-bare"}))
    stage.spool(Record(key=f"{name}-dead", execution=dead, attempt=1, error=FAILED))
    stage.spool(Record(key=f"{name}-aborted", execution=aborted, attempt=1, error=FAILED))
    stage.spool(Record(key=f"{name}-stuck", execution=dead, token=stage.token(), attempt=9))
    stage.spool("{not to be read")


def request(method: str, route: str, body: Any = None, **parameters: str) -> dict[str, Any]:
    """A request to the API as API Gateway hands it to the Lambda, let in as `console`."""
    return {
        "requestContext": {
            "httpMethod": method,
            "resourcePath": route,
            "path": route,
            "authorizer": {"principalId": "console", "kind": "full"},
        },
        "headers": {"content-type": "application/json"},
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters,
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
        "stageVariables": None,
    }

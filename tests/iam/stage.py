"""Stages on moto, whose Lambdas run as on AWS: by event, with their own role and no other."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

import boto3
import pytest
from moto.core.authorization import disable_iam_authentication, enable_iam_authentication
from moto.stepfunctions.models import stepfunctions_backends

import app
from chalicelib.api.stage import forget_stages
from chalicelib.aws.calling import clients
from chalicelib.aws.claims_table import DynamoClaims
from chalicelib.aws.incident_table import DynamoIncidents
from chalicelib.aws.line_table import DynamoLine
from chalicelib.aws.queue import SqsSpool
from chalicelib.aws.replay_table import DynamoReplays
from chalicelib.deployed import engines_of, forget_engines
from chalicelib.job.claim import job_pk
from chalicelib.job.execution import machine_of
from chalicelib.job.incident import Incident
from chalicelib.job.record import Record, encode
from chalicelib.job.replay import Kind, Replay
from chalicelib.names import UNCERTAIN_TASK, Names
from respool.deploy.iam import Policy
from respool.deploy.resolved import ACCOUNT, REGION
from respool.deploy.resolved import arn as arn_of
from tests.iam.deployed import FUNCTIONS, ROLES, Deployed
from tests.iam.moto import ASKED, PARENT
from tests.iam.requests import TOKEN_MARK
from tests.tables import create_claims

TOKEN = "the-token-of-the-console"
STATES = {
    "UncertainTask": {"Type": "Pass", "Next": "ClaimJob"},
    "ClaimJob": {"Type": "Pass", "Assign": {"respool": {"pk": "", "task": "Another"}}, "End": True},
}
LONG_AGO = "2026-11-20T13:10:00.000Z"
HANDLERS = {
    "uncertain_task": app.uncertain_task,
    "error_spool": app.error_spool,
    "reprocess": app.reprocess,
    "admit": app.admit,
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
        self.line = DynamoLine(self.session.client("dynamodb"), self.names.table)
        self._patch = patch

    def make(self) -> None:
        """Make what the deployed stage has."""
        sqs = self.session.client("sqs")
        for queue in (self.names.spool, self.names.stuck, f"{self.names.prefix}-missed"):
            sqs.create_queue(QueueName=queue)
        create_claims(self.session.client("dynamodb"), self.names.table)
        self.line.apply_settings(UNCERTAIN_TASK, 100, 1000)
        self.session.client("stepfunctions").create_state_machine(
            name=self.names.prefix,
            definition=json.dumps({"StartAt": "UncertainTask", "States": STATES}),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine",
        )
        for secret in (self.names.secret, self.names.hook_secret):
            self.session.client("secretsmanager").create_secret(Name=secret, SecretString=TOKEN)
        self.session.client("sns").create_topic(Name=f"{self.names.prefix}-alerts")
        for function in FUNCTIONS:
            self.make_role(function, [self.deployed.of_function(function)])
        for role in ROLES:
            self.make_role(role, self.deployed.of_role(role))

    def make_machine(self, name: str) -> None:
        """Make another state machine, which nobody has listed by that."""
        self.session.client("stepfunctions").create_state_machine(
            name=name,
            definition=json.dumps({"StartAt": "UncertainTask", "States": STATES}),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine",
        )

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
            _forget()
            world = engines_of(arn).world
            sqs = clients()("sqs")  # a long poll is no other call, and takes two seconds each time
            world.spool = SqsSpool(sqs, self.names.spool, wait=0)
            world.stuck = SqsSpool(sqs, self.names.stuck, wait=0)
            yield lambda event: HANDLERS[function](event, _Context(arn))
        _forget()

    def url(self, queue: str) -> str:
        """The address of a queue."""
        with disable_iam_authentication():
            return str(self.session.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"])

    def start(self, name: str, status: str = "RUNNING", error: str = "", machine: str = "") -> str:
        """An execution that stands so, of the stage's own machine where no other is named."""
        own = self.names.state_machine_arn
        home = f"{own.rpartition(':')[0]}:{machine}" if machine else own
        arn: str = self.session.client("stepfunctions").start_execution(
            stateMachineArn=home,
            name=name,
            input=json.dumps({"key": name}),
        )["executionArn"]
        if status != "RUNNING":
            found = stepfunctions_backends[ACCOUNT][REGION].describe_execution(arn)
            found.status, found.error, found.stop_date = status, error, datetime.now(UTC)
        return arn

    def child(self, name: str, machine: str = "", status: str = "ABORTED") -> str:
        """A child of a distributed Map, whose parent is dead and can be redriven."""
        machines = stepfunctions_backends[ACCOUNT][REGION].state_machines
        parent = self.start(f"{name}{PARENT}", "FAILED", "States.Runtime", machine)
        home = parent.rpartition(":")[0].replace(":execution:", ":stateMachine:")
        own = next(one for one in machines if one.arn == home)
        if not any(one.arn == f"{home}/Items" for one in machines):
            items = copy(own)
            items.name, items.arn = f"{own.name}/Items", f"{home}/Items"
            machines.append(items)
        return self.start(name, status, machine=f"{own.name}/Items")

    def claim(self, execution: str, state: str = "parked", **more: str) -> str:
        """The claim of a job that has that execution, as the states write it; gives its key.

        `more` are texts of the claim; with `deadAt` it has no token.
        """
        key = more.pop("key", execution.rpartition(":")[2])
        machine = machine_of(execution)
        pk = job_pk(key, "" if machine == self.names.prefix else machine)
        ASKED[execution].append(pk)
        texts = {
            "execution": execution,
            "state": state,
            "task": UNCERTAIN_TASK,
            "order": f"{LONG_AGO}#{key}",
            "since": LONG_AGO,
            "failedAt": LONG_AGO,
            "firstFailedAt": LONG_AGO,
            "error": "ConnectionError",
            "cause": "the service does not answer",
            "noted": "yes",
            "claimedAt": LONG_AGO,
            **({"queue": f"{state}#{UNCERTAIN_TASK}"} if state != "running" else {}),
            **(
                {"token": self.token(execution)}
                if "deadAt" not in more and state != "running"
                else {}
            ),
            **more,
        }
        attempt = texts.pop("attempt", "1")
        self.session.client("dynamodb").put_item(
            TableName=self.names.table,
            Item={
                "pk": {"S": pk},
                "attempt": {"N": attempt},
                **{name: {"S": text} for name, text in texts.items()},
            },
        )
        if state == "running":
            self._add("SET owners.#me = :execution", pk, {":execution": {"S": execution}})
        if state == "line":
            self._add("ADD waiting :one", pk, {":one": {"N": "1"}})
        return key

    def cut_short(self) -> str:
        """A replay that is to go on, and that nobody works on."""
        replays = DynamoReplays(self.session.client("dynamodb"), self.names.table)
        new = Replay(token_hex(8), Kind.PRESS, "kim", wanted=1, keys=1, started_at=LONG_AGO)
        with disable_iam_authentication():
            replays.put(new, keys=["job#none such"])
        return new.id

    def incident(self) -> str:
        """An incident that was over before what waits now had failed; gives its id."""
        old = Incident(UNCERTAIN_TASK, f"20260101T000000-{token_hex(4)}", "2026", "2026")
        table = DynamoIncidents(self.session.client("dynamodb"), self.names.table)
        with disable_iam_authentication():
            before = table.current([UNCERTAIN_TASK]).get(UNCERTAIN_TASK)
            table.put(replace(old, over_at="2026-01-01", seen_until="2026-01-01"), before)
        return old.id

    def _add(self, change: str, pk: str, values: dict[str, Any]) -> None:
        """Tell the task's slots of a job."""
        named: dict[str, Any] = {"ExpressionAttributeNames": {"#me": pk}} if "#me" in change else {}
        self.session.client("dynamodb").update_item(
            TableName=self.names.table,
            Key={"pk": {"S": f"slots#{UNCERTAIN_TASK}"}},
            UpdateExpression=change,
            ExpressionAttributeValues=values,
            **named,
        )

    def token(self, execution: str = "") -> str:
        """A task token of this stage's machine, on which that execution waits."""
        home = execution.replace(":execution:", ":stateMachine:").rpartition(":")[0]
        return f"{home or self.names.state_machine_arn}{TOKEN_MARK}{execution}"

    def spool(self, record: Record | str, queue: str = "") -> None:
        """Put a job on the spool, or another queue."""
        body = record if isinstance(record, str) else encode(record)
        SqsSpool(self.session.client("sqs"), queue or self.names.spool).send(body)


def _forget() -> None:
    forget_stages()
    forget_engines()


def wait_in_every_way(stage: IamStage, name: str) -> None:
    """Jobs that are resumed, restarted, redriven, handed over, stuck and not to be read."""
    stage.claim(stage.start(f"{name}-parked"))
    dead = stage.start(f"{name}-dead", "FAILED", "States.Runtime")
    stage.claim(dead, deadAt=LONG_AGO)
    stage.claim(stage.start(f"{name}-aborted", "ABORTED"), deadAt=LONG_AGO)
    stage.claim(stage.child(f"{name}-item"), deadAt=LONG_AGO)
    stage.claim(stage.child(f"{name}-item-parked", status="RUNNING"))
    stage.claim(stage.start(f"{name}-often"), attempt="9")
    stage.claim(stage.start(f"{name}-unheard", "FAILED", "States.Runtime"))
    stage.spool(Record(key=f"{name}-parked", execution=dead, task=UNCERTAIN_TASK))
    stage.spool(Record(key=f"{name}-bare", input={"key": f"{name}-bare"}))
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

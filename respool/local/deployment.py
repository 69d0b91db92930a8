"""A deployed stage, seen from outside: what the demo and the end-to-end tests act on."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.names import APP, Names
from respool import variables
from respool.local.environment import REGION, clients, sdk_session
from respool.local.project import ProjectCopy
from respool.local.waiting import wait_until

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import QueueAttributeNameType

    from chalicelib.aws.clients import Clients

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """What the API answered."""

    status: int
    json: Any
    headers: dict[str, str]
    text: str


@dataclass
class Deployment:
    """One stage of the project as deployed from a copy to the local AWS."""

    project: ProjectCopy
    _cleared: set[str] = field(default_factory=set)

    @property
    def names(self) -> Names:
        """The names of the stage's resources."""
        return Names(f"{APP}-{self.project.stage}", "aws", REGION, self.project.account)

    @cached_property
    def client(self) -> "Clients":
        """An SDK client, by its service's name, at this deployment's AWS and account."""
        return clients(sdk_session(self.project.account), self.project.endpoint)

    def start(self, job: Any, name: str | None = None) -> str:
        """Start a job with that input; returns its execution's ARN."""
        return self.start_text(json.dumps(job), name)

    def start_text(self, job: str, name: str | None = None) -> str:
        """Start a job with an input that is JSON text already, and kept to the letter."""
        named = {"name": name} if name else {}
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.names.state_machine_arn, input=job, **named
        )
        return str(started["executionArn"])

    def describe(self, execution: str) -> Mapping[str, Any]:
        """What Step Functions says of an execution."""
        return self.client("stepfunctions").describe_execution(executionArn=execution)

    def status(self, execution: str) -> str:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
        return str(self.describe(execution)["status"])

    def output(self, execution: str) -> Any:
        """The output of an execution that has succeeded."""
        return json.loads(self.describe(execution)["output"])

    def history(self, execution: str) -> list[Mapping[str, Any]]:
        """All events of an execution, the first one first."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        answers = pages.paginate(executionArn=execution)
        return [event for page in answers for event in page["events"]]

    def entered(self, execution: str) -> list[str]:
        """The names of the states that an execution entered, in order."""
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in self.history(execution)
            if "stateEnteredEventDetails" in event
        ]

    def set_behavior(self, behavior: str) -> None:
        """Let the uncertain task fail ("NG") or do its work ("OK") from now on."""
        self.set_environment("uncertain_task", BEHAVIOR=behavior)

    def set_environment(self, function: str, **changes: str) -> None:
        """Change variables of a deployed function's environment, as an operator would."""
        variables.change(self.client("lambda"), f"{self.names.prefix}-{function}", changes)

    def invoke(self, function: str, event: Any) -> Any:
        """Invoke a deployed function; returns its result, raises AssertionError on its error."""
        answer = self.client("lambda").invoke(
            FunctionName=f"{self.names.prefix}-{function}", Payload=json.dumps(event).encode()
        )
        result = json.loads(answer["Payload"].read() or b"null")
        assert "FunctionError" not in answer, f"{function} failed: {result}"
        return result

    def queue_url(self, name: str) -> str:
        """The URL of one of the stage's queues."""
        return str(self.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])

    def depth(self, queue: str) -> int:
        """How many messages a queue holds, whether visible or being worked on."""
        wanted: tuple[QueueAttributeNameType, ...] = (
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        )
        answer = self.client("sqs").get_queue_attributes(
            QueueUrl=self.queue_url(queue), AttributeNames=wanted
        )
        return sum(int(answer["Attributes"][name]) for name in wanted)

    def spool_depth(self) -> int:
        """How many jobs the spool holds."""
        return self.depth(self.names.spool)

    def claims(self) -> list[dict[str, Any]]:
        """The items of the claims table, as DynamoDB gives them."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.names.table)
        return [item for page in pages for item in page["Items"]]

    def jobs(self, *states: str) -> list[str]:
        """The keys of all jobs that stand so: running, line, parked or stuck; the oldest first."""
        claims = [item for item in self.claims() if "execution" in item and "endedAt" not in item]
        claims.sort(key=lambda item: item["order"]["S"] if "order" in item else "")
        return [
            item["pk"]["S"].partition("#")[2]
            for item in claims
            if item.get("state", {}).get("S") in states
        ]

    def claim(self, key: str) -> dict[str, Any]:
        """A job's claim, its values plain; empty where there is none."""
        return self._item(f"job#{key}")

    def slots(self, task: str) -> dict[str, Any]:
        """A task's slots, their values plain."""
        return self._item(f"slots#{task}")

    def _item(self, pk: str) -> dict[str, Any]:
        answer = self.client("dynamodb").get_item(
            TableName=self.names.table, Key={"pk": {"S": pk}}, ConsistentRead=True
        )
        return {name: next(iter(value.values())) for name, value in answer.get("Item", {}).items()}

    def logged(self) -> list[str]:
        """Every line that the stage's functions have logged."""
        logs = self.client("logs")
        prefix = f"/aws/lambda/{self.names.prefix}"
        groups = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        names = [group["logGroupName"] for page in groups for group in page["logGroups"]]
        pages = [logs.get_paginator("filter_log_events").paginate(logGroupName=n) for n in names]
        return [
            event["message"] for answers in pages for page in answers for event in page["events"]
        ]

    @cached_property
    def token(self) -> str:
        """The console's token."""
        secret = self.client("secretsmanager").get_secret_value(SecretId=self.names.secret)
        return str(secret["SecretString"])

    @property
    def api_url(self) -> str:
        """The URL of the deployed REST API, without a slash at its end."""
        (api,) = (one for one in self.project.deployed() if one["resource_type"] == "rest_api")
        return f"{self.project.endpoint}/restapis/{api['rest_api_id']}/api/_user_request_"

    def api(self, method: str, path: str, token: str | None = None, body: Any = None) -> Answer:
        """Call the deployed API over HTTP, with that token or none."""
        request = urllib.request.Request(self.api_url + path, method=method)
        if token is not None:
            request.add_header("Authorization", f"Bearer {token}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=60) as response:
                return _answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as refusal:
            return _answer(refusal.code, refusal.headers, refusal.read())

    def executions(self, status: str | None = None) -> list[Mapping[str, Any]]:
        """All executions since the last clearing, or those of one status, the latest first."""
        chosen: dict[str, Any] = {"statusFilter": status} if status else {}
        pages = self.client("stepfunctions").get_paginator("list_executions")
        answers = pages.paginate(stateMachineArn=self.names.state_machine_arn, **chosen)
        executions = [execution for page in answers for execution in page["executions"]]
        return [each for each in executions if each["executionArn"] not in self._cleared]

    def clear(self) -> None:
        """Stop what runs, forget what is claimed and spooled, and let the task work."""
        self._cleared |= {each["executionArn"] for each in self.executions() if _ended(each)}
        for execution in self.executions():
            # The rescue lets these go; any other end it would spool for a restart.
            self.client("stepfunctions").stop_execution(
                executionArn=execution["executionArn"], error="GivenUp", cause="cleared"
            )
            self._cleared.add(execution["executionArn"])
        table = self.client("dynamodb")
        for item in self.claims():
            if item["pk"]["S"].startswith(("dead#", "stage#")):
                continue  # what was dead is dead: the sweep need not catch it; the page stays
            # The deploy made the tasks of the stage's own machine, and no others.
            if item["pk"]["S"].startswith("slots#") and "/" not in item["pk"]["S"]:
                table.put_item(TableName=self.names.table, Item=_empty(item))
            else:
                table.delete_item(TableName=self.names.table, Key={"pk": item["pk"]})
        for queue in (self.names.spool, self.names.stuck):
            self.client("sqs").purge_queue(QueueUrl=self.queue_url(queue))
        self.set_behavior("OK")

    def wait_until(self, condition: Callable[[], T], what: str, timeout: float = 60) -> T:
        """Wait for it; a failure says what the stage looked like."""
        return wait_until(condition, what, timeout, seen=self.seen)

    def seen(self) -> dict[str, Any]:
        """What a look at the stage shows: executions by status, the spool, the claims."""
        return {
            "executions": {one["name"]: one["status"] for one in self.executions()},
            "spooled": self.spool_depth(),
            "claims": self.claims()[:20],
        }


def _empty(slots: dict[str, Any]) -> dict[str, Any]:
    """A task's slots with nobody inside or in line, as the last deploy has set them."""
    kept = ("pk", "queue", "order", "closeAfter", "limitSet")
    maps: dict[str, Any] = {name: {"M": {}} for name in ("owners", "waking", "passes", "failed")}
    limit = slots.get("limitSet") or slots.get("limit", {"N": "5"})
    item = {name: slots[name] for name in kept if name in slots}
    return {**item, **maps, "waiting": {"N": "0"}, "limit": limit}


def _ended(execution: Mapping[str, Any]) -> bool:
    return str(execution["status"]) != "RUNNING"


def _answer(status: int, headers: Any, body: bytes) -> Answer:
    text = body.decode()
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    return Answer(status, content, {k.lower(): v for k, v in headers.items()}, text)

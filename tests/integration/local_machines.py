"""Small Lambdas and state machines on a local AWS of their own."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from respool.local.emulator import local_aws
from respool.local.environment import clients, sdk_session
from respool.local.waiting import wait_until

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients

ROLE = "arn:aws:iam::000000000000:role/any"


@dataclass(frozen=True)
class LocalMachines:
    endpoint: str

    @property
    def client(self) -> "Clients":
        return _clients(self.endpoint)

    def function(self, name: str, body: str, **variables: str) -> str:
        """A Python Lambda whose handler has that body, of `event` and `context`."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as package:
            lines = "".join(f"    {line}\n" for line in body.splitlines())
            source = f"import json, os, time\nimport boto3\n\ndef handler(event, context):\n{lines}"
            package.writestr("index.py", source)
        made = self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=ROLE,
            Handler="index.handler",
            Code={"ZipFile": packed.getvalue()},
            Environment={"Variables": variables},
            Timeout=60,
        )
        return str(made["FunctionArn"])

    def machine(self, name: str, language: str = "JSONata", **states: dict[str, Any]) -> str:
        """A state machine of those states, which begins with the first."""
        definition = {"QueryLanguage": language, "StartAt": next(iter(states)), "States": states}
        made = self.client("stepfunctions").create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=ROLE
        )
        return str(made["stateMachineArn"])

    def start(self, machine: str, given: Any = None, name: str = "one") -> str:
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=machine, name=name, input=json.dumps(given or {})
        )
        return str(started["executionArn"])

    def describe(self, execution: str) -> Mapping[str, Any]:
        return self.client("stepfunctions").describe_execution(executionArn=execution)

    def ended(self, execution: str, timeout: float = 20) -> Mapping[str, Any]:
        """The execution's description, once it is closed."""
        wait_until(
            lambda: self.describe(execution)["status"] != "RUNNING", "the execution's end", timeout
        )
        return self.describe(execution)

    def run(self, machine: str, given: Any = None, name: str = "one") -> Mapping[str, Any]:
        return self.ended(self.start(machine, given, name))

    def events(self, execution: str) -> list[str]:
        """The types of the events in its history."""
        found = self.client("stepfunctions").get_execution_history(executionArn=execution)
        return [event["type"] for event in found["events"]]

    def queue(self, name: str) -> str:
        return str(self.client("sqs").create_queue(QueueName=name)["QueueUrl"])

    def next_message(self, queue: str) -> Any:
        """The next message's body, taken off the queue."""
        sqs = self.client("sqs")

        def receive() -> Any:
            return sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages")

        (message,) = wait_until(receive, "a message", 20)
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])


@cache
def _clients(endpoint: str) -> "Clients":
    return clients(sdk_session(), endpoint)


@contextmanager
def local_machines() -> Iterator[LocalMachines]:
    with local_aws(wait_scale=0.01) as aws:
        yield LocalMachines(aws.endpoint)

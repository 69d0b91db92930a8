"""What a stage's roles may do, as a deploy writes it: from the very policies and template."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.deploy import policies
from chalicelib.deploy.check import EXAMPLES
from chalicelib.deploy.preflight import Checked, Source, check
from chalicelib.deploy.template import API_HANDLER
from chalicelib.names import APP
from tests.iam.moto import ACCOUNT, REGION, WHERE
from tests.iam.policy import Call, Policy, listed

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ("uncertain_task", "error_spool", "reprocess", "authorizer", API_HANDLER)
ROLES = ("MachineRole", "SchedulerRole")
MACHINES = ("statemachine.json", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob(EXAMPLES)))
_KINDS = {
    "AWS::DynamoDB::Table": ("dynamodb", "TableName", "table/"),
    "AWS::Events::Rule": ("events", "Name", "rule/"),
    "AWS::Logs::LogGroup": ("logs", "LogGroupName", "log-group:"),
    "AWS::SQS::Queue": ("sqs", "QueueName", ""),
    "AWS::StepFunctions::StateMachine": ("states", "StateMachineName", "stateMachine:"),
}


class Deployed:
    """One stage as `chalice deploy` makes it, every reference in its template resolved."""

    def __init__(self, stage: str, machine: str = MACHINES[0], via: str = "lambda") -> None:
        self.prefix = f"{APP}-{stage}"
        self._checked = _check(stage, machine, via)
        self.resources: dict[str, Any] = self._resolve(self._checked.template["Resources"])

    def of_function(self, function: str) -> Policy:
        """The policy of a Lambda's role."""
        values = {"Partition": "aws", "Region": REGION, "Account": ACCOUNT, "Prefix": self.prefix}
        return policies.rendered(self._checked.policies[function], values)

    def of_role(self, role: str) -> list[Policy]:
        """The policies of a role in the stack, those attached to it included."""
        inline = self.resources[role]["Properties"]["Policies"]
        attached = [
            one["Properties"]
            for one in self.resources.values()
            if one["Type"] == "AWS::IAM::Policy" and {"Ref": role} in one["Properties"]["Roles"]
        ]
        return [one["PolicyDocument"] for one in inline + attached]

    def name_of(self, function: str) -> str:
        """The name under which Chalice deploys a Lambda."""
        return self.prefix if function == API_HANDLER else f"{self.prefix}-{function}"

    def by_services(self, function: str) -> Iterator[Call]:
        """What Lambda itself does with a function's role: log, poll the queue, report failures."""
        name = self.name_of(function)
        for action in ("CreateLogStream", "PutLogEvents"):
            group = f"log-group:/aws/lambda/{name}:log-stream:2026/11/24/[$LATEST]1"
            yield Call(f"logs:{action}", WHERE.arn("logs", group))
        for one in self.resources.values():
            given = one.get("Properties", {})
            if given.get("FunctionName") != name:
                continue
            if one["Type"] == "AWS::Lambda::EventSourceMapping":
                for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
                    yield Call(f"sqs:{action}", given["EventSourceArn"])
            if one["Type"] == "AWS::Lambda::EventInvokeConfig":
                failed = given["DestinationConfig"]["OnFailure"]["Destination"]
                yield Call("sqs:SendMessage", failed)

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._resolve(one) for one in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Fn::GetAtt"} and value["Fn::GetAtt"][1] == "Arn":
            return self._arn(value["Fn::GetAtt"][0])
        if set(value) == {"Fn::Sub"}:
            return _substituted(value["Fn::Sub"])
        return {name: self._resolve(one) for name, one in value.items()}

    def _arn(self, logical: str) -> Any:
        resource = self._checked.template["Resources"][logical]
        if resource["Type"] not in _KINDS:
            return {"Ref": logical}
        service, named, before = _KINDS[resource["Type"]]
        arn = WHERE.arn(service, before + self._resolve(resource["Properties"][named]))
        return f"{arn}:*" if service == "logs" else arn


def _substituted(text: str) -> str:
    values = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
    return re.sub(r"\$\{([^}]*)\}", lambda m: values.get(m[1], m[0]), text)


@cache
def _check(stage: str, machine: str, via: str) -> Checked:
    variables = {"STATE_MACHINE": machine, "SPOOL_VIA": via}
    return check(Source(ROOT, stage, variables, FUNCTIONS))


def resources_of(policy: Policy) -> Iterator[tuple[str, str]]:
    """Every action with every resource that a policy names for it."""
    for statement in policy["Statement"]:
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                yield action, resource

"""What AWS requires of a stage's parts when it makes them, and at work: some of it silently.

A missing permission stops a deploy in the middle at best; at worst nothing is ever said, and the
rescue or the trigger does nothing.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from respool.deploy.iam import Call, Policy, allows, listed
from respool.deploy.resolved import arn
from respool.deploy.template import API_HANDLER

MAX_FUNCTION_NAME = 64
"""Characters of a Lambda's name, and of its role's, which Chalice names alike."""
MAX_VISIBILITY = 43_200
MAPPING = {
    "sqs": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "dynamodb": ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
}
"""What Lambda asks of a function's role before it makes an event-source mapping, by service."""
ANYWHERE = {"dynamodb": ("dynamodb:ListStreams",)}
"""What Lambda asks of the role besides, for actions that AWS grants on no single resource."""

SECONDS = (1, 900)
MEGABYTES = (128, 10_240)
VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
RESERVED = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
"""Variables that Lambda sets itself."""

Resources = Mapping[str, Any]


def of_functions(
    functions: Mapping[str, Mapping[str, Any]], variables: Mapping[str, str]
) -> Iterator[str]:
    """What Lambda would refuse of the settings in config.json."""
    for name, properties in functions.items():
        for setting, (low, high) in (
            ("lambda_timeout", SECONDS),
            ("lambda_memory_size", MEGABYTES),
        ):
            if not low <= properties.get(setting, low) <= high:
                yield (
                    f"Lambda {name}: {setting} is {properties[setting]}, and AWS takes"
                    f" {low} to {high}."
                )
    for variable in variables:
        if not VARIABLE.fullmatch(variable):
            yield f"{variable!r} can't name a Lambda's variable. Use letters, digits and _."
        elif variable in RESERVED:
            yield f"the variable {variable} is Lambda's own. Take it out of environment_variables."


class RenderedStage:
    """A stage as rendered: its resources with references resolved, its policies, its time-outs."""

    def __init__(
        self,
        prefix: str,
        resources: Resources,
        policies: Mapping[str, Policy],
        timeouts: Mapping[str, int],
    ) -> None:
        self._resources = resources
        self._policies = {self._name(prefix, one): policy for one, policy in policies.items()}
        self._timeouts = {self._name(prefix, one): each for one, each in timeouts.items()}

    @staticmethod
    def _name(prefix: str, function: str) -> str:
        return prefix if function == API_HANDLER else f"{prefix}-{function}"

    def findings(self) -> Iterator[str]:
        """What AWS would refuse, or would never do."""
        for name in self._policies:
            if len(name) > MAX_FUNCTION_NAME:
                yield f"Lambda {name}: AWS takes {MAX_FUNCTION_NAME} characters. Shorten its name."
        checks = {
            "AWS::Lambda::EventSourceMapping": self._mapping,
            "AWS::Lambda::EventInvokeConfig": self._destination,
            "AWS::Events::Rule": self._rule,
            "AWS::Scheduler::Schedule": self._schedule,
        }
        for logical, resource in self._resources.items():
            if check := checks.get(resource["Type"]):
                for finding in check(resource["Properties"]):
                    yield f"{logical}: {finding}"

    def _mapping(self, properties: Resources) -> Iterator[str]:
        function, source = properties["FunctionName"], properties["EventSourceArn"]
        service = source.split(":")[2]
        for action in MAPPING[service]:
            yield from self._denied(function, Call(action, source))
        for action in ANYWHERE.get(service, ()):
            yield from self._denied(function, Call(action, "*"))
        needed = self._timeouts.get(function, 0)
        for one in self._of_type("AWS::SQS::Queue"):
            hidden = one.get("VisibilityTimeout", 30)
            if arn("sqs", one["QueueName"]) == source and not needed <= hidden <= MAX_VISIBILITY:
                yield (
                    f"the queue hides messages for {hidden} s, {function} may run for {needed} s."
                    " Hide them for six times as long, as AWS advises."
                )

    def _destination(self, properties: Resources) -> Iterator[str]:
        failed = properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if failed is not None:
            yield from self._denied(properties["FunctionName"], Call("sqs:SendMessage", failed))

    def _rule(self, properties: Resources) -> Iterator[str]:
        rule = arn("events", f"rule/{properties['Name']}")
        for target in properties["Targets"]:
            permitted = any(
                target["Arn"] == arn("lambda", f"function:{one['FunctionName']}")
                and one["Principal"] == "events.amazonaws.com"
                and one["Action"] == "lambda:InvokeFunction"
                and one.get("SourceArn") == rule
                for one in self._of_type("AWS::Lambda::Permission")
            )
            if not permitted:
                yield f"it may not invoke {target['Arn']}. Add an AWS::Lambda::Permission."
            dead = target.get("DeadLetterConfig", {}).get("Arn")
            if dead and not self._may_send("events.amazonaws.com", rule, dead):
                yield f"it may not send to {dead}. Allow it in the queue's policy."

    def _may_send(self, service: str, source: str, queue: str) -> bool:
        return any(
            statement["Effect"] == "Allow"
            and statement["Principal"] == {"Service": service}
            and statement["Action"] == "sqs:SendMessage"
            and statement["Resource"] == queue
            and statement["Condition"] == {"ArnEquals": {"aws:SourceArn": source}}
            for policy in self._of_type("AWS::SQS::QueuePolicy")
            for statement in policy["PolicyDocument"]["Statement"]
        )

    def _schedule(self, properties: Resources) -> Iterator[str]:
        target = properties["Target"]
        role = self._resources[target["RoleArn"]["Ref"]]["Properties"]
        trusted = [
            service
            for one in role["AssumeRolePolicyDocument"]["Statement"]
            for service in listed(one["Principal"]["Service"])
        ]
        if trusted != ["scheduler.amazonaws.com"]:
            yield "its role does not trust scheduler.amazonaws.com alone."
        policies = [one["PolicyDocument"] for one in role["Policies"]]
        calls = [Call("lambda:InvokeFunction", target["Arn"])]
        if "DeadLetterConfig" in target:
            calls.append(Call("sqs:SendMessage", target["DeadLetterConfig"]["Arn"]))
        for call in calls:
            if not allows(policies, call):
                yield f"its role lacks {call.action} on {call.resource}."

    def _denied(self, function: str, call: Call) -> Iterator[str]:
        policy = self._policies.get(function)
        if policy is not None and not allows([policy], call):
            yield f"the policy of {function} lacks {call.action} on {call.resource}."

    def _of_type(self, kind: str) -> Iterator[Resources]:
        for resource in self._resources.values():
            if resource["Type"] == kind:
                yield resource["Properties"]

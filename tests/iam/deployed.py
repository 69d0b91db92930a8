"""What a stage's roles may do, as a deploy writes it: from the very policies and template."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from chalicelib import names
from chalicelib.names import APP
from respool.deploy import policies
from respool.deploy.check import EXAMPLES, policies_of_roles
from respool.deploy.checks.permissions_needed import ANYWHERE, MAPPING
from respool.deploy.iam import Call, Policy
from respool.deploy.preflight import Checked, Source, check
from respool.deploy.resolved import ACCOUNT, REGION, arn, resolved
from respool.deploy.template import API_HANDLER

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = (*names.FUNCTIONS, API_HANDLER)
ROLES = ("MachineRole", "SchedulerRole")
MACHINES = ("statemachine.json", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob(EXAMPLES)))


def policy_of(people: str) -> Policy:
    """What docs/policies has for people of that kind, filled in for the stage dev."""
    values = {"Partition": "aws", "Region": REGION, "Account": ACCOUNT, "Prefix": f"{APP}-dev"}
    text = (ROOT / "docs" / "policies" / f"{people}.json").read_text()
    return policies.rendered(json.loads(text), values)


class Deployed:
    """One stage as `chalice deploy` makes it, every reference in its template resolved."""

    def __init__(
        self,
        stage: str,
        machine: str = MACHINES[0],
        via: str = "lambda",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.prefix = f"{APP}-{stage}"
        self.machine = machine
        self.via = via
        self._checked = _check(stage, machine, via, tuple((settings or {}).items()))
        self.resources = resolved(self._checked.template["Resources"])

    def of_function(self, function: str) -> Policy:
        """The policy of a Lambda's role."""
        values = {"Partition": "aws", "Region": REGION, "Account": ACCOUNT, "Prefix": self.prefix}
        return policies.rendered(self._checked.policies[function], values)

    def of_role(self, role: str) -> list[Policy]:
        """The policies of a role in the stack, those attached to it included."""
        found: list[Policy] = dict(policies_of_roles(self.resources))[role]
        return found

    def name_of(self, function: str) -> str:
        """The name under which Chalice deploys a Lambda."""
        return self.prefix if function == API_HANDLER else f"{self.prefix}-{function}"

    def by_services(self, function: str) -> Iterator[Call]:
        """What Lambda itself does with a function's role: log, poll the queue, report failures."""
        name = self.name_of(function)
        for action in ("CreateLogStream", "PutLogEvents"):
            group = f"log-group:/aws/lambda/{name}:log-stream:2026/11/24/[$LATEST]1"
            yield Call(f"logs:{action}", arn("logs", group))
        for one in self.resources.values():
            given = one.get("Properties", {})
            if given.get("FunctionName") != name:
                continue
            if one["Type"] == "AWS::Lambda::EventSourceMapping":
                source = given["EventSourceArn"]
                service = source.split(":")[2]
                yield from (Call(action, source) for action in MAPPING[service])
                yield from (Call(action, "*") for action in ANYWHERE.get(service, ()))
            if one["Type"] == "AWS::Lambda::EventInvokeConfig" and "DestinationConfig" in given:
                failed = given["DestinationConfig"]["OnFailure"]["Destination"]
                yield Call("sqs:SendMessage", failed)


@cache
def _check(stage: str, machine: str, via: str, more: tuple[tuple[str, str], ...]) -> Checked:
    variables = {"STATE_MACHINE": machine, "SPOOL_VIA": via, "TEMPLATE_BUCKET": "templates"}
    return check(Source(ROOT, stage, variables | dict(more), FUNCTIONS))

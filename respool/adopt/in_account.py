"""A state machine as it is in an account: read, given what its jobs need, and updated."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.aws.calling import calling
from chalicelib.errors import BadRequest, NotFound
from chalicelib.names import Names
from respool.adopt.reading import compact, read
from respool.adopt.refusals import Refused
from respool.deploy.definition import Definition
from respool.deploy.owners import logical_id, slots_of
from respool.deploy.validating import NotAsked, findings

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients

ARN = "arn:"
FIRST = "INITIAL"
"""The revision of a machine that was never updated."""


def name_of(arn: str, names: Names) -> str:
    """The machine's name, of the stage's account and region. Raises BadRequest."""
    begin = names.state_machine_arn.removesuffix(names.prefix)
    name = arn.removeprefix(begin)
    if not arn.startswith(begin) or not name or ":" in name:
        raise BadRequest(
            f"--machine {arn[:120]!r} is not a state machine of the stage's account and region:"
            f" they begin with {begin}, and no version or alias may follow the name"
        )
    if name == names.prefix:
        raise BadRequest(
            f"{name} is the stage's own machine: name its tasks in UNCERTAIN_TASKS, and deploy"
        )
    return name


@dataclass(frozen=True)
class Deployed:
    """A machine as AWS describes it."""

    arn: str
    name: str
    definition: Definition
    role: str
    revision: str


@dataclass(frozen=True)
class Machines:
    """The state machines of an account, for a person who may change them."""

    client: "Clients"

    def look(self, arn: str) -> Deployed:
        """The machine of that ARN. Raises NotFound, and Refused where it can't wait for a token."""
        with calling("DescribeStateMachine", arn):
            about = self.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        name = about["name"]
        if about["type"] == "EXPRESS":
            raise Refused(f"{name} is EXPRESS, which can't wait for a token. Make it STANDARD.")
        definition = read(about["definition"], f"the definition of {name}")
        role = about["roleArn"].rpartition("/")[2]
        return Deployed(arn, name, definition, role, about.get("revisionId") or FIRST)

    def refuse_invalid(self, definition: Definition) -> bool:
        """Have AWS validate it; False where these credentials may not ask. Raises Refused."""
        try:
            wrong = list(findings(self.client("stepfunctions"), definition))
        except NotAsked:
            return False
        if wrong:
            raise Refused(f"Nothing was changed: {'; '.join(wrong)}")
        return True

    def allow(self, machine: Deployed, stack: str, shared: list[str]) -> None:
        """Give the machine's role the stage's policy, and the items of tasks with names of their
        own. Both may be there already. Raises NotFound where the stage was deployed without it."""
        iam = self.client("iam")
        with calling("AttachRolePolicy", machine.role):
            iam.attach_role_policy(RoleName=machine.role, PolicyArn=self._policy(machine, stack))
        if shared:
            with calling("PutRolePolicy", machine.role):
                iam.put_role_policy(
                    RoleName=machine.role,
                    # a name of its own: another machine may have the same role
                    PolicyName=f"{stack}-{machine.name}-tasks",
                    PolicyDocument=compact(self._sharing(stack, shared)),
                )

    def _policy(self, machine: Deployed, stack: str) -> str:
        with calling("DescribeStacks", stack):
            (about, *_) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        for output in about.get("Outputs", []):
            if output.get("OutputKey") == logical_id(machine.name):
                return output["OutputValue"]
        raise NotFound(
            f"the stack {stack} has no policy for {machine.name}: deploy the stage again"
        )

    def _sharing(self, stack: str, shared: list[str]) -> Definition:
        with calling("DescribeTable", stack):
            table = self.client("dynamodb").describe_table(TableName=f"{stack}-claims")["Table"]
        keys = {"dynamodb:LeadingKeys": [slots_of(task) for task in shared]}
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "dynamodb:UpdateItem",
                    "Resource": table["TableArn"],
                    "Condition": {"ForAllValues:StringLike": keys},
                }
            ],
        }

    def update(self, machine: Deployed, definition: Definition, why: str) -> tuple[str, str]:
        """Keep the machine as it is as a version, then change it; returns both versions' ARNs.

        AWS refuses where somebody has changed it since it was looked at.
        """
        states = self.client("stepfunctions")
        with calling("PublishStateMachineVersion", machine.name):
            before = states.publish_state_machine_version(
                stateMachineArn=machine.arn,
                revisionId=machine.revision,
                description=f"before {why}"[:256],
            )
        with calling("UpdateStateMachine", machine.name):
            after = states.update_state_machine(
                stateMachineArn=machine.arn,
                definition=compact(definition),
                publish=True,
                versionDescription=why[:256],
            )
        return before["stateMachineVersionArn"], after.get("stateMachineVersionArn", "")

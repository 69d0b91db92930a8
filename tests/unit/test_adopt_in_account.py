"""What adopt asks AWS for when a machine is in the account, in which order, and what it refuses."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.errors import BadRequest, Conflict, NotFound
from chalicelib.names import Names
from respool.adopt.in_account import FIRST, Machines, name_of
from respool.adopt.refusals import Refused
from respool.deploy.owners import logical_id, resources
from tests.fakes.stand_in import stand_in
from tests.unit.adopted import LINE

NAMES = Names("respool-dev", "aws", "eu-west-1", "123456789012")
ARN = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders"
POLICY = "arn:aws:iam::123456789012:policy/made-by-the-stack"


class Aws:
    """Every service at once; it answers what it is told to, and remembers what it was asked."""

    def __init__(self, **answers: Any) -> None:
        outputs = [{"OutputKey": logical_id("orders"), "OutputValue": POLICY}]
        self.answers = {
            "describe_state_machine": {
                "name": "orders",
                "type": "STANDARD",
                "definition": json.dumps(LINE),
                "roleArn": "arn:aws:iam::123456789012:role/service/orders-role",
                "revisionId": "seen",
            },
            "validate_state_machine_definition": {"result": "OK", "diagnostics": []},
            "describe_stacks": {"Stacks": [{"Outputs": outputs}]},
            "describe_table": {"Table": {"TableArn": "arn:table"}},
            "publish_state_machine_version": {"stateMachineVersionArn": f"{ARN}:1"},
            "update_state_machine": {"stateMachineVersionArn": f"{ARN}:2"},
            **answers,
        }
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, call: str) -> Callable[..., Any]:
        def ask(**arguments: Any) -> Any:
            self.asked.append((call, arguments))
            answer = self.answers.get(call, {})
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask


def machines(aws: Aws) -> Machines:
    return Machines(stand_in(lambda _service: aws))


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "call")


def described(**changed: Any) -> dict[str, Any]:
    return {"describe_state_machine": Aws().answers["describe_state_machine"] | changed}


def test_the_machine_as_it_is_is_kept_before_it_is_changed() -> None:
    aws = Aws()
    machine = machines(aws).look(ARN)

    versions = machines(aws).update(machine, {"States": {}}, "respool adopt Call")

    assert versions == (f"{ARN}:1", f"{ARN}:2")
    (_, (kept, first), (changed, second)) = aws.asked
    assert (kept, first["revisionId"]) == ("publish_state_machine_version", "seen")
    assert (changed, second["publish"]) == ("update_state_machine", True)
    assert json.loads(second["definition"]) == {"States": {}}


def test_a_machine_that_somebody_has_changed_since_is_not_changed() -> None:
    aws = Aws(publish_state_machine_version=refusal("ConflictException"))
    machine = machines(aws).look(ARN)

    with pytest.raises(Conflict):
        machines(aws).update(machine, {"States": {}}, "respool adopt Call")

    assert "update_state_machine" not in [call for call, _ in aws.asked]


def test_a_machine_that_was_never_updated_is_at_its_first_revision() -> None:
    assert machines(Aws(**described(revisionId=None))).look(ARN).revision == FIRST


def test_an_express_machine_is_refused() -> None:
    with pytest.raises(Refused, match="orders is EXPRESS"):
        machines(Aws(**described(type="EXPRESS"))).look(ARN)


def test_what_aws_finds_wrong_is_told_before_anything_is_changed() -> None:
    wrong = {"message": "no such state", "code": "MISSING", "location": "/States/Call/Next"}
    aws = Aws(validate_state_machine_definition={"result": "FAIL", "diagnostics": [wrong]})

    with pytest.raises(Refused, match=r"Nothing was changed: state Call: .* no such state"):
        machines(aws).refuse_invalid(LINE)

    denied = Aws(validate_state_machine_definition=refusal("AccessDeniedException"))
    assert not machines(denied).refuse_invalid(LINE)
    assert machines(Aws()).refuse_invalid(LINE)


def test_the_role_gets_the_stage_s_policy_and_the_items_of_shared_tasks() -> None:
    aws = Aws()
    machine = machines(aws).look(ARN)

    machines(aws).allow(machine, "respool-dev", ["billing"])

    asked = dict(aws.asked)
    assert asked["attach_role_policy"] == {"RoleName": "orders-role", "PolicyArn": POLICY}
    shared = json.loads(asked["put_role_policy"]["PolicyDocument"])["Statement"][0]
    assert shared["Resource"] == "arn:table"
    assert "slots#billing" in json.dumps(shared["Condition"])
    assert asked["put_role_policy"]["PolicyName"] == "respool-dev-orders-tasks"


def test_without_shared_tasks_the_role_gets_no_policy_of_its_own() -> None:
    aws = Aws()

    machines(aws).allow(machines(aws).look(ARN), "respool-dev", [])

    assert "put_role_policy" not in [call for call, _ in aws.asked]


def test_a_stage_that_was_deployed_without_the_machine_s_policy_says_so() -> None:
    aws = Aws(describe_stacks={"Stacks": [{}]})

    with pytest.raises(NotFound, match="no policy for orders: deploy the stage again"):
        machines(aws).allow(machines(aws).look(ARN), "respool-dev", [])

    assert "attach_role_policy" not in [call for call, _ in aws.asked]


def test_a_policy_lets_write_the_machine_s_items_and_call_the_spool_and_no_more() -> None:
    ((name, policy),) = resources(["orders"]).items()

    write, spool = policy["Properties"]["PolicyDocument"]["Statement"]

    assert name.isalnum()
    assert policy["DeletionPolicy"] == "Retain"
    assert write["Action"] == "dynamodb:UpdateItem"
    keys = write["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert keys == ["job@orders#*", "slots#orders/*"]
    assert spool["Action"] == "lambda:InvokeFunction"
    assert len(resources(["orders", "Orders", "or-ders"])) == 3


def test_a_machine_of_the_stage_s_account_and_region_is_known_by_its_name() -> None:
    assert name_of(ARN, NAMES) == "orders"


@pytest.mark.parametrize(
    "arn",
    [
        ARN + ":1",
        ARN.replace("eu-west-1", "us-east-1"),
        ARN.replace("123456789012", "210987654321"),
        ARN.removesuffix("orders"),
        "arn:aws:sqs:eu-west-1:123456789012:orders",
        NAMES.state_machine_arn,
    ],
)
def test_another_arn_is_refused(arn: str) -> None:
    with pytest.raises(BadRequest):
        name_of(arn, NAMES)

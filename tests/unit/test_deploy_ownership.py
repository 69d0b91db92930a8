"""Whether a checkout may act on a stage is decided by its record, and what exists."""

import json
from pathlib import Path

import pytest

from chalicelib.names import Names
from respool.deploy import ownership, record
from respool.deploy.checks.findings import DeployFailed, Malformed
from respool.deploy.existing import Existing
from respool.deploy.record import Recorded

NAMES = Names("respool-dev", "aws", "eu-west-1", "123456789012")
HANDLER = "arn:aws:lambda:eu-west-1:123456789012:function:respool-dev"
OTHER = HANDLER + "-step_a"
WHOLE = Recorded(frozenset({HANDLER}), frozenset({"a1"}))
NONE = Recorded()


def test_a_stage_that_is_recorded_whole_is_deployed_and_deleted() -> None:
    existing = Existing((HANDLER,), ("a1",))
    ownership.refuse_elsewhere(WHOLE, NAMES, "dev")
    ownership.refuse_second(WHOLE, existing, NAMES, "dev")
    ownership.refuse_unknown(WHOLE, existing, NAMES, "dev")


def test_a_stage_of_which_nothing_exists_is_deployed_and_deleted() -> None:
    for recorded in (WHOLE, NONE):
        ownership.refuse_second(recorded, Existing(), NAMES, "dev")
        ownership.refuse_unknown(recorded, Existing(), NAMES, "dev")


def test_a_first_deploy_that_ended_before_its_api_goes_on() -> None:
    ownership.refuse_second(NONE, Existing((HANDLER,)), NAMES, "dev")


@pytest.mark.parametrize("recorded", [NONE, Recorded(frozenset({HANDLER}), frozenset({"gone"}))])
def test_a_second_api_is_never_made(recorded: Recorded) -> None:
    with pytest.raises(DeployFailed) as refused:
        ownership.refuse_second(recorded, Existing((HANDLER,), ("a1",)), NAMES, "dev")
    said = str(refused.value)
    assert "deployed already in eu-west-1 of account 123456789012, with the API a1" in said
    assert "make record STAGE=dev" in said


@pytest.mark.parametrize(
    ("recorded", "existing", "left"),
    [
        (NONE, Existing((HANDLER, OTHER), ("a1",)), "respool-dev, respool-dev-step_a, the API a1"),
        (WHOLE, Existing((HANDLER,), ("a1", "b2")), "leave: the API b2."),
        (WHOLE, Existing((HANDLER, OTHER), ("a1",)), "leave: respool-dev-step_a."),
    ],
)
def test_a_delete_that_would_leave_something_is_refused_and_names_it(
    recorded: Recorded, existing: Existing, left: str
) -> None:
    with pytest.raises(DeployFailed) as refused:
        ownership.refuse_unknown(recorded, existing, NAMES, "dev")
    assert left in str(refused.value)


@pytest.mark.parametrize(
    "arn",
    [HANDLER.replace("eu-west-1", "us-east-1"), HANDLER.replace("123456789012", "210987654321")],
)
def test_a_record_of_another_region_or_account_is_not_overwritten(arn: str) -> None:
    with pytest.raises(DeployFailed, match="move the file away"):
        ownership.refuse_elsewhere(Recorded(frozenset({arn})), NAMES, "dev")


def test_a_record_is_read_as_chalice_writes_it(tmp_path: Path) -> None:
    assert record.read(tmp_path, "dev") == NONE
    resources = [
        {"name": "api_handler", "resource_type": "lambda_function", "lambda_arn": HANDLER},
        {"name": "rest_api", "resource_type": "rest_api", "rest_api_id": "a1"},
        {"name": "api_handler_role", "resource_type": "iam_role", "role_arn": "arn:role"},
    ]
    path = record.write(tmp_path, "dev", resources)
    assert path == tmp_path / ".chalice" / "deployed" / "dev.json"
    assert json.loads(path.read_text())["schema_version"] == "2.0"
    assert record.read(tmp_path, "dev") == WHOLE


def test_a_record_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = record.write(tmp_path, "dev", [])
    path.write_text("{")
    with pytest.raises(Malformed, match=r"\.chalice/deployed/dev\.json, line 1"):
        record.read(tmp_path, "dev")

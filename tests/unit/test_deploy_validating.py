"""AWS's own word on the definition stops a deploy, with the place; it never stops it unasked."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.errors import Throttled
from chalicelib.names import Names
from respool.deploy.checks.placing import placed
from respool.deploy.preflight import Source, check
from respool.deploy.validating import NotAsked, filled, findings
from tests.fakes.stand_in import stand_in

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ("uncertain_task", "error_spool", "reprocess", "admit", "authorizer", "api_handler")
NAMES = Names("respool-dev", "aws-cn", "cn-north-1", "210987654321")


class StepFunctions:
    """Answers what it was given, or refuses with a code; remembers what it was asked."""

    def __init__(self, answer: dict[str, Any] | str) -> None:
        self._answer = answer
        self.asked: dict[str, Any] = {}

    def validate_state_machine_definition(self, **asked: Any) -> dict[str, Any]:
        """Validate."""
        self.asked = asked
        if isinstance(self._answer, str):
            raise ClientError(
                {"Error": {"Code": self._answer, "Message": "no"}}, "ValidateStateMachineDefinition"
            )
        return self._answer


def diagnostic(location: str, message: str = "Reference to 'phone'") -> dict[str, str]:
    return {
        "severity": "ERROR",
        "code": "UNSUPPORTED_JSONATA_EXPRESSION",
        "message": message,
        "location": location,
    }


def test_what_aws_takes_has_no_findings() -> None:
    aws = StepFunctions({"result": "OK", "diagnostics": []})
    assert list(findings(stand_in(aws), {"StartAt": "あ"})) == []
    assert json.loads(aws.asked["definition"]) == {"StartAt": "あ"}
    assert (aws.asked["type"], aws.asked["severity"]) == ("STANDARD", "ERROR")


def test_what_aws_refuses_is_named_with_its_state() -> None:
    places = ["/States/Task/Output/v", "/States/M/ItemProcessor/States/A~1B/Catch", "", "/"]
    diagnostics = [diagnostic(place) for place in places]
    aws = StepFunctions({"result": "FAIL", "diagnostics": diagnostics, "truncated": True})
    first, second, third, fourth, more = findings(stand_in(aws), {})
    assert first == (
        "state Task: AWS refuses it: Reference to 'phone' (UNSUPPORTED_JSONATA_EXPRESSION)"
    )
    assert second.startswith("state A/B: ")
    assert third.startswith("AWS refuses it: ")
    assert fourth == third
    assert more == "AWS has found more than that."


def test_a_finding_is_placed_in_the_file() -> None:
    text = (ROOT / "statemachine.json").read_text()
    line = text.splitlines().index('    "Finish": {') + 1
    finding = placed("own.json", text, json.loads(text), "state Finish: AWS refuses it: why")
    assert finding == f"own.json, line {line}, state Finish: AWS refuses it: why"


@pytest.mark.parametrize("code", ["AccessDeniedException", "UnknownOperationException"])
def test_where_it_may_not_be_asked_that_is_no_finding(code: str) -> None:
    with pytest.raises(NotAsked, match=code):
        list(findings(stand_in(StepFunctions(code)), {}))


def test_a_throttle_is_no_verdict() -> None:
    with pytest.raises(Throttled):
        list(findings(stand_in(StepFunctions("ThrottlingException")), {}))


def test_nothing_is_left_to_fill_in() -> None:
    checked = check(Source(ROOT, "dev", {}, FUNCTIONS))
    text = json.dumps(filled(checked.template, NAMES))
    assert "${" not in text
    assert "arn:aws-cn:lambda:cn-north-1:210987654321:function:respool-dev-uncertain_task" in text

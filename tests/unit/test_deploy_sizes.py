"""No state of any machine that is shipped builds more than Step Functions carries."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.job.frames import frames_in
from respool.adopt.definition import Choices, adopt
from respool.deploy.check import payloads
from respool.deploy.checks.sizes import findings, size_of, unjudged
from respool.deploy.definition import spooling_via

MACHINE: dict[str, Any] = json.loads(Path("statemachine.json").read_text())
EXAMPLES = ["docs/pipelines/three-steps.json", "docs/pipelines/two-tasks.json"]


@pytest.mark.parametrize("via", ["lambda", "sqs"])
def test_the_machine_carries_every_input_that_aws_takes(via: str) -> None:
    definition = spooling_via(MACHINE, via)

    assert list(findings(definition, room=0)) == []
    assert unjudged(definition, room=0) == ()


@pytest.mark.parametrize("file", EXAMPLES)
def test_the_pipelines_to_copy_from_carry_all_but_what_they_add(file: str) -> None:
    definition = json.loads(Path(file).read_text())

    assert list(findings(definition)) == []
    assert unjudged(definition) == ()
    ours = [f"state {name}: " for name in frames_in(definition).states]
    assert [one for one in findings(definition, room=0) if one.startswith(tuple(ours))] == []


@pytest.mark.parametrize(
    ("state", "before", "after", "message"),
    [
        ("ClaimJob", "> 55000", "> 90000", "state ErrorSpool: Parameters may have"),
        ("UncertainTask", "0, 4000)", "0, 90000)", "state ErrorSpool: Parameters may have"),
    ],
)
def test_a_state_that_may_build_too_much_is_named(
    state: str, before: str, after: str, message: str
) -> None:
    definition = copy.deepcopy(spooling_via(MACHINE, "sqs"))
    text = json.dumps(definition["States"][state])
    assert before in text
    definition["States"][state] = json.loads(text.replace(before, after))

    assert any(message in one for one in findings(definition, room=0))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("ResultSelector", {"a.$": "$", "b.$": "$"}, "state UncertainTask: ResultSelector may"),
        ("ResultPath", "$.answer", "state UncertainTask: ResultPath may have"),
    ],
)
def test_a_json_path_task_that_may_build_too_much_is_named(
    field: str, value: Any, message: str
) -> None:
    definition = json.loads(Path(EXAMPLES[0]).read_text())
    definition["States"]["UncertainTask"][field] = value

    assert any(message in one for one in findings(definition))


def test_sizes_are_bytes_of_utf_8() -> None:
    assert size_of({"a": "\u3042\x01"}) == len('{"a":"あ\\u0001"}'.encode())


def test_a_pipeline_s_own_state_that_could_build_too_much_is_no_finding() -> None:
    plain = {
        "StartAt": "Read",
        "States": {
            "Read": {"Type": "Task", "Resource": "r", "ResultPath": "$.read", "Next": "Call"},
            "Call": {"Type": "Task", "Resource": "c", "ResultPath": "$.called", "End": True},
        },
    }
    adopted = adopt(plain, Choices({"Call": ""}))

    assert any("state Read: ResultPath" in one for one in findings(adopted))
    assert list(payloads(adopted)) == []
    adopted["States"]["Park"]["Parameters"]["more.$"] = "$"
    assert any("state Park: " in one for one in payloads(adopted))

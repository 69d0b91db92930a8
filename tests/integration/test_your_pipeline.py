"""docs/your-pipeline.md: whoever follows it has a pipeline that passes every check."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from chalicelib.limits import TEMPLATE
from respool.deploy.check import findings
from respool.deploy.preflight import Source, check
from tests.iam.deployed import FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "your-pipeline.md").read_text()


def blocks(kind: str) -> list[Any]:
    """The page's examples of a kind, in order."""
    return [json.loads(text) for text in re.findall(rf"```json {kind}\n(.*?)```", PAGE, re.DOTALL)]


def project_with(folder: Path, definition: dict[str, Any], policies: list[Any]) -> Path:
    """The project's files with a definition of one's own and more in the machine's role."""
    shutil.copytree(ROOT / ".chalice", folder / ".chalice")
    (folder / "my-pipeline.json").write_text(json.dumps(definition, indent=2))
    part = folder / ".chalice" / "stack" / "machine.json"
    machine = json.loads(part.read_text())
    machine["Resources"]["MachineRole"]["Properties"]["Policies"] += policies
    part.write_text(json.dumps(machine))
    return folder


def stage_of(folder: Path, functions: tuple[str, ...] = FUNCTIONS) -> Source:
    return Source(folder, "dev", {"STATE_MACHINE": "my-pipeline.json"}, functions)


@pytest.mark.parametrize("example", range(len(blocks("state"))))
def test_each_kind_of_long_task_fits_into_a_pipeline(example: int, tmp_path: Path) -> None:
    definition = json.loads((ROOT / "docs" / "pipelines" / "three-steps.json").read_text())
    definition["States"]["UncertainTask"] |= blocks("state")[example]

    check(stage_of(project_with(tmp_path, definition, [])))


def test_the_examples_pass_every_lint(tmp_path: Path) -> None:
    definition = json.loads((ROOT / "docs" / "pipelines" / "two-tasks.json").read_text())
    ecs, batch, nested = blocks("state")
    definition["States"]["FetchOrders"] |= ecs
    definition["States"]["SendInvoice"] |= batch
    definition["States"]["Third"] = {**definition["States"]["SendInvoice"], **nested}
    definition["States"]["EnterTask"]["Choices"].append(
        {"Variable": "$respool.task", "StringEquals": "Third", "Next": "Third"}
    )

    assert list(findings(stage_of(project_with(tmp_path, definition, blocks("policy"))))) == []


def test_each_long_task_has_a_policy_that_names_what_it_may_do() -> None:
    services = [state["Resource"].split(":")[5] for state in blocks("state")]
    granted = [json.dumps(policy) for policy in blocks("policy")][1:]

    assert services == ["ecs", "batch", "states"]
    for service, policy in zip(services, granted, strict=True):
        assert f'"{service}:' in policy
        assert "events:PutRule" in policy
    assert json.dumps(blocks("policy")).count('"Resource": "*"') == 1  # batch:DescribeJobs


def test_a_lambda_of_one_s_own_is_deployed_as_the_page_says(tmp_path: Path) -> None:
    definition = json.loads((ROOT / "statemachine.json").read_text())
    definition["States"]["UncertainTask"]["Resource"] = "${CallService}"
    folder = project_with(tmp_path, definition, [])
    (entry,) = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    config = folder / ".chalice" / "config.json"
    configured = json.loads(config.read_text())
    configured["lambda_functions"] |= entry
    config.write_text(json.dumps(configured))
    policies = folder / ".chalice" / "policies"
    text = (policies / "uncertain_task.json").read_text()
    name = "call_service"
    (policies / f"{name}.json").write_text(text.replace("uncertain_task", name))

    checked = check(stage_of(folder, (*FUNCTIONS, name)))

    assert f"function:${{Prefix}}-{name}".replace("${Prefix}", "respool-dev") in checked.body


def test_a_task_is_renamed_in_the_five_places_that_the_page_names(tmp_path: Path) -> None:
    text = (ROOT / "statemachine.json").read_text()
    assert text.count('"UncertainTask"') == 5
    definition = json.loads(text.replace('"UncertainTask"', '"CallService"'))

    check(stage_of(project_with(tmp_path, definition, [])))


def test_the_room_that_the_page_promises_is_there() -> None:
    promised = int(re.findall(r"room for about ([\d,]+) bytes", PAGE)[0].replace(",", ""))

    body = check(Source(ROOT, "dev", {}, FUNCTIONS)).body

    assert abs(TEMPLATE - len(body.encode()) - promised) < 1000

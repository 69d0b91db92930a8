"""docs/your-pipeline.md: whoever follows it has a pipeline that passes every check."""

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chalicelib.limits import TEMPLATE
from respool.deploy.check import findings
from respool.deploy.preflight import Source, check
from tests.iam.deployed import FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
PLAIN = ROOT / "docs" / "pipelines" / "plain"
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


def stage_of(folder: Path, tasks: str, functions: tuple[str, ...] = FUNCTIONS) -> Source:
    """A stage whose own machine is that definition, with these tasks."""
    chosen = {"STATE_MACHINE": "my-pipeline.json", "UNCERTAIN_TASKS": tasks}
    return Source(folder, "dev", {**chosen, "TEMPLATE_BUCKET": "templates"}, functions)


def plain(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PLAIN / f"{name}.json").read_text())
    return found


def test_the_settings_that_the_page_shows_deploy_the_file_that_it_names(tmp_path: Path) -> None:
    (settings,) = blocks("settings")
    folder = project_with(tmp_path, plain("two-tasks"), [])
    check(Source(folder, "dev", settings | {"TEMPLATE_BUCKET": "templates"}, FUNCTIONS))


@pytest.mark.parametrize("example", range(len(blocks("state"))))
def test_each_kind_of_long_task_fits_into_a_pipeline(example: int, tmp_path: Path) -> None:
    definition = plain("three-steps")
    definition["States"]["UncertainTask"] |= blocks("state")[example]

    check(stage_of(project_with(tmp_path, definition, []), "UncertainTask"))


def test_the_examples_pass_every_lint(tmp_path: Path) -> None:
    definition = plain("two-tasks")
    states = definition["States"]
    ecs, batch, nested = blocks("state")
    states["FetchOrders"] |= ecs
    states["Third"] = {**states["SendInvoice"], **nested}
    states["SendInvoice"] = {**states["SendInvoice"], **batch, "Next": "Third"}
    del states["SendInvoice"]["End"]
    folder = project_with(tmp_path, definition, blocks("policy"))

    assert list(findings(stage_of(folder, "FetchOrders,SendInvoice,Third"))) == []


def test_each_long_task_has_a_policy_that_names_what_it_may_do() -> None:
    services = [state["Resource"].split(":")[5] for state in blocks("state")]
    granted = [json.dumps(policy) for policy in blocks("policy")][1:]

    assert services == ["ecs", "batch", "states"]
    for service, policy in zip(services, granted, strict=True):
        assert f'"{service}:' in policy
        assert "events:PutRule" in policy
    assert json.dumps(blocks("policy")).count('"Resource": "*"') == 1  # batch:DescribeJobs


def test_a_lambda_of_one_s_own_is_deployed_as_the_page_says(tmp_path: Path) -> None:
    definition = plain("one-task")
    definition["States"]["UncertainTask"]["Resource"] = "${CallService}"
    folder = project_with(tmp_path, definition, [])
    (entry,) = blocks("lambda")
    config = folder / ".chalice" / "config.json"
    configured = json.loads(config.read_text())
    configured["lambda_functions"] |= entry
    config.write_text(json.dumps(configured))
    policies = folder / ".chalice" / "policies"
    text = (policies / "uncertain_task.json").read_text()
    name = "call_service"
    (policies / f"{name}.json").write_text(text.replace("uncertain_task", name))

    checked = check(stage_of(folder, "UncertainTask", (*FUNCTIONS, name)))

    assert f"function:${{Prefix}}-{name}".replace("${Prefix}", "respool-dev") in checked.body


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_template_is_as_large_as_the_page_says(count: int, tmp_path: Path) -> None:
    told = re.search(r"about ([\d,]+) bytes with one task,\s+([\d,]+) with two, ([\d,]+)", PAGE)
    assert told
    state = plain("one-task")["States"]["UncertainTask"]
    names = ["FetchOrders", "ChargeCard", "SendInvoice"][:count]
    end = state.pop("End")
    states = {name: {**state, "Next": after} for name, after in pairwise(names)}
    folder = project_with(
        tmp_path, {"StartAt": names[0], "States": states | {names[-1]: {**state, "End": end}}}, []
    )

    size = len(check(stage_of(folder, ",".join(names))).body.encode())

    assert size == pytest.approx(int(told[count].replace(",", "")), rel=0.02)
    assert (size > TEMPLATE) == (count > 1)

"""What the hook renders passes statelint and cfn-lint, and what would not is found."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from respool.deploy.check import findings, sources
from respool.deploy.checks.findings import Malformed
from respool.deploy.preflight import Source
from tests.iam.deployed import FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
ALL = list(sources(ROOT, FUNCTIONS, None))


def name_of(source: Source) -> str:
    machine = Path(source.environment.get("STATE_MACHINE", "statemachine.json")).stem
    return f"{source.stage}-{source.environment['SPOOL_VIA']}-{machine}"


@pytest.mark.parametrize("source", ALL, ids=name_of)
def test_what_is_deployed_passes_every_lint(source: Source) -> None:
    assert list(findings(source)) == []


def test_every_stage_is_checked_with_either_way_of_spooling() -> None:
    found = {(one.stage, one.environment["SPOOL_VIA"]) for one in ALL}
    assert {
        (stage, via) for stage in ("dev", "prod", "local") for via in ("lambda", "sqs")
    } <= found


def test_an_unknown_stage_is_named_with_the_known_ones() -> None:
    with pytest.raises(Malformed, match="no stage 'qa'; it has dev, local, prod"):
        list(sources(ROOT, FUNCTIONS, "qa"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / ".chalice", tmp_path / ".chalice")
    shutil.copy(ROOT / "statemachine.json", tmp_path)
    return tmp_path


def found_in(project: Path) -> str:
    return "\n".join(findings(replace(ALL[0], project=project)))


def test_a_property_that_cloudformation_does_not_know_is_found(project: Path) -> None:
    path = project / ".chalice" / "stack" / "spool.json"
    part = json.loads(path.read_text())
    part["Resources"]["Spool"]["Properties"]["Visibility"] = 30
    path.write_text(json.dumps(part))
    assert "cfn-lint: E3002 Resources.Spool.Properties.Visibility" in found_in(project)


def test_an_expression_that_is_no_jsonata_is_found(project: Path) -> None:
    path = project / "statemachine.json"
    definition = json.loads(path.read_text())
    definition["States"]["UncertainTask"]["Output"] = "{% $merge([ %}"
    path.write_text(json.dumps(definition))
    assert "state UncertainTask: '{% $merge([ %}' is not JSONata" in found_in(project)


def test_a_field_that_a_state_may_not_have_is_found(project: Path) -> None:
    path = project / "statemachine.json"
    definition = json.loads(path.read_text())
    definition["States"]["UncertainTask"]["MaxConcurrency"] = 3
    path.write_text(json.dumps(definition))
    assert "statelint: " in found_in(project)


def test_more_variables_than_lambda_takes_are_found(project: Path) -> None:
    source = replace(ALL[0], project=project, environment={"NOTE": "x" * 5000})
    assert "Lambda takes 4096" in "\n".join(findings(source))


def test_a_policy_that_is_wider_than_need_be_is_found(project: Path) -> None:
    path = project / ".chalice" / "policies" / "reprocess.json"
    policy = json.loads(path.read_text())
    policy["Statement"][1]["Resource"] = "*"
    path.write_text(json.dumps(policy))
    assert "policy of reprocess: TakeNotesOffTheSpool: " in found_in(project)


def test_a_requirement_of_aws_that_is_not_met_is_found(project: Path) -> None:
    path = project / ".chalice" / "config.json"
    config = json.loads(path.read_text())
    config["lambda_functions"]["reprocess"]["lambda_timeout"] = 6000
    path.write_text(json.dumps(config))
    assert "Trigger: the queue hides messages for 5400 s" in found_in(project)

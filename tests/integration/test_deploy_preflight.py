"""Everything that is wrong in a project's files is found before anything is made."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from chalicelib.job.frames import frames_in
from chalicelib.limits import TEMPLATE
from respool.adopt.undo import undo
from respool.deploy.checks.findings import Malformed
from respool.deploy.checks.rules import findings
from respool.deploy.definition import SEND, all_states
from respool.deploy.preflight import Source, check
from respool.deploy.template import known_placeholders
from tests.iam.deployed import FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]

Broken = Callable[[str, str], None]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / ".chalice", tmp_path / ".chalice")
    shutil.copy(ROOT / "statemachine.json", tmp_path)
    return tmp_path


def wrong(
    project: Path,
    variables: Mapping[str, str] | None = None,
    functions: tuple[str, ...] = FUNCTIONS,
) -> str:
    with pytest.raises(Malformed) as found:
        check(Source(project, "dev", variables or {}, functions))
    return str(found.value)


def edit(project: Path, name: str, old: str, new: str) -> None:
    path = project / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("via", ["lambda", "sqs"])
def test_the_projects_own_files_pass_well_under_the_limit(project: Path, via: str) -> None:
    checked = check(Source(project, "dev", {"SPOOL_VIA": via}, FUNCTIONS))
    assert len(checked.body.encode()) < TEMPLATE
    assert set(checked.policies) == set(FUNCTIONS)


def test_broken_json_is_placed_by_line_and_column(project: Path) -> None:
    edit(project, "statemachine.json", '"StartAt": "ClaimJob",', '"StartAt": "ClaimJob"')
    said = wrong(project)
    assert "statemachine.json, line 4, column 3: not JSON: Expecting ',' delimiter" in said


def test_a_name_that_stands_twice_is_found(project: Path) -> None:
    edit(project, "statemachine.json", '"StartAt"', '"StartAt": "Finish", "StartAt"')
    assert 'statemachine.json: "StartAt" stands twice' in wrong(project)


def test_a_finding_names_the_line_of_its_state(project: Path) -> None:
    edit(project, "statemachine.json", '"${UncertainTask}"', '"${Service}"')
    lines = (project / "statemachine.json").read_text().splitlines()
    line = lines.index('    "UncertainTask": {') + 1
    said = wrong(project)
    assert f"statemachine.json, line {line}, state UncertainTask: ${{Service}} stands for" in said


def test_a_missing_definition_is_named(project: Path) -> None:
    said = wrong(project, {"STATE_MACHINE": "pipeline.json"})
    assert said.startswith("pipeline.json: there is no such file")


def test_a_definition_that_is_no_object_is_refused(project: Path) -> None:
    (project / "statemachine.json").write_text("[]")
    assert "statemachine.json: holds no JSON object" in wrong(project)


def test_all_that_is_wrong_is_said_at_once(project: Path) -> None:
    edit(project, ".chalice/policies/reprocess.json", "${Prefix}", "${Stage}")
    edit(project, ".chalice/stack/spool.json", "{", "")
    said = wrong(project, {"TASK_LIMIT": "-1", "REPLAY_MAX": "none"})
    assert ".chalice/config.json, stage dev: TASK_LIMIT='-1'" in said
    assert "REPLAY_MAX='none'" in said
    assert ".chalice/policies/reprocess.json: ${Stage} stands for nothing" in said
    assert ".chalice/stack/spool.json, line" in said


def test_a_lambda_without_a_policy_of_its_own_is_refused(project: Path) -> None:
    said = wrong(project, functions=(*FUNCTIONS, "step_a"))
    assert '"step_a": {"iam_policy_file": "rendered/step_a.json"}' in said


def test_a_policy_that_is_configured_but_missing_is_named(project: Path) -> None:
    path = project / ".chalice" / "config.json"
    config = json.loads(path.read_text())
    config["lambda_functions"]["step_a"] = {"iam_policy_file": "rendered/step_a.json"}
    path.write_text(json.dumps(config))
    said = wrong(project, functions=(*FUNCTIONS, "step_a"))
    assert said.startswith(".chalice/policies/step_a.json: there is no such file")
    assert "for a new Lambda copy .chalice/policies/uncertain_task.json to it" in said


def test_a_stage_that_no_aws_name_can_hold_is_refused(project: Path) -> None:
    with pytest.raises(Malformed, match="The stage 'Dev_1'"):
        check(Source(project, "Dev_1", {}, FUNCTIONS))


@pytest.mark.parametrize("stage", ["reprocess", "dev-reprocess", "dev-authorizer"])
def test_a_stage_whose_names_another_stages_lambda_may_have_is_refused(
    project: Path, stage: str
) -> None:
    with pytest.raises(Malformed, match=f"The stage '{stage}' ends like the Lambda"):
        check(Source(project, stage, {}, FUNCTIONS))


def test_a_lambda_of_a_pipeline_is_invoked_by_its_own_placeholder(project: Path) -> None:
    edit(project, "statemachine.json", '"${UncertainTask}"', '"${CallService}"')
    edit(
        project,
        ".chalice/config.json",
        '"lambda_functions": {',
        '"lambda_functions": {"call_service": {"iam_policy_file": "rendered/call_service.json"},',
    )
    policies = project / ".chalice" / "policies"
    shutil.copy(policies / "uncertain_task.json", policies / "call_service.json")
    checked = check(Source(project, "dev", {}, (*FUNCTIONS, "call_service")))
    machine = checked.template["Resources"]["Machine"]["Properties"]
    arn = machine["DefinitionSubstitutions"]["CallService"]["Fn::Sub"]
    assert arn.endswith(":function:respool-dev-call_service")
    assert "UncertainTask" not in machine["DefinitionSubstitutions"]


def test_a_template_that_no_request_takes_needs_a_bucket(project: Path) -> None:
    edit(project, "statemachine.json", '"Comment": "', '"Comment": "' + "x" * TEMPLATE)
    assert "CloudFormation takes 51200 in a request. Name an S3 bucket" in wrong(project)
    checked = check(Source(project, "dev", {"TEMPLATE_BUCKET": "templates"}, FUNCTIONS))
    assert len(checked.body.encode()) > 2 * TEMPLATE - 10_000


MAP = """
StartAt: Each
TimeoutSeconds: 600
States:
  Each:
    Type: Map
    ItemsPath: $.orders
    ItemProcessor:
      StartAt: Call
      States:
        Call: {Type: Task, Resource: "${UncertainTask}", End: true}
    Next: Call
  Call:
    Type: Task
    Resource: ${UncertainTask}
    End: true
"""
OWN = {"STATE_MACHINE": "own.yaml", "TEMPLATE_BUCKET": "templates"}


@pytest.mark.parametrize("via", ["lambda", "sqs"])
def test_a_plain_definition_is_adopted_on_the_way(project: Path, via: str) -> None:
    (project / "own.yaml").write_text(MAP)
    tasks = {**OWN, "UNCERTAIN_TASKS": "Each/Call=billing, Call", "SPOOL_VIA": via}

    checked = check(Source(project, "dev", tasks, FUNCTIONS))

    frames = frames_in(checked.definition)
    assert frames.tasks == {"billing", "Call"}
    machine = checked.template["Resources"]["Machine"]["Properties"]
    assert ("SpoolUrl" in machine["DefinitionSubstitutions"]) == (via == "sqs")
    assert ("ErrorSpool" in machine["DefinitionSubstitutions"]) == (via == "lambda")
    written = checked.template["Resources"]["MachineMayWrite"]["Properties"]["PolicyDocument"]
    keys = written["Statement"][0]["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert keys == ["job#*", "slots#*"]
    assert any('"TimeoutSeconds": 600 at the top' in remark for remark in checked.remarks)
    assert undo(checked.definition)["StartAt"] == "Each"
    assert list(findings(checked.definition, known_placeholders(FUNCTIONS))) == []


def test_with_sqs_each_frame_sends_the_input_that_it_has_kept(project: Path) -> None:
    (project / "own.yaml").write_text(MAP)
    tasks = {**OWN, "UNCERTAIN_TASKS": "Each/Call,Call", "SPOOL_VIA": "sqs"}

    checked = check(Source(project, "dev", tasks, FUNCTIONS))

    sent = [
        state["Parameters"]["MessageBody"]["input.$"]
        for _, state in all_states(checked.definition)
        if state.get("Resource") == SEND
    ]
    kept = {name for _, state in all_states(checked.definition) for name in state.get("Assign", {})}
    assert len(sent) == len(set(sent)) == 2
    assert {one[1:] for one in sent} <= kept


def test_an_adopted_definition_is_adopted_to_the_same(project: Path) -> None:
    tasks = {"UNCERTAIN_TASKS": "UncertainTask"}

    again = check(Source(project, "dev", tasks, FUNCTIONS))

    assert again.body == check(Source(project, "dev", {}, FUNCTIONS)).body


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        (None, "own.yaml: none of its tasks is one whose failures are parked. Name them"),
        (None, "such as UNCERTAIN_TASKS=Call, and the deploy adopts"),
        ("Each/Nope", "own.yaml: There is no state 'Each/Nope'. Its tasks are: Call, Each/Call."),
        ("Each", "own.yaml: 'Each' is a Map, not a Task"),
        ("Call=", "UNCERTAIN_TASKS 'Call=' must be STATE or STATE=NAME, each state once."),
        ("Call,Call", "UNCERTAIN_TASKS 'Call' must be STATE or STATE=NAME, each state once."),
        ("Call,", "UNCERTAIN_TASKS='Call,': must be states with commas between them"),
    ],
)
def test_a_wrong_choice_of_tasks_is_one_line(project: Path, tasks: str | None, told: str) -> None:
    (project / "own.yaml").write_text(MAP)
    said = wrong(project, OWN | ({"UNCERTAIN_TASKS": tasks} if tasks else {}))

    assert told in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("text", ["[", "- a", "a: b"])
def test_yaml_that_is_no_definition_is_one_line(project: Path, text: str) -> None:
    (project / "own.yaml").write_text(text)
    said = wrong(project, OWN | {"UNCERTAIN_TASKS": "Call"})

    assert said.startswith("own.yaml ")
    assert len(said.splitlines()) == 1


def test_a_stage_s_own_machine_is_not_listed_as_another(project: Path) -> None:
    said = wrong(project, {"MACHINES": "orders,respool-dev"})
    assert "MACHINES names respool-dev, the stage's own state machine" in said


def test_the_lambdas_reach_the_machines_that_are_listed_and_no_others(project: Path) -> None:
    checked = check(Source(project, "dev", {"MACHINES": "orders"}, FUNCTIONS))
    for function in ("admit", "api_handler", "error_spool", "reprocess"):
        text = json.dumps(checked.policies[function])
        assert "job@orders#*" in text
        assert ":execution:orders:*" in text
        assert (":execution:orders/*" in text) == (function != "error_spool")
        statements = checked.policies[function]["Statement"]
        actions = [one["Action"] for one in statements if "job@*" in json.dumps(one)]
        assert actions in ([], [["dynamodb:BatchGetItem"]])
    assert "orders" not in json.dumps(checked.policies["authorizer"])


def test_the_rescue_hears_of_the_listed_machines_alone(project: Path) -> None:
    checked = check(Source(project, "dev", {"MACHINES": "orders,billing"}, FUNCTIONS))
    rule = checked.template["Resources"]["Rescue"]["Properties"]["EventPattern"]
    ends, well = rule["detail"]["$or"]
    own, *others = ends["stateMachineArn"]
    assert own == {"Ref": "Machine"}
    named = [one["Fn::Sub"].rpartition(":stateMachine:")[2] for one in others]
    assert named == ["orders", "billing"]
    assert well["stateMachineArn"] == others
    assert (well["status"], well["redriveCount"]) == (["SUCCEEDED"], [{"numeric": [">", 0]}])

"""State machines in templates: adopted where they stand, all else byte for byte."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from respool.adopt.definition import Choices, adopt
from respool.adopt.documents import Document
from respool.adopt.reading import compact
from respool.adopt.refusals import Refused
from respool.adopt.undo import is_ours, undo
from respool.cli.run import run
from respool.deploy.definition import Definition, all_states

Out = pytest.CaptureFixture[str]
VALUES = {"Claims": "c", "ErrorSpool": "e", "CloseAfter": "5", "HistorySeconds": "60"}
CHOICES = Choices({"Call": ""}, machine="orders", values=VALUES)
PLAIN: dict[str, Any] = {
    "StartAt": "Call",
    "States": {
        "Call": {
            "Type": "Task",
            "Resource": "${CallArn}",
            "Comment": 'says "${AWS::Region}"',
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Tell"}],
            "Next": "Done",
        },
        "Tell": {"Type": "Task", "Resource": "${TellArn}", "End": True},
        "Done": {"Type": "Succeed"},
    },
}
TEXT = json.dumps(PLAIN, indent=2)
BEFORE, AFTER = '{\n  "Resources": {\n    "Orders": {\n      "Type": ', "\n    }\n  }\n}\n"


def in_json(value: str, type: str = "AWS::StepFunctions::StateMachine", more: str = "") -> str:
    """A template around the JSON text of one property."""
    return f'{BEFORE}"{type}",\n      "Properties": {{{more} {value} }}{AFTER}'


JOINED = [
    "",
    [
        '{"StartAt":"Call","TimeoutSeconds":',
        {"Ref": "Long"},
        ',"States":{"Call":{"Type":"Task","Resource":"arn:',
        {"Ref": "AWS::Partition"},
        ':states:::lambda:invoke","Parameters":{"FunctionName":"',
        {"Fn::GetAtt": ["F", "Arn"]},
        '"},"Catch":[{"ErrorEquals":["Busy"],"Next":"',
        {"Ref": "Later"},
        '"}],"End":true},"',
        {"Ref": "Later"},
        '":{"Type":"Succeed"}}}',
    ],
]
YAML_BLOCK = """\
# Before.
Resources:
  Other: {Type: "AWS::SNS::Topic"}   # with a comment
  Orders:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: orders
      Definition:
        StartAt: Call
        States:
          Call:
            Type: Task
            Resource: !GetAtt Caller.Arn
            Parameters: {FunctionName: !Sub "${Caller.Arn}:live", Text: "two\\nlines"}
            TimeoutSeconds: !Ref Seconds
            Catch:
              - {ErrorEquals: [States.ALL], Next: Tell}
            Next: Done
          Tell: {Type: Task, Resource: !Ref TellArn, End: true}
          Done:
            Type: Succeed

      # Of the policies.
      Policies: [!Ref Policy]
Outputs: {}
"""
YAML_SUB = f"""\
Resources:
  Orders:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      DefinitionString: !Sub |
        {TEXT.replace(chr(10), chr(10) + " " * 8)}
      RoleArn: !GetAtt Role.Arn
"""
YAML_SUB_LIST = f"""\
Resources:
  Orders:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: x
      DefinitionString:
        Fn::Sub:
          - |-
            {TEXT.replace(chr(10), chr(10) + " " * 12)}
          - {{CallArn: !GetAtt F.Arn}}
# The end.
"""
YAML_FLOW = f"""\
Resources:
  Orders:
    Type: AWS::Serverless::StateMachine
    Properties: {{Definition: {json.dumps(PLAIN)}, Name: orders}}
"""
YAML_JOIN = """\
Resources:
  Orders:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      DefinitionString: !Join
        - "\\n"
        - - '{"StartAt": "Call",'
          - '"TimeoutSeconds":'
          - !Ref Long
          - ', "States": {"Call": {"Type": "Task", "Resource": "a", "End": true}}}'
      Tags: []
"""
TEMPLATES = {
    "object.json": in_json(f'"Definition": {json.dumps(PLAIN, indent=1)}'),
    "text.json": in_json(f'"DefinitionString": {json.dumps(TEXT)}'),
    "sub.json": in_json(f'"DefinitionString": {{"Fn::Sub": {json.dumps(json.dumps(PLAIN))}}}'),
    "sub-list.json": in_json(
        f'"DefinitionString": {{"Fn::Sub": [{json.dumps(TEXT)}, {{"A": 1}}]}}'
    ),
    "join.json": in_json(f'"DefinitionString": {{"Fn::Join": {json.dumps(JOINED)}}}'),
    "block.yaml": YAML_BLOCK,
    "sub.yaml": YAML_SUB,
    "sub-list.yml": YAML_SUB_LIST,
    "flow.yaml": YAML_FLOW,
    "join.yaml": YAML_JOIN,
}


def adopted(text: str, file: str) -> str:
    document = Document.of(text, file)
    (machine,) = document.machines
    return document.put([(machine, adopt(machine.definition, CHOICES))])


def plain(definition: Definition) -> str:
    """The definition as text, without the numbers of a template's values."""
    return re.sub(r"\ue010\d+\ue011", "<>", compact(definition))


@pytest.mark.parametrize("file", TEMPLATES)
def test_the_chosen_task_is_adopted_where_it_stands(file: str) -> None:
    document = Document.of(TEMPLATES[file], file)
    (machine,) = document.machines

    text = adopted(TEMPLATES[file], file)

    (after,) = Document.of(text, file).machines
    assert plain(after.definition) == plain(adopt(machine.definition, CHOICES))
    assert [name for name, state in all_states(after.definition) if is_ours(state)]
    assert (after.id, after.name, after.kind) == (machine.id, machine.name, machine.kind)


@pytest.mark.parametrize("file", TEMPLATES)
def test_adopting_an_adopted_template_gives_the_same_bytes(file: str) -> None:
    text = adopted(TEMPLATES[file], file)

    assert adopted(text, file) == text


@pytest.mark.parametrize("file", TEMPLATES)
def test_undo_gives_back_the_definition_and_every_byte_around_it(file: str) -> None:
    before = Document.of(TEMPLATES[file], file)
    document = Document.of(adopted(TEMPLATES[file], file), file)
    (machine,) = document.machines

    text = document.put([(machine, undo(machine.definition))])

    (again,) = Document.of(text, file).machines
    assert plain(again.definition) == plain(before.machines[0].definition)
    first, second = before.machines[0].form, again.form
    assert first
    assert second
    assert text[: second.node.start] == before.text[: first.node.start]
    assert text[second.node.end :] == before.text[first.node.end :]


def test_values_of_the_template_stay_where_they_stood_in_pieces() -> None:
    template = json.loads(adopted(TEMPLATES["join.json"], "join.json"))

    between, pieces = template["Resources"]["Orders"]["Properties"]["DefinitionString"]["Fn::Join"]

    assert between == ""
    text = "".join("<>" if isinstance(one, dict) else one for one in pieces)
    assert '"TimeoutSeconds":<>' in text
    assert '"Resource":"arn:<>:states:::lambda:invoke"' in text
    assert '"FunctionName":"<>"' in text
    assert {"Ref": "Long"} in pieces
    assert pieces.count({"Fn::GetAtt": ["F", "Arn"]}) == 1


def test_tags_comments_and_styles_around_a_block_stay() -> None:
    text = adopted(YAML_BLOCK, "block.yaml")

    assert text.startswith(YAML_BLOCK.partition("StartAt")[0])
    assert text.endswith(YAML_BLOCK[YAML_BLOCK.index("\n\n      # Of the policies") :])
    assert "Resource: !GetAtt 'Caller.Arn'" in text


TWO = """\
Resources:
  Orders:
    Type: AWS::Serverless::StateMachine
    Properties: {Name: orders, Definition: {StartAt: Call, States: {Call: {Type: Task, Resource: a, End: true}}}}
  Bills:
    Type: AWS::Serverless::StateMachine
    Properties: {Type: EXPRESS, Definition: {StartAt: Bill, States: {Bill: {Type: Task, Resource: b, End: true}}}}
  Notes:
    Type: AWS::Serverless::StateMachine
    Properties: {Name: notes, Definition: {StartAt: Call, States: {Call: {Type: Task, Resource: c, End: true}}}}
"""  # noqa: E501


def write(folder: Path, text: str, name: str = "template.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_the_tasks_of_each_machine_are_listed(tmp_path: Path, capsys: Out) -> None:
    assert run(["adopt", write(tmp_path, TWO)]) == 0
    output = capsys.readouterr()
    assert output.out == "Orders: Call\nBills: Bill\nNotes: Call\n"
    assert "--resource Orders --task Call" in output.err

    assert run(["adopt", write(tmp_path, TWO), "--resource", "Bills"]) == 0
    assert capsys.readouterr().out == "Bill\n"


def test_the_machine_of_the_name_is_adopted_and_no_other(tmp_path: Path, capsys: Out) -> None:
    file = write(tmp_path, TWO)
    words = ["--task", "Call", "--machine", "notes", "--stage", "prod"]

    assert run(["adopt", file, *words, "-o", file]) == 0
    assert run(["adopt", file, *words, "--check"]) == 0

    assert "EXPRESS machine can't wait" not in capsys.readouterr().err
    machines = Document.of(Path(file).read_text(), file).machines
    assert [len(each.definition["States"]) > 1 for each in machines] == [False, False, True]
    assert run(["adopt", file, "--undo", "-o", file]) == 0
    assert [len(each.definition["States"]) for each in Document.of(Path(file).read_text(), file).machines] == [1, 1, 1]  # fmt: skip  # noqa: E501


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--task", "Bill", "--machine", "bills"], "Bills is EXPRESS"),
        (["--task", "Call", "--machine", "other"], "one with --resource: Orders, Bills, Notes"),
        (["--task", "Call", "--machine", "x", "--resource", "Orders"], "Orders is called orders"),
        (["--task", "Call", "--machine", "x", "--resource", "No"], "no state machine 'No'"),
        (["--task", "Call", "--resource", "Orders"], "name it with --machine"),
        (["--resource", ""], "--resource is empty"),
    ],
)  # fmt: skip
def test_what_a_template_lacks_is_told_on_one_line(
    words: list[str], said: str, tmp_path: Path, capsys: Out
) -> None:
    assert run(["adopt", write(tmp_path, TWO), *words, "--stage", "prod"]) == 2

    output = capsys.readouterr()
    assert said in output.err
    assert output.err.count("\n") == 1
    assert output.out == ""


def test_without_a_stage_a_template_would_have_to_fill_our_placeholders(
    tmp_path: Path, capsys: Out
) -> None:
    words = ["--task", "Call", "--machine", "orders"]

    assert run(["adopt", write(tmp_path, TWO), *words]) == 2
    assert "Name the stage with --stage" in capsys.readouterr().err


def test_a_machine_without_a_fixed_name_is_told_which_name_it_must_have(
    tmp_path: Path, capsys: Out
) -> None:
    words = ["--task", "Call", "--machine", "orders", "--stage", "prod", "--check"]

    assert run(["adopt", write(tmp_path, YAML_SUB), *words]) == 1
    assert "Orders must be called orders in AWS" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('"DefinitionUri": "orders.asl.json"', "DefinitionUri names instead: orders.asl.json"),
        ('"DefinitionS3Location": {"Bucket": "b"}', 'S3Location names instead: {"Bucket"'),
        ('"RoleArn": "x"', "it has no definition"),
        ('"DefinitionString": {"Fn::ImportValue": "x"}', "neither an object with States"),
        ('"DefinitionString": "{"', "can't be read"),
        ('"DefinitionString": {"Fn::Sub": "no"}', "can't be read"),
    ],
)  # fmt: skip
def test_a_definition_that_is_not_in_the_template_is_refused(value: str, said: str) -> None:
    with pytest.raises(Refused, match="Orders") as refused:
        Document.of(in_json(value), "template.json")

    assert said in str(refused.value)

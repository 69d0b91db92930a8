"""`respool adopt` on files; no account is asked for anything."""

import json
from pathlib import Path

import pytest

from respool.adopt.reading import write
from respool.cli.run import run
from tests.unit.adopted import LINE

Out = pytest.CaptureFixture[str]
YAML = """\
StartAt: Call
TimeoutSeconds: ${Limit}
States:
  Call:
    Type: Task
    Resource: ${CallArn}
    Parameters: {Queue: "${Queue}", Day: 2026-11-24, Answer: no}
    TimeoutSeconds: ${Seconds}
    End: true
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "line.json"
    path.write_text(write(LINE))
    return path


def test_without_a_task_the_candidates_are_listed(file: Path, capsys: Out) -> None:
    assert run(["adopt", str(file)]) == 0
    said = capsys.readouterr()
    assert said.out == "Call\nSend\n"
    assert "--task Call --machine NAME" in said.err


def test_what_is_written_is_taken_out_again(file: Path, tmp_path: Path, capsys: Out) -> None:
    out = tmp_path / "adopted.json"
    words = ["--task", "Call=billing", "--task", "Send", "--machine", "orders"]
    assert run(["adopt", str(file), *words, "-o", str(out)]) == 0
    assert run(["adopt", str(out), *words, "--check"]) == 0
    assert run(["adopt", str(file), *words, "--check"]) == 1
    capsys.readouterr()

    assert run(["adopt", str(out), "--undo"]) == 0
    assert capsys.readouterr().out == file.read_text()


def test_a_limit_is_told_as_the_commands_that_set_it(file: Path, capsys: Out) -> None:
    words = ["--task", "Call=billing", "--task", "Send", "--machine", "orders", "--limit", "3"]

    assert run(["adopt", str(file), *words]) == 0
    said = capsys.readouterr().err
    assert "respool --stage STAGE limit billing 3\n" in said
    assert "respool --stage STAGE limit orders/Send 3\n" in said

    assert run(["adopt", str(file), *words, "--stage", "prod"]) == 0
    assert "respool --stage prod limit orders/Send 3\n" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--limit", "-1"], ["--limit", ""], ["--key", ""]])
def test_an_empty_option_or_one_out_of_range_is_refused(
    file: Path, words: list[str], capsys: Out
) -> None:
    assert run(["adopt", str(file), "--task", "Call", "--machine", "orders", *words]) == 2
    assert words[0] in capsys.readouterr().err


def test_a_name_of_a_task_that_is_empty_is_refused(file: Path, capsys: Out) -> None:
    assert run(["adopt", str(file), "--task", "Call=", "--machine", "orders"]) == 2
    assert "'Call='" in capsys.readouterr().err


def test_a_stage_fills_its_names_and_no_others(
    tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    variables = {"HISTORY_DAYS": "2"}
    config = {"stages": {"prod": {"environment_variables": variables}}}
    (tmp_path / ".chalice").mkdir()
    (tmp_path / ".chalice" / "config.json").write_text(json.dumps(config))
    definition = {**LINE, "Comment": "${Claims}"}
    (tmp_path / "line.json").write_text(write(definition))
    assert run(["--stage", "prod", "adopt", "line.json", "--task", "Call", "--machine", "m"]) == 0
    adopted = json.loads(capsys.readouterr().out)
    text = json.dumps(adopted["States"])

    assert adopted["Comment"] == "${Claims}"
    assert "${" not in text
    assert "respool-prod-claims" in text
    assert "respool-prod-error_spool" in text
    assert "$number('172800')" in text


def test_the_difference_is_shown_and_nothing_written(file: Path, capsys: Out) -> None:
    before = file.read_text()
    assert run(["adopt", str(file), "--task", "Call", "--diff", "--machine", "m"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert '-  "StartAt": "Begin",' not in lines
    assert [line for line in lines if line.startswith('+    "ClaimJob": {')]
    assert file.read_text() == before


def test_yaml_stays_yaml_with_its_placeholders_as_they_were(tmp_path: Path, capsys: Out) -> None:
    file = tmp_path / "line.yml"
    file.write_text(YAML)
    assert run(["adopt", str(file), "--task", "Call", "--machine", "m"]) == 0
    said = capsys.readouterr()
    for kept in (
        "TimeoutSeconds: ${Limit}\n",
        "    Resource: ${CallArn}\n",
        "    TimeoutSeconds: ${Seconds}\n",
        '      Queue: "${Queue}"\n',
    ):
        assert kept in said.out
    assert "Remove it." in said.err
    adopted = tmp_path / "adopted.yml"
    adopted.write_text(said.out)
    assert run(["adopt", str(adopted), "--undo"]) == 0
    assert "      Day: '2026-11-24'\n      Answer: 'no'\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("{", ["--task", "A"], "can't be read"),
        ("[]", ["--task", "A"], 'has no "States"'),
        ('{"Resources": {}}', ["--task", "A"], "the template has no state machine"),
        ('{"StartAt": "A", "States": {"A": NaN}}', ["--task", "A"], "NaN is not JSON"),
        (write(LINE), ["--task", "Begin", "--machine", "m"], "is a Pass, not a Task"),
        (write(LINE), ["--task", "Call", "--machine", "a b"], "a state machine's name"),
        (write(LINE), ["--task", "Call", "--task", "Call"], "each state once"),
        (write(LINE), ["--task", "Call", "--key", "$.id"], "for another machine"),
        (write(LINE), ["--task", "Call", "--machine", "m", "--key", "id"], "neither a JSONPath"),
        (write(LINE), ["--task", "Call", "--machine", "m", "--key", "$..id"], "as JSONata"),
    ],
)
def test_what_cannot_be_done_is_told_on_one_line(
    text: str, words: list[str], said: str, tmp_path: Path, capsys: Out
) -> None:
    file = tmp_path / "line.json"
    file.write_text(text)
    assert run(["adopt", str(file), *words]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert said in output.err
    assert output.err.count("\n") == 1

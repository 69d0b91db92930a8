"""Every command but `replay`, on a stage in memory."""

import io
import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.errors import AwsError
from chalicelib.job.ramp_state import State, Verdict
from chalicelib.settings import Settings
from respool.cli.run import respool, run
from tests.fakes.stage import FakeStage
from tests.unit.cli_stage import Shell

Out = pytest.CaptureFixture[str]
HOSTILE = "\x1b[31m[red]<script>\n\u202etxt.exe"


@pytest.fixture
def shell() -> Shell:
    return Shell(FakeStage())


def _json(capsys: Out) -> Any:
    return json.loads(capsys.readouterr().out)


def test_jobs_are_listed_with_their_error(shell: Shell, capsys: Out) -> None:
    shell.fail("a", "b")
    assert shell("jobs") == 0
    said = capsys.readouterr().out
    assert "a    parked  UncertainTask  1" in said
    assert "ConnectionError: the service does not answer" in said
    assert "2 jobs of 2." in said


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("--state", "parked"), 2),
        (("--state", "running,stuck"), 0),
        (("--task", "UncertainTask"), 2),
        (("--task", "Other"), 0),
        (("--error", "ConnectionError"), 2),
        (("--error", "ValueError"), 0),
        (("--limit", "1"), 1),
    ],
)
def test_jobs_are_narrowed(shell: Shell, capsys: Out, options: tuple[str, ...], count: int) -> None:
    shell.fail("a", "b")
    assert shell("jobs", "--json", *options) == 0
    assert len(_json(capsys)["jobs"]) == count


def test_more_jobs_than_a_page_are_listed(shell: Shell, capsys: Out) -> None:
    shell.fail(*(f"{n:03}" for n in range(230)))
    assert shell("jobs", "--json", "--limit", "220") == 0
    found = _json(capsys)
    assert len({job["key"] for job in found["jobs"]}) == 220
    assert found["total"] == 230


def test_unknown_state_is_a_usage_error(shell: Shell, capsys: Out) -> None:
    assert shell("jobs", "--state", "lost") == 2
    assert "state=lost must be one or more of" in capsys.readouterr().err


def test_hostile_text_is_shown_and_does_nothing(shell: Shell, capsys: Out) -> None:
    shell.fakes.service.broken = True
    job = json.dumps({"key": HOSTILE})
    shell.account.process.workflow.start("run", job)
    shell.fakes.machine.run()
    assert shell("jobs") == 0
    said = capsys.readouterr().out
    assert "[31m[red]<script>" in said
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_status_tells_what_waits(shell: Shell, capsys: Out) -> None:
    shell.fail("a", "b")
    assert shell("status") == 0
    said = capsys.readouterr().out
    assert "respool-memory: 2 jobs waiting; the oldest failed" in said
    assert "2 on the spool, 0 on the stuck queue" in said
    assert "never" in said
    assert "UncertainTask  0       5 (the stage)" in said


def test_status_as_json_is_the_api_s(shell: Shell, capsys: Out) -> None:
    assert shell("--json", "status") == 0
    found = _json(capsys)
    assert found["jobs"] == {"running": 0, "parked": 0, "stuck": 0}
    assert found["trigger"] == "disabled"


def test_status_says_what_the_ramp_does_and_when_it_acts_next(shell: Shell, capsys: Out) -> None:
    shell.fail("a")
    shell.account.settings = Settings.read({"RECOVERY": "ramp"})
    at = shell.fakes.clock.now()
    due = at + timedelta(minutes=40)
    shell.account.ramps = [
        State(
            "UncertainTask",
            due=due.isoformat(),
            last=Verdict.REFUSED,
            last_at=at.isoformat(),
            last_key="\x1b[31ma",
            last_size=1,
        )
    ]
    assert shell("status") == 0
    said = capsys.readouterr().out
    here = due.astimezone()
    assert "UncertainTask: probed " in said
    assert f" with job  [31ma: still refusing; next try {here:%H:%M}." in said


def test_show_tells_a_job_s_history(shell: Shell, capsys: Out) -> None:
    shell.fail("a")
    shell.account.events = [
        {
            "type": "ExecutionStarted",
            "timestamp": datetime(2026, 11, 24, 9, tzinfo=UTC),
            "executionStartedEventDetails": {"input": "{}"},
        }
    ]
    assert shell("show", "a") == 0
    said = capsys.readouterr().out
    assert "a: parked" in said
    assert "ConnectionError: the service does not answer" in said
    assert "It was started." in said


def test_show_finds_a_finished_job_by_its_execution_s_name(shell: Shell, capsys: Out) -> None:
    shell.account.process.workflow.start("run-a", '{"key": "a"}')
    shell.fakes.machine.run()
    assert shell("show", "run-a", "--json") == 0
    assert _json(capsys)["state"] == "succeeded"


@pytest.mark.parametrize("key", ["a", "no name of an execution", "x" * 2000])
def test_show_of_an_unknown_job_says_so(shell: Shell, capsys: Out, key: str) -> None:
    assert shell("show", key) == 2
    assert "it finished, or was never started" in capsys.readouterr().err


def test_given_up_job_is_gone(shell: Shell, capsys: Out) -> None:
    shell.fail("a")
    assert shell("give-up", "a", "--reason", "a duplicate", "--yes") == 0
    assert "a is given up; its message is deleted." in capsys.readouterr().out
    assert list(shell.account.process.claims.claims()) == []
    assert shell.fakes.spool.depth() == 0


def test_give_up_without_anybody_to_ask_does_nothing(
    shell: Shell, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.fail("a")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert shell("give-up", "a", "--reason", "a duplicate") == 2
    assert "--yes" in capsys.readouterr().err
    assert shell.fakes.spool.depth() == 1


def test_give_up_needs_a_reason(shell: Shell, capsys: Out) -> None:
    assert shell("give-up", "a", "--yes") == 2
    assert "Missing option '--reason'" in capsys.readouterr().err


def test_give_up_of_an_unknown_job_says_so(shell: Shell, capsys: Out) -> None:
    assert shell("give-up", "zz", "--reason", "why not", "--yes") == 2
    assert "no job has the key 'zz'" in capsys.readouterr().err


def test_limit_holds_until_default_comes_back(shell: Shell, capsys: Out) -> None:
    assert shell("limit", "UncertainTask", "2") == 0
    assert "UncertainTask takes 2 jobs at once; 0 inside." in capsys.readouterr().out
    (slots,) = shell.account.process.claims.slots()
    assert slots.limit == 2
    assert shell("limit", "UncertainTask", "default") == 0
    (slots,) = shell.account.process.claims.slots()
    assert slots.limit is None


@pytest.mark.parametrize("n", ["-1", "1001", "two", ""])
def test_a_limit_out_of_range_is_named(shell: Shell, capsys: Out, n: str) -> None:
    assert shell("limit", "UncertainTask", "--", n) == 2
    assert f"limit={n} must be a whole number from 0 to 1000" in capsys.readouterr().err


def test_hold_keeps_jobs_out_and_release_lets_them_in(shell: Shell, capsys: Out) -> None:
    assert shell("hold") == 0
    assert "UncertainTask is held; 0 inside." in capsys.readouterr().out
    shell.account.process.workflow.start("run", '{"key": "a"}')
    assert shell.finished() == []
    assert shell("release", "--json") == 0
    (task,) = _json(capsys)["tasks"]
    assert (task["task"], task["limit"]) == ("UncertainTask", 5)
    assert shell.finished() == ['{"key": "a"}']


def test_release_leaves_tasks_alone_that_are_not_held(shell: Shell, capsys: Out) -> None:
    assert shell("limit", "UncertainTask", "2") == 0
    assert shell("release") == 0
    assert "No task is held." in capsys.readouterr().out
    (slots,) = shell.account.process.claims.slots()
    assert slots.limit == 2


def test_one_task_is_held_by_name(shell: Shell) -> None:
    assert shell("hold", "UncertainTask") == 0
    assert shell("release", "UncertainTask") == 0
    (slots,) = shell.account.process.claims.slots()
    assert slots.limit is None


def test_trigger_is_switched(shell: Shell, capsys: Out) -> None:
    assert shell("trigger", "enable") == 0
    assert "The trigger is enabled." in capsys.readouterr().out
    assert shell("trigger", "disable", "--json") == 0
    assert _json(capsys) == {"trigger": "disabled"}
    assert shell("trigger", "on") == 2


def test_sweep_reports_its_repairs(shell: Shell, capsys: Out) -> None:
    shell.account.process.claims.take_slot("UncertainTask", "arn:gone", 5)
    assert shell("sweep") == 0
    said = capsys.readouterr().out
    assert "1 repair." in said
    assert "slots freed  arn:gone" in said
    assert shell("sweep", "--json") == 0
    assert _json(capsys)["count"] == 0


def test_submitted_job_runs(shell: Shell, capsys: Out) -> None:
    assert shell("submit", '{"key": "a"}', "--name", "mine") == 0
    assert capsys.readouterr().out.strip().endswith(":execution:respool-memory:mine")
    assert shell.finished() == ['{"key": "a"}']


def test_input_is_read_from_standard_input(
    shell: Shell, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"key": "a"}\n'))
    assert shell("submit", "-", "--json") == 0
    assert ":execution:respool-memory:cli-" in _json(capsys)["execution"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{key: 1}", "is not JSON"),
        ("", "is not JSON"),
        ("[1, NaN]", "is not JSON"),
        (json.dumps("x" * 262_143), "the input has 262,145 bytes"),
    ],
)
def test_an_input_that_can_not_be_one_is_named(
    shell: Shell, capsys: Out, text: str, told: str
) -> None:
    assert shell("submit", text) == 2
    assert told in capsys.readouterr().err


def test_page_s_url_is_printed(shell: Shell, capsys: Out) -> None:
    assert shell("open", "--no-browser") == 0
    assert capsys.readouterr().out == "https://abc123.execute-api.us-east-1.amazonaws.com/api/\n"


@pytest.mark.parametrize(
    "words",
    [
        ("--stage", "prod", "--profile", "work", "--region", "eu-west-1", "status"),
        ("status", "--stage", "prod", "--profile", "work", "--region", "eu-west-1"),
        ("--stage", "prod", "status", "--profile", "work", "--region", "eu-west-1"),
    ],
)
def test_choices_may_stand_before_or_after_the_command(
    shell: Shell, words: tuple[str, ...]
) -> None:
    assert shell(*words) == 0
    assert shell.found == [("prod", "work", "eu-west-1")]


def test_stage_is_dev_unless_told(shell: Shell) -> None:
    assert shell("status") == 0
    assert shell.found == [("dev", None, None)]


@pytest.mark.parametrize("option", ["--stage", "--profile", "--region"])
@pytest.mark.parametrize("after", [True, False])
def test_an_empty_choice_is_none_and_never_the_default(
    shell: Shell, capsys: Out, option: str, after: bool
) -> None:
    words = ("status", option, "") if after else (option, "", "status")
    assert shell(*words) == 2
    assert shell.found == []
    assert f"Invalid value for '{option}': is empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("hold", ""),
        ("release", ""),
        ("limit", "", "3"),
        ("limit", "UncertainTask", ""),
        ("submit", "{}", "--name", ""),
        ("jobs", "--state", ""),
        ("jobs", "--task", ""),
        ("jobs", "--limit", ""),
        ("show", ""),
        ("give-up", "", "--reason", "x", "--yes"),
        ("token", "create", ""),
        ("trigger", ""),
        ("replay", "--key", ""),
        ("replay", "--task", ""),
        ("replay", "--error", ""),
        ("replay", "--max", ""),
        ("replay", "--older-than", ""),
        ("replay", "--rate", ""),
    ],
)
def test_an_empty_word_changes_nothing(shell: Shell, words: tuple[str, ...]) -> None:
    shell.fail("a", "b")
    before = [*shell.account.process.claims.claims(), *shell.account.process.claims.slots()]
    assert shell(*words) != 0
    assert [
        *shell.account.process.claims.claims(),
        *shell.account.process.claims.slots(),
    ] == before
    assert shell.account.process.spool.depth() == 2


def test_help_asks_nobody(shell: Shell, capsys: Out) -> None:
    assert shell("--help") == 0
    assert shell("token", "--help") == 0
    assert run(()) == 2
    assert shell.found == []
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("problem", "code"),
    [(AwsError("GetItem: AccessDenied\nno"), 3), (RuntimeError("a\nbug"), 3)],
)
def test_no_error_is_a_traceback(shell: Shell, capsys: Out, problem: Exception, code: int) -> None:
    def broken() -> Any:
        raise problem

    shell.account.stage = broken  # type: ignore[method-assign]
    assert shell("status") == code
    said = capsys.readouterr().err
    assert said.startswith("respool: ")
    assert said.count("\n") == 1


def test_every_command_takes_the_options_of_all(shell: Shell, capsys: Out) -> None:
    for name in respool.commands:
        assert shell(name, "--help") == 0
        said = capsys.readouterr().out
        assert all(option in said for option in ("--stage", "--profile", "--region", "--json"))


def test_a_reader_that_has_gone_is_no_error(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.fail("a")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr("sys.stdout", pipe)
        assert shell("jobs") == 0
        assert shell("jobs", "--json") == 0


AS_JSON = {
    "status": (),
    "jobs": (),
    "show": ("a",),
    "replay": ("--dry-run",),
    "give-up": ("a", "--reason", "unwanted", "--yes"),
    "limit": ("UncertainTask", "3"),
    "hold": (),
    "release": (),
    "trigger": ("enable",),
    "sweep": (),
    "submit": ('{"key": "b"}',),
    "open": ("--no-browser",),
}


@pytest.mark.parametrize("command", sorted(set(respool.commands) - {"token"}))
def test_every_command_prints_one_json_document(shell: Shell, capsys: Out, command: str) -> None:
    shell.fail("a")
    assert shell(command, *AS_JSON[command], "--json") == 0
    assert isinstance(_json(capsys), dict)

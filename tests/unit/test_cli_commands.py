"""Every command but `replay`, on a stage in memory."""

import io
import json
from typing import Any

import pytest

from chalicelib.errors import AwsError
from chalicelib.job.claim import State
from respool.cli.run import respool, run
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.unit.cli_stage import Shell

Out = pytest.CaptureFixture[str]
HOSTILE = "\x1b[31m[red]<script>\n\u202etxt.exe"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest's own workers may have it
    return Shell(FakeStage())


def _json(capsys: Out) -> Any:
    return json.loads(capsys.readouterr().out)


def test_jobs_are_listed_with_their_error(shell: Shell, capsys: Out) -> None:
    shell.fail("a", "b")
    assert shell("jobs") == 0
    said = capsys.readouterr().out
    assert "a    parked  UncertainTask  1" in said
    assert "ConnectionError: the downstream service does not answer" in said
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
        (("--machine", "respool-memory"), 2),
        (("--machine", "orders"), 0),
        (("--search", "B"), 1),
        (("--limit", "1"), 1),
    ],
)
def test_jobs_are_narrowed(shell: Shell, capsys: Out, options: tuple[str, ...], count: int) -> None:
    shell.fail("a", "b")
    assert shell("jobs", "--json", *options) == (0 if count else 1)
    said = capsys.readouterr()
    assert len(json.loads(said.out)["jobs"]) == count
    assert ("No job matches." in said.err) is (count == 0)


@pytest.mark.parametrize("machine", ["", "or ders"])
@pytest.mark.parametrize(
    "words",
    [
        ("jobs",),
        ("show", "a"),
        ("give-up", "a", "--reason", "x", "--yes"),
        ("replay", "--key", "a"),
    ],
)
def test_what_is_no_machine_s_name_is_refused(
    shell: Shell, capsys: Out, words: tuple[str, ...], machine: str
) -> None:
    shell.fail("a")
    assert shell(*words, "--machine", machine) == 2
    assert "machine" in capsys.readouterr().err


def test_the_stage_s_own_machine_may_be_named(shell: Shell, capsys: Out) -> None:
    shell.fail("a")
    assert shell("show", "a", "--machine", "respool-memory") == 0
    assert "a: parked" in capsys.readouterr().out


def test_each_job_s_machine_is_shown_where_a_stage_serves_several(
    monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    shell = Shell(FakeStage(MACHINES="orders"))
    shell.fail("a")
    assert shell("jobs") == 0
    assert "respool-memory  a    parked" in capsys.readouterr().out


def test_nothing_waiting_is_no_failure(shell: Shell, capsys: Out) -> None:
    assert shell("jobs") == 0
    assert capsys.readouterr().out == "0 jobs of 0.\n"


def test_more_jobs_than_a_page_are_listed(shell: Shell, capsys: Out) -> None:
    shell.fail(*(f"{n:03}" for n in range(230)))
    assert shell("jobs", "--json", "--limit", "220") == 0
    answer = _json(capsys)
    assert [job["key"] for job in answer["jobs"]] == [f"{n:03}" for n in range(220)]
    assert answer["total"] == 230


def test_unknown_state_is_a_usage_error(shell: Shell, capsys: Out) -> None:
    assert shell("jobs", "--state", "lost") == 2
    assert "state=lost must be one or more of" in capsys.readouterr().err


def test_hostile_text_is_shown_and_does_nothing(shell: Shell, capsys: Out) -> None:
    shell.fakes.service.broken = True
    shell.fakes.process().workflow.start("run", json.dumps({"key": HOSTILE}))
    shell.fakes.run()
    assert shell("jobs") == 0
    said = capsys.readouterr().out
    assert "[31m[red]<script>" in said
    assert "\x1b" not in said
    assert "\u202e" not in said


@pytest.mark.parametrize("columns", ["", "40", "200"])
def test_keys_are_never_cut(
    shell: Shell, capsys: Out, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    key = "order-" + "0123456789" * 30
    shell.fail(key, "短い")
    assert shell("jobs") == 0
    assert shell("replay", "--dry-run") == 0
    said = capsys.readouterr().out.splitlines()
    assert sum(line.startswith(f"{key} ") for line in said) == 2


def test_columns_bounds_what_is_no_key(
    shell: Shell, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.fail("a")
    monkeypatch.setenv("COLUMNS", "75")
    assert shell("jobs") == 0
    narrow = capsys.readouterr().out
    monkeypatch.delenv("COLUMNS")
    assert shell("jobs") == 0
    piped = capsys.readouterr().out
    assert max(map(len, narrow.splitlines())) <= 75
    assert narrow.splitlines()[1].endswith("…")
    assert "does not answer" in piped


def test_status_tells_what_waits(shell: Shell, capsys: Out) -> None:
    shell.fail("a", "b")
    assert shell("status") == 0
    said = capsys.readouterr().out
    assert "respool-memory: 2 jobs waiting; the oldest failed" in said
    assert "about 2 on the spool" in said
    assert "near end   none" in said
    assert "UncertainTask  0       5      0        2       0      open" in said


def test_status_names_the_job_whose_year_is_nearly_over(shell: Shell, capsys: Out) -> None:
    shell.fail("a")
    shell.fakes.clock.pause(352 * 86_400)
    capsys.readouterr()
    assert shell("status") == 0
    said = capsys.readouterr().out
    assert "near end   a: its execution ends Wed 2027-11-24" in said


def test_status_as_json_is_the_api_s(shell: Shell, capsys: Out) -> None:
    assert shell("--json", "status") == 0
    status = _json(capsys)
    assert status["jobs"] == {"running": 0, "line": 0, "parked": 0, "stuck": 0}
    assert status["tasks"][0]["gate"]["open"] is True
    assert status["trigger"] == "disabled"


def test_a_closed_gate_is_the_first_thing_that_status_says(shell: Shell, capsys: Out) -> None:
    assert shell("hold", "--until", "2h", "--reason", "repair") == 0
    shell.start("a")
    capsys.readouterr()
    shell.fakes.clock.pause(4)
    assert shell("status") == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("UncertainTask takes no jobs until Tue 2026-11-24 1")
    assert "closed by kim (command line) since" in first
    assert ": repair. 0 jobs failed, 1 in line" in first


def test_status_says_who_opens_a_gate_that_failures_closed(shell: Shell, capsys: Out) -> None:
    shell.fakes.process().line.apply_settings("UncertainTask", 5, 1)
    shell.fail("a")
    capsys.readouterr()
    shell.fakes.clock.pause(4)
    assert shell("status") == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert "closed by failures since" in first
    assert "1 job failed, 0 in line are untried" in first
    assert "It stays closed until somebody opens it: respool release UncertainTask." in first


def test_show_tells_a_job_s_history(shell: Shell, capsys: Out) -> None:
    shell.fail("a")
    assert shell("show", "a") == 0
    said = capsys.readouterr().out
    assert "a: parked" in said
    assert "ConnectionError: the downstream service does not answer" in said
    assert "UncertainTask began." in said
    assert '"key"' not in said


def test_show_tells_the_input_where_it_is_asked_for(shell: Shell, capsys: Out) -> None:
    shell.fail("a")
    assert shell("show", "a", "--input") == 0
    assert '{"key": "a"}' in capsys.readouterr().out


def test_show_finds_a_finished_job_by_its_key(shell: Shell, capsys: Out) -> None:
    shell.start("a")
    assert shell("show", "a", "--json") == 0
    job = _json(capsys)
    assert (job["state"], job["execution_status"]) == ("finished", "succeeded")
    assert job["ended_at"]


def test_show_finds_an_execution_by_its_name(shell: Shell, capsys: Out) -> None:
    shell.start("a")
    assert shell("show", "run-a", "--json") == 0
    assert _json(capsys)["state"] == "succeeded"


@pytest.mark.parametrize("key", ["a", "no name of an execution", "x" * 900])
def test_show_of_an_unknown_job_says_so(shell: Shell, capsys: Out, key: str) -> None:
    assert shell("show", key) == 2
    assert "it was never started, or ended more than 30 days ago" in capsys.readouterr().err


def test_given_up_job_has_ended(shell: Shell, capsys: Out) -> None:
    shell.fail("a")
    assert shell("give-up", "a", "--reason", "a duplicate", "--yes") == 0
    assert "a is given up." in capsys.readouterr().out
    assert shell.fakes.claims["job#a"].state is State.GIVEN_UP
    (line,) = shell.account.audited
    assert (line["what"], line["reason"], line["count"]) == ("give-up", "a duplicate", 1)


def test_a_job_that_had_finished_is_not_said_to_be_given_up(shell: Shell, capsys: Out) -> None:
    shell.start("a")
    assert shell("give-up", "a", "--reason", "a duplicate", "--yes") == 1
    assert "a had ended before: finished." in capsys.readouterr().out


def test_give_up_without_anybody_to_ask_does_nothing(
    shell: Shell, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.fail("a")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert shell("give-up", "a", "--reason", "a duplicate") == 2
    assert "--yes" in capsys.readouterr().err
    assert shell.waiting() == ["a"]


def test_give_up_needs_a_reason(shell: Shell, capsys: Out) -> None:
    assert shell("give-up", "a", "--yes") == 2
    assert "Missing option '--reason'" in capsys.readouterr().err


def test_give_up_of_an_unknown_job_says_so(shell: Shell, capsys: Out) -> None:
    assert shell("give-up", "zz", "--reason", "why not", "--yes") == 2
    assert "no job has the key 'zz'" in capsys.readouterr().err


def test_limit_holds_for_all_until_default_comes_back(shell: Shell, capsys: Out) -> None:
    assert shell("limit", TASK, "2", "--reason", "less load") == 0
    assert "UncertainTask takes 2 jobs at once; 0 inside" in capsys.readouterr().out
    slots = shell.fakes.slots
    assert (slots.limit, slots.limit_by, slots.limit_why) == (2, "kim (command line)", "less load")
    assert shell("limit", TASK, "default") == 0
    assert shell.fakes.slots.limit == 5


@pytest.mark.parametrize("n", ["-1", "1001", "two", ""])
def test_a_limit_out_of_range_is_named(shell: Shell, capsys: Out, n: str) -> None:
    assert shell("limit", TASK, "--", n) == 2
    assert f"limit={n} must be a whole number from 0 to 1000" in capsys.readouterr().err


def test_limit_0_closes_the_gate_and_another_one_opens_it(shell: Shell, capsys: Out) -> None:
    assert shell("limit", TASK, "0") == 0
    assert "UncertainTask takes no jobs, closed by kim" in capsys.readouterr().out
    assert shell.fakes.slots.limit == 5
    assert shell("limit", TASK, "3") == 0
    assert shell.fakes.slots.gate(shell.fakes.clock.now()).open


def test_hold_keeps_jobs_out_and_release_lets_them_in(shell: Shell, capsys: Out) -> None:
    assert shell("hold", "--reason", "repair") == 0
    assert "UncertainTask takes no jobs, closed by kim" in capsys.readouterr().out
    shell.start("a")
    assert shell.finished() == []
    assert shell("release", "--json") == 0
    (task,) = _json(capsys)["tasks"]
    assert (task["task"], task["gate"]["open"]) == (TASK, True)
    assert shell.finished() == ['{"key": "a"}']
    assert [line["what"] for line in shell.account.audited] == ["close-gate", "open-gate"]


@pytest.mark.parametrize("until", ["30m", "2026-11-24T09:30:00Z", "2026-11-24T18:30+09:00"])
def test_a_hold_until_a_time_opens_by_itself(shell: Shell, until: str) -> None:
    assert shell("hold", TASK, "--until", until) == 0
    gate = shell.fakes.slots.gate(shell.fakes.clock.now())
    assert (gate.open, gate.until[:16]) == (False, "2026-11-24T09:30")
    shell.fakes.clock.pause(1801)
    assert shell.fakes.slots.gate(shell.fakes.clock.now()).open


@pytest.mark.parametrize(
    ("until", "message"),
    [
        ("soon", "--until 'soon' must be a duration or a time, such as 90m"),
        ("2026-11-23T00:00Z", "is in the past"),
        ("", "--until '' must be"),
    ],
)
def test_a_time_of_no_use_is_named(shell: Shell, capsys: Out, until: str, message: str) -> None:
    assert shell("hold", TASK, "--until", until) == 2
    assert message in capsys.readouterr().err


def test_release_leaves_open_gates_alone(shell: Shell, capsys: Out) -> None:
    assert shell("release") == 0
    assert "No gate is closed." in capsys.readouterr().out
    assert shell.account.audited == []


def test_a_misspelt_task_is_named(shell: Shell, capsys: Out) -> None:
    assert shell("hold", "UncertainTsak") == 2
    assert "no task is named 'UncertainTsak'" in capsys.readouterr().err


def test_trigger_is_switched(shell: Shell, capsys: Out) -> None:
    assert shell("trigger", "enable") == 0
    assert "The trigger is enabled." in capsys.readouterr().out
    assert shell("trigger", "disable", "--json") == 0
    assert _json(capsys) == {
        "trigger": "disabled",
        "trigger_by": "kim (command line)",
        "trigger_why": "",
        "trigger_at": "2026-11-24T09:00:00.000Z",
    }
    assert shell("trigger", "on") == 2
    assert [line["what"] for line in shell.account.audited] == ["enable-trigger", "disable-trigger"]


def test_sweep_reports_its_repairs(shell: Shell, capsys: Out) -> None:
    shell.fakes.service.broken = True
    shell.fakes.process().workflow.start("run-a", '{"key": "a"}')
    shell.fakes.run()
    arn = shell.fakes.executions.arn("run-a")
    shell.fakes.process().workflow.stop(arn, "X", "by hand")
    shell.fakes.clock.pause(4000)
    assert shell("sweep") == 0
    said = capsys.readouterr().out
    assert "1 repair." in said
    assert "run-a" in said
    assert shell("sweep", "--json") == 0
    assert _json(capsys)["count"] == 0


def test_submitted_job_runs(shell: Shell, capsys: Out) -> None:
    assert shell("submit", '{"key": "a"}', "--name", "mine") == 0
    said = capsys.readouterr()
    assert said.out.strip().endswith(":execution:respool-memory:mine")
    assert "Started." in said.err
    assert shell.finished() == ['{"key": "a"}']
    (line,) = shell.account.audited
    assert (line["what"], line["about"]) == ("submit", {"key": "a"})


def test_a_submitted_key_that_waits_already_is_told(shell: Shell, capsys: Out) -> None:
    shell.fail("a")
    assert shell("submit", '{"key": "a"}', "--json") == 1
    answer = _json(capsys)
    assert answer["state"] == "already-running"
    assert "the job a is parked since" in answer["what"]


def test_a_key_that_has_ended_may_be_submitted_again(shell: Shell) -> None:
    shell.start("a")
    assert shell("submit", '{"key": "a"}') == 0


def test_input_is_read_from_standard_input(
    shell: Shell, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"key": "a"}\n')))
    assert shell("submit", "-", "--json") == 0
    assert ":execution:respool-memory:cli-" in _json(capsys)["execution"]


def test_standard_input_that_is_not_utf_8_is_named(
    shell: Shell, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"key": "\xff"}')))
    assert shell("submit", "-") == 2
    assert "standard input is not UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{key: 1}", "is not JSON"),
        ("", "is not JSON"),
        ("[1, NaN]", "is not JSON"),
        (json.dumps("x" * 262_143), "the input has 262,145 bytes"),
    ],
)
def test_an_input_that_can_not_be_one_is_named(
    shell: Shell, capsys: Out, text: str, message: str
) -> None:
    assert shell("submit", text) == 2
    assert message in capsys.readouterr().err


def test_tokens_are_made_and_revoked_with_an_audit_line(shell: Shell, capsys: Out) -> None:
    assert shell("token", "create", "wall", "--read-only", "--days", "30") == 0
    assert capsys.readouterr().out == "rsp_wall\n"
    assert shell.account.tokens().days == {"wall": 30}
    assert shell("token", "list") == 0
    assert "wall  read" in capsys.readouterr().out
    assert shell("token", "revoke", "wall") == 0
    assert [line["what"] for line in shell.account.audited] == ["token-create", "token-revoke"]
    assert "rsp_" not in repr(shell.account.audited)


def test_a_change_without_its_audit_line_says_so(shell: Shell, capsys: Out) -> None:
    shell.account.refuses_audit = True
    assert shell("hold") == 0
    assert "No audit line was written of this: " in capsys.readouterr().err


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
    before = shell.fakes.table.copy_items()
    assert shell(*words) != 0
    assert shell.fakes.table.copy_items() == before
    assert shell.account.process.spool.depth() == 2


def test_help_asks_nobody_and_is_text(shell: Shell, capsys: Out) -> None:
    assert shell("--help") == 0
    assert shell("token", "--help") == 0
    capsys.readouterr()
    assert run(()) == 0
    said = capsys.readouterr()
    assert "Commands:\n" in said.out
    assert said.err == ""
    assert shell.found == []


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


def test_an_invitation_is_one_link_with_the_token_behind_the_fragment(
    shell: Shell, capsys: Out
) -> None:
    assert shell("invite", "lee", "--read-only", "--days", "7") == 0

    said = capsys.readouterr().out.strip()
    page, _, token = said.partition("#invite=")
    assert page == shell.account.page()
    assert token == "rsp_lee"
    assert (shell.account.names.kinds["lee"].value, shell.account.names.days["lee"]) == ("read", 7)


def test_an_invitation_ends_by_itself_unless_told_when(shell: Shell) -> None:
    assert shell("invite", "lee") == 0
    assert shell.account.names.days["lee"] == 90
    (line,) = shell.account.audited
    assert "rsp_lee" not in str(line)


def test_every_command_takes_the_options_of_all(shell: Shell, capsys: Out) -> None:
    for name in respool.commands:
        assert shell(name, "--help") == 0
        said = capsys.readouterr().out
        assert all(option in said for option in ("--stage", "--profile", "--region", "--json"))


AS_JSON = {
    "status": (),
    "jobs": (),
    "show": ("a",),
    "replay": ("--dry-run",),
    "replays": (),
    "incident": (),
    "invite": ("lee",),
    "give-up": ("a", "--reason", "unwanted", "--yes"),
    "limit": ("UncertainTask", "3"),
    "hold": (),
    "release": (),
    "trigger": ("enable",),
    "sweep": (),
    "submit": ('{"key": "b"}',),
    "open": ("--no-browser",),
}


@pytest.mark.parametrize("command", sorted(set(respool.commands) - {"token", "adopt"}))
def test_every_command_of_a_stage_prints_one_json_document(
    shell: Shell, capsys: Out, command: str
) -> None:
    shell.fail("a")
    assert shell(command, *AS_JSON[command], "--json") == 0
    assert isinstance(_json(capsys), dict)


CHANGES = sorted(set(AS_JSON) - {"status", "jobs", "show", "open", "replays", "incident"})


@pytest.mark.parametrize("command", CHANGES)
def test_every_change_leaves_an_audit_line(shell: Shell, command: str) -> None:
    shell.fail("a")
    shell("hold") if command == "release" else None
    shell.account.audited.clear()
    words = () if command == "replay" else AS_JSON[command]
    assert shell(command, *words) == 0
    (line,) = shell.account.audited
    assert line["who"] == "kim (command line)"

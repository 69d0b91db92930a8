"""`respool replay`, on a stage in memory."""

import io
import json
import os
import signal
from collections.abc import Callable

import pytest
from rich.console import Console

from chalicelib import metrics
from chalicelib.job.plan import Action
from chalicelib.replaying.outcome import Outcome
from chalicelib.replaying.requests import Request
from respool.cli.context import Context
from respool.cli.replaying import LONGEST, allowance
from respool.cli.screen import Screen
from respool.cli.watching import Watch
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Fault, Wire
from tests.unit.cli_stage import Shell

Out = pytest.CaptureFixture[str]
Stream = Callable[..., io.TextIOWrapper]


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest's own workers may have it
    return Shell(FakeStage())


def test_jobs_are_put_back_oldest_first_and_finish(shell: Shell, capsys: Out) -> None:
    shell.fail("1", "2", "3")
    shell.repair()
    assert shell("replay", "--max", "2") == 0
    said = capsys.readouterr()
    assert "2 jobs put back (2 resumed)." in said.out
    assert "Still waiting: 1." in said.out
    assert said.err == ""
    assert shell.finished() == ['{"key": "1"}', '{"key": "2"}']


def test_json_is_the_api_s_result(shell: Shell, capsys: Out) -> None:
    shell.fail("1")
    assert shell("replay", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer.pop("id")
    assert answer == {
        "replayed": 1,
        "resumed": 1,
        "restarted": 0,
        "stale": 0,
        "failed": [],
        "remaining": 0,
        "more": False,
        "interrupted": False,
    }


def test_a_dry_run_lists_the_chosen_alone_and_changes_nothing(shell: Shell, capsys: Out) -> None:
    shell.fail("1", "2", "3")
    assert shell("replay", "--dry-run", "--max", "2") == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in said] == [
        ["key", "action"],
        ["1", "resume"],
        ["2", "resume"],
        ["When", "they"],
        ["Nothing", "was"],
    ]
    assert said[3] == "When they are through is unknown.", "no job has come through yet"
    assert shell.waiting() == ["1", "2", "3"]
    assert shell.account.audited == []


@pytest.mark.parametrize(
    ("options", "put_back"),
    [
        (("--key", "2"), ["2"]),
        (("--task", "Other"), []),
        (("--task", "UncertainTask"), ["1", "2"]),
        (("--error", "ConnectionError"), ["1", "2"]),
        (("--error", "ValueError"), []),
        (("--older-than", "1h"), []),
        (("--older-than", "0"), ["1", "2"]),
        (("--rate", "1000"), ["1", "2"]),
    ],
)
def test_only_what_was_chosen_is_put_back(
    shell: Shell, capsys: Out, options: tuple[str, ...], put_back: list[str]
) -> None:
    shell.fail("1", "2")
    shell.repair()
    assert shell("replay", *options) == (0 if put_back else 1)
    assert ("No waiting job matches." in capsys.readouterr().err) is (not put_back)
    assert shell.finished() == [f'{{"key": "{key}"}}' for key in put_back]


def test_nothing_to_put_back_is_no_failure(shell: Shell, capsys: Out) -> None:
    assert shell("replay") == 0
    assert "0 jobs put back." in capsys.readouterr().out


def test_a_person_s_replay_is_not_stopped_by_failures(shell: Shell, capsys: Out) -> None:
    shell.fail("1")
    for _ in range(6):
        assert shell("replay") == 0
        shell.fakes.run()
        shell.fakes.clock.pause(4)
    assert "1 job put back" in capsys.readouterr().out
    assert shell.fakes.claims["job#1"].attempt == 7


def test_a_job_that_can_not_be_put_back_is_named_and_exits_1(capsys: Out) -> None:
    wire = Wire().break_next("SendTaskSuccess", Fault.UNANSWERED)
    shell = Shell(FakeStage(), wire)
    shell.fail("1")
    assert shell("replay") == 1
    said = capsys.readouterr().out
    assert "1 job not put back:" in said
    assert "1    " in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--max", "0"), "max=0 must be a whole number from 1 to 10000"),
        (("--max", "ten"), "max=ten must be a whole number"),
        (("--rate", "0"), "rate=0 must be a number of jobs"),
        (
            ("--older-than", "2w"),
            "--older-than '2w' must be seconds, or a duration such as 15m, 2h, 3d",
        ),
        (("--older-than", ""), "--older-than '' must be seconds"),
        (("--task", ""), "task is empty"),
    ],
)
def test_a_value_that_can_not_be_used_is_named(
    shell: Shell, capsys: Out, words: tuple[str, ...], message: str
) -> None:
    assert shell("replay", *words) == 2
    assert message in capsys.readouterr().err


def test_a_replay_leaves_an_audit_line(shell: Shell) -> None:
    shell.fail("1", "2")
    assert shell("replay", "--task", "UncertainTask", "--reason", "they say it is well") == 0
    (line,) = shell.account.audited
    assert line.pop("replay")
    assert line == {
        "who": "kim (command line)",
        "what": "replay",
        "reason": "they say it is well",
        "about": {"task": "UncertainTask"},
        "count": 2,
    }


def interrupt_after(shell: Shell, count: int, times: int = 1) -> None:
    """Press Ctrl-C when so many jobs have been resumed."""
    engines = shell.account.process.engines
    workflow = engines.world.workflow
    resume = workflow.resume
    done: list[str] = []

    def resumed(token: str) -> None:
        resume(token)
        done.append(token)
        if len(done) == count:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)

    workflow.resume = resumed  # type: ignore[method-assign]


def test_ctrl_c_finishes_what_is_under_way_and_tells_the_counts(shell: Shell, capsys: Out) -> None:
    shell.fail(*(str(n) for n in range(8)))
    interrupt_after(shell, 3)
    assert shell("replay", "--max", "8", "--json") == 130
    said = capsys.readouterr()
    result = json.loads(said.out)
    assert (result["replayed"], result["interrupted"], result["remaining"]) == (3, True, 5)
    assert "Finishing what is under way" in said.err
    assert shell.account.audited[0]["count"] == 3


def test_a_second_ctrl_c_ends_with_a_count(shell: Shell, capsys: Out) -> None:
    shell.fail(*(str(n) for n in range(4)))
    interrupt_after(shell, 3, times=2)
    assert shell("replay", "--max", "4") == 130
    said = capsys.readouterr().err.splitlines()
    assert said[-1] in (
        "respool: interrupted; 2 jobs put back",
        "respool: interrupted; 3 jobs put back",
    )
    assert shell.account.audited[0]["problem"] == "KeyboardInterrupt"


def test_ctrl_c_before_anything_is_begun_says_so(shell: Shell, capsys: Out) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    shell.account.stage = interrupted  # type: ignore[method-assign, assignment]
    assert shell("replay") == 130
    assert capsys.readouterr().err == "respool: interrupted; nothing was begun\n"


def test_metrics_of_a_replay_are_counted_and_sent(shell: Shell) -> None:
    shell.fail("1")
    assert shell("replay") == 0
    assert shell.account.sent == 1
    counted = {datum["MetricName"] for datum in shell.account.metrics._data()}
    assert {metrics.RESUMED, metrics.WAITED} <= counted


def test_time_allowed_grows_with_the_count_and_the_rate() -> None:
    assert allowance(10, Request()) == 61
    assert allowance(1000, Request()) == 160
    assert allowance(100, Request(rate=0.5)) == 270
    assert allowance(10**7, Request()) == LONGEST


def test_a_terminal_sees_a_bar_that_counts_what_goes_back_and_what_does_not() -> None:
    drawn = io.StringIO()
    context = Context()
    context.screen = Screen(as_json=False)
    context.screen.remarks = Console(file=drawn, force_terminal=True, width=100)
    watch = Watch(context, 3)
    engine = watch.over(FakeStage().process().engines.replayer)
    with watch.watching():
        engine.look_on(Outcome("a", Action.RESUME, ""))
        engine.look_on(Outcome("b", Action.RESTART, ""))
        engine.look_on(Outcome("c", Action.LEAVE, ""))
    assert "putting back" in drawn.getvalue()
    assert "2/3" in drawn.getvalue()
    assert "1 not taken" in drawn.getvalue()
    assert context.done == "2 jobs put back"


# Streams


@pytest.fixture
def stream() -> Stream:
    def make(path: str, encoding: str = "utf-8", terminal: bool = False) -> io.TextIOWrapper:
        raw = open(path, "wb", buffering=0)  # noqa: SIM115
        wrapper = io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding)
        wrapper.isatty = lambda: terminal  # type: ignore[method-assign]
        return wrapper

    return make


def test_a_full_disk_is_told_in_one_line_with_what_was_done(
    shell: Shell, capsys: Out, monkeypatch: pytest.MonkeyPatch, stream: Stream
) -> None:
    shell.fail("1", "2")
    shell.repair()
    monkeypatch.setattr("sys.stdout", stream("/dev/full"))
    assert shell("replay") == 3
    said = capsys.readouterr().err
    assert said == (
        "respool: the result can't be written: No space left on device; 2 jobs put back\n"
    )
    assert len(shell.finished()) == 2


def test_a_full_disk_under_the_progress_never_ends_a_replay_half_done(
    shell: Shell, capsys: Out, monkeypatch: pytest.MonkeyPatch, stream: Stream
) -> None:
    shell.fail("1", "2", "3")
    shell.repair()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", stream("/dev/full", terminal=True))
    assert shell("replay") == 0
    assert "3 jobs put back" in capsys.readouterr().out
    assert len(shell.finished()) == 3


@pytest.mark.parametrize("name", ["sys.stdout", "sys.stderr"])
def test_a_closed_stream_is_none_of_a_replay_s_business(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shell.fail("1")
    shell.repair()
    monkeypatch.setattr(name, None)
    assert shell("replay") == 0
    assert len(shell.finished()) == 1


def test_letters_that_the_terminal_has_not_are_written_by_their_codes(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, stream: Stream, tmp_path: object
) -> None:
    shell.fail("鍵")
    path = f"{tmp_path}/out"
    monkeypatch.setattr("sys.stdout", stream(path, "cp1252"))
    assert shell("jobs") == 0
    assert shell("jobs", "--json") == 0
    with open(path, encoding="cp1252") as said:
        assert said.read().count("\\u9375") == 3


def test_a_word_that_is_not_utf_8_is_refused_before_anything_is_done(
    shell: Shell, capsys: Out
) -> None:
    assert shell("replay", "--key", "\udcff") == 2
    assert "is not UTF-8" in capsys.readouterr().err
    assert shell.found == []


def test_a_reader_that_has_gone_is_no_error(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.fail("a")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr("sys.stdout", pipe)
        assert shell("jobs") == 0
        assert shell("jobs", "--json") == 0

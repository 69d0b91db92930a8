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
from chalicelib.replaying.recovery import Outcome
from chalicelib.replaying.requests import Request
from respool.cli.replaying import LONGEST, allowance
from respool.cli.screen import Screen
from respool.cli.watching import Watch
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Fault
from tests.unit.cli_stage import Shell

Out = pytest.CaptureFixture[str]


@pytest.fixture
def shell() -> Shell:
    return Shell(FakeStage())


def test_jobs_are_put_back_and_finish(shell: Shell, capsys: Out) -> None:
    shell.fail("1", "2", "3")
    shell.repair()
    assert shell("replay", "--max", "2") == 0
    said = capsys.readouterr()
    assert "2 jobs put back (2 resumed)." in said.out
    assert "Left on the queue: about 1." in said.out
    assert said.err == ""
    assert len(shell.finished()) == 2


def test_json_is_the_api_s_result(shell: Shell, capsys: Out) -> None:
    shell.fail("1")
    assert shell("replay", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "replayed": 1,
        "resumed": 1,
        "restarted": 0,
        "stale": 0,
        "failed": [],
        "remaining": 0,
        "more": False,
        "interrupted": False,
    }


def test_dry_run_tells_the_plan_and_changes_nothing(shell: Shell, capsys: Out) -> None:
    shell.fail("1")
    assert shell("replay", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "resume" in said
    assert "waits on its token" in said
    assert "Nothing was changed." in said
    assert shell.fakes.spool.depth() == 1


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
    shell: Shell, options: tuple[str, ...], put_back: list[str]
) -> None:
    shell.fail("1", "2")
    shell.repair()
    assert shell("replay", *options) == 0
    assert shell.finished() == [f'{{"key": "{key}"}}' for key in put_back]


def test_a_job_that_can_not_be_put_back_is_named_and_exits_1(shell: Shell, capsys: Out) -> None:
    shell.account.process.spool.send('{"respool": 1, "execution": "arn:gone", "key": "lost"}')
    shell.fakes.clock.pause(1)
    assert shell("replay") == 1
    said = capsys.readouterr().out
    assert "1 job not put back:" in said
    assert "lost" in said
    assert "its execution is gone, and its input with it" in said


def test_a_stuck_job_is_found_by_its_key(shell: Shell) -> None:
    shell.fail("1")
    process = shell.account.process
    (message,) = process.spool.receive(10, 60)
    process.stuck.send(message.body)
    process.spool.delete([message])
    (claim,) = process.claims.claims()
    process.claims.mark_stuck("1", claim.execution, shell.fakes.clock.iso())
    shell.fakes.clock.pause(1)
    shell.repair()
    assert shell("replay", "--key", "1") == 0
    assert len(shell.finished()) == 1


def test_stuck_option_takes_from_the_stuck_queue(shell: Shell) -> None:
    shell.fail("1")
    process = shell.account.process
    (message,) = process.spool.receive(10, 60)
    process.stuck.send(message.body)
    process.spool.delete([message])
    shell.fakes.clock.pause(1)
    shell.repair()
    assert shell("replay") == 0
    assert shell.finished() == []
    assert shell("replay", "--stuck") == 0
    assert len(shell.finished()) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--max", "0"), "max=0 must be a whole number from 1 to 10000"),
        (("--max", "two"), "max=two must be"),
        (("--rate", "0"), "rate=0 must be a number of jobs a second, 0.01 to 1000"),
        (("--older-than", "soon"), "--older-than 'soon' must be seconds, or such as 15m"),
        (("--older-than", "xh"), "--older-than 'xh' must be"),
        (("--task", ""), "task is empty"),
        (("--mx", "2"), "No such option '--mx'"),
    ],
)
def test_a_wrong_option_is_named_on_one_line_and_touches_nothing(
    shell: Shell, capsys: Out, options: tuple[str, ...], told: str
) -> None:
    shell.fail("1")
    assert shell("replay", *options) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"respool: {told}")
    assert said.err.count("\n") == 1
    assert shell.fakes.spool.depth() == 1


def test_refused_by_aws_exits_3_on_one_line(shell: Shell, capsys: Out) -> None:
    shell.account.process.wire.break_at(0, Fault.THROTTLED)
    assert shell("replay") == 3
    said = capsys.readouterr().err
    assert said.startswith("respool: ")
    assert said.count("\n") == 1


def _press(times: int = 1) -> Callable[[], None]:
    def press() -> None:
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)

    return press


DEPTH, RECEIVE, RESUME = range(3)
"""A replay's first calls, in order."""


def _interrupt_at(shell: Shell, call: int, times: int = 1) -> None:
    """Press Ctrl-C right before that call of the next command."""
    wire = shell.account.process.wire
    wire.interrupt_at(len(wire.calls) + call, _press(times))


def test_interrupt_finishes_what_is_under_way_and_counts_it(shell: Shell, capsys: Out) -> None:
    shell.fail(*(str(n) for n in range(25)))
    shell.repair()
    _interrupt_at(shell, RESUME)
    assert shell("replay", "--max", "25") == 130
    said = capsys.readouterr()
    put_back = len(shell.finished())
    assert f"{put_back} jobs put back" in said.out
    assert 0 < put_back <= 10
    assert f"Left on the queue: about {25 - put_back}." in said.out
    assert "Interrupted" in said.err
    assert shell.fakes.spool.depth() == 25 - put_back


def test_interrupted_replay_gives_back_what_it_did_not_take(shell: Shell) -> None:
    shell.fail("1", "2")
    _interrupt_at(shell, RECEIVE)
    assert shell("replay", "--task", "Other") == 130
    visible = shell.account.process.spool.receive(10, 0)
    assert len(visible) == 2


def test_second_interrupt_leaves_at_once_and_leaves_jobs_spooled(shell: Shell, capsys: Out) -> None:
    shell.fail("1")
    _interrupt_at(shell, RECEIVE, 2)
    assert shell("replay") == 130
    assert "respool: interrupted" in capsys.readouterr().err
    assert shell.fakes.spool.depth() == 1


def test_the_usual_ctrl_c_is_back_after_a_replay(shell: Shell) -> None:
    before = signal.getsignal(signal.SIGINT)
    assert shell("replay") == 0
    assert signal.getsignal(signal.SIGINT) is before


def test_metrics_of_a_replay_are_counted_and_sent(shell: Shell) -> None:
    shell.fail("1")
    assert shell("replay") == 0
    assert shell.account.sent == 1
    counted = {datum["MetricName"] for datum in shell.account.metrics._data()}
    assert {metrics.RESUMED, metrics.WAITED} <= counted


def test_time_allowed_grows_with_the_spool_and_the_rate() -> None:
    assert allowance(0, Request()) == 60
    assert allowance(1000, Request()) == 160
    assert allowance(1000, Request(count=100, rate=0.5)) == 360
    assert allowance(10**7, Request()) == LONGEST


def test_every_job_that_was_not_put_back_is_counted(shell: Shell) -> None:
    shell.account.process.spool.send('{"respool": 1, "execution": "arn:gone", "key": "lost"}')
    shell.fakes.clock.pause(1)
    assert shell("replay") == 1
    counted = {datum["MetricName"]: datum["Values"] for datum in shell.account.metrics._data()}
    assert counted == {metrics.NOT_REPLAYED: [1]}


def test_a_terminal_sees_a_bar_that_counts_what_goes_back_and_what_does_not() -> None:
    screen, drawn = Screen(as_json=False), io.StringIO()
    screen.remarks = Console(file=drawn, force_terminal=True, width=100)
    fakes = FakeStage()
    watch = Watch(screen, 3)
    engine = watch.over(fakes.process().replayer)
    with watch.watching():
        engine.look_on(Outcome("a", Action.RESUME, ""))
        engine.look_on(Outcome("b", Action.RESTART, ""))
        engine.look_on(Outcome("c", Action.LEAVE, ""))
    assert "putting back" in drawn.getvalue()
    assert "2/3" in drawn.getvalue()
    assert "1 not taken" in drawn.getvalue()

"""Which jobs a replay takes, how many, and when it ends."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.job.claim import FOR_EVER, State, job_pk
from chalicelib.job.plan import PUT_BACK, Choice
from chalicelib.replaying.outcome import Outcome
from chalicelib.replaying.replay import Order
from tests.fakes.service import TASK
from tests.fakes.spool import Delivery
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Wire
from tests.unit.replay_stage import ReplayStage


@pytest.fixture
def stage() -> ReplayStage:
    return ReplayStage()


def keys(count: int) -> list[str]:
    return [f"{n:03}" for n in range(count)]


def test_an_empty_stage_is_no_error(stage: ReplayStage) -> None:
    assert stage.replay().as_json() == {
        "replayed": 0,
        "resumed": 0,
        "restarted": 0,
        "stale": 0,
        "failed": [],
        "remaining": 0,
        "more": False,
    }


@pytest.mark.parametrize("count", [1, 10, 23, 40])
def test_it_takes_exactly_as_many_as_were_asked_for_the_oldest_first(
    stage: ReplayStage, count: int
) -> None:
    stage.park(*reversed(keys(40)))
    report = stage.replay(count)
    assert (report.replayed, report.remaining, report.more) == (count, 40 - count, False)
    assert stage.finish() == keys(40)[40 - count :]


def test_jobs_of_several_tasks_are_taken_in_one_order(stage: ReplayStage) -> None:
    stage.park(*keys(6))
    for key in keys(6)[1::2]:  # as in a pipeline of two tasks
        item = stage.memory.table.copy_items()[f"job#{key}"]
        moved = {**item, "task": {"S": "Other"}, "queue": {"S": "parked#Other"}}
        stage.memory.table.put(f"job#{key}", moved)
    stage.memory.process().line.complete("Other", 5, 1_000_000)
    stage.replay(3)
    assert [outcome.key for outcome in stage.outcomes] == keys(3)


def test_what_is_put_back_already_is_not_taken_in_place_of_others(stage: ReplayStage) -> None:
    stage.park(*keys(20))
    stage.replay(5)  # they wait for nobody, and the table does not know yet
    report = stage.replay(5)
    assert (report.replayed, report.as_json()["stale"]) == (5, 5)
    assert stage.finish() == keys(10)


def test_an_index_that_lags_makes_it_take_neither_more_nor_the_same_again(
    stage: ReplayStage,
) -> None:
    stage.park(*keys(10))
    stage.memory.table.index.lagging = True
    stage.replay(5)
    stage.finish()
    report = stage.replay(3)
    assert (report.replayed, report.as_json()["stale"], report.remaining) == (3, 0, 2)
    assert stage.finish() == keys(8)


def test_before_its_deadline_it_stops_with_more_and_nothing_half_done(stage: ReplayStage) -> None:
    stage.park(*keys(100))
    report = stage.replay(process=stage.slow(1), seconds=25)
    assert report.more
    assert 0 < report.replayed < 100
    assert report.remaining == 100 - report.replayed
    assert len(stage.finish()) == report.replayed


def test_named_jobs_end_by_the_deadline_as_well(stage: ReplayStage) -> None:
    stage.park(*keys(40))
    choice = Choice(pks=frozenset(map(job_pk, keys(40))))

    report = stage.replay(process=stage.slow(1), seconds=12, choice=choice)

    assert report.more
    assert 0 < report.replayed < 20


def test_there_is_no_more_when_the_last_wanted_job_came_just_in_time(stage: ReplayStage) -> None:
    stage.park("1")
    late = stage.engine(look_on=lambda _: stage.memory.clock.pause(60))
    assert not stage.replay(1, engine=late).more


def test_whoever_looks_on_may_stop_it_and_what_is_under_way_is_finished(
    stage: ReplayStage,
) -> None:
    stage.park(*keys(30))
    report = stage.replay(engine=stage.engine(stopped=lambda: len(stage.outcomes) >= 10))
    assert (report.replayed, report.remaining, report.more) == (10, 20, True)
    assert stage.finish() == keys(10)


def test_a_job_that_fails_again_meanwhile_is_not_taken_twice(stage: ReplayStage) -> None:
    stage.park("1", "2")
    stage.memory.service.broken = True
    going = stage.engine(look_on=lambda _: stage.memory.run())
    assert stage.replay(engine=going).replayed == 2
    assert [stage.claim(key).attempt for key in "12"] == [2, 2]
    assert stage.replay().replayed == 2


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (Choice(), ["1", "2", "3", "4"]),
        (Choice(task=TASK), ["1", "2", "3", "4"]),
        (Choice(task="Other"), []),
        (Choice(error="Timeout"), ["3", "4"]),
        (Choice(key="3"), ["3"]),
        (Choice(key="nobody"), []),
        (Choice(older_than=3600), ["1", "2"]),
        (Choice(older_than=3600, error="Timeout"), []),
        (Choice(pks=frozenset({"job#4", "job#1", "job#nobody"})), ["1", "4"]),
    ],
)
def test_task_error_key_and_age_narrow_it(
    stage: ReplayStage, choice: Choice, taken: list[str]
) -> None:
    stage.park("1", "2")
    stage.memory.clock.pause(3600)
    stage.park("3", "4", error="Timeout")
    report = stage.replay(choice=choice)
    assert [outcome.key for outcome in stage.outcomes] == taken
    assert (report.replayed, report.remaining) == (len(taken), 0)
    assert stage.finish() == taken


@pytest.mark.parametrize(("count", "left"), [(2, 1), (9, 0)])
def test_what_remains_are_those_that_match(stage: ReplayStage, count: int, left: int) -> None:
    stage.park("1", "2", "3", error="Timeout")
    stage.park("4", "5")
    assert stage.replay(count, choice=Choice(error="Timeout")).remaining == left


def test_one_job_by_key_is_a_handful_of_calls_however_many_wait(stage: ReplayStage) -> None:
    stage.park(*keys(120))
    process = stage.memory.process()
    report = stage.replay(1, process=process, choice=Choice(key="077"))
    assert (report.replayed, report.remaining) == (1, 0)
    assert len(process.wire.calls) <= 8
    assert process.wire.calls[:3] == ["GetItem", "GetItem", "SendTaskSuccess"]
    assert stage.finish() == ["077"]


def test_no_page_is_read_that_is_not_needed(stage: ReplayStage) -> None:
    stage.park(*keys(40))
    process = stage.memory.process()
    stage.replay(15, process=process)
    assert process.wire.calls.count("Query") == 3  # the tasks, the number, one page


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda stage: stage.memory.executions.start("job-1", '{"key": "1"}'), "is running"),
        (lambda stage: (stage.park("1"), stage.replay(), stage.finish()), "has ended (finished)"),
    ],
)
def test_a_chosen_job_that_does_not_wait_is_told_as_it_stands(
    stage: ReplayStage, prepare: Callable[[ReplayStage], object], reason: str
) -> None:
    prepare(stage)
    for run in stage.memory.executions.running():
        stage.memory.machine.run_to(run.arn, TASK)
    report = stage.replay(choice=Choice(key="1"))
    assert [failed["reason"][: len(reason)] for failed in report.failed] == [reason]
    assert report.as_json()["stale"] == 1


def test_a_rate_paces_it(stage: ReplayStage) -> None:
    stage.park(*keys(20))
    start, moments = stage.memory.clock.elapsed(), []

    def note(_: Outcome) -> None:
        moments.append(stage.memory.clock.elapsed() - start)

    assert stage.replay(engine=stage.engine(look_on=note), rate=2).replayed == 20
    assert moments == pytest.approx([n / 2 for n in range(20)], abs=0.1)


def test_a_paced_replay_reads_no_token_long_before_it_is_used(stage: ReplayStage) -> None:
    stage.park(*keys(20))
    report = stage.replay(rate=0.1, seconds=25)
    assert (report.replayed, report.more, report.remaining) == (3, True, 17)


def _threads(stage: ReplayStage) -> Any:
    process = stage.memory.process(Wire(lambda: time.sleep(0.0005)))
    return stage.engine(process, workers=lambda: ThreadPoolExecutor(24))


@pytest.mark.parametrize("choice", [Choice(), Choice(task=TASK), Choice(older_than=1)])
def test_with_all_its_threads_it_takes_exactly_the_oldest(
    stage: ReplayStage, choice: Choice
) -> None:
    stage.park(*keys(150))
    report = stage.replay(117, engine=_threads(stage), choice=choice)
    assert (report.replayed, report.remaining, report.more) == (117, 33, False)
    assert stage.finish() == keys(117)


def test_two_at_once_with_all_their_threads_do_every_job_once(stage: ReplayStage) -> None:
    stage.park(*keys(100))

    def work(_: int) -> int:
        engine = _threads(stage)
        return int(engine.replay(Order(1000, seconds=600)).replayed)

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(work, range(2))) == 100
    assert stage.finish() == keys(100)


@pytest.mark.parametrize("delivery", Delivery)
@pytest.mark.parametrize("at", [0, 1, 2, 3, 4, 5, 9, 12, 20, 21, 22])
def test_two_at_once_share_the_work_and_double_nothing(delivery: Delivery, at: int) -> None:
    stage = ReplayStage(FakeStage(delivery=delivery))
    stage.park(*keys(20))
    theirs: list[int] = []
    rival = stage.engine()
    wire = Wire().interrupt_at(at, lambda: theirs.append(rival.replay(Order(10)).replayed))
    ours = stage.replay(process=stage.memory.process(wire)).replayed
    assert (ours + sum(theirs), len(theirs)) == (20, 1)
    assert stage.finish() == keys(20)


def _close(stage: ReplayStage) -> None:
    line = stage.memory.process().line
    line.close(TASK, FOR_EVER, "Ann", "repairs", stage.memory.clock.iso())


def test_under_a_closed_gate_an_unattended_replay_takes_nothing_and_says_why(
    stage: ReplayStage,
) -> None:
    stage.park(*keys(3))
    _close(stage)
    report = stage.replay(attended=False)
    reasons = [{"task": TASK, "reason": "its gate is closed by Ann: repairs"}]
    assert (report.replayed, report.remaining, report.as_json()["held"]) == (0, 3, reasons)
    assert stage.finish() == []


def test_under_a_closed_gate_a_person_s_replay_moves_jobs_into_line(stage: ReplayStage) -> None:
    stage.park(*keys(3))
    _close(stage)
    report = stage.replay(2).as_json()
    assert (report["replayed"], report["resumed"], report["in_line"]) == (2, 0, 2)
    stage.finish()
    assert [stage.claim(key).state for key in keys(3)] == [State.LINE, State.LINE, State.PARKED]


def test_a_pass_lets_a_job_through_a_closed_gate(stage: ReplayStage) -> None:
    stage.park(*keys(3))
    _close(stage)
    stage.memory.process().line.give_pass(TASK, ["job#001"], FOR_EVER)
    report = stage.replay(attended=False, choice=Choice(pks=frozenset(map(job_pk, keys(3)))))
    assert report.as_json()["resumed"] == 1
    assert stage.finish() == ["001"]


def _stuck(stage: ReplayStage, key: str) -> None:
    stage.park(key)
    claims = stage.memory.process().claims
    assert claims.mark_stuck(stage.claim(key), stage.memory.clock.iso())


def _resumed(stage: ReplayStage, key: str) -> None:
    stage.park(key)
    stage.memory.process().workflow.resume(stage.claim(key).token)
    stage.memory.machine.run_to(stage.arn(key), TASK)


def _given_up(stage: ReplayStage, key: str) -> None:
    stage.park(key)
    stage.memory.process().engines.give_up.end(key, "nobody wants it")


SITUATIONS: dict[str, Callable[[ReplayStage, str], object]] = {
    "parked": lambda stage, key: stage.park(key),
    "dead inside its task": lambda stage, key: stage.abort(key),
    "dead before it": lambda stage, key: stage.abort(key, "TakeSlot"),
    "stuck": _stuck,
    "inside its task": _resumed,
    "given up": _given_up,
    "bare": lambda stage, key: stage.memory.spool.send(f'{{"key": "{key}"}}'),
    "unreadable": lambda stage, key: stage.memory.spool.send(f"{key}: not JSON"),
}


def _one_bare_at_most(jobs: list[str]) -> bool:
    return jobs.count("bare") <= 1  # which of several a queue delivers is chance


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    jobs=st.lists(st.sampled_from(sorted(SITUATIONS)), max_size=8).filter(_one_bare_at_most),
    redrives=st.booleans(),
    attended=st.booleans(),
    attempts=st.sampled_from(["1", "2"]),
    count=st.sampled_from([1, 3, 100]),
    key=st.sampled_from(["", "", "0", "1"]),
    limit=st.sampled_from([0, 1, 5]),
)
def test_a_dry_run_names_the_very_jobs_that_a_run_takes_and_changes_nothing(
    jobs: list[str],
    redrives: bool,
    attended: bool,
    attempts: str,
    count: int,
    key: str,
    limit: int,
) -> None:
    stage = ReplayStage(FakeStage(MAX_ATTEMPTS=attempts, task_limit=20))
    stage.memory.executions.redrives = redrives
    for n, job in enumerate(jobs):
        SITUATIONS[job](stage, str(n))
    inside = len(stage.memory.slots.owners)
    line = stage.memory.process().line
    line.set_limit(TASK, inside + limit, "Ann", "", stage.memory.clock.iso())
    before = stage.snapshot()
    chosen: dict[str, Any] = {"attended": attended, "choice": Choice(key=key)}
    planned = stage.replay(count, dry_run=True, **chosen)
    assert stage.snapshot() == before
    assert stage.visible() == sorted(stage.memory.spool.bodies)
    stage.memory.clock.pause(3600)
    ran = stage.replay(count, **chosen)
    done = sorted((o.key, o.action, o.reason) for o in stage.outcomes if o.put_back)
    assert planned.plan is not None
    named = sorted((each["key"], each["action"], each["reason"]) for each in planned.plan)
    assert [each for each in named if each[1] in PUT_BACK] == done
    if "bare" not in jobs:
        assert planned.remaining == ran.remaining


@pytest.mark.parametrize(("limit", "action"), [(1, "line"), (2, "redrive")])
def test_a_dry_run_knows_whether_a_task_lets_a_job_in(
    stage: ReplayStage, limit: int, action: str
) -> None:
    stage.abort("1")
    stage.memory.machine.run_to(stage.memory.executions.start("other", "{}"), TASK)
    line = stage.memory.process().line
    line.set_limit(TASK, limit, "Ann", "", stage.memory.clock.iso())
    report = stage.replay(dry_run=True)
    assert report.plan is not None
    assert [each["action"] for each in report.plan] == [action]


def test_a_dry_run_that_finds_enough_in_the_table_does_not_touch_the_queue(
    stage: ReplayStage,
) -> None:
    stage.park(*keys(5))
    stage.abort("dead")
    process = stage.memory.process()
    stage.replay(6, process=process, dry_run=True)
    reads = {"Query", "GetItem", "BatchGetItem", "DescribeExecution", "GetExecutionHistory"}
    assert set(process.wire.calls) == reads


def test_time_that_runs_out_while_it_clears_notes_takes_nothing_back(stage: ReplayStage) -> None:
    stage.park(*keys(3))
    slow = stage.engine(look_on=lambda _: stage.memory.clock.pause(25))
    report = stage.replay(3, engine=replace(slow), seconds=60)
    assert (report.replayed, report.more) == (3, False)
    assert stage.finish() == keys(3)

"""When a replay ends, what it takes, and what it gives back."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.job.plan import Action, Choice
from chalicelib.job.record import decode
from chalicelib.replaying.recovery import Outcome
from chalicelib.replaying.replay import MARGIN, Order, Replayer
from chalicelib.replaying.report import Report
from tests.fakes.run import TASK
from tests.fakes.spool import Delivery
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Wire
from tests.unit.replay_stage import ReplayStage


@pytest.fixture
def stage() -> ReplayStage:
    return ReplayStage()


def keys(count: int) -> list[str]:
    return [f"{n:03}" for n in range(count)]


@pytest.mark.parametrize("seed", range(5))
def test_it_ends_on_an_empty_long_poll_and_not_while_a_server_still_has_jobs(seed: int) -> None:
    stage = ReplayStage(FakeStage(seed))
    stage.park(*keys(35))
    process = stage.fakes.process()
    report = stage.replay(process=process)
    assert (report.replayed, report.remaining, report.more) == (35, 0, False)
    assert process.wire.calls[-2:] == ["ReceiveMessage", "GetQueueAttributes"]
    assert stage.finish() == keys(35)


def test_an_empty_spool_is_no_error(stage: ReplayStage) -> None:
    report = stage.replay()
    assert report.as_json() == {
        "replayed": 0,
        "resumed": 0,
        "restarted": 0,
        "stale": 0,
        "failed": [],
        "remaining": 0,
        "more": False,
    }


@pytest.mark.parametrize("count", [1, 10, 23, 40])
def test_it_puts_back_as_many_as_were_asked_for_and_the_others_stay_in_sight(
    stage: ReplayStage, count: int
) -> None:
    stage.park(*keys(40))
    report = stage.replay(count)
    assert (report.replayed, report.remaining, report.more) == (count, 40 - count, False)
    assert len(stage.visible()) == 40 - count
    assert len(stage.finish()) == count


def test_jobs_under_way_are_never_asked_for_twice(stage: ReplayStage) -> None:
    stage.park(*keys(60))
    process = stage.fakes.process(Wire(lambda: time.sleep(0.001)))
    clock = stage.fakes.clock
    engine = Replayer(process.recovery, process.telemetry, clock.elapsed, clock.pause)
    report = engine.replay(process.spool, Order(35, process.rules(), 600))
    assert (report.replayed, report.remaining) == (35, 25)
    assert len(stage.visible()) == 25


def test_what_does_not_count_makes_room_for_others(stage: ReplayStage) -> None:
    stage.park(*keys(12))
    bodies = stage.fakes.spool.bodies
    stage.replay()
    stage.finish()
    for body in bodies:  # each is stale now
        stage.fakes.spool.send(body)
    stage.park("new")
    report = stage.replay(1)
    assert (report.replayed, report.counts[Action.STALE] <= 12) == (1, True)
    assert "new" in stage.finish()


def test_before_its_deadline_it_stops_with_more_and_nothing_half_done(stage: ReplayStage) -> None:
    stage.park(*keys(100))
    report = stage.replay(process=stage.slow(1), seconds=25)
    assert report.more
    assert 0 < report.replayed < 100
    assert report.remaining == 100 - report.replayed
    assert len(stage.visible()) == 100 - report.replayed
    assert len(stage.finish()) == report.replayed


def test_there_is_no_more_when_the_last_wanted_job_came_just_in_time(stage: ReplayStage) -> None:
    stage.park("1")
    process = stage.fakes.process()
    process.replayer = replace(process.replayer, look_on=lambda _: stage.fakes.clock.pause(60))
    assert not stage.replay(1, process=process).more


def test_who_looks_on_may_stop_it_and_what_is_under_way_is_finished(stage: ReplayStage) -> None:
    stage.park(*keys(30))
    process = stage.fakes.process()
    process.replayer = replace(process.replayer, stopped=lambda: bool(stage.outcomes))
    report = stage.replay(process=process)
    assert (report.replayed, report.more) == (10, True)
    assert len(stage.visible()) == 20


def test_a_job_spooled_after_it_began_is_left_in_sight_and_is_no_failure(
    stage: ReplayStage,
) -> None:
    process = stage.fakes.process()
    rules = process.rules()
    stage.fakes.clock.pause(1)
    stage.park("late")
    report = process.replayer.replay(process.spool, Order(100, rules))
    assert (report.replayed, report.failed, report.remaining) == (0, [], 1)
    assert len(stage.visible()) == 1


def test_a_job_that_fails_again_meanwhile_is_not_taken_twice(stage: ReplayStage) -> None:
    stage.park("1", "2")
    stage.fakes.service.broken = True
    process = stage.fakes.process()

    def go_on(_: Outcome) -> None:
        stage.fakes.clock.pause(1)
        stage.fakes.machine.run()

    process.replayer = replace(process.replayer, look_on=go_on)
    assert stage.replay(process=process).replayed == 2
    assert [decode(body).attempt for body in stage.visible()] == [2, 2]


def test_what_was_not_chosen_is_back_in_sight_at_once_and_unchanged(stage: ReplayStage) -> None:
    stage.park(*keys(30))
    before, bodies = stage.snapshot(), sorted(stage.fakes.spool.bodies)
    report = stage.replay(choice=Choice(key="nobody"))
    assert (report.replayed, report.failed, report.remaining) == (0, [], 30)
    assert stage.snapshot() == before
    assert stage.visible() == bodies


def _bare(task: str, error: str, failed_at: str, key: str) -> str:
    return json.dumps(
        {
            "respool": 1,
            "key": key,
            "task": task,
            "error": {"name": error, "message": ""},
            "failedAt": failed_at,
            "input": {"key": key},
        }
    )


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (Choice(), ["1", "2", "3", "4"]),
        (Choice(task="Ship"), ["1", "2"]),
        (Choice(error="Timeout"), ["2", "3"]),
        (Choice(task="Ship", error="Timeout"), ["2"]),
        (Choice(key="3"), ["3"]),
        (Choice(older_than=3600), ["1", "3"]),
        (Choice(older_than=3600, error="Timeout"), ["3"]),
        (Choice(keys=frozenset({"1", "4"})), ["1", "4"]),
    ],
)
def test_task_error_key_and_age_narrow_it(
    stage: ReplayStage, choice: Choice, taken: list[str]
) -> None:
    for job in (
        ("Ship", "Refused", "2026-11-24T07:00:00Z", "1"),
        ("Ship", "Timeout", "2026-11-24T08:30:00Z", "2"),
        ("Bill", "Timeout", "2026-11-24T07:00:00Z", "3"),
        ("Bill", "Refused", "2026-11-24T08:30:00Z", "4"),
    ):
        stage.fakes.spool.send(_bare(*job))
    stage.fakes.clock.pause(1)
    assert stage.replay(choice=choice).replayed == len(taken)
    assert stage.finish() == taken
    assert [decode(body).key for body in stage.visible()] == sorted({*"1234"} - {*taken})


def test_one_job_among_very_many_is_found_ten_at_a_time(stage: ReplayStage) -> None:
    stage.park(*keys(300))
    process = stage.fakes.process()
    report = stage.replay(1, process=process, choice=Choice(key="123"))
    assert (report.replayed, report.remaining) == (1, 299)
    assert process.wire.calls.count("ReceiveMessage") <= 31
    assert len(stage.visible()) == 299
    assert stage.finish() == ["123"]


@pytest.mark.parametrize("threads", [False, True])
def test_no_more_of_the_chosen_are_put_back_than_were_asked_for(
    stage: ReplayStage, threads: bool
) -> None:
    stage.park(*keys(40))
    process = stage.fakes.process(Wire(lambda: time.sleep(0.001)))
    if threads:
        clock = stage.fakes.clock
        process.replayer = Replayer(process.recovery, process.telemetry, clock.elapsed, clock.pause)
    report = stage.replay(17, process=process, choice=Choice(task=TASK))
    assert (report.replayed, report.remaining, report.more) == (17, 23, False)
    assert len(stage.visible()) == 23


def test_a_rate_paces_those_that_were_chosen_and_not_the_search(stage: ReplayStage) -> None:
    stage.park(*keys(60))
    choice = Choice(keys=frozenset({"011", "033", "055"}))
    began = stage.fakes.clock.elapsed()
    assert stage.replay(rate=0.1, choice=choice).replayed == 3
    assert stage.fakes.clock.elapsed() - began == pytest.approx(30, abs=5)


def test_a_rate_paces_it(stage: ReplayStage) -> None:
    stage.park(*keys(20))
    began = stage.fakes.clock.elapsed()
    moments: list[float] = []
    process = stage.fakes.process()
    process.replayer = replace(
        process.replayer, look_on=lambda _: moments.append(stage.fakes.clock.elapsed() - began)
    )
    assert stage.replay(process=process, rate=2).replayed == 20
    assert moments == pytest.approx([n / 2 for n in range(20)])


def test_a_rate_never_takes_more_out_of_sight_than_fit_into_its_time(stage: ReplayStage) -> None:
    stage.park(*keys(20))
    report = stage.replay(rate=0.1, seconds=25)
    assert (report.replayed, report.more) == (3, True)
    assert len(stage.visible()) == 17


def test_messages_stay_hidden_until_well_after_the_deadline(stage: ReplayStage) -> None:
    stage.park(*keys(10))
    process = stage.fakes.process()
    seen: list[list[str]] = []

    def last_moment(_: Outcome) -> None:
        if not seen:
            stage.fakes.clock.pause(600 + MARGIN - 1)
            seen.append(stage.visible())

    process.replayer = replace(process.replayer, look_on=last_moment)
    stage.replay(process=process, seconds=600)
    assert seen == [[]]


@pytest.mark.parametrize("delivery", Delivery)
@pytest.mark.parametrize("at", [0, 1, 2, 9, 12, 13, 30])
def test_two_at_once_share_the_work_and_double_nothing(delivery: Delivery, at: int) -> None:
    stage = ReplayStage(FakeStage(delivery=delivery))
    stage.park(*keys(30))
    theirs: list[int] = []
    rival = stage.fakes.process()
    wire = Wire().interrupt_at(at, lambda: theirs.append(rival.replay(count=15).replayed))
    ours = stage.replay(process=stage.fakes.process(wire)).replayed
    assert (ours + sum(theirs), len(theirs)) == (30, 1)
    assert stage.finish() == keys(30)
    stage.fakes.clock.pause(3600)
    assert stage.replay().replayed == 0
    assert stage.finish() == keys(30)


def test_two_at_once_with_all_their_threads_do_every_job_once(stage: ReplayStage) -> None:
    stage.park(*keys(200))

    def work(_: int) -> int:
        process = stage.fakes.process()
        clock = stage.fakes.clock
        engine = Replayer(process.recovery, process.telemetry, clock.elapsed, clock.pause)
        return engine.replay(process.spool, Order(1000, process.rules(), 600)).replayed

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(work, range(2))) == 200
    assert stage.finish() == keys(200)


@pytest.mark.parametrize("delivery", Delivery)
def test_a_bare_body_is_started_once_however_often_it_is_delivered(delivery: Delivery) -> None:
    stage = ReplayStage(FakeStage(delivery=delivery))
    stage.fakes.spool.send('{"key": "12345"}')
    stage.fakes.clock.pause(1)
    theirs: list[Report] = []
    rival = stage.fakes.process()
    wire = Wire().interrupt_at(2, lambda: theirs.append(rival.replay()))
    stage.replay(process=stage.fakes.process(wire))
    for _ in range(3):
        assert stage.finish() == ["12345"]
        stage.fakes.clock.pause(3600)
        stage.replay()
    assert len(stage.fakes.executions.runs) == 1
    assert stage.fakes.spool.bodies == []


def _twice_spooled(stage: ReplayStage, key: str) -> None:
    stage.park(key)
    stage.fakes.spool.send(stage.fakes.spool.bodies[-1])


def _aborted_while_parked(stage: ReplayStage, key: str) -> None:
    stage.park(key)
    stage.fakes.executions.stop(stage.arn(key), "Aborted", "by hand")
    stage.hear()


def _gone_on(stage: ReplayStage, key: str) -> None:
    stage.park(key)
    stage.fakes.executions.resume(decode(stage.fakes.spool.bodies[-1]).token)
    stage.fakes.machine.run_to(stage.arn(key), TASK)


def _key_taken(stage: ReplayStage, key: str) -> None:
    arn = stage.abort(key)
    stage.fakes.table.change(key, arn, lambda old: replace(old, execution="arn:another"))


def _given_up(stage: ReplayStage, key: str) -> None:
    arn = stage.abort(key)
    stage.fakes.table.tombstones[f"{arn}#0"] = ("given up", 2**31)


@pytest.mark.parametrize(("limit", "action"), [(0, "leave"), (1, "leave"), (2, "redrive")])
def test_a_dry_run_knows_whether_a_task_lets_a_job_in(
    stage: ReplayStage, limit: int, action: str
) -> None:
    stage.abort("1")
    stage.fakes.table.enter(TASK, "arn:another", 5)
    stage.fakes.table.limits[TASK] = limit
    report = stage.replay(dry_run=True)
    assert report.plan is not None
    assert [each["action"] for each in report.plan] == [action]


SITUATIONS: dict[str, Callable[[ReplayStage, str], object]] = {
    "parked": lambda stage, key: stage.park(key),
    "dead inside its task": lambda stage, key: stage.abort(key),
    "dead before it": lambda stage, key: stage.abort(key, "TakeSlot"),
    "spooled twice": _twice_spooled,
    "aborted while parked": _aborted_while_parked,
    "gone on already": _gone_on,
    "its key taken by another": _key_taken,
    "given up": _given_up,
    "bare": lambda stage, key: stage.fakes.spool.send(json.dumps({"key": key})),
    "unreadable": lambda stage, key: stage.fakes.spool.send(f"{key}: not JSON"),
    "its execution and input gone": lambda stage, key: stage.fakes.spool.send(
        json.dumps({"respool": 1, "key": key, "execution": f"arn:gone:{key}"})
    ),
}


@settings(max_examples=60, deadline=None, derandomize=True)
@example(jobs=["its key taken by another"], redrives=True, attempts=2, key="", held=True)
@given(
    jobs=st.lists(st.sampled_from(sorted(SITUATIONS)), max_size=14),
    redrives=st.booleans(),
    attempts=st.sampled_from([1, 2]),
    key=st.sampled_from(["", "0", "1"]),
    held=st.booleans(),
)
def test_a_dry_run_plans_exactly_what_the_run_then_does_and_changes_nothing(
    jobs: list[str], redrives: bool, attempts: int, key: str, held: bool
) -> None:
    stage = ReplayStage(FakeStage(max_attempts=attempts))
    stage.fakes.executions.redrives = redrives
    for n, job in enumerate(jobs):
        SITUATIONS[job](stage, str(n))
    stage.fakes.clock.pause(60)
    if held:
        stage.fakes.table.limits[TASK] = 0
    before = stage.snapshot()
    planned = stage.replay(dry_run=True, choice=Choice(key=key))
    assert stage.snapshot() == before
    assert stage.visible() == sorted(stage.fakes.spool.bodies)
    stage.fakes.clock.pause(3600)
    ran = stage.replay(choice=Choice(key=key))
    done = sorted((each.key, each.action, each.reason) for each in stage.outcomes)
    assert planned.plan is not None
    assert sorted((each["key"], each["action"], each["reason"]) for each in planned.plan) == done
    assert planned.counts == ran.counts

"""A replay is kept: it goes on whatever becomes of its Lambdas, once, and says what it came to."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from chalicelib.errors import Conflict, NotFound, RespoolError
from chalicelib.job.claim import JOB, job_pk
from chalicelib.job.plan import Choice
from chalicelib.job.replay import ChosenJob, Course, Kind, Replay
from chalicelib.replaying.keeping import Provenance
from chalicelib.replaying.report import Report
from chalicelib.replaying.requests import Request
from tests.fakes.stage import FakeStage, Process
from tests.fakes.wire import Died, Fault, Wire
from tests.unit.replay_stage import ReplayStage

PRESS = Provenance(Kind.PRESS, "kim", "well again", {"max": 1000})


def ask(
    stage: ReplayStage,
    count: int | None = 1000,
    process: Process | None = None,
    asked: Provenance = PRESS,
    seconds: float = 60,
    **request: Any,
) -> tuple[Report, Replay]:
    """A person's press, at a process of its own."""
    process = process or stage.memory.process()
    return process.engines.put_back(Request(count=count, **request), seconds, asked)


def kept(stage: ReplayStage, id: str = "") -> Replay:
    """The replay of that id, or the only one."""
    replays = stage.memory.process().replays
    if id:
        replay = replays.get(id)
        assert replay is not None
        return replay
    (one,) = replays.newest(10)
    return one


def counted(stage: ReplayStage, id: str = "") -> dict[str, int]:
    """What has become of its jobs."""
    replay, _ = stage.memory.process().engines.keeping.look(kept(stage, id))
    return dict(replay.outcomes)


def relayed(stage: ReplayStage, seconds: float = 60) -> None:
    """As long as somebody hands a replay over, another Lambda carries it on."""
    for _ in range(100):
        stage.memory.process().engines.keeping.relay()
        if not stage.memory.handed_over:
            return
        for id in [stage.memory.handed_over.pop(0) for _ in stage.memory.handed_over[:]]:
            stage.memory.process().engines.keeping.carry_on(id, seconds)
    raise AssertionError("it is handed over without end")


def keys(count: int) -> list[str]:
    return [f"{n:03}" for n in range(count)]


def test_a_press_is_kept_with_who_why_and_what_it_came_to() -> None:
    stage = ReplayStage()
    stage.park(*keys(3))

    report, replay = ask(stage, 2, asked=Provenance(Kind.PRESS, "kim", "well again", {"max": 2}))

    assert report.replayed == 2
    assert replay == kept(stage)
    assert (replay.by, replay.reason, replay.asked) == ("kim", "well again", {"max": 2})
    assert (replay.course, replay.put_back, replay.wanted) == (Course.DONE, 2, 2)
    assert stage.finish() == keys(2)
    assert counted(stage) == {"finished": 2}


def test_what_becomes_of_each_job_is_told_apart() -> None:
    stage = ReplayStage(FakeStage(task_limit=3))
    stage.park(*keys(6))
    _, replay = ask(stage, 5)
    assert counted(stage) == {"running": 5}

    stage.memory.service.broken = True
    stage.memory.run()
    assert counted(stage) == {"failed": 5}
    stage.memory.process().engines.give_up.end("000", "no longer wanted")
    stage.memory.service.broken = False
    ask(stage, 1)
    stage.memory.run()

    assert counted(stage, replay.id) == {"failed": 5}, "whatever follows is another replay's"


def test_given_up_and_aborted_jobs_are_not_finished() -> None:
    stage = ReplayStage()
    stage.park("a", "b")
    ask(stage, 2)
    arn = stage.arn("a")
    stage.memory.executions.stop(arn, "GivenUp", "by hand")
    stage.hear()
    stage.memory.run()

    assert counted(stage) == {"given-up": 1, "finished": 1}


def test_a_later_job_of_the_same_key_is_not_taken_for_this_one() -> None:
    stage = ReplayStage()
    stage.park("a")
    ask(stage, 1)
    stage.memory.run()
    stage.memory.clock.pause(60)
    stage.memory.executions.start("another", '{"key": "a"}')
    stage.memory.run()

    assert counted(stage) == {"unknown": 1}


def test_out_of_time_it_is_handed_over_and_ends_with_exactly_as_many() -> None:
    stage = ReplayStage()
    stage.park(*keys(60))

    report, replay = ask(stage, 50, stage.slow(0.5), seconds=25)
    assert report.more
    assert 0 < report.replayed < 50
    assert replay.course is Course.RUNNING
    relayed(stage)

    done = kept(stage)
    assert (done.course, done.put_back, done.id) == (Course.DONE, 50, replay.id)
    assert stage.finish() == keys(50)
    assert counted(stage) == {"finished": 50}


def test_named_jobs_stay_the_named_ones_when_it_is_carried_on() -> None:
    stage = ReplayStage()
    stage.park(*keys(40))
    named = keys(40)[5:35]
    asked = Provenance(Kind.PRESS, "kim", "", {"keys": 30}, named)

    ask(stage, 30, stage.slow(1), asked, 12, choice=Choice(pks=frozenset(map(job_pk, named))))
    relayed(stage)

    assert stage.finish() == named


def test_a_job_that_failed_again_is_not_put_back_twice_by_one_replay() -> None:
    stage = ReplayStage()
    stage.park(*keys(20))
    ask(stage, 20, stage.slow(1), seconds=20)
    went = kept(stage).put_back
    stage.memory.service.broken = True
    stage.memory.run()
    relayed(stage)
    stage.memory.run()

    assert 0 < went < 20
    assert counted(stage) == {"failed": 20}
    assert {claim.attempt for claim in stage.memory.claims.values()} == {2}


@pytest.mark.parametrize("fault", [Fault.DIED_BEFORE, Fault.DIED_AFTER, Fault.UNANSWERED])
def test_whatever_call_it_dies_at_exactly_as_many_jobs_go(fault: Fault) -> None:
    for call in range(40):
        stage = ReplayStage()
        stage.park(*keys(6))
        process = stage.memory.process(Wire().break_at(call, fault))
        with suppress(Died, RespoolError):
            ask(stage, 4, process)
        replays = stage.memory.process().replays.newest(1)
        stage.memory.clock.pause(600)
        relayed(stage)

        count = len(stage.finish())
        unsure = kept(stage).refused if replays else 0  # told by name: nobody knows whether it went
        assert count in ({4, 4 + unsure} if replays else {0}), (call, fault)
        assert not unsure or fault is Fault.UNANSWERED
        if replays:
            assert (kept(stage).course, kept(stage).put_back) == (Course.DONE, 4), (call, fault)


def test_two_requests_with_one_idempotency_key_are_one_replay() -> None:
    stage = ReplayStage()
    stage.park(*keys(4))
    once = Provenance(Kind.PRESS, "kim", "", {"max": 2}, (), "0123")

    first = ask(stage, 2, asked=once)
    again = ask(stage, 2, asked=once)

    assert again[1].id == first[1].id
    assert again[0].replayed == first[0].replayed == 2
    assert stage.finish() == keys(2)


def test_two_requests_with_one_key_at_the_same_time_are_one_replay() -> None:
    once = Provenance(Kind.PRESS, "kim", "", {"max": 2}, (), "0123")
    for call in range(12):
        stage = ReplayStage()
        stage.park(*keys(6))
        theirs: list[Replay] = []
        press = partial(ask, stage, 2, asked=once)
        process = stage.memory.process(Wire().interrupt_at(call, partial(_note, theirs, press)))

        _, ours = ask(stage, 2, process, once)

        assert not theirs or ours.id == theirs[0].id, call
        assert len(stage.finish()) == 2, call


def _note(theirs: list[Replay], press: Callable[[], tuple[Report, Replay]]) -> None:
    theirs.append(press()[1])


def test_one_idempotency_key_for_two_things_is_refused() -> None:
    stage = ReplayStage()
    stage.park(*keys(4))
    ask(stage, 1, asked=Provenance(Kind.PRESS, "kim", "", {"max": 1}, (), "0123"))

    with pytest.raises(Conflict, match="was used for another replay"):
        ask(stage, 2, asked=Provenance(Kind.PRESS, "kim", "", {"max": 2}, (), "0123"))


def test_the_same_key_of_somebody_else_is_another_replay() -> None:
    stage = ReplayStage()
    stage.park(*keys(4))
    for who in ("kim", "lee"):
        ask(stage, 1, asked=Provenance(Kind.PRESS, who, "", {"max": 1}, (), "0123"))

    assert len(stage.finish()) == 2


def test_a_stopped_replay_puts_no_more_back() -> None:
    stage = ReplayStage()
    stage.park(*keys(300))
    keeping = stage.memory.process().engines.keeping
    stopped: list[Replay] = []

    def stop() -> None:
        stopped.append(keeping.stop(kept(stage).id, "lee", "not yet"))

    process = stage.memory.process(Wire().interrupt_at(40, stop))
    report, replay = ask(stage, 300, process)

    assert report.replayed == 100, "what it has begun goes"
    assert (replay.course, replay.stopped_by, replay.put_back) == (Course.STOPPED, "lee", 100)
    assert kept(stage).stopped_why == "not yet"
    stage.memory.clock.pause(600)
    relayed(stage)
    assert len(stage.finish()) == 100


def test_a_replay_that_nobody_works_on_is_stopped_at_once() -> None:
    stage = ReplayStage()
    stage.park(*keys(40))
    _, replay = ask(stage, 40, stage.slow(1), seconds=12)
    keeping = stage.memory.process().engines.keeping

    assert keeping.stop(replay.id, "lee", "").course is Course.STOPPED
    with pytest.raises(Conflict, match="it can't be stopped any more"):
        keeping.stop(replay.id, "lee", "")
    went = replay.put_back
    relayed(stage)
    assert len(stage.finish()) == went


def test_what_a_run_that_died_had_put_back_is_counted_when_its_replay_is_stopped() -> None:
    stage = ReplayStage()
    stage.park(*keys(6))
    wire = Wire().break_next("SendTaskSuccess", Fault.DIED_AFTER)
    with suppress(Died):
        ask(stage, 6, stage.memory.process(wire))
    stage.memory.run()
    stage.memory.clock.pause(600)

    stopped = stage.memory.process().engines.keeping.stop(kept(stage).id, "lee", "")

    assert (stopped.put_back, len(stopped.left)) == (1, 5)
    assert counted(stage) == {"finished": 1}


def test_a_stopped_replay_whose_run_has_died_puts_no_more_back() -> None:
    stage = ReplayStage()
    stage.park(*keys(6))
    keeping = stage.memory.process().engines.keeping

    def stop() -> None:
        keeping.stop(kept(stage).id, "lee", "")

    wire = Wire().break_next("SendTaskSuccess", Fault.DIED_BEFORE).interrupt_at(6, stop)
    with suppress(Died):
        ask(stage, 6, stage.memory.process(wire))
    stage.memory.clock.pause(600)
    assert kept(stage).course is Course.RUNNING
    relayed(stage)

    assert (kept(stage).course, kept(stage).put_back) == (Course.STOPPED, 0)
    assert stage.finish() == []


def test_nobody_finds_a_replay_that_there_is_not() -> None:
    with pytest.raises(NotFound, match="there is no replay 0123"):
        FakeStage().process().engines.keeping.stop("0123", "lee", "")


def test_while_one_works_on_it_nobody_else_does() -> None:
    stage = ReplayStage()
    stage.park(*keys(9))
    answers: list[Any] = []

    def meanwhile() -> None:
        answers.append(stage.memory.process().engines.keeping.carry_on(kept(stage).id, 60))

    ask(stage, 9, stage.memory.process(Wire().interrupt_at(12, meanwhile)))

    assert [each["carried_on"] for each in answers] == [False]
    assert kept(stage).put_back == 9


def test_a_run_that_was_overtaken_begins_nothing_more() -> None:
    stage = ReplayStage()
    stage.park(*keys(250))

    def overtake() -> None:
        stage.memory.clock.pause(600)
        relayed(stage)

    process = stage.memory.process(Wire().interrupt_at(60, overtake))
    ask(stage, 150, process, seconds=6000)

    assert kept(stage).put_back == 150
    assert len(stage.finish()) == 150


def test_a_schedule_that_finds_nothing_is_not_kept() -> None:
    stage = ReplayStage()
    ask(stage, 10, asked=Provenance(Kind.SCHEDULE, "schedule"))

    assert stage.memory.process().replays.newest(10) == []


def test_a_press_that_finds_nothing_is_kept_and_settled() -> None:
    stage = ReplayStage()
    _, replay = ask(stage, 10)

    assert replay.settled
    assert kept(stage).put_back == 0


def test_a_lost_handover_is_found_once_the_lease_is_over() -> None:
    stage = ReplayStage()
    stage.park(*keys(40))
    process = stage.slow(1)
    process.wire.break_next("Invoke", Fault.THROTTLED)

    report, _ = ask(stage, 40, process, seconds=12)

    assert report.more
    assert stage.memory.handed_over == []
    relayed(stage)
    assert kept(stage).put_back == 40


def test_the_sweep_counts_what_became_of_the_jobs_until_nothing_more_can() -> None:
    stage = ReplayStage()
    stage.park("a", "b")
    ask(stage, 2)
    stage.memory.process().engines.sweep.run(60)
    assert kept(stage).outcomes == {"running": 2}
    assert not kept(stage).settled

    stage.memory.run()
    stage.memory.process().engines.sweep.run(60)

    assert kept(stage).outcomes == {"finished": 2}
    assert kept(stage).settled
    assert stage.memory.process().replays.open() == []


def test_a_job_tells_which_replays_have_put_it_back() -> None:
    stage = ReplayStage()
    stage.park("a", "b")
    _, first = ask(stage, 1)
    ask(stage, 1)
    stage.memory.run()

    replays, whole = stage.memory.process().engines.keeping.of_job(stage.memory.claims[JOB + "a"])

    assert ([each.id for each in replays], whole) == ([first.id], True)


def test_the_newest_come_first_page_by_page() -> None:
    stage = ReplayStage()
    ids = []
    for _ in range(5):
        ids.append(ask(stage, 1)[1].id)
        stage.memory.clock.pause(1)
    replays = stage.memory.process().replays

    page = replays.newest(3)
    rest = replays.newest(3, page[-1].order)

    assert [each.id for each in (*page, *rest)] == ids[::-1]


def test_what_the_trigger_puts_back_is_one_replay_a_day() -> None:
    stage = ReplayStage()
    stage.park("a", "b")
    keeping = stage.memory.process().engines.keeping
    claims = stage.memory.claims
    keeping.note(Kind.TRIGGER, "", [ChosenJob.of(claims[JOB + "a"])])
    keeping.note(Kind.TRIGGER, "", [ChosenJob.of(claims[JOB + "b"])])

    assert (kept(stage).kind, kept(stage).put_back, kept(stage).course) == (
        Kind.TRIGGER,
        2,
        Course.DONE,
    )

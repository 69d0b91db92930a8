"""Each job is recovered in the cheapest way that its execution allows, and once."""

from dataclasses import replace

import pytest

from chalicelib.job.execution import Status
from chalicelib.job.plan import Action
from chalicelib.replaying.recovery import Outcome
from tests.fakes.run import TASK
from tests.fakes.spool import Delivery
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Died, Fault, Wire
from tests.unit.replay_stage import ReplayStage

DAY = 86_400


@pytest.fixture
def stage() -> ReplayStage:
    return ReplayStage()


def outcome(stage: ReplayStage) -> Outcome:
    """Of the one job that there is, in a replay of its own."""
    stage.replay()
    (only,) = stage.outcomes
    return only


def test_a_parked_job_is_resumed_by_its_token_in_one_call_and_done_once(stage: ReplayStage) -> None:
    stage.fakes.machine.upstream = ("A", "B")
    stage.park("1")
    process = stage.fakes.process()
    stage.replay(process=process)
    assert stage.outcomes[0].action is Action.RESUME
    assert process.wire.calls.count("SendTaskSuccess") == 1
    assert "DescribeExecution" not in process.wire.calls
    assert stage.finish() == ["1"]
    assert stage.fakes.service.steps == {"A": 1, "B": 1}


def test_a_dead_job_is_redriven_and_repeats_no_earlier_step(stage: ReplayStage) -> None:
    stage.fakes.machine.upstream = ("A", "B")
    arn = stage.abort("1")
    assert outcome(stage).action is Action.REDRIVE
    assert stage.finish() == ["1"]
    assert stage.fakes.executions.describe(arn).redrives == 1
    assert stage.fakes.service.steps == {"A": 1, "B": 1}
    assert stage.fakes.table.jobs == {}
    assert stage.fakes.table.held == {}


def _heard_late(stage: ReplayStage, days: float) -> None:
    """Its message is younger than its end, which may be just over 14 days ago."""
    arn = stage.fakes.executions.start("job-1", '{"key": "1"}')
    stage.fakes.machine.run_to(arn, TASK)
    stage.fakes.executions.stop(arn, "Aborted", "by hand")
    stage.fakes.clock.pause(DAY)
    stage.hear()
    stage.fakes.clock.pause((days - 1) * DAY)


@pytest.mark.parametrize(("days", "action"), [(13.99, Action.REDRIVE), (14, Action.RESTART)])
def test_redrive_ends_fourteen_days_after_the_end(
    stage: ReplayStage, days: float, action: Action
) -> None:
    _heard_late(stage, days)
    assert outcome(stage).action is action
    assert stage.finish() == ["1"]


@pytest.mark.parametrize(("events", "action"), [(24_998, "redrive"), (24_999, "restart")])
def test_redrive_ends_with_the_room_in_the_history(
    stage: ReplayStage, events: int, action: str
) -> None:
    stage.fakes.executions.runs[stage.abort("1")].events = events
    assert outcome(stage).action == action
    assert stage.finish() == ["1"]


def test_what_ended_in_a_fail_state_is_restarted(stage: ReplayStage) -> None:
    stage.park("1")
    stage.fakes.process().spool.delete(stage.fakes.process().spool.receive(10, 60))
    run = stage.fakes.executions.runs[stage.arn("1")]
    run.enter("HistoryFull")
    stage.fakes.executions.close(run, Status.FAILED, "HistoryFull", "waited too often")
    stage.hear()
    stage.fakes.clock.pause(60)
    assert outcome(stage).action is Action.RESTART
    assert stage.finish() == ["1"]


def test_where_redrive_is_refused_the_job_is_restarted_and_holds_no_slot(
    stage: ReplayStage,
) -> None:
    arn = stage.abort("1")
    stage.fakes.executions.refuses = True
    assert outcome(stage).action is Action.RESTART
    assert arn not in stage.fakes.table.held.get(TASK, set())
    assert stage.finish() == ["1"]
    assert stage.fakes.executions.describe(arn).status is Status.ABORTED


def test_a_redriven_job_is_told_as_one_that_goes_on(stage: ReplayStage) -> None:
    stage.abort("1")
    stage.replay()
    claim = stage.fakes.table.jobs["1"]
    assert (claim.parked_at, claim.spooled_at, claim.stuck_at) == ("", "", "")
    assert claim.resumed_at > claim.first_failed_at


def test_a_job_redriven_where_it_was_parked_is_told_as_parked(stage: ReplayStage) -> None:
    stage.park("1")
    arn = stage.fakes.table.jobs["1"].execution
    stage.fakes.executions.stop(arn, "Aborted", "by hand")
    stage.hear()
    parked = stage.fakes.table.jobs["1"].parked_at
    stage.replay()
    claim = stage.fakes.table.jobs["1"]
    assert (claim.parked_at, claim.spooled_at) == (parked, "")
    assert stage.fakes.executions.describe(arn).redrives == 1


def test_a_restart_after_a_refused_redrive_that_never_began_is_not_lost(
    stage: ReplayStage,
) -> None:
    stage.fakes.executions.refuses = True
    stage.abort("1")
    wire = Wire().break_next("StartExecution", Fault.DIED_BEFORE)
    with pytest.raises(Died):
        stage.replay(process=stage.fakes.process(wire))
    claim = stage.fakes.table.jobs["1"]
    stage.fakes.process().sweep()
    assert stage.fakes.table.jobs["1"] == claim  # its key is still kept for it
    stage.fakes.clock.pause(15 * DAY)  # its message is dropped
    stage.fakes.process().sweep()
    stage.replay()
    assert stage.finish() == ["1"]


def test_a_job_that_waits_for_a_place_to_be_redriven_in_is_told_as_parked() -> None:
    stage = ReplayStage(FakeStage(task_limit=1))
    stage.abort("1")
    stage.fakes.table.limits[TASK] = 0
    before = stage.fakes.table.jobs["1"]
    stage.replay()
    assert stage.fakes.table.jobs["1"] == before


def test_a_redrive_into_a_task_takes_a_slot_before_it(stage: ReplayStage) -> None:
    arn = stage.abort("1")
    stage.replay()
    assert stage.fakes.table.held == {TASK: {arn}}


@pytest.mark.parametrize("state", ["ClaimJob", "TakeSlot"])
def test_a_redrive_outside_the_task_takes_no_slot(stage: ReplayStage, state: str) -> None:
    stage.abort("1", state)
    assert outcome(stage).action is Action.REDRIVE
    assert stage.fakes.table.held == {}
    assert stage.finish() == ["1"]


@pytest.mark.parametrize("limit", [0, 1])
def test_a_redrive_into_a_task_that_is_held_or_full_waits(limit: int) -> None:
    stage = ReplayStage(FakeStage(task_limit=1))
    stage.abort("1")
    stage.fakes.table.enter(TASK, "arn:another", 1)
    stage.fakes.table.limits[TASK] = limit
    report = stage.replay()
    assert report.failed == [{"key": "1", "reason": "its task UncertainTask is full or held"}]
    assert stage.fakes.table.held == {TASK: {"arn:another"}}
    assert len(stage.visible()) == 1


def test_a_redriven_job_that_dies_again_is_a_death_of_its_own(stage: ReplayStage) -> None:
    arn = stage.abort("1")
    stage.replay()
    stage.fakes.executions.stop(arn, "Aborted", "once more")
    stage.hear()
    stage.fakes.clock.pause(60)
    assert stage.fakes.table.jobs["1"].attempt == 2
    assert outcome(stage).action is Action.REDRIVE
    assert stage.finish() == ["1"]
    assert stage.fakes.executions.describe(arn).redrives == 2


def test_a_redriven_job_that_dies_again_restarts_under_another_name(stage: ReplayStage) -> None:
    arn = stage.abort("1")
    stage.replay()
    stage.fakes.executions.stop(arn, "Aborted", "once more")
    stage.fakes.executions.redrives = False
    stage.hear()
    stage.fakes.clock.pause(60)
    assert outcome(stage).action is Action.RESTART
    assert stage.finish() == ["1"]


def test_a_redrive_that_got_no_answer_but_took_effect_is_not_followed_by_a_restart(
    stage: ReplayStage,
) -> None:
    stage.abort("1")
    wire = Wire().break_next("RedriveExecution", Fault.UNANSWERED)
    report = stage.replay(process=stage.fakes.process(wire))
    assert [failed["key"] for failed in report.failed] == ["1"]
    stage.fakes.clock.pause(3600)
    assert outcome(stage).action is Action.STALE
    assert stage.finish() == ["1"]
    assert len(stage.fakes.executions.runs) == 1


def _twice_delivered(redrives: bool) -> ReplayStage:
    stage = ReplayStage(FakeStage(delivery=Delivery.CONCURRENTLY))
    stage.fakes.executions.redrives = redrives
    stage.abort("1")
    return stage


@pytest.mark.parametrize("finishes", [True, False])
@pytest.mark.parametrize(
    ("call", "redrives"), [("RedriveExecution", True), ("StartExecution", False)]
)
def test_two_with_one_message_at_once_let_the_job_go_on_once(
    call: str, redrives: bool, finishes: bool
) -> None:
    rehearsal = _twice_delivered(redrives).fakes.process()
    rehearsal.replay()
    stage = _twice_delivered(redrives)

    def quicker() -> None:
        assert stage.fakes.process().replay().replayed == 1
        if finishes:
            stage.finish()

    wire = Wire().interrupt_at(rehearsal.wire.calls.index(call), quicker)
    stage.replay(process=stage.fakes.process(wire))
    # StartExecution answers a second start like the first one, as long as that runs.
    twice = call == "StartExecution" and not finishes
    assert stage.outcomes[0].action is (Action.RESTART if twice else Action.STALE)
    assert stage.finish() == ["1"]
    assert len(stage.fakes.executions.runs) == (1 if redrives else 2)


def test_an_aborted_parked_job_with_two_messages_goes_on_once(stage: ReplayStage) -> None:
    stage.park("1")
    stage.fakes.executions.stop(stage.arn("1"), "Aborted", "by hand")
    stage.fakes.executions.redrives = False
    stage.hear()
    stage.fakes.clock.pause(60)
    report = stage.replay()
    assert (report.as_json()["restarted"], report.as_json()["stale"]) == (1, 1)
    assert stage.finish() == ["1"]


def test_a_restart_has_the_input_of_the_first_start_to_the_letter(stage: ReplayStage) -> None:
    stage.fakes.executions.redrives = False
    odd = '{"key":  "1", "n": 1.0, "big": 12345678901234567890}'
    arn = stage.fakes.executions.start("odd", odd)
    stage.fakes.machine.run_to(arn, TASK)
    stage.fakes.executions.stop(arn, "Aborted", "by hand")
    stage.hear()
    stage.fakes.clock.pause(60)
    stage.replay()
    (successor,) = stage.fakes.executions.running()
    assert successor.input == odd


def test_a_restart_outlives_the_execution_s_own_record(stage: ReplayStage) -> None:
    arn = stage.abort("1")
    del stage.fakes.executions.runs[arn]  # 90 days after its end
    assert outcome(stage).action is Action.RESTART
    assert stage.finish() == ["1"]


def test_a_restart_takes_its_key_over_and_a_new_start_of_that_key_is_refused(
    stage: ReplayStage,
) -> None:
    stage.fakes.executions.redrives = False
    stage.abort("1")
    stage.replay()
    late = stage.fakes.executions.start("late", '{"key": "1"}')
    assert stage.finish() == ["1"]
    assert stage.fakes.executions.describe(late).error == "AlreadyRunning"


def test_a_key_that_another_took_meanwhile_is_not_taken_back(stage: ReplayStage) -> None:
    stage.fakes.executions.redrives = False
    arn = stage.abort("1")
    stage.fakes.table.change("1", arn, lambda old: replace(old, execution="arn:another"))
    assert outcome(stage).action is Action.STALE
    assert len(stage.fakes.executions.runs) == 1


def test_a_restart_that_never_came_about_is_spooled_anew_after_ten_days(
    stage: ReplayStage,
) -> None:
    stage.fakes.executions.redrives = False
    stage.abort("1")
    wire = Wire().break_next("StartExecution", Fault.THROTTLED, 10_000)
    stage.replay(process=stage.fakes.process(wire))
    stage.fakes.clock.pause(9 * DAY)
    assert stage.fakes.process().sweep().renewed == []
    stage.fakes.clock.pause(6 * DAY)  # SQS has dropped the first message by now
    assert stage.fakes.process().sweep().renewed == ["1"]
    assert stage.fakes.process().sweep().renewed == []
    stage.fakes.clock.pause(60)
    assert outcome(stage).action is Action.RESTART
    assert stage.finish() == ["1"]


def test_a_given_up_job_whose_restart_never_came_about_never_starts(stage: ReplayStage) -> None:
    stage.fakes.executions.redrives = False
    stage.abort("1")
    wire = Wire().break_next("StartExecution", Fault.DIED_BEFORE)
    with pytest.raises(BaseException, match="StartExecution"):
        stage.replay(process=stage.fakes.process(wire))
    stage.fakes.process().give_up.end("1", "nobody wants it")  # its message is hidden still
    stage.fakes.clock.pause(3600)
    assert outcome(stage).action is Action.STALE
    assert stage.finish() == []
    assert stage.fakes.table.jobs == {}

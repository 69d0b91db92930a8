"""Each job is recovered in the cheapest way that its execution allows, and once."""

import json
from collections.abc import Callable
from functools import partial

import pytest

from chalicelib import metrics
from chalicelib.job.claim import FOR_EVER, JOB, State
from chalicelib.job.execution import Status
from chalicelib.job.plan import FOREIGN, NO_INPUT, Action, Choice
from chalicelib.replaying.dead_jobs import PARKED_AGAIN
from chalicelib.replaying.outcome import Outcome
from chalicelib.replaying.recovery import UNSETTLED
from chalicelib.replaying.redrive import SETTLED
from tests.fakes.run import Run
from tests.fakes.service import TASK
from tests.fakes.stage import Process
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


def running(stage: ReplayStage) -> Run:
    (only,) = stage.memory.executions.running()
    return only


def test_a_parked_job_is_resumed_by_its_token_in_one_call_and_done_once(stage: ReplayStage) -> None:
    stage.park("1")
    process = stage.memory.process()
    stage.replay(process=process)
    assert stage.outcomes[0].action is Action.RESUME
    assert process.wire.calls.count("SendTaskSuccess") == 1
    assert "DescribeExecution" not in process.wire.calls
    assert stage.finish() == ["1"]


def test_a_dead_job_is_redriven_where_it_failed(stage: ReplayStage) -> None:
    arn = stage.abort("1")
    assert outcome(stage).action is Action.REDRIVE
    assert stage.finish() == ["1"]
    assert stage.memory.executions.describe(arn).redrives == 1
    assert stage.claim("1").state is State.FINISHED
    assert stage.memory.slots.owners == {}


@pytest.mark.parametrize(("days", "action"), [(13.99, Action.REDRIVE), (14, Action.RESTART)])
def test_redrive_ends_fourteen_days_after_the_end(
    stage: ReplayStage, days: float, action: Action
) -> None:
    stage.abort("1")
    stage.memory.clock.pause(days * DAY - 60)
    assert outcome(stage).action is action
    assert stage.finish() == ["1"]


@pytest.mark.parametrize(("events", "action"), [(24_998, "redrive"), (24_999, "restart")])
def test_redrive_ends_with_the_room_in_the_history(
    stage: ReplayStage, events: int, action: str
) -> None:
    stage.memory.executions.runs[stage.abort("1")].events = events
    assert outcome(stage).action == action
    assert stage.finish() == ["1"]


def test_what_ended_in_a_fail_state_is_neither_redriven_nor_restarted(stage: ReplayStage) -> None:
    arn = stage.abort("1")
    run = stage.memory.executions.runs[arn]
    run.status, run.error, run.fail_state = Status.FAILED, "Enough", True
    assert outcome(stage).action is Action.STALE
    assert (stage.claim("1").state, stage.finish()) == (State.FAILED, [])


def test_a_redriven_job_is_told_as_running_and_has_its_slot(stage: ReplayStage) -> None:
    arn = stage.abort("1")
    stage.replay()
    claim = stage.claim("1")
    assert (claim.state, claim.dead_at, claim.token) == (State.RUNNING, "", "")
    assert stage.memory.slots.owners == {"job#1": arn}


@pytest.mark.parametrize("state", ["TakeSlot", "Finish"])
def test_a_redrive_outside_the_task_takes_no_slot(stage: ReplayStage, state: str) -> None:
    stage.abort("1", state)
    assert outcome(stage).action is Action.REDRIVE
    assert stage.memory.slots.owners == {}
    assert stage.finish() == ["1"]


def _full(stage: ReplayStage, limit: int = 1) -> str:
    """Another job is inside a task that takes no more."""
    other = stage.memory.executions.start("other", '{"key": "other"}')
    stage.memory.machine.run_to(other, TASK)
    line = stage.memory.process().line
    line.set_limit(TASK, limit, "Ann", "", stage.memory.clock.iso())
    return other


@pytest.mark.parametrize("redrives", [True, False])
def test_a_redrive_into_a_full_task_goes_on_when_its_turn_comes(
    stage: ReplayStage, redrives: bool
) -> None:
    stage.abort("1")
    _full(stage)
    report = stage.replay().as_json()
    assert (report["replayed"], report["resumed"], report["in_line"]) == (1, 0, 1)
    assert stage.claim("1").state is State.LINE
    stage.memory.executions.redrives = redrives
    assert stage.finish() == ["1", "other"]
    assert (stage.memory.slots.owners, stage.memory.slots.waiting) == ({}, 0)


@pytest.mark.parametrize("failed", [True, False])
def test_a_job_that_died_in_line_gets_one_place_and_another_token(
    stage: ReplayStage, failed: bool
) -> None:
    if failed:
        stage.park("1")
        _full(stage)
        stage.replay()
    else:
        _full(stage)
        stage.memory.executions.start("job-1", '{"key": "1"}')
    stage.wait("1")
    before = stage.claim("1")
    assert before.state is State.LINE
    stage.stop(stage.arn("1"))
    assert stage.memory.slots.waiting == 0
    stage.replay()
    stage.wait("1")
    after = stage.claim("1")
    assert (after.state, stage.memory.slots.waiting) == (State.LINE, 1)
    assert (after.order, after.token == before.token) == (before.order, False)
    assert stage.finish() == ["1", "other"]


def test_a_redriven_job_that_dies_again_is_a_death_of_its_own(stage: ReplayStage) -> None:
    arn = stage.abort("1")
    stage.replay()
    stage.stop(arn)
    assert (stage.claim("1").attempt, stage.claim("1").state) == (2, State.PARKED)
    assert outcome(stage).action is Action.REDRIVE
    assert stage.finish() == ["1"]
    assert stage.memory.executions.describe(arn).redrives == 2


def test_a_redriven_job_that_dies_again_restarts_under_another_name(stage: ReplayStage) -> None:
    arn = stage.abort("1")
    stage.replay()
    stage.memory.executions.redrives = False
    stage.stop(arn)
    assert outcome(stage).action is Action.RESTART
    assert stage.finish() == ["1"]


def test_where_redrive_is_refused_the_job_is_restarted_and_holds_no_slot(
    stage: ReplayStage,
) -> None:
    arn = stage.abort("1")
    stage.memory.executions.refuses = True
    start = stage.memory.clock.elapsed()
    assert outcome(stage).action is Action.RESTART
    assert stage.memory.clock.elapsed() - start >= SETTLED  # a look that can be relied upon
    assert stage.memory.slots.owners == {}
    assert stage.finish() == ["1"]
    assert stage.memory.executions.describe(arn).status is Status.ABORTED


def test_without_the_time_for_a_later_look_a_refused_redrive_is_left_as_it_was(
    stage: ReplayStage,
) -> None:
    stage.abort("1")
    stage.memory.executions.refuses = True
    report = stage.replay(seconds=2)
    assert (report.replayed, report.failed, report.more) == (0, [], True)
    assert stage.memory.slots.owners == {}
    assert (stage.claim("1").state, bool(stage.claim("1").dead_at)) == (State.PARKED, True)


def test_a_redrive_that_got_no_answer_but_took_effect_is_not_followed_by_a_restart(
    stage: ReplayStage,
) -> None:
    stage.abort("1")
    wire = Wire().break_next("RedriveExecution", Fault.UNANSWERED)
    report = stage.replay(process=stage.memory.process(wire))
    assert [failed["key"] for failed in report.failed] == ["1"]
    assert stage.replay().replayed == 0
    assert stage.finish() == ["1"]
    assert stage.replay().replayed == 0
    assert len(stage.memory.executions.runs) == 1


@pytest.mark.parametrize("state", [TASK, "TakeSlot", "Finish"])
def test_a_redrive_by_hand_that_nobody_sees_yet_is_not_followed_by_a_restart(
    stage: ReplayStage, state: str
) -> None:
    arn = stage.abort("1", state)
    stage.memory.executions.lag()
    stage.memory.executions.redrive(arn)
    waits: list[float] = []

    def pause(seconds: float) -> None:
        stage.memory.clock.pause(seconds)
        waits.append(seconds)
        stage.memory.executions.catch_up()

    stage.replay(engine=stage.pausing(pause))
    assert [each.action for each in stage.outcomes] == [Action.STALE]
    assert waits == [SETTLED]
    assert stage.finish() == ["1"]
    assert len(stage.memory.executions.runs) == 1


@pytest.mark.parametrize("state", [TASK, "TakeSlot", "Finish"])
def test_a_redrive_by_hand_that_looks_hide_for_long_is_known_by_the_refusal_s_reason(
    stage: ReplayStage, state: str
) -> None:
    arn = stage.abort("1", state)
    stage.memory.executions.explains = True
    stage.memory.clock.pause(600)
    stage.memory.executions.lag()
    stage.memory.executions.redrive(arn)
    stage.replay()
    assert [each.action for each in stage.outcomes] == [Action.STALE]
    stage.memory.executions.catch_up()
    assert stage.finish() == ["1"]
    assert len(stage.memory.executions.runs) == 1


@pytest.mark.parametrize(
    ("state", "redrives"),
    [(TASK, True), (TASK, False), ("TakeSlot", True), ("Park", True), ("Park", False)],
)
def test_replays_whose_looks_lag_let_a_dead_job_go_on_once(
    stage: ReplayStage, state: str, redrives: bool
) -> None:
    stage.memory.service.broken = state == "Park"
    stage.abort("1", state)
    stage.memory.service.broken = False
    stage.memory.executions.redrives = redrives
    stage.memory.executions.lag()
    for _ in range(3):
        stage.replay()
    stage.memory.executions.catch_up()
    stage.finish()
    for _ in range(2):
        stage.memory.clock.pause(3600)
        stage.replay()
        stage.finish()
    assert stage.finish() == ["1"]


@pytest.mark.parametrize("redrives", [True, False])
@pytest.mark.parametrize("state", [TASK, "TakeSlot", "Park"])
def test_many_dead_jobs_go_on_once_while_looks_lag_and_executions_run(
    stage: ReplayStage, state: str, redrives: bool
) -> None:
    """What doubled 40 of 40 jobs once: they were aborted, and DescribeExecution lagged."""
    keys = [f"{n:02}" for n in range(12)]
    stage.memory.service.broken = state == "Park"
    for key in keys:
        stage.abort(key, state)
    stage.memory.service.broken = False
    stage.memory.executions.redrives = redrives
    stage.memory.executions.lag()

    def pause(seconds: float) -> None:
        stage.memory.clock.pause(seconds)
        stage.memory.run()

    for _ in range(3):
        stage.replay(engine=stage.pausing(pause))
        stage.memory.run()
        stage.memory.clock.pause(1)
    stage.memory.executions.catch_up()
    stage.hear()
    stage.replay(engine=stage.pausing(pause))
    assert stage.finish() == keys
    assert stage.memory.waiting == {}


def _rehearsed(prepare: Callable[[ReplayStage], object]) -> list[str]:
    """The calls of a replay of what was prepared."""
    stage = ReplayStage()
    prepare(stage)
    process = stage.memory.process()
    stage.replay(process=process)
    return process.wire.calls


def _dead(redrives: bool, lags: bool, state: str) -> Callable[[ReplayStage], object]:
    def prepare(stage: ReplayStage) -> None:
        stage.abort("1", state)
        stage.memory.executions.redrives = redrives
        if lags:
            stage.memory.executions.lag()

    return prepare


def _replay(stage: ReplayStage, process: Process) -> None:
    stage.replay(process=process)


@pytest.mark.parametrize("lags", [False, True])
@pytest.mark.parametrize("redrives", [True, False])
@pytest.mark.parametrize("state", [TASK, "TakeSlot"])
def test_two_at_once_let_a_dead_job_go_on_once_wherever_they_meet(
    state: str, redrives: bool, lags: bool
) -> None:
    prepare = _dead(redrives, lags, state)
    calls = _rehearsed(prepare)
    for at in range(calls.index("ReceiveMessage")):
        stage = ReplayStage()
        prepare(stage)
        rival = stage.memory.process()
        wire = Wire().interrupt_at(at, partial(_replay, stage, rival))
        stage.replay(process=stage.memory.process(wire))
        stage.memory.executions.catch_up()
        stage.finish()
        stage.memory.clock.pause(3600)
        stage.replay()
        assert stage.finish() == ["1"], at
        assert (stage.memory.slots.owners, stage.memory.slots.waiting) == ({}, 0)


def test_a_job_aborted_while_parked_is_redriven_and_resumed_there(stage: ReplayStage) -> None:
    stage.park("1")
    stage.stop(stage.arn("1"))

    def pause(seconds: float) -> None:
        stage.memory.clock.pause(seconds)
        stage.memory.run()

    report = stage.replay(engine=stage.pausing(pause))
    assert (report.as_json()["resumed"], report.failed) == (1, [])
    assert stage.finish() == ["1"]
    assert len(stage.memory.executions.runs) == 1


def test_a_job_that_a_redrive_only_parks_again_is_not_told_as_resumed(stage: ReplayStage) -> None:
    stage.park("1")
    stage.stop(stage.arn("1"))
    report = stage.replay()  # the execution runs, but takes its time
    assert (report.replayed, report.failed) == (0, [{"key": "1", "reason": PARKED_AGAIN}])
    assert stage.finish() == []
    assert stage.claim("1").token
    assert stage.replay().replayed == 1
    assert stage.finish() == ["1"]


def test_a_death_that_nobody_has_heard_of_is_dealt_with_on_the_way(stage: ReplayStage) -> None:
    stage.park("1")
    stage.memory.executions.redrives = False
    stage.stop(stage.arn("1"), heard=False)
    assert outcome(stage).action is Action.RESTART
    stage.hear()
    assert stage.finish() == ["1"]
    assert stage.claim("1").state is State.FINISHED


def test_a_token_that_was_replaced_meanwhile_is_read_again(stage: ReplayStage) -> None:
    stage.park("1")
    old = stage.claim("1").token

    def renew() -> None:
        run = stage.memory.executions.runs[stage.arn("1")]
        new = stage.memory.executions.new_token(run)
        item = dict(stage.memory.table.items["job#1"])
        stage.memory.table.put("job#1", {**item, "token": {"S": new}})

    calls = _rehearsed(lambda other: other.park("1"))
    wire = Wire().interrupt_at(calls.index("SendTaskSuccess"), renew)
    stage.replay(process=stage.memory.process(wire))
    assert [each.action for each in stage.outcomes] == [Action.RESUME]
    assert stage.claim("1").token != old
    assert stage.finish() == ["1"]


def test_a_restart_has_the_input_of_the_first_start_to_the_letter(stage: ReplayStage) -> None:
    stage.memory.executions.redrives = False
    odd = '{"key":  "1", "n": 1.0, "big": 12345678901234567890}'
    arn = stage.memory.executions.start("odd", odd)
    stage.memory.machine.run_to(arn, TASK)
    stage.stop(arn)
    stage.replay()
    assert running(stage).input == odd


def test_a_dead_job_of_another_machine_is_never_started_in_ours(stage: ReplayStage) -> None:
    """Not even where its note has the input, and its execution is forgotten."""
    stage.abort("1")
    theirs = "arn:aws:states:us-east-1:123456789012:execution:theirs:job-1"
    item = stage.memory.table.items["job#1"]
    stage.memory.table.put("job#1", {**item, "execution": {"S": theirs}})
    (body,) = stage.memory.spool.bodies
    note = json.loads(body) | {"execution": theirs, "input": {"key": "1"}}
    stage.memory.process().spool.send(json.dumps(note))
    runs = set(stage.memory.executions.runs)

    report = stage.replay()

    assert set(stage.memory.executions.runs) == runs
    assert report.replayed == 0
    assert FOREIGN in {each["reason"] for each in report.failed}
    assert stage.claim("1").waits


def test_a_restart_that_died_before_it_claimed_anything_is_restarted_anew(
    stage: ReplayStage,
) -> None:
    stage.memory.executions.redrives = False
    stage.abort("1")
    stage.replay()
    second = running(stage)
    stage.stop(second.arn)

    stage.replay()

    assert running(stage).arn != second.arn
    assert stage.finish() == ["1"]


def test_how_long_a_restarted_job_waited_is_measured_as_well(stage: ReplayStage) -> None:
    stage.memory.executions.redrives = False
    stage.abort("1")
    stage.memory.clock.pause(600)
    process = stage.memory.process()

    stage.replay(process=process)

    assert process.telemetry.counts[metrics.WAITED] >= 600


def test_a_restart_keeps_the_job_s_place_and_its_failures(stage: ReplayStage) -> None:
    stage.memory.executions.redrives = False
    stage.abort("1")
    before = stage.claim("1")
    stage.replay()
    after = stage.claim("1")
    assert (after.order, after.attempt, after.predecessor) == (before.order, 1, before.execution)
    stage.memory.service.broken = True
    stage.memory.run()
    parked = stage.claim("1")
    assert (parked.order, parked.attempt) == (before.order, 2)
    assert parked.first_failed_at == before.first_failed_at


def test_without_a_key_in_its_input_a_job_restarts_under_its_new_name(stage: ReplayStage) -> None:
    stage.memory.executions.redrives = False
    arn = stage.memory.executions.start("nameless", "{}")
    stage.memory.machine.run_to(arn, TASK)
    stage.stop(arn)
    stage.replay()
    new = running(stage)
    claim = stage.memory.waiting[JOB + new.name]
    assert (claim.execution, claim.predecessor, claim.started_at) == (
        new.arn,
        arn,
        stage.memory.claims["job#nameless"].started_at,
    )
    assert stage.memory.claims["job#nameless"].ended_at
    stage.memory.run()
    assert stage.memory.service.done == {"{}": 1}


@pytest.mark.parametrize("redrives", [True, False])
def test_a_restart_outlives_the_execution_s_own_record_by_its_note(
    stage: ReplayStage, redrives: bool
) -> None:
    stage.memory.executions.redrives = redrives
    arn = stage.abort("1")
    del stage.memory.executions.runs[arn]  # 90 days after its end
    report = stage.replay()
    assert (report.as_json()["restarted"], report.failed, report.remaining) == (1, [], 0)
    assert stage.finish() == ["1"]
    assert stage.noted() == []


def test_without_an_input_anywhere_a_job_is_named_and_left(stage: ReplayStage) -> None:
    del stage.memory.executions.runs[stage.abort("1")]
    stage.memory.process().spool.delete(stage.memory.process().spool.receive(10, 60))
    stage.park("2")
    report = stage.replay()
    assert (report.replayed, report.remaining) == (1, 1)
    assert report.failed == [{"key": "1", "reason": NO_INPUT}]


def test_a_restart_takes_its_key_over_and_a_new_start_of_that_key_is_refused(
    stage: ReplayStage,
) -> None:
    stage.memory.executions.redrives = False
    stage.abort("1")
    stage.replay()
    late = stage.memory.executions.start("late", '{"key": "1"}')
    stage.memory.machine.run_to(late, "nowhere")
    assert stage.memory.executions.describe(late).error == "AlreadyRunning"
    assert stage.finish() == ["1"]


@pytest.mark.parametrize("fault", [Fault.DIED_BEFORE, Fault.DIED_AFTER])
@pytest.mark.parametrize("text", ['{"key": "1"}', "{}"])
def test_a_restart_that_was_handed_over_and_never_began_is_begun_by_the_next_replay(
    stage: ReplayStage, fault: Fault, text: str
) -> None:
    stage.memory.executions.redrives = False
    arn = stage.memory.executions.start("job-1", text)
    stage.memory.machine.run_to(arn, TASK)
    stage.stop(arn)
    wire = Wire().break_next("StartExecution", fault)
    with pytest.raises(Died):
        stage.replay(process=stage.memory.process(wire))
    stage.memory.clock.pause(3600)
    stage.replay()
    stage.memory.run()
    assert stage.memory.service.done == {text: 1}
    assert stage.memory.waiting == {}


def test_a_process_that_dies_before_its_redrive_leaves_a_slot_that_says_so(
    stage: ReplayStage,
) -> None:
    arn = stage.abort("1")
    wire = Wire().break_next("RedriveExecution", Fault.DIED_BEFORE)
    with pytest.raises(Died):
        stage.replay(process=stage.memory.process(wire))
    claim = stage.claim("1")
    assert (claim.state, bool(claim.dead_at)) == (State.RUNNING, True)
    assert stage.memory.slots.owners == {"job#1": arn}
    assert stage.memory.process().claims.leave_again(claim, stage.memory.clock.iso())
    stage.memory.clock.pause(60)
    assert outcome(stage).action is Action.REDRIVE
    assert stage.finish() == ["1"]


def test_a_key_that_another_took_meanwhile_is_not_taken_back(stage: ReplayStage) -> None:
    stage.memory.executions.redrives = False
    stage.abort("1")
    calls = _rehearsed(_dead(False, False, TASK))

    def take() -> None:
        item = dict(stage.memory.table.items["job#1"])
        stage.memory.table.put("job#1", {**item, "execution": {"S": "arn:another"}})

    wire = Wire().interrupt_at(calls.index("UpdateItem"), take)
    stage.replay(process=stage.memory.process(wire))
    assert [each.action for each in stage.outcomes] == [Action.STALE]
    assert len(stage.memory.executions.runs) == 1


@pytest.mark.parametrize(("error", "how"), [("GivenUp", State.GIVEN_UP), ("BadInput", "failed")])
def test_a_job_that_was_meant_to_end_ends_for_good(
    stage: ReplayStage, error: str, how: str
) -> None:
    arn = stage.abort("1")
    stage.memory.executions.runs[arn].error = error
    assert outcome(stage).action is Action.STALE
    assert (stage.claim("1").state, stage.finish()) == (how, [])
    assert stage.replay().as_json()["stale"] == 0


def test_a_closed_gate_puts_a_dead_job_in_line_and_its_opening_lets_it_go_on(
    stage: ReplayStage,
) -> None:
    stage.abort("1")
    line = stage.memory.process().line
    line.close(TASK, FOR_EVER, "Ann", "repairs", stage.memory.clock.iso())
    assert stage.replay(choice=Choice(key="1")).as_json()["in_line"] == 1
    assert stage.finish() == []
    line.open(TASK, "Ann", "", stage.memory.clock.iso())
    assert stage.finish() == ["1"]


def test_a_dead_job_in_line_that_was_redriven_by_hand_keeps_the_slot_of_its_turn(
    stage: ReplayStage,
) -> None:
    arn = stage.abort("1")
    other = _full(stage)
    stage.replay()
    stage.memory.executions.redrive(arn)
    stage.memory.machine.run_to(arn, TASK)
    stage.memory.machine.run_to(other, "nowhere")
    stage.memory.admit()
    assert stage.memory.slots.owners == {"job#1": arn}
    assert stage.finish() == ["1", "other"]
    assert (stage.memory.slots.owners, stage.memory.slots.waiting) == ({}, 0)


def test_a_dead_job_whose_claim_does_not_say_so_yet_is_told_and_left(stage: ReplayStage) -> None:
    stage.memory.service.broken = True
    arn = stage.abort("1", "Park")
    stage.memory.machine.write_late(stage.memory.executions.runs[arn])
    assert (stage.claim("1").dead_at, bool(stage.claim("1").token)) == ("", True)
    report = stage.replay()
    assert report.failed == [{"key": "1", "reason": UNSETTLED}]


@pytest.mark.parametrize("state", ["TakeSlot", "Finish"])
def test_no_text_calls_a_job_resumed_that_comes_to_a_closed_gate(
    stage: ReplayStage, state: str
) -> None:
    stage.abort("1", state)
    line = stage.memory.process().line
    line.close(TASK, FOR_EVER, "Ann", "repairs", stage.memory.clock.iso())
    planned = stage.replay(dry_run=True).as_json()
    report = stage.replay().as_json()
    assert (report["resumed"], report["in_line"], planned["in_line"]) == (0, 1, 1)

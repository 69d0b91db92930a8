"""The rescue: a job that dies outside every Catch is parked once; an end that was meant is not."""

import json
from contextlib import suppress
from functools import partial

import pytest

from chalicelib import metrics
from chalicelib.errors import AwsError, RespoolError, Throttled
from chalicelib.job.claim import Claim, State
from chalicelib.job.execution import Status
from chalicelib.job.record import decode
from chalicelib.job.restarts import restart_name
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Died, Fault, Wire
from tests.unit.replay_stage import ReplayStage

KEYED = '{"key":"12345","amount":1}'
PK = "job#12345"
ACCIDENTS = [
    (Status.ABORTED, "", "Aborted"),
    (Status.TIMED_OUT, "", "TimedOut"),
    (Status.TIMED_OUT, "States.Timeout", "States.Timeout"),
    (Status.FAILED, "", "Failed"),
    (Status.FAILED, "States.Runtime", "States.Runtime"),
    (Status.FAILED, "States.DataLimitExceeded", "States.DataLimitExceeded"),
]
STATES = ["TakeSlot", TASK, "ErrorSpool", "Park", "Finish"]


@pytest.fixture
def stage() -> FakeStage:
    return FakeStage()


def dead(
    stage: FakeStage, status: Status = Status.ABORTED, error: str = "", state: str = TASK
) -> str:
    """A job that ended in that state without anybody's having heard of it."""
    arn = stage.executions.start("first", KEYED)
    stage.machine.run_to(arn, state)
    stage.executions.close(stage.executions.runs[arn], status, error, "the cause")
    return arn


def catch(stage: FakeStage, arn: str) -> str:
    return stage.process().engines.rescue.catch(arn)


@pytest.mark.parametrize(("status", "error", "name"), ACCIDENTS)
def test_a_job_that_dies_is_parked_dead_with_its_key_and_gives_its_slot_back(
    stage: FakeStage, status: Status, error: str, name: str
) -> None:
    arn = dead(stage, status, error)
    assert stage.slots.owners == {PK: arn}

    assert catch(stage, arn) == "parked"

    claim = stage.claims[PK]
    assert (claim.execution, claim.task, claim.token) == (arn, TASK, "")
    assert (claim.attempt, claim.error, claim.cause) == (1, name, "the cause")
    assert claim.dead_at == claim.failed_at == claim.first_failed_at != ""
    assert claim.noted_at != ""
    assert stage.slots.owners == {}


@pytest.mark.parametrize(("status", "error", "name"), ACCIDENTS)
def test_its_note_has_the_input_and_no_token(
    stage: FakeStage, status: Status, error: str, name: str
) -> None:
    arn = dead(stage, status, error)
    catch(stage, arn)

    (body,) = stage.spool.bodies
    assert "token" not in body
    record = decode(body)
    assert (record.key, record.execution, record.task, record.attempt) == ("12345", arn, TASK, 1)
    assert record.input == {"key": "12345", "amount": 1}
    assert (record.error.name, record.error.message) == (name, "the cause")
    assert record.started_at == stage.claims[PK].started_at


def test_a_result_that_was_too_large_is_stuck_at_once(stage: FakeStage) -> None:
    catch(stage, dead(stage, Status.FAILED, "States.DataLimitExceeded"))
    assert stage.claims[PK].state is State.STUCK


def test_any_other_death_waits_for_any_replay(stage: FakeStage) -> None:
    catch(stage, dead(stage))
    assert stage.claims[PK].state is State.PARKED


def test_a_stuck_job_that_dies_stays_stuck(stage: FakeStage) -> None:
    arn = parked(stage)
    claims = stage.process().claims
    assert claims.mark_stuck(stage.claims[PK], stage.clock.iso())
    stage.executions.stop(arn, "Aborted", "by hand")

    catch(stage, arn)

    assert stage.claims[PK].state is State.STUCK


def parked(stage: FakeStage) -> str:
    """A job that failed and waits on its token; the service is well again."""
    stage.service.broken = True
    arn = stage.executions.start("first", KEYED)
    stage.machine.run()
    stage.service.broken = False
    stage.clock.pause(1800)
    return arn


def test_a_job_that_dies_while_it_is_parked_keeps_its_first_failure(stage: FakeStage) -> None:
    arn = parked(stage)
    before = stage.claims[PK]
    stage.executions.stop(arn, "Aborted", "by hand")

    assert catch(stage, arn) == "parked"

    claim = stage.claims[PK]
    assert claim.token == ""
    assert claim.attempt == before.attempt + 1
    assert claim.first_failed_at == before.first_failed_at
    assert len(stage.spool.bodies) == 2


def test_a_job_that_dies_in_line_leaves_it_at_once() -> None:
    stage = FakeStage(task_limit=1)
    stage.machine.run_to(stage.executions.start("other", '{"key":"other"}'), TASK)
    arn = stage.executions.start("first", KEYED)
    stage.machine.run_to(arn, "WaitInLine")
    stage.machine.step(stage.executions.runs[arn])
    assert stage.slots.waiting == 1
    stage.executions.stop(arn, "Aborted", "by hand")

    assert catch(stage, arn) == "parked"

    assert stage.slots.waiting == 0
    assert list(stage.slots.owners) == ["job#other"]
    assert stage.claims[PK].state is State.PARKED


@pytest.mark.parametrize("state", STATES)
def test_wherever_it_dies_it_waits_and_holds_no_slot(stage: FakeStage, state: str) -> None:
    stage.service.broken = state in ("ErrorSpool", "Park")
    arn = dead(stage, state=state)

    assert catch(stage, arn) == "parked"

    assert stage.waiting[PK].execution == arn
    assert stage.slots.owners == {}


def test_a_job_that_dies_before_it_claims_its_key_is_parked_all_the_same(stage: FakeStage) -> None:
    arn = dead(stage, state="")
    assert stage.claims == {}

    assert catch(stage, arn) == "parked"

    claim = stage.claims[PK]
    assert (claim.execution, claim.task, claim.attempt) == (arn, TASK, 1)
    assert claim.started_at == "2026-11-24T09:00:00.001Z"


def test_a_job_without_a_key_is_known_by_its_execution(stage: FakeStage) -> None:
    arn = stage.executions.start("first", '{"amount":1}')
    stage.executions.stop(arn, "Aborted", "by hand")

    assert catch(stage, arn) == "parked"

    assert list(stage.claims) == ["job#first"]


# Once


def test_a_death_that_is_announced_often_is_dealt_with_once(stage: FakeStage) -> None:
    arn = dead(stage)

    assert [catch(stage, arn) for _ in range(3)] == ["parked", "already", "already"]

    assert stage.spool.depth() == 1
    assert stage.claims[PK].attempt == 1


@pytest.mark.parametrize("fault", list(Fault))
def test_a_rescue_that_dies_anywhere_is_finished_by_the_next(fault: Fault) -> None:
    for number in range(40):
        stage = FakeStage()
        arn = dead(stage)
        wire = Wire().break_at(number, fault)
        with suppress(Died, RespoolError):
            stage.process(wire).engines.rescue.catch(arn)
        catch(stage, arn)
        claim = stage.claims[PK]
        assert (claim.attempt, claim.state, claim.execution) == (1, State.PARKED, arn)
        assert stage.slots.owners == {}
        assert stage.spool.depth() in (1, 2)
        assert catch(stage, arn) == "already"
        if len(wire.calls) <= number:
            return
    raise AssertionError("the calls never end")


def _catch(stage: FakeStage, arn: str) -> None:
    catch(stage, arn)


def test_two_rescues_at_once_count_one_failure() -> None:
    for number in range(40):
        stage = FakeStage()
        arn = dead(stage)
        wire = Wire()
        wire.interrupt_at(number, partial(_catch, stage, arn))
        stage.process(wire).engines.rescue.catch(arn)
        assert stage.claims[PK].attempt == 1
        if len(wire.calls) <= number:
            return
    raise AssertionError("the calls never end")


def test_a_death_is_not_dealt_with_while_the_spool_can_not_be_reached(stage: FakeStage) -> None:
    arn = dead(stage)
    broken = stage.process(Wire().break_next("SendMessage", Fault.THROTTLED))

    with pytest.raises(AwsError):
        broken.engines.rescue.catch(arn)

    assert stage.claims[PK].state is State.PARKED  # nobody waits for the spool
    assert stage.spool.depth() == 0
    assert catch(stage, arn) == "parked"
    assert stage.spool.depth() == 1
    assert stage.claims[PK].attempt == 1


def test_each_death_of_a_redriven_execution_is_dealt_with(stage: FakeStage) -> None:
    arn = dead(stage)
    catch(stage, arn)
    stage.executions.redrive(arn)
    stage.machine.run_to(arn, TASK)
    stage.executions.stop(arn, "Aborted", "again")

    assert catch(stage, arn) == "parked"
    assert stage.claims[PK].attempt == 2


def test_a_death_from_before_a_redrive_takes_no_token_of_the_living_job(stage: FakeStage) -> None:
    arn = parked(stage)
    stage.executions.stop(arn, "Aborted", "by hand")
    stage.executions.lag()
    stage.executions.redrive(arn)  # in the console, before anybody heard of the death
    stage.machine.run()
    alive = stage.claims[PK]
    assert alive.token

    assert catch(stage, arn) == "alive"

    assert stage.claims[PK] == alive
    stage.executions.catch_up()
    assert catch(stage, arn) == "alive"


def test_a_death_from_before_it_joined_the_line_again_takes_no_token() -> None:
    stage = FakeStage(task_limit=1)
    stage.machine.run_to(stage.executions.start("other", '{"key":"other"}'), TASK)
    arn = stage.executions.start("first", KEYED)
    stage.machine.run_to(arn, "WaitInLine")
    stage.machine.step(stage.executions.runs[arn])
    stage.executions.stop(arn, "Aborted", "by hand")
    stage.executions.lag()
    stage.executions.redrive(arn)
    stage.machine.run_to(arn, "Rejoin")
    stage.machine.step(stage.executions.runs[arn])
    alive = stage.claims[PK]
    assert alive.state is State.LINE

    assert catch(stage, arn) == "alive"

    assert stage.claims[PK] == alive
    stage.executions.catch_up()
    stage.run()
    assert stage.service.done[KEYED] == 1


def test_a_job_marked_as_stuck_after_its_death_is_rescued_all_the_same(stage: FakeStage) -> None:
    arn = parked(stage)
    stage.executions.stop(arn, "Aborted", "by hand")
    stage.clock.pause(1)
    assert stage.process().claims.mark_stuck(stage.claims[PK], stage.clock.iso())

    assert catch(stage, arn) == "parked"

    assert stage.claims[PK].state is State.STUCK


# What is left alone


@pytest.mark.parametrize("error", ["AlreadyRunning", "BadInput", "GivenUp"])
def test_an_end_that_was_meant_is_not_spooled_and_leaves_nothing(
    stage: FakeStage, error: str
) -> None:
    arn = dead(stage, Status.FAILED, error)

    assert catch(stage, arn) == "ended"

    assert stage.spool.depth() == 0
    assert stage.waiting == {}
    assert stage.slots.owners == {}
    assert stage.claims[PK].state is (State.GIVEN_UP if error == "GivenUp" else State.FAILED)


def test_a_job_that_ends_in_a_fail_state_of_its_authors_is_not_rescued(stage: FakeStage) -> None:
    arn = dead(stage, Status.FAILED, "OrderRefused")
    stage.executions.runs[arn].fail_state = True

    assert catch(stage, arn) == "ended"

    assert stage.claims[PK].state is State.FAILED
    assert stage.slots.owners == {}


def test_a_refused_job_leaves_the_holder_its_key(stage: FakeStage) -> None:
    holder = parked(stage)
    before = stage.table.copy_items()
    refused = stage.executions.start("second", KEYED)
    stage.machine.run()
    assert stage.executions.runs[refused].error == "AlreadyRunning"

    assert catch(stage, refused) == "ended"

    assert stage.claims[PK].execution == holder
    assert stage.table.get(PK) == before[PK]
    assert stage.spool.depth() == 1


def test_a_job_that_lives_is_left_alone(stage: FakeStage) -> None:
    arn = stage.executions.start("first", KEYED)
    stage.machine.run_to(arn, TASK)
    before = stage.table.copy_items()

    assert catch(stage, arn) == "alive"
    assert stage.table.copy_items() == before


def test_an_execution_that_nobody_knows_is_left_alone(stage: FakeStage) -> None:
    assert catch(stage, stage.executions.arn("never-started")) == "alive"
    assert stage.table.of("dead#") == []


def test_a_foreign_machine_s_execution_is_not_even_looked_at(stage: FakeStage) -> None:
    process = stage.process()
    foreign = stage.executions.arn("first").replace("respool-memory", "somebody-elses")

    assert process.engines.rescue.catch(foreign) == "foreign"
    assert process.wire.calls == []


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"key": "x" * 2045}),
        json.dumps({"key": "é" * 1000}),
        '{"key":"\\ud800"}',
        '{"key":""}',
        '{"key":null}',
        '{"key":{"id":5}}',
        '{"key":[1]}',
        '{"key":12345678901234567}',
        '{"key":1e300}',
    ],
)
def test_a_key_that_is_none_is_never_used_as_one(stage: FakeStage, text: str) -> None:
    arn = stage.executions.start("first", text)
    stage.executions.close(stage.executions.runs[arn], Status.FAILED, "BadInput", "no key")

    assert catch(stage, arn) == "ended"
    assert catch(stage, arn) == "already"
    assert stage.claims == {}
    assert stage.spool.depth() == 0


def test_a_job_that_has_finished_is_not_parked_by_the_abort_that_came_after(
    stage: FakeStage,
) -> None:
    arn = stage.executions.start("first", KEYED)
    stage.machine.run_to(arn, "Finish")
    run = stage.executions.runs[arn]
    stage.executions.stop(arn, "Aborted", "by hand")
    stage.machine.write_late(run)  # its last write arrives
    assert stage.claims[PK].state is State.FINISHED

    assert catch(stage, arn) == "ended"
    assert stage.claims[PK].state is State.FINISHED
    assert stage.spool.depth() == 0


# A job that was restarted, and a key that serves another job now


def restarted(stage: FakeStage, dead_claim: Claim) -> str:
    """The restart of a dead job, which ClaimJob has let have the key."""
    name = restart_name(dead_claim)
    arn = stage.executions.arn(name)
    assert stage.process().claims.hand_over(dead_claim, arn, PK)
    stage.executions.start(name, KEYED)
    stage.machine.run()
    return arn


def test_a_death_announced_again_after_its_restart_finished_starts_nothing(
    stage: FakeStage,
) -> None:
    first = dead(stage)
    broken = stage.process(Wire().break_next("SendMessage", Fault.DIED_BEFORE))
    with suppress(Died):
        broken.engines.rescue.catch(first)  # it has no tombstone yet
    restarted(stage, stage.claims[PK])
    assert stage.claims[PK].state is State.FINISHED
    process = stage.process()

    assert process.engines.rescue.catch(first) == "ended"

    assert stage.claims[PK].state is State.FINISHED
    assert "death-superseded" in process.telemetry.actions
    assert stage.service.done == {KEYED: 1}


def test_the_same_while_the_restart_is_under_way(stage: FakeStage) -> None:
    first = dead(stage)
    broken = stage.process(Wire().break_next("SendMessage", Fault.DIED_BEFORE))
    with suppress(Died):
        broken.engines.rescue.catch(first)
    stage.service.broken = True
    second = restarted(stage, stage.claims[PK])

    assert catch(stage, first) == "ended"

    claim = stage.claims[PK]
    assert (claim.execution, claim.state, claim.attempt) == (second, State.PARKED, 2)
    assert claim.token != ""


def test_a_restart_that_dies_keeps_start_and_failures_of_its_job(stage: FakeStage) -> None:
    first = dead(stage)
    catch(stage, first)
    start = stage.claims[PK].started_at
    name = restart_name(stage.claims[PK])
    second = stage.executions.arn(name)
    assert stage.process().claims.hand_over(stage.claims[PK], second, PK)
    stage.executions.start(name, KEYED)
    stage.executions.stop(second, "Aborted", "at once")

    assert catch(stage, second) == "parked"

    claim = stage.claims[PK]
    assert (claim.execution, claim.attempt, claim.started_at) == (second, 2, start)


def test_a_job_that_died_unclaimed_takes_the_key_of_one_that_has_ended(stage: FakeStage) -> None:
    stage.executions.start("before", KEYED)
    stage.machine.run()
    arn = dead(stage, state="")

    assert catch(stage, arn) == "parked"

    claim = stage.claims[PK]
    assert (claim.execution, claim.ended_at, claim.attempt) == (arn, "", 1)


def test_a_job_that_died_unclaimed_leaves_the_key_to_one_that_has_it(stage: FakeStage) -> None:
    holder = parked(stage)
    arn = stage.executions.start("second", KEYED)
    stage.executions.stop(arn, "Aborted", "at once")

    assert catch(stage, arn) == "ended"
    assert stage.claims[PK].execution == holder


def test_what_is_done_is_told(stage: FakeStage) -> None:
    process = stage.process()
    process.engines.rescue.catch(dead(stage))

    assert process.telemetry.actions == ["job-parked", "job-spooled", "death-parked"]
    assert process.telemetry.counts[metrics.CAUGHT] == 1
    assert process.telemetry.counts[metrics.SPOOLED] == 1


def test_a_long_cause_is_kept_as_far_as_a_claim_keeps_it(stage: FakeStage) -> None:
    arn = dead(stage)
    run = stage.executions.runs[arn]
    run.cause = "x" * 32_000

    catch(stage, arn)

    assert stage.claims[PK].cause == "x" * 4000


def test_a_throttled_look_is_raised_and_changes_nothing(stage: FakeStage) -> None:
    arn = dead(stage)
    before = stage.table.copy_items()

    with pytest.raises(Throttled):
        stage.process(Wire().break_next("DescribeExecution", Fault.THROTTLED)).engines.rescue.catch(
            arn
        )

    assert stage.table.copy_items() == before


def test_with_no_task_of_the_usual_name_it_waits_at_the_first() -> None:
    stage = FakeStage()
    line = stage.process().line
    stage.table.put(f"slots#{TASK}", None)
    line.apply_settings("Zeta", 1, 5)
    line.apply_settings("Alpha", 1, 5)
    assert line.tasks() == ["Alpha", "Zeta"]
    arn = dead(stage, state="")

    catch(stage, arn)

    assert stage.claims[PK].task == "Alpha"


@pytest.mark.parametrize("call", range(6))
def test_a_job_redriven_while_its_death_is_dealt_with_keeps_its_new_token(call: int) -> None:
    here = ReplayStage()
    here.park("1")
    here.stop(here.arn("1"), heard=False)
    here.memory.clock.pause(3600)

    def meanwhile() -> None:
        here.replay()
        here.memory.run()

    late = here.memory.process(Wire().interrupt_at(call, meanwhile))
    late.engines.rescue.catch(here.arn("1"))

    here.replay()
    assert here.finish() == ["1"]
    assert here.memory.waiting == {}

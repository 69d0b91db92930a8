"""A listed machine that nobody has adopted: its failed executions wait, and are redriven whole."""

from contextlib import suppress
from datetime import timedelta

import pytest

from chalicelib.api import gates
from chalicelib.api.stage import Stage
from chalicelib.errors import BadRequest, NotFound, RespoolError
from chalicelib.job.claim import State
from chalicelib.job.execution import Status, machine_of
from chalicelib.job.plan import DEAD_AGAIN, ONLY_REDRIVEN, ONLY_RESTARTED, Action, Choice
from chalicelib.parking.rescue import ALREADY, ENDED, FOREIGN, PARKED
from chalicelib.replaying.outcome import Outcome
from chalicelib.replaying.requests import check_pass, read_request
from tests.fakes.definition import bare
from tests.fakes.run import Run
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Died, Fault, Wire
from tests.unit.replay_stage import ReplayStage, TheirJob, given

PK = "job@orders#monday"
NAMED = Choice(key="monday", machine="orders")


class Watched(TheirJob):
    """An execution of `orders`, whose definition has none of our states."""

    pk = PK

    def __init__(self, fail_states: str = "") -> None:
        stage = FakeStage(MACHINES="orders")
        if fail_states:
            stage = FakeStage(MACHINES="orders", RESCUE_FAIL_STATES=fail_states)
        self.stage = ReplayStage(stage)
        self.memory = self.stage.memory
        self.arn = self.memory.executions.start("monday", given("1"), "orders")
        self.memory.executions.definitions["orders"] = bare()

    @property
    def run(self) -> Run:
        return self.memory.executions.runs[self.arn]

    def fail(self, error: str = "Visa.Down", cause: str = "no answer") -> None:
        self.memory.clock.pause(60)
        self.memory.executions.close(self.run, Status.FAILED, error, cause)
        self.memory.clock.pause(60)

    def succeed(self) -> None:
        self.memory.executions.close(self.run, Status.SUCCEEDED)

    def catch(self, wire: Wire | None = None) -> str:
        return self.memory.process(wire or Wire()).engines.rescue.catch(self.arn)

    def owners(self) -> dict[str, str]:
        return dict(self.memory.process().line.slots("orders").owners)


@pytest.fixture
def there() -> Watched:
    return Watched()


def test_a_failed_execution_is_a_parked_job_by_its_name_with_its_error(there: Watched) -> None:
    there.fail()
    assert there.catch() == PARKED
    claim = there.claim
    assert (claim.state, claim.task, claim.attempt) == (State.PARKED, "orders", 1)
    assert (claim.failure.name, claim.cause) == ("Visa.Down", "no answer")
    assert claim.watched
    assert there.stage.noted() == ["monday"]
    assert there.memory.process().line.slots("orders").complete
    assert there.catch() == ALREADY


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("at", range(12))
def test_a_rescue_that_breaks_off_anywhere_is_finished_by_the_next(at: int, fault: Fault) -> None:
    there = Watched()
    there.fail()
    with suppress(RespoolError, Died):
        there.catch(Wire().break_at(at, fault))
    there.catch()
    assert (there.claim.waits, there.claim.attempt) == (True, 1)
    assert set(there.stage.noted()) == {"monday"}


def test_an_execution_of_an_adopted_definition_without_a_claim_is_left_alone(
    there: Watched,
) -> None:
    there.memory.executions.definitions.clear()
    there.fail()
    assert there.catch() == FOREIGN
    assert PK not in there.memory.table.items


def test_one_that_ended_in_a_fail_state_was_meant_to(there: Watched) -> None:
    there.run.fail_state = True
    there.fail("BadInput")
    assert there.catch() == FOREIGN
    assert PK not in there.memory.table.items


class InFail(Watched):
    """One of a machine whose every failure ends in a Fail state, as the stage knows."""

    def __init__(self) -> None:
        super().__init__("orders")
        self.run.fail_state = True


def test_where_the_stage_says_so_one_that_ended_in_a_fail_state_is_stuck() -> None:
    there = InFail()
    there.fail()
    assert there.catch() == PARKED
    assert (there.claim.state, there.claim.task, there.claim.attempt) == (State.STUCK, "orders", 1)
    assert (there.claim.watched, there.claim.fail_state) == (True, True)


def test_the_other_failures_of_such_a_machine_are_redriven_as_ever() -> None:
    there = InFail()
    there.run.fail_state = False
    there.fail()
    assert there.catch() == PARKED
    assert (there.claim.state, there.claim.fail_state) == (State.PARKED, False)
    assert there.replay().action is Action.REDRIVE


def test_one_that_ended_in_a_fail_state_is_never_redriven_and_restarted_only_if_asked() -> None:
    there = InFail()
    there.fail()
    there.catch()

    outcome = there.replay(choice=NAMED)

    assert (outcome.action, outcome.reason) == (Action.LEAVE, ONLY_RESTARTED)
    assert there.claim.waits
    assert there.run.status is Status.FAILED
    assert ask(there).action is Action.RESTART
    assert there.claim.state is State.FAILED


def test_the_last_days_of_redriving_are_no_news_to_one_that_can_t_be() -> None:
    there = InFail()
    there.fail()
    there.catch()
    there.memory.clock.pause(timedelta(days=11).total_seconds())
    assert there.sweep().near_year == []


@pytest.mark.parametrize(("fail_states", "end"), [("", State.FAILED), ("orders", State.STUCK)])
def test_a_replay_leaves_one_that_ended_anew_in_a_fail_state_to_the_rescue(
    fail_states: str, end: State
) -> None:
    there = Watched(fail_states)
    there.fail()
    there.catch()
    parked = dict(there.memory.table.items[PK])
    there.replay()
    there.run.fail_state = True
    there.fail()
    there.memory.table.items[PK] = parked  # what the replay wrote was lost

    outcome = there.replay()

    assert (outcome.action, outcome.reason) == (Action.LEAVE, DEAD_AGAIN)
    there.catch()
    assert there.claim.state is end


def test_its_own_errors_may_have_any_name(there: Watched) -> None:
    there.fail("BadInput")
    assert there.catch() == PARKED
    assert there.replay().action is Action.REDRIVE


def test_a_replay_redrives_it_in_a_slot_and_its_success_frees_that(there: Watched) -> None:
    there.fail()
    there.catch()

    assert there.replay().action is Action.REDRIVE

    assert there.run.status is Status.RUNNING
    assert there.owners() == {PK: there.arn}
    assert there.memory.table.items[PK]["state"]["S"] == "running"
    there.succeed()
    assert there.catch() == ENDED
    assert there.claim.state is State.FINISHED
    assert there.owners() == {}


def test_a_success_that_nobody_announced_is_found_by_the_sweep(there: Watched) -> None:
    there.fail()
    there.catch()
    there.replay()
    there.succeed()
    there.memory.clock.pause(700)
    assert there.sweep().ended == ["monday"]
    assert there.owners() == {}


def test_one_that_fails_again_waits_again_with_one_failure_more(there: Watched) -> None:
    there.fail()
    there.catch()
    there.replay()
    there.fail("Visa.Busy")
    assert there.catch() == PARKED
    assert (there.claim.attempt, there.claim.failure.name) == (2, "Visa.Busy")
    assert there.owners() == {}
    assert there.replay().action is Action.REDRIVE


def test_with_a_limit_of_one_the_second_waits_for_the_end_of_the_first(there: Watched) -> None:
    other = there.memory.executions.start("tuesday", given("2"), "orders")
    run = there.memory.executions.runs[other]
    there.fail()
    there.memory.executions.close(run, Status.FAILED, "Visa.Down")
    there.catch()
    there.memory.process().engines.rescue.catch(other)
    there.memory.process().line.set_limit("orders", 1, "kim", "", there.memory.clock.iso())

    there.stage.replay()
    assert [there.run.status, run.status] == [Status.RUNNING, Status.FAILED]
    there.succeed()
    there.catch()
    there.memory.process().engines.admit({"task": "orders"}, 60)
    assert run.status is Status.RUNNING


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("at", range(10))
def test_a_replay_that_breaks_off_anywhere_is_finished_by_the_next(at: int, fault: Fault) -> None:
    there = Watched()
    there.fail()
    there.catch()
    with suppress(RespoolError, Died):
        there.replay(Wire().break_at(at, fault))
    there.memory.clock.pause(700)
    there.sweep()
    if there.claim.waits:
        there.replay()
    assert (there.run.status, there.run.redrives) == (Status.RUNNING, 1)
    assert there.owners() == {PK: there.arn}


def test_after_two_weeks_it_is_never_started_again(there: Watched) -> None:
    there.fail()
    there.catch()
    there.memory.clock.pause(timedelta(days=14).total_seconds())
    runs = set(there.memory.executions.runs)
    outcome = there.replay()
    assert (outcome.action, outcome.reason) == (Action.LEAVE, ONLY_REDRIVEN)
    assert outcome.problem
    assert set(there.memory.executions.runs) == runs


@pytest.mark.parametrize(("days", "near"), [(9, []), (10, ["monday"])])
def test_its_end_is_announced_after_ten_days(there: Watched, days: int, near: list[str]) -> None:
    there.fail()
    there.catch()
    there.memory.clock.pause(timedelta(days=days).total_seconds())
    assert there.sweep().near_year == near


def test_giving_it_up_ends_the_job_and_leaves_its_execution_as_it_is(there: Watched) -> None:
    there.fail()
    there.catch()
    assert there.memory.process().engines.give_up.end("monday", "x", "orders").given_up
    assert there.run.status is Status.FAILED
    assert there.sweep().rescued == []
    assert there.claim.state is State.GIVEN_UP


def test_giving_up_one_that_was_redriven_stops_it(there: Watched) -> None:
    there.fail()
    there.catch()
    there.replay()
    assert there.memory.process().engines.give_up.end("monday", "x", "orders").given_up
    assert there.run.status is Status.ABORTED
    assert there.catch() == ENDED
    assert there.owners() == {}


def test_a_death_that_nobody_announced_is_found_by_the_sweep(there: Watched) -> None:
    there.sweep()  # since when it is listed
    later = there.memory.executions.start("later", given("2"), "orders")
    run = there.memory.executions.runs[later]
    there.memory.executions.close(run, Status.FAILED, "Visa.Down")
    repairs = there.sweep()
    assert (repairs.rescued, repairs.unadopted) == ([later], [])


def test_unattended_what_can_t_be_redriven_any_more_becomes_stuck(there: Watched) -> None:
    there.fail()
    there.catch()
    there.memory.clock.pause(timedelta(days=14).total_seconds())
    there.stage.replay(attended=False)
    assert there.claim.state is State.STUCK
    assert there.stage.replay(attended=False).failed == []


def test_its_machine_may_be_given_a_limit_before_its_first_failure(there: Watched) -> None:
    stage = Stage(there.memory.process().engines, "respool-memory")
    assert gates.set_limit(stage, "orders", {"limit": 2}, "kim")["limit"] == 2
    there.memory.executions.definitions.clear()
    with pytest.raises(NotFound):
        gates.set_limit(stage, "billing", {"limit": 2}, "kim")


def test_the_ramp_tries_one_first_and_then_ever_more() -> None:
    memory = FakeStage(MACHINES="orders", RECOVERY="ramp")
    memory.executions.definitions["orders"] = bare()
    arns = [memory.executions.start(f"day-{n}", given(str(n)), "orders") for n in range(6)]
    runs = [memory.executions.runs[arn] for arn in arns]
    for run in runs:
        memory.clock.pause(5)
        memory.executions.close(run, Status.FAILED, "Visa.Down")
        memory.process().engines.rescue.catch(run.arn)
    steps = []
    for _ in range(3):
        memory.clock.pause(300)
        memory.process().engines.tick(60)
        redriven = [run for run in runs if run.running]
        steps.append(len(redriven))
        for run in redriven:
            memory.executions.close(run, Status.SUCCEEDED)
            memory.process().engines.rescue.catch(run.arn)
    assert steps == [1, 2, 3]


@pytest.fixture
def late(there: Watched) -> Watched:
    """A job that can't be redriven any more."""
    there.fail()
    there.catch()
    there.memory.clock.pause(timedelta(days=14).total_seconds())
    return there


def restarted(late: Watched) -> list[Run]:
    runs = late.memory.executions.runs
    return [run for arn, run in runs.items() if "monday-respool" in arn]


def ask(late: Watched, wire: Wire | None = None) -> Outcome:
    return late.replay(wire, restart=True, choice=NAMED)


def test_asked_for_by_name_it_starts_again_as_a_job_of_its_own(late: Watched) -> None:
    assert ask(late).action is Action.RESTART
    (run,) = restarted(late)
    assert (run.input, machine_of(run.arn)) == (given("1"), "orders")
    assert late.claim.state is State.FAILED

    late.memory.executions.close(run, Status.FAILED, "Visa.Down")
    assert late.memory.process().engines.rescue.catch(run.arn) == PARKED
    assert late.memory.claims[f"job@orders#{run.name}"].watched


def test_while_it_can_be_redriven_it_is_not_started_again(there: Watched) -> None:
    there.fail()
    there.catch()
    assert ask(there).action is Action.REDRIVE
    assert restarted(there) == []


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("at", range(10))
def test_a_restart_that_breaks_off_anywhere_is_finished_once_by_the_next(
    at: int, fault: Fault
) -> None:
    late = Watched()
    late.fail()
    late.catch()
    late.memory.clock.pause(timedelta(days=14).total_seconds())
    with suppress(RespoolError, Died):
        ask(late, Wire().break_at(at, fault))
    late.memory.clock.pause(700)
    late.sweep()
    if late.claim.waits:
        ask(late)
    assert len(restarted(late)) == 1
    assert late.claim.state is State.FAILED


def test_a_restart_of_jobs_that_nobody_names_is_refused() -> None:
    with pytest.raises(BadRequest, match="name them"):
        check_pass(read_request({"restart": True}))
    assert check_pass(read_request({"restart": True, "key": "monday"})).restart

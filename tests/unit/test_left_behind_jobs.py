"""A job whose branch was stopped as another one failed ends, while its execution goes on."""

from typing import Any

import pytest

from chalicelib.errors import Conflict
from chalicelib.job.claim import State
from chalicelib.job.execution import Status
from chalicelib.job.plan import WENT_ON, Action
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Wire
from tests.unit.replay_stage import ReplayStage, TheirJob, change, given

PK = "job@orders#1/Left"
TASKS = f"orders/{TASK}"


class Branches(TheirJob):
    """An execution of `orders` in two branches; the job of the left one is parked."""

    pk = PK

    def __init__(self) -> None:
        self.stage = ReplayStage(FakeStage(MACHINES="orders"))
        self.memory = self.stage.memory
        self.stage.park("own")
        self.execution = self.memory.executions.start("job-1", given("1"), "orders")
        self.run = self.memory.executions.runs[self.execution]
        self.run.state = "Both"
        self.memory.process().engines.gates.complete(TASKS)
        self.park()

    def park(self) -> None:
        """Let it wait on a token of its own."""
        parked = self.memory.table.items["job#own"]
        changed = {"pk": {"S": PK}, "execution": {"S": self.execution}, "task": {"S": TASKS}}
        changed |= {"order": {"S": "2026#1"}, "queue": {"S": f"parked#{TASKS}"}}
        changed |= {"token": {"S": "spent"}, "since": {"S": self.memory.clock.iso()}}
        self.memory.table.put(PK, {**parked, **changed})
        self.memory.clock.pause(1)

    def inside(self, **more: Any) -> None:
        """Let it be inside its task, in a slot."""
        running = {"state": {"S": "running"}, "enteredAt": {"S": self.memory.clock.iso()}, **more}
        fields = ("queue",) if more else ("queue", "token")
        item = {**self.memory.table.items[PK], **running}
        self.memory.table.put(PK, {name: item[name] for name in item if name not in fields})
        owners = {"M": {PK: {"S": self.execution}}}
        change(self.stage, f"slots#{TASKS}", owners=owners)

    def fail_the_right_one(self) -> None:
        """The right branch fails, and the machine catches that."""
        self.memory.clock.pause(1)
        self.run.scope_failed_at = self.memory.clock.now()
        self.run.left_behind = {PK}
        self.memory.clock.pause(700)

    def owners(self) -> dict[str, str]:
        return dict(self.memory.process().line.slots(TASKS).owners)


@pytest.fixture
def there() -> Branches:
    return Branches()


def test_a_replay_says_so_and_ends_it(there: Branches) -> None:
    there.fail_the_right_one()
    outcome = there.replay()
    assert (outcome.action, outcome.reason) == (Action.STALE, WENT_ON)
    assert there.claim.state is State.FAILED
    assert there.run.status is Status.RUNNING


def test_whoever_has_just_been_put_back_by_somebody_else_is_left_alone(there: Branches) -> None:
    outcome = there.replay()
    assert outcome.action is Action.STALE
    assert there.claim.waits


def test_a_job_that_goes_on_in_that_moment_is_left_alone(there: Branches) -> None:
    there.fail_the_right_one()
    calls = Wire()
    there.replay(calls)
    there.park()
    last = len(calls.calls) - 1
    assert calls.calls[last] == "TransactWriteItems"

    def parks_again() -> None:
        change(there.stage, PK, token={"S": "newer"}, since={"S": there.memory.clock.iso()})

    there.fail_the_right_one()
    there.replay(Wire().interrupt_at(last, parks_again))
    assert there.claim.waits


def test_giving_it_up_says_that_it_had_failed_and_stops_nothing(there: Branches) -> None:
    there.fail_the_right_one()
    ending = there.memory.process().engines.give_up.end("1/Left", "nobody wants it", "orders")
    assert (ending.given_up, ending.state) == (False, State.FAILED)
    assert there.run.status is Status.RUNNING


def test_one_that_was_put_back_a_moment_ago_is_not_given_up(there: Branches) -> None:
    with pytest.raises(Conflict, match="Nothing was stopped"):
        there.memory.process().engines.give_up.end("1/Left", "nobody wants it", "orders")
    assert there.claim.waits


@pytest.mark.parametrize("inside", [False, True])
def test_the_sweep_ends_it_and_frees_its_slot(there: Branches, inside: bool) -> None:
    if inside:
        there.inside()
    there.fail_the_right_one()
    assert there.sweep().ended == ["1/Left"]
    assert there.claim.state is State.FAILED
    assert there.owners() == {}
    assert there.run.status is Status.RUNNING
    assert there.sweep().ended == []


def test_the_sweep_reads_no_history_where_nothing_has_failed_since(there: Branches) -> None:
    there.run.left_behind = {PK}  # by an attempt before this one
    there.run.scope_failed_at = there.memory.clock.now()
    there.memory.clock.pause(5)
    there.park()
    there.inside()
    there.memory.clock.pause(700)
    assert there.sweep().ended == []
    assert there.owners() == {PK: there.execution}


def test_a_turn_in_line_that_comes_too_late_leaves_the_slot_to_the_next(there: Branches) -> None:
    change(there.stage, PK, state={"S": "line"}, queue={"S": f"line#{TASKS}"})
    change(there.stage, f"slots#{TASKS}", waiting={"N": "1"})
    there.fail_the_right_one()
    there.memory.process().engines.admit({"task": TASKS}, 60)
    assert there.claim.state is State.FAILED
    assert there.owners() == {}


def test_one_that_was_let_in_before_and_never_heard_of_it_is_found_by_the_sweep(
    there: Branches,
) -> None:
    there.fail_the_right_one()
    there.inside(since={"S": there.memory.clock.iso()}, token={"S": "spent"})
    there.memory.clock.pause(700)
    assert there.sweep().ended == ["1/Left"]
    assert there.owners() == {}


def test_an_execution_that_succeeded_without_it_tells_of_a_failed_job(there: Branches) -> None:
    there.memory.executions.close(there.run, Status.SUCCEEDED)
    there.memory.clock.pause(700)
    assert there.sweep().ended == ["1/Left"]
    assert there.claim.state is State.FAILED

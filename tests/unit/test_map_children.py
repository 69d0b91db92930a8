"""Items of a distributed Map, whose executions are its children: they go on with their Map."""

from contextlib import suppress
from datetime import timedelta

import pytest

from chalicelib.errors import RespoolError
from chalicelib.job.claim import Claim, State
from chalicelib.job.execution import Status, machine_of
from chalicelib.job.plan import MAP_GOES_ON, MAP_IS_GONE, MAP_IS_OVER, Action, Rules
from chalicelib.parking.repairs import Repairs
from chalicelib.parking.rescue import FOREIGN
from chalicelib.replaying.dead_jobs import PARKED_AGAIN
from chalicelib.replaying.outcome import Outcome
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Died, Fault, Wire
from tests.unit.replay_stage import ReplayStage, change, given

MAP_RUN = "orders/Items"
TASKS = f"orders/{TASK}"


def pk(item: int) -> str:
    return f"job@orders#1/item-{item}/{TASK}"


class MapStage:
    """An execution of `orders` with a distributed Map of two items, which are parked."""

    def __init__(self) -> None:
        self.stage = ReplayStage(FakeStage(MACHINES="orders"))
        self.memory = self.stage.memory
        self.stage.park("own")
        executions = self.memory.executions
        self.parent = executions.start("job-1", given("1"), "orders")
        executions.map_runs[MAP_RUN] = self.parent
        executions.runs[self.parent].state = "Park"
        self.children = [self._child(item) for item in range(2)]
        self.memory.process().engines.gates.complete(TASKS)

    def _child(self, item: int) -> str:
        executions = self.memory.executions
        arn = executions.start(f"item-{item}", given("1"), MAP_RUN)
        parked = self.memory.table.items["job#own"]
        changed = {"pk": {"S": pk(item)}, "execution": {"S": arn}, "task": {"S": TASKS}}
        changed |= {"order": {"S": f"2026-01-01T00:00:00.000Z#{item}"}}
        changed |= {"token": {"S": f"nobody-knows-{item}"}, "queue": {"S": f"parked#{TASKS}"}}
        self.memory.table.put(pk(item), {**parked, **changed})
        executions.runs[arn].asked[pk(item)] = None
        executions.runs[arn].state = "Park"
        return arn

    def enter(self, item: int) -> None:
        """Let it be inside its task, in a slot."""
        values = dict(self.memory.table.items[pk(item)])
        del values["queue"], values["token"]
        entered = {"S": self.memory.clock.iso()}
        self.memory.table.put(pk(item), {**values, "state": {"S": "running"}, "enteredAt": entered})
        owners = {"M": {pk(item): {"S": self.children[item]}}}
        change(self.stage, f"slots#{TASKS}", owners=owners)

    def claim(self, item: int) -> Claim:
        return self.memory.claims[pk(item)]

    def stop(self, *executions: str) -> None:
        """They are aborted, and nobody hears of it."""
        for arn in executions:
            self.memory.executions.stop(arn, "Aborted", "")
        self.memory.clock.pause(700)

    def die(self) -> None:
        """The Map fails, and its execution with it."""
        self.stop(*self.children, self.parent)

    def sweep(self) -> Repairs:
        repairs = self.memory.process().engines.sweep.run(600)
        assert repairs.refused == []
        return repairs

    def replay(self, item: int = 0, wire: Wire | None = None) -> Outcome:
        recovery = self.memory.process(wire or Wire()).engines.recovery
        calm = recovery.patience(1e9)
        return recovery.recover(self.claim(item), Rules(attended=True), calm)

    def status(self, arn: str) -> Status:
        return self.memory.executions.runs[arn].status

    def started(self) -> list[str]:
        """Executions of theirs that nobody but respool can have started."""
        family = {self.parent, *self.children}
        runs = self.memory.executions.runs
        return [arn for arn in runs if machine_of(arn) == "orders" and arn not in family]


@pytest.fixture
def there() -> MapStage:
    return MapStage()


def test_a_child_that_dies_parked_is_parked_dead_by_the_next_sweep(there: MapStage) -> None:
    there.stop(there.children[0])
    assert there.sweep().rescued == [there.children[0]]
    dead, alive = there.claim(0), there.claim(1)
    assert (dead.state, bool(dead.dead_at), dead.token) == (State.PARKED, True, "")
    assert (alive.state, alive.dead_at) == (State.PARKED, "")


def test_a_child_that_dies_inside_its_task_leaves_its_slot(there: MapStage) -> None:
    there.enter(1)
    there.stop(there.children[1])
    assert there.sweep().rescued == [there.children[1]]
    assert there.memory.process().line.slots(TASKS).owners == {}
    assert there.claim(1).waits


def test_a_child_without_a_claim_is_none_of_ours_in_the_stage_s_own_machine_either(
    there: MapStage,
) -> None:
    own = there.memory.executions.start("item", given("1"), "respool-memory/Items")
    there.memory.executions.stop(own, "Aborted", "")
    assert there.memory.process().engines.rescue.catch(own) == FOREIGN
    assert "job#1" not in there.memory.table.items


def test_while_its_execution_goes_on_a_dead_item_waits_and_says_so(there: MapStage) -> None:
    there.stop(there.children[0])
    there.sweep()
    outcome = there.replay()
    assert (outcome.action, outcome.reason, outcome.problem) == (Action.LEAVE, MAP_GOES_ON, True)
    assert there.started() == []
    assert there.claim(0).waits


def test_an_item_is_redriven_with_its_map_and_never_started_alone(there: MapStage) -> None:
    there.die()
    there.sweep()

    outcome = there.replay()

    assert outcome.reason == PARKED_AGAIN
    assert there.status(there.parent) is Status.RUNNING
    assert [there.status(child) for child in there.children] == [Status.RUNNING] * 2
    assert there.started() == []


def test_an_item_that_died_inside_its_task_takes_a_slot_before_its_map_goes_on(
    there: MapStage,
) -> None:
    there.enter(0)
    there.die()
    there.sweep()
    outcome = there.replay()
    assert outcome.action is Action.REDRIVE
    assert there.memory.process().line.slots(TASKS).owners == {pk(0): there.children[0]}
    assert (there.claim(0).state, there.claim(0).dead_at) == (State.RUNNING, "")


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("at", range(10))
def test_a_replay_that_breaks_off_anywhere_is_finished_by_the_next(at: int, fault: Fault) -> None:
    there = MapStage()
    there.enter(0)
    there.die()
    there.sweep()
    with suppress(RespoolError, Died):
        there.replay(wire=Wire().break_at(at, fault))
    there.memory.clock.pause(700)
    there.sweep()
    if there.claim(0).waits:
        there.replay()
    assert there.status(there.parent) is Status.RUNNING
    assert there.memory.executions.runs[there.parent].redrives == 1
    assert there.memory.process().line.slots(TASKS).owners == {pk(0): there.children[0]}
    assert there.started() == []


def test_a_map_that_can_t_be_redriven_any_more_is_told_and_nothing_starts(
    there: MapStage,
) -> None:
    there.die()
    there.sweep()
    there.memory.clock.pause(timedelta(days=15).total_seconds())
    outcome = there.replay()
    assert (outcome.action, outcome.reason) == (Action.LEAVE, MAP_IS_GONE)
    assert there.started() == []


@pytest.mark.parametrize("by", ["replay", "sweep"])
def test_an_item_that_failed_is_over_when_its_execution_has_succeeded_without_it(
    there: MapStage, by: str
) -> None:
    there.stop(there.children[0])
    there.sweep()
    run = there.memory.executions.runs[there.parent]
    there.memory.executions.close(run, Status.SUCCEEDED)
    if by == "replay":
        outcome = there.replay()
        assert (outcome.action, outcome.reason) == (Action.STALE, MAP_IS_OVER)
    else:
        assert there.sweep().ended == [there.claim(0).key]
    assert there.claim(0).state is State.FAILED
    assert there.claim(1).waits


def test_an_item_whose_map_somebody_redrove_by_hand_is_alive_again(there: MapStage) -> None:
    there.enter(0)
    there.die()
    there.sweep()
    there.memory.executions.redrive(there.parent)
    there.memory.clock.pause(700)
    assert there.claim(0).key in there.sweep().revived
    assert there.memory.process().line.slots(TASKS).owners == {pk(0): there.children[0]}


def test_the_sweep_caught_each_death_once(there: MapStage) -> None:
    there.die()
    assert sorted(there.sweep().rescued) == sorted(there.children)
    again = there.sweep()
    assert (again.rescued, again.ended, again.revived) == ([], [], [])
    catch = there.memory.process().engines.rescue.catch
    assert [catch(child) for child in there.children] == ["already"] * 2

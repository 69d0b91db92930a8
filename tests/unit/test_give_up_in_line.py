"""A job in line of an adopted machine: it leaves the line before it is given up by its token."""

import pytest

from chalicelib.job.claim import State
from chalicelib.job.plan import Action, Rules
from chalicelib.replaying.replay import Order
from tests.crash.situations import HOLDER, KEY, KEYED, full
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Died, Fault, Wire


@pytest.fixture
def stage() -> FakeStage:
    """One whose only slot another job has, while this one had begun to be given up."""
    stage = FakeStage(task_limit=1, home="orders", MACHINES="orders")
    full(stage)
    dying = stage.process(Wire().break_next("SendTaskFailure", Fault.DIED_BEFORE))
    with pytest.raises(Died):
        dying.engines.give_up.end(KEY, "nobody wants it", "orders")
    claim = stage.claims[stage.pk(KEY)]
    assert (claim.state, claim.left_line, stage.slots.waiting) == (State.PARKED, True, 0)
    return stage


def replay(stage: FakeStage) -> Action:
    recovery = stage.process().engines.recovery
    claim = stage.claims[stage.pk(KEY)]
    return recovery.recover(claim, Rules(attended=True), recovery.patience(1e9)).action


def test_a_replay_puts_it_back_in_line_and_never_into_the_task(stage: FakeStage) -> None:
    assert replay(stage) is Action.LINE

    stage.table.stream.clear()
    stage.machine.run_to(stage.arn("first"), "nowhere")
    claim = stage.claims[stage.pk(KEY)]
    assert (claim.state, claim.left_line, stage.slots.waiting) == (State.LINE, False, 1)
    assert stage.slots.owners == {stage.pk(HOLDER): stage.arn(HOLDER)}
    stage.run()
    assert stage.service.done[KEYED] == 1
    assert (stage.slots.owners, stage.slots.waiting) == ({}, 0)


def test_a_dry_run_says_so(stage: FakeStage) -> None:
    order = Order(1, Rules(attended=True), 60, dry_run=True)
    (planned,) = stage.process().engines.replayer.replay(order).plan or []
    assert (planned["action"], planned["reason"]) == (
        "line",
        "waits in line for a slot in orders/UncertainTask",
    )


def test_a_second_press_ends_it(stage: FakeStage) -> None:
    ending = stage.process().engines.give_up.end(KEY, "nobody wants it", "orders")

    assert ending.given_up
    stage.run()
    assert not stage.service.done[KEYED]
    assert (stage.slots.owners, stage.slots.waiting) == ({}, 0)

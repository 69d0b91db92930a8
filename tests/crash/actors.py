"""The processes that meet a fault: what each does, from its first call to its last."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from chalicelib.errors import RespoolError
from chalicelib.job.plan import Choice, Rules
from chalicelib.job.replay import Kind
from chalicelib.moments import iso
from chalicelib.parking.error_spool import STATUS_CHANGE
from chalicelib.replaying.keeping import Provenance
from chalicelib.replaying.replay import Order
from tests.crash.conditions import Surroundings
from tests.crash.situations import KEY, NAME
from tests.fakes.stage import FakeStage, Process
from tests.fakes.wire import Died, Wire

Actor = Callable[[Process], object]
VISIBILITY = 5400
SECONDS = 60
SWEEP_SECONDS = 600
MOST_ROUNDS = 5


def spool(process: Process) -> None:
    """The state machine calls the spool Lambda, and calls it again where it fails."""
    wires = [process.wire]
    process.stage.new_wire = lambda: wires.pop() if wires else Wire()
    process.stage.machine.run()


def states(process: Process) -> None:
    """The state machine's own calls, as far as the jobs come."""
    process.stage.machine.wire = process.wire
    process.stage.machine.run()


def states_resumed(process: Process) -> None:
    """The same from the replay until the job has given up claim and slot."""
    replay(process.stage.process())
    states(process)


def states_admitted(process: Process) -> None:
    """The same from the moment that the job in line was let in."""
    process.stage.admit()
    states(process)


def states_heard(process: Process) -> None:
    """The same until it is parked; then the stream tells `admit` of it."""
    process.stage.machine.run()
    admit(process)


MACHINE = (spool, states, states_resumed, states_admitted, states_heard)
"""Actors that carry executions on: nobody else can do so at the same time."""


def _replay(process: Process, count: int = 100, **rules: Any) -> None:
    settings = process.stage.settings
    limits = {"max_attempts": settings.max_attempts, "cool_down": settings.cool_down}
    order = Order(count, Rules(**{"attended": True, **limits, **rules}), SECONDS)
    process.engines.keeping.run(order, Provenance(Kind.PRESS, "kim"))


def replay(process: Process) -> None:
    """A person's replay of everything."""
    _replay(process)


def replay_two(process: Process) -> None:
    """A person's replay of the two oldest."""
    _replay(process, count=2)


def replay_unattended(process: Process) -> None:
    """A schedule's replay."""
    _replay(process, attended=False)


def carry_on(process: Process) -> None:
    """The schedule of `admit` finds a replay that nobody works on; another Lambda carries it on."""
    process.engines.keeping.relay()
    for id in process.stage.handed_over:
        process.engines.keeping.carry_on(id, SECONDS)


def replay_stuck(process: Process) -> None:
    """A person's replay of what failed too often."""
    _replay(process, stuck=True)


def replay_key(process: Process) -> None:
    """A person's replay of the one job."""
    _replay(process, choice=_the_job(process))


def _the_job(process: Process) -> Choice:
    return Choice(key=KEY, machine=process.stage.home)


def choose_others(process: Process) -> None:
    """A replay that chooses other jobs than the one there is."""
    _replay(process, choice=Choice(key="another"))


def let_through(process: Process) -> None:
    """The closed gate is tried with one job, by a pass."""
    until = iso(process.stage.clock.now() + timedelta(hours=1))
    process.line.give_pass(process.stage.task, [process.stage.pk(KEY)], until)
    _replay(process, choice=_the_job(process))


def try_one_first(process: Process) -> None:
    """A person's replay of the oldest, through the closed gate."""
    order = Order(1, Rules(attended=True), SECONDS, by_pass=True)
    process.engines.keeping.run(order, Provenance(Kind.PRESS, "kim"))


def replay_by_pass(process: Process) -> None:
    """A person's replay of the one job, through the closed gate."""
    order = Order(1, Rules(attended=True, choice=_the_job(process)), SECONDS, by_pass=True)
    process.engines.keeping.run(order, Provenance(Kind.PRESS, "kim"))


def hear_of_end(process: Process) -> None:
    """An event tells the spool Lambda that the execution has ended."""
    arn = process.stage.arn(NAME)
    process.engines.spooling.take({"detail-type": STATUS_CHANGE, "detail": {"executionArn": arn}})


def hear_of_watched(process: Process) -> None:
    """The same of a watched machine's execution, also that it has succeeded."""
    arn = process.stage.executions.arn(NAME, "orders")
    process.engines.spooling.take({"detail-type": STATUS_CHANGE, "detail": {"executionArn": arn}})


def sweep(process: Process) -> None:
    """A sweep."""
    process.engines.sweep.run(SWEEP_SECONDS)


def admit(process: Process) -> None:
    """The stream's records, as they are just now; what fails comes again."""
    process.admit({"Records": list(process.stage.table.stream)})


def tend(process: Process) -> None:
    """What calls `admit` every five minutes: it also counts, relays replays and tells people."""
    process.tick()


def ramp(process: Process) -> None:
    """A tick of the ramp, where the stage has one."""
    process.engines.tick(SECONDS)


def give_up(process: Process) -> None:
    """A person gives the job up."""
    process.engines.give_up.end(KEY, "nobody wants it any more", process.stage.home)


def open_gate(process: Process) -> None:
    """A person opens the gate."""
    process.engines.gates.open(process.stage.task, "somebody", "it is well")


def close_gate(process: Process) -> None:
    """A person closes the gate."""
    process.engines.gates.close(process.stage.task, None, "somebody", "maintenance")


def limit_one(process: Process) -> None:
    """A person lets one in at a time."""
    process.engines.gates.set_limit(process.stage.task, 1, "somebody", "")


def limit_two(process: Process) -> None:
    """A person lets two in at a time."""
    process.engines.gates.set_limit(process.stage.task, 2, "somebody", "")


def limit_zero(process: Process) -> None:
    """A person lets nobody in."""
    process.engines.gates.set_limit(process.stage.task, 0, "somebody", "")


def stop(process: Process) -> None:
    """Somebody aborts the job's execution in the console."""
    process.stage.executions.stop(process.stage.arn(NAME), "Aborted", "by hand")


def trigger(process: Process) -> None:
    """SQS hands a batch to the Lambda, and deletes what is not reported back."""
    stage = process.stage
    messages = stage.spool.receive(10, VISIBILITY, wait=20)
    if not messages:
        return
    event = {"Records": [_delivered(message) for message in messages]}
    answer = process.engines.take_batch(event, SECONDS)
    kept = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    if done := [message.receipt for message in messages if message.id not in kept]:
        stage.spool.delete(done)


def _delivered(message: Any) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": {"SentTimestamp": str(int(message.sent_at.timestamp() * 1000))},
    }


def until_quiet(
    stage: FakeStage, around: Surroundings, again: Actor, is_quiet: Callable[[], bool]
) -> None:
    """Run it all again, without faults, until nothing is left to do; then come late events."""
    stage.machine.wire = Wire()
    stage.new_wire = Wire
    stage.service.broken = False
    around.go_on()
    stage.clock.pause(3 * 3600)
    attempt(again, stage.process())
    around.go_on()
    around.clear_up()
    for _ in range(MOST_ROUNDS):
        stage.clock.pause(3 * 3600)
        _round(stage, around)
        if is_quiet():
            break
    around.hear_late()


def _round(stage: FakeStage, around: Surroundings) -> None:
    """Whoever acts on any day: events, the gate is opened, two replays, and a sweep."""
    while stage.executions.ended:
        stage.process().engines.rescue.catch(stage.executions.ended.pop(0))
    for act in (open_gate, carry_on, replay, replay_stuck, sweep):
        attempt(act, stage.process())
        around.go_on()


def attempt(act: Actor, process: Process) -> None:
    """Let a process act; errors and deaths are its own."""
    try:
        act(process)
    except (RespoolError, ExceptionGroup, Died):
        process.wire.dead = True

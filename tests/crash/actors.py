"""The processes that meet a fault: what each does, from its first call to its last."""

from collections.abc import Callable
from typing import Any

from chalicelib.errors import RespoolError
from chalicelib.job.plan import Choice
from chalicelib.parking.error_spool import STATUS_CHANGE
from tests.crash.situations import NAME
from tests.fakes.stage import FakeStage, Process
from tests.fakes.wire import Died, Wire

Actor = Callable[[Process], object]
VISIBILITY = 5400


def spool(process: Process) -> None:
    """The state machine calls the spool Lambda, and calls it again where it fails."""
    wires = [process.wire]
    process.stage.new_wire = lambda: wires.pop() if wires else Wire()
    process.stage.machine.run()


def states(process: Process) -> None:
    """The state machine's own calls, from the claim until the job is parked."""
    process.stage.machine.wire = process.wire
    process.stage.machine.run()


def states_resumed(process: Process) -> None:
    """The same from the replay until the job has given up claim and slot."""
    process.stage.process().replay()
    states(process)


def replay(process: Process) -> None:
    """A replay of everything."""
    process.replay()


def replay_stuck(process: Process) -> None:
    """A person's replay of what failed too often."""
    process.replay(take_stuck=True)


def choose_others(process: Process) -> None:
    """A replay that chooses other jobs than the one there is."""
    process.replay(choice=Choice(key="another"))


def hear_of_end(process: Process) -> None:
    """An event tells the spool Lambda that the execution has ended."""
    arn = process.stage.executions.arn(NAME)
    process.spooling.take({"detail-type": STATUS_CHANGE, "detail": {"executionArn": arn}})


def sweep(process: Process) -> None:
    """A sweep."""
    process.sweep()


def give_up(process: Process) -> None:
    """A person gives the job up."""
    process.give_up.end("12345", "nobody wants it any more")


def trigger(process: Process) -> None:
    """SQS hands a batch to the Lambda, and deletes what is not reported back."""
    stage = process.stage
    messages = stage.spool.receive(10, VISIBILITY, wait=20)
    if not messages:
        return
    answer = process.trigger({"Records": [_delivered(message) for message in messages]})
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


def until_quiet(stage: FakeStage, again: Actor) -> None:
    """Run it all again, without faults, until nothing is left to do."""
    stage.machine.wire = Wire()
    stage.new_wire = Wire
    stage.service.broken = False
    stage.machine.run()
    for act in (again, *4 * [_round]):
        stage.clock.pause(3 * 3600)
        attempt(act, stage.process())
        stage.machine.run()


def _round(process: Process) -> None:
    stage = process.stage
    while stage.executions.ended:
        process.rescue.catch(stage.executions.ended.pop(0))
    process.replay()
    stage.machine.run()
    process.replay(take_stuck=True)
    stage.machine.run()
    process.sweep()


def attempt(act: Actor, process: Process) -> None:
    """Let a process act; errors and deaths are its own."""
    try:
        act(process)
    except (RespoolError, Died):
        process.wire.dead = True

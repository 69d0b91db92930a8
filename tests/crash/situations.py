"""How jobs stand when a process is about to act on them."""

from contextlib import suppress

from chalicelib.job.execution import Status
from tests.fakes.run import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Died, Fault, Wire

KEYED = '{"key":"12345","amount":1}'
KEYLESS = '{"amount":1}'
BARE = '{"key":"12345"}'
UNREADABLE = '{"key": "12345", "amount": '
LARGE = '{"key":"12345","text":"' + "x" * 70_000 + '"}'
NAME = "first"


def started(stage: FakeStage, job: str = KEYED) -> str:
    """A job that is about to fail."""
    stage.service.broken = True
    return stage.executions.start(NAME, job)


def parked(stage: FakeStage, job: str = KEYED) -> str:
    """A job that failed, is parked and spooled; the service is well again."""
    arn = started(stage, job)
    stage.machine.run()
    stage.service.broken = False
    stage.clock.pause(1800)
    return arn


def aborted(stage: FakeStage, job: str = KEYED) -> str:
    """A job that was aborted inside its task; nobody has heard of it yet."""
    arn = stage.executions.start(NAME, job)
    stage.machine.run_to(arn, TASK)
    stage.executions.stop(arn, "Aborted", "by hand")
    stage.clock.pause(1800)
    return arn


def caught(stage: FakeStage, job: str = KEYED) -> str:
    """The same, spooled by the rescue for a restart."""
    arn = aborted(stage, job)
    hear(stage)
    stage.clock.pause(1800)
    return arn


def parked_and_aborted(stage: FakeStage, heard: bool = True) -> str:
    """A parked job that was aborted: its token's message is there, and perhaps the rescue's."""
    arn = parked(stage)
    stage.executions.stop(arn, "Aborted", "by hand")
    if heard:
        hear(stage)
    stage.clock.pause(1800)
    return arn


def history_full(stage: FakeStage) -> str:
    """A job that ended in a Fail state which is not meant to be its end."""
    arn = parked(stage)
    run = stage.executions.runs[arn]
    run.enter("HistoryFull")
    stage.executions.close(run, Status.FAILED, "HistoryFull", "waited too often")
    hear(stage)
    stage.clock.pause(1800)
    return arn


def start_failed(stage: FakeStage, job: str = KEYED) -> str:
    """A dead job whose replay handed its key over and died before the restart had started."""
    arn = caught(stage, job)
    replaying = Wire().break_next("StartExecution", Fault.DIED_BEFORE)
    with suppress(Died):
        stage.process(replaying).replay()
    stage.clock.pause(1800)
    return arn


def start_failed_and_expired(stage: FakeStage, job: str = KEYED) -> str:
    """The same, and nobody replayed it until SQS dropped its message."""
    arn = start_failed(stage, job)
    stage.clock.pause(15 * 86_400)
    return arn


def message_expired(stage: FakeStage) -> str:
    """A dead job that waited for its restart until SQS dropped its message."""
    arn = caught(stage)
    stage.clock.pause(15 * 86_400)
    return arn


def claim_left(stage: FakeStage) -> str:
    """A job that succeeded, but could not give up its claim and slot."""
    arn = stage.executions.start(NAME, KEYED)
    stage.machine.run_to(arn, "Finish")
    stage.executions.close(stage.executions.runs[arn], Status.SUCCEEDED, "", "")
    stage.executions.ended.clear()
    return arn


def slot_written_late(stage: FakeStage) -> str:
    """A dead job, spooled by the rescue, whose slot was written after its end."""
    arn = caught(stage)
    stage.table.enter(TASK, arn, stage.task_limit)
    return arn


def hear(stage: FakeStage) -> None:
    """Let the rescue hear of every end."""
    while stage.executions.ended:
        stage.process().rescue.catch(stage.executions.ended.pop(0))

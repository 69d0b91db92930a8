"""How jobs stand when a process is about to act on them."""

from contextlib import suppress
from datetime import timedelta

from chalicelib.errors import RespoolError
from chalicelib.job.execution import Status
from chalicelib.job.plan import REDRIVE_EVENTS, Rules
from chalicelib.job.replay import Kind
from chalicelib.moments import iso
from chalicelib.replaying.keeping import Provenance
from chalicelib.replaying.replay import Order
from tests.fakes.definition import bare
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Died, Fault, Wire

KEY = "12345"
KEYED = '{"key":"12345","amount":1}'
KEYLESS = '{"amount":1}'
BARE = '{"key":"12345"}'
UNREADABLE = '{"key": "12345", "amount": '
LARGE = '{"key":"12345","text":"' + "x" * 70_000 + '"}'
SAME_KEY = '{"key":"12345","amount":2}'
NAME = "first"
HOLDER, HELD = "holder", '{"key":"holder"}'
DAY = 86_400


def started(stage: FakeStage, job: str = KEYED) -> str:
    """A job that is about to fail."""
    stage.service.broken = True
    return stage.start(NAME, job)


def waits(stage: FakeStage) -> str:
    """A job that is about to do its work."""
    return stage.start(NAME, KEYED)


def parked(stage: FakeStage, job: str = KEYED) -> str:
    """A job that failed, is parked and has its note; the service is well again."""
    arn = started(stage, job)
    stage.machine.run()
    stage.service.broken = False
    stage.clock.pause(1800)
    return arn


def replay_cut(stage: FakeStage) -> str:
    """A parked job that a replay has chosen; its Lambda died before it could resume it."""
    arn = parked(stage)
    replaying = stage.process(Wire().break_next("SendTaskSuccess", Fault.DIED_BEFORE))
    with suppress(Died):
        replaying.engines.keeping.run(
            Order(1, Rules(attended=True), 60), Provenance(Kind.PRESS, "kim")
        )
    stage.clock.pause(1800)
    return arn


def replay_cut_after(stage: FakeStage) -> str:
    """The same, and it died right after."""
    arn = parked(stage)
    replaying = stage.process(Wire().break_next("SendTaskSuccess", Fault.DIED_AFTER))
    with suppress(Died):
        replaying.engines.keeping.run(
            Order(1, Rules(attended=True), 60), Provenance(Kind.PRESS, "kim")
        )
    stage.clock.pause(1800)
    return arn


def parked_without_note(stage: FakeStage) -> str:
    """The same, while no note could be sent."""
    stage.new_wire = lambda: Wire().break_at(0, Fault.UNANSWERED)
    arn = parked(stage)
    stage.new_wire = Wire
    return arn


def stuck(stage: FakeStage) -> str:
    """A job that an unattended replay found to have failed too often."""
    arn = parked(stage)
    rules = Rules(max_attempts=1)
    stage.process().engines.replayer.replay(Order(1, rules, 60))
    stage.clock.pause(1800)
    return arn


def aborted(stage: FakeStage, job: str = KEYED, state: str = TASK) -> str:
    """A job that was aborted inside its task, or elsewhere; nobody has heard of it yet."""
    arn = stage.start(NAME, job)
    stage.machine.run_to(arn, state)
    stage.executions.stop(arn, "Aborted", "by hand")
    stage.clock.pause(1800)
    return arn


def caught(stage: FakeStage, job: str = KEYED) -> str:
    """The same, parked by the rescue for a redrive or a restart."""
    arn = aborted(stage, job)
    hear(stage)
    stage.clock.pause(1800)
    return arn


def parked_and_aborted(stage: FakeStage, heard: bool = True) -> str:
    """A parked job that was aborted: it has a note, and perhaps the rescue's."""
    arn = parked(stage)
    stage.executions.stop(arn, "Aborted", "by hand")
    if heard:
        hear(stage)
    stage.clock.pause(1800)
    return arn


def parked_and_aborted_just_now(stage: FakeStage) -> str:
    """The same a moment ago: DescribeExecution may still show it running."""
    arn = parked(stage)
    stage.executions.lag()
    stage.executions.stop(arn, "Aborted", "by hand")
    return arn


def history_full(stage: FakeStage) -> str:
    """A job aborted while parked, whose history has no room for a redrive."""
    arn = parked(stage)
    stage.executions.runs[arn].events = REDRIVE_EVENTS
    stage.executions.stop(arn, "Aborted", "by hand")
    hear(stage)
    stage.clock.pause(1800)
    return arn


def start_failed(stage: FakeStage, job: str = KEYED) -> str:
    """A dead job whose replay handed its key over and died before the restart had started."""
    arn = caught(stage, job)
    replaying = Wire().break_next("StartExecution", Fault.DIED_BEFORE)
    with suppress(Died):
        order = Order(1, Rules(attended=True), 60)
        stage.process(replaying).engines.replayer.replay(order)
    stage.clock.pause(1800)
    return arn


def start_failed_and_expired(stage: FakeStage, job: str = KEYED) -> str:
    """The same, and nobody replayed it until SQS dropped its message."""
    arn = start_failed(stage, job)
    stage.clock.pause(15 * DAY)
    return arn


def redrive_unsaid(stage: FakeStage) -> str:
    """A dead job whose replay redrove it and died before its claim said so."""
    arn = caught(stage)
    replaying = Wire().break_next("RedriveExecution", Fault.DIED_AFTER)
    with suppress(Died):
        order = Order(1, Rules(attended=True), 60)
        stage.process(replaying).engines.replayer.replay(order)
    return arn


def redriven_by_hand(stage: FakeStage) -> str:
    """A job aborted while parked, which somebody redrove in the console."""
    arn = parked_and_aborted(stage)
    stage.executions.redrive(arn)
    stage.machine.run()
    return arn


def message_expired(stage: FakeStage) -> str:
    """A dead job that waited for its restart until SQS dropped its message."""
    arn = caught(stage)
    stage.clock.pause(15 * DAY)
    return arn


def forgotten(stage: FakeStage) -> str:
    """A dead job whose execution Step Functions has forgotten; a sweep has sent its note again."""
    arn = caught(stage)
    for _ in range(7):
        stage.clock.pause(13.5 * DAY)
        stage.process().engines.sweep.run(600)
    return arn


def year_over(stage: FakeStage) -> str:
    """A parked job whose execution Step Functions has ended after a year."""
    arn = parked(stage)
    stage.clock.pause(365 * DAY)
    stage.machine.run()
    stage.executions.ended.clear()
    return arn


def year_over_and_heard(stage: FakeStage) -> str:
    """The same, and its event has come; no sweep has been there since."""
    arn = year_over(stage)
    stage.process().engines.rescue.catch(arn)
    return arn


def claim_left(stage: FakeStage) -> str:
    """A job that succeeded, but could not give up its claim and slot."""
    arn = stage.start(NAME, KEYED)
    stage.machine.run_to(arn, "Finish")
    stage.executions.close(stage.executions.runs[arn], Status.SUCCEEDED)
    stage.executions.ended.clear()
    return arn


def written_late(stage: FakeStage, state: str) -> str:
    """A dead job, parked by the rescue, whose last state's write arrives after that."""
    if state == "Park":
        stage.service.broken = True
    arn = aborted(stage, state=state)
    stage.service.broken = False
    hear(stage)
    stage.machine.write_late(stage.executions.runs[arn])
    stage.clock.pause(1800)
    return arn


def in_line_late(stage: FakeStage) -> str:
    """A dead job, parked by the rescue, whose place in line is written after that."""
    arn = comes_to_full(stage)
    stage.machine.run_to(arn, "WaitInLine")
    stage.executions.stop(arn, "Aborted", "by hand")
    hear(stage)
    stage.machine.write_late(stage.executions.runs[arn])
    stage.clock.pause(1800)
    return arn


def same_key_again(stage: FakeStage) -> str:
    """A parked job, and another execution that wants its key."""
    parked(stage)
    return stage.start("second", SAME_KEY)


# Lines: the one slot is another job's


def full(stage: FakeStage) -> str:
    """A job in line of a task in which another one is; the service is well."""
    holder = stage.start(HOLDER, HELD)
    stage.machine.run_to(holder, "Finish")
    arn = stage.start(NAME, KEYED)
    stage.machine.run_to(arn, "WaitInLine")
    stage.machine.step(stage.executions.runs[arn])
    stage.table.stream.clear()
    return arn


def comes_to_full(stage: FakeStage) -> str:
    """A job that is about to find its task full; it takes its slot only after the holder."""
    holder = stage.start(HOLDER, HELD)
    stage.machine.run_to(holder, "Finish")
    return stage.start(NAME, KEYED)


def freed(stage: FakeStage) -> str:
    """The same once the other one has left; the stream says so."""
    arn = full(stage)
    stage.machine.step(stage.executions.runs[stage.arn(HOLDER)])
    return arn


def waking(stage: FakeStage) -> str:
    """`admit` has given the slot to the job in line, and died before it answered its token."""
    arn = freed(stage)
    broken = stage.process(Wire().break_next("SendTaskSuccess", Fault.DIED_BEFORE))
    with suppress(Died):
        broken.admit({"task": stage.task})
    return arn


def answered(stage: FakeStage) -> str:
    """The same, and it died after it had answered."""
    arn = freed(stage)
    broken = stage.process(Wire().break_next("SendTaskSuccess", Fault.DIED_AFTER))
    with suppress(Died):
        broken.admit({"task": stage.task})
    return arn


def in_line_and_aborted(stage: FakeStage, heard: bool = False) -> str:
    """A job that was aborted in line; its turn has come."""
    arn = freed(stage)
    stage.executions.stop(arn, "Aborted", "by hand")
    if heard:
        hear(stage)
    return arn


def waking_and_aborted(stage: FakeStage) -> str:
    """A job that was aborted after it was given its slot, before it was told."""
    arn = waking(stage)
    stage.executions.stop(arn, "Aborted", "by hand")
    return arn


def dead_before_full(stage: FakeStage) -> str:
    """A dead job that needs a slot for its redrive, while the task is full."""
    arn = caught(stage)
    holder = stage.start(HOLDER, HELD)
    stage.machine.run_to(holder, "Finish")
    return arn


def dead_in_line(stage: FakeStage) -> str:
    """A dead job in line whose turn has come."""
    arn = dead_before_full(stage)
    stage.process().engines.replayer.replay(Order(1, Rules(attended=True), 60))
    stage.machine.step(stage.executions.runs[stage.arn(HOLDER)])
    return arn


def dead_in_line_too_long(stage: FakeStage) -> str:
    """The same, and by now it can't be redriven any more."""
    arn = dead_in_line(stage)
    stage.executions.runs[arn].events = REDRIVE_EVENTS
    return arn


def miscounted(stage: FakeStage) -> str:
    """A line that is longer than its item says: somebody has restored the table."""
    arn = full(stage)
    item = stage.table.items[f"slots#{stage.task}"]
    stage.table.put(f"slots#{stage.task}", {**item, "waiting": {"N": "0"}})
    stage.machine.step(stage.executions.runs[stage.arn(HOLDER)])
    return arn


def no_item(stage: FakeStage) -> str:
    """A job of a task that has no slots item yet."""
    stage.table.put(f"slots#{stage.task}", None)
    return stage.start(NAME, KEYED)


# Gates


def comes_to_closed(stage: FakeStage) -> str:
    """A job that is about to find the gate closed."""
    stage.process().engines.gates.close(stage.task, None, "somebody", "maintenance")
    return stage.start(NAME, KEYED)


def closed(stage: FakeStage) -> str:
    """A job in line before a closed gate."""
    stage.process().engines.gates.close(stage.task, None, "somebody", "maintenance")
    arn = stage.start(NAME, KEYED)
    stage.run()
    return arn


def closed_and_parked(stage: FakeStage) -> str:
    """A parked job, and the gate is closed."""
    arn = parked(stage)
    stage.process().engines.gates.close(stage.task, None, "somebody", "maintenance")
    return arn


def closed_with_pass(stage: FakeStage) -> str:
    """A job in line before a closed gate, which has just got a pass."""
    arn = closed(stage)
    until = stage.clock.now().isoformat()[:4]
    stage.process().line.give_pass(
        stage.task, [stage.pk(KEY)], f"{int(until) + 1}-01-01T00:00:00.000Z"
    )
    return arn


def closed_with_pass_and_aborted(stage: FakeStage) -> str:
    """The same, and then its execution was aborted: its pass lets nobody in."""
    arn = closed_with_pass(stage)
    stage.executions.stop(arn, "Aborted", "by hand")
    return arn


def closed_with_pass_unused(stage: FakeStage) -> str:
    """A parked job whose pass nobody has used: whoever gave it died before the resume."""
    arn = closed_and_parked(stage)
    until = iso(stage.clock.now() + timedelta(hours=6))
    stage.process().line.give_pass(stage.task, [stage.pk(KEY)], until)
    return arn


def window_over(stage: FakeStage) -> str:
    """A job in line before a maintenance window that has ended, while no tick came."""
    now = stage.clock.now()
    begins, ends = iso(now - timedelta(hours=1)), iso(now + timedelta(hours=1))
    stage.process().line.set_window(stage.task, begins, ends, "maintenance")
    arn = stage.start(NAME, KEYED)
    stage.run()
    stage.clock.pause(2 * 3600)
    return arn


def names_a_time(stage: FakeStage) -> str:
    """A job that is about to fail, and whose service will say when to come again."""
    stage.service.message = "closed (Retry-After: 3600)"
    return started(stage)


def closed_by_failures(stage: FakeStage) -> str:
    """A parked job whose failure has closed the gate; the service is well again."""
    return parked(stage)


def hear(stage: FakeStage) -> None:
    """Let the rescue hear of every end."""
    while stage.executions.ended:
        with suppress(RespoolError):
            stage.process().engines.rescue.catch(stage.executions.ended.pop(0))


def watched_failed(stage: FakeStage) -> str:
    """An execution of a watched machine has failed, and nobody has heard of it."""
    stage.executions.definitions["orders"] = bare()
    stage.service.broken = True
    arn = stage.executions.start(NAME, KEYED, "orders")
    stage.machine.run()
    stage.service.broken = False
    stage.clock.pause(1800)
    return arn


def watched_parked(stage: FakeStage) -> str:
    """It is heard of, and waits."""
    arn = watched_failed(stage)
    stage.process().engines.rescue.catch(arn)
    stage.clock.pause(1800)
    return arn


def watched_done(stage: FakeStage) -> str:
    """It was redriven and has succeeded, and nobody has heard of that."""
    arn = watched_parked(stage)
    order = Order(1, Rules(attended=True), 60)
    stage.process().engines.keeping.run(order, Provenance(Kind.PRESS, "kim"))
    stage.machine.run()
    stage.clock.pause(1800)
    return arn

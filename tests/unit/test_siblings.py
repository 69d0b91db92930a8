"""Several jobs of one execution: they die together, and go on together or not at all."""

import json
from collections.abc import Callable
from contextlib import suppress

import pytest

from chalicelib.errors import Lagging, RespoolError
from chalicelib.job.asked import keys_in
from chalicelib.job.claim import Claim, State
from chalicelib.job.execution import Status, machine_of
from chalicelib.job.plan import Rules
from chalicelib.replaying.dead_jobs import NO_ROOM
from chalicelib.replaying.outcome import Outcome
from chalicelib.replaying.recovery import Recovery
from chalicelib.replaying.siblings import Stand
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Died, Fault, Wire
from tests.unit.replay_stage import ReplayStage, change, given

KEYS = ("1/0/Call", "1/1/Call", "1/2/Call")
TASKS = f"orders/{TASK}"


def pk(key: str) -> str:
    return f"job@orders#{key}"


def family(stage: ReplayStage, *inside: str, redrives: bool = False) -> str:
    """An execution of `orders` with three parked jobs; those named are inside their task."""
    memory = stage.memory
    stage.park("1")
    theirs = memory.executions.start("job-1", given("1"), "orders")
    parked = memory.table.items["job#1"]
    for key in KEYS:
        changed = {"pk": {"S": pk(key)}, "execution": {"S": theirs}, "task": {"S": TASKS}}
        changed |= {"order": {"S": f"2026-01-01T00:00:00.000Z#{key}"}}
        item = {**parked, **changed, "queue": {"S": f"parked#{TASKS}"}}
        if key in inside:
            del item["queue"], item["token"]
            item |= {"state": {"S": "running"}, "enteredAt": {"S": memory.clock.iso()}}
        memory.table.put(pk(key), item)
        memory.executions.runs[theirs].asked[pk(key)] = None
    process = memory.process()
    process.engines.gates.complete(TASKS)
    owners = {"M": {pk(key): {"S": theirs} for key in inside}}
    change(stage, f"slots#{TASKS}", owners=owners)
    memory.executions.redrives = redrives
    memory.executions.runs[theirs].state = "Park"
    return theirs


@pytest.fixture
def stage() -> ReplayStage:
    return ReplayStage(FakeStage(MACHINES="orders"))


def claims(stage: ReplayStage) -> list[Claim]:
    return [stage.memory.claims[pk(key)] for key in KEYS]


def restarts(stage: ReplayStage) -> list[str]:
    runs = stage.memory.executions.runs
    return [arn for arn in runs if machine_of(arn) == "orders" and not arn.endswith(":job-1")]


def one(stage: ReplayStage, key: str = KEYS[1]) -> Outcome:
    """Replay one of them, as a person does who chose it."""
    engines = stage.memory.process().engines
    return recover(stage, engines.recovery, key)


def recover(stage: ReplayStage, recovery: Recovery, key: str) -> Outcome:
    claim = stage.memory.claims[pk(key)]
    return recovery.recover(claim, Rules(attended=True), recovery.patience(1e9))


def test_all_jobs_of_an_execution_that_dies_are_parked_dead_with_a_note_each(
    stage: ReplayStage,
) -> None:
    theirs = family(stage, KEYS[2])
    stage.stop(theirs)
    assert all(claim.dead_at and claim.waits and not claim.token for claim in claims(stage))
    assert stage.memory.process().line.slots(TASKS).owners == {}
    notes = [json.loads(body)["key"] for body in stage.visible()]
    assert {key for key in notes if "/" in key} == set(KEYS)


def test_whoever_was_inside_is_told_from_the_others(stage: ReplayStage) -> None:
    stage.stop(family(stage, KEYS[2]))
    assert [bool(claim.entered_at) for claim in claims(stage)] == [False, False, True]


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("at", range(15))
def test_a_rescue_that_breaks_off_anywhere_is_finished_by_the_next(at: int, fault: Fault) -> None:
    stage = ReplayStage(FakeStage(MACHINES="orders"))
    theirs = family(stage)
    stage.memory.executions.stop(theirs, "Aborted", "by hand")
    wire = Wire().break_at(at, fault)
    with suppress(RespoolError, Died):
        stage.memory.process(wire).engines.rescue.catch(theirs)
    stage.hear()
    assert all(claim.dead_at and claim.waits and claim.noted_at for claim in claims(stage))


def test_an_end_that_was_meant_ends_all_of_them(stage: ReplayStage) -> None:
    theirs = family(stage, KEYS[0])
    run = stage.memory.executions.runs[theirs]
    stage.memory.executions.close(run, Status.FAILED, "GivenUp", "")
    stage.hear()
    assert {claim.state for claim in claims(stage)} == {State.GIVEN_UP}
    assert stage.memory.process().line.slots(TASKS).owners == {}


def test_a_history_that_does_not_show_the_end_yet_settles_nothing(stage: ReplayStage) -> None:
    theirs = family(stage)
    stage.memory.executions.stop(theirs, "Aborted", "by hand")
    stage.memory.executions.unfinished = True
    with pytest.raises(Lagging):
        stage.memory.process().engines.rescue.catch(theirs)
    assert not any(claim.dead_at for claim in claims(stage))


def test_one_restart_follows_and_no_key_is_in_its_way(stage: ReplayStage) -> None:
    theirs = family(stage, KEYS[2])
    stage.stop(theirs)

    outcome = one(stage)

    assert "all steps run again" in outcome.reason
    assert "2 other jobs" in outcome.reason
    (restart,) = restarts(stage)
    assert stage.memory.executions.runs[restart].input == given("1")
    first, chosen, third = claims(stage)
    assert (first.state, third.state) == (State.FAILED, State.FAILED)
    assert (chosen.execution, chosen.predecessor, chosen.ended_at) == (restart, theirs, "")


def test_a_replay_of_all_of_them_starts_one(stage: ReplayStage) -> None:
    stage.stop(family(stage))
    stage.replay()
    assert len(restarts(stage)) == 1


@pytest.mark.parametrize("second", KEYS)
def test_whichever_job_is_asked_for_again_nothing_more_is_started(
    stage: ReplayStage, second: str
) -> None:
    stage.stop(family(stage))
    one(stage)
    one(stage, second)
    assert len(restarts(stage)) == 1


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("at", range(21))
def test_a_restart_that_breaks_off_anywhere_is_finished_by_the_next(at: int, fault: Fault) -> None:
    stage = ReplayStage(FakeStage(MACHINES="orders"))
    stage.stop(family(stage, KEYS[0]))
    wire = Wire().break_at(at, fault)
    with suppress(RespoolError, Died):
        recover(stage, stage.memory.process(wire).engines.recovery, KEYS[1])
    for key in KEYS:
        one(stage, key)

    (restart,) = restarts(stage)
    opened = [claim for claim in claims(stage) if not claim.ended_at]
    assert {claim.execution for claim in opened} == {restart}


def test_the_name_of_the_restart_is_the_same_whichever_job_is_chosen() -> None:
    names = set()
    for key in KEYS:
        stage = ReplayStage(FakeStage(MACHINES="orders"))
        stage.stop(family(stage, KEYS[0]))
        one(stage, key)
        names |= set(restarts(stage))
    assert len(names) == 1


def test_a_slow_rescue_takes_no_key_back_that_the_restart_has_used(stage: ReplayStage) -> None:
    theirs = family(stage)
    stage.memory.executions.stop(theirs, "Aborted", "by hand")
    rescue = stage.memory.process().engines.rescue
    run, seen = rescue.workflow.describe(theirs), stage.memory.claims[pk(KEYS[0])]
    stage.hear()
    stage.memory.clock.pause(60)
    one(stage)
    (restart,) = restarts(stage)
    item = stage.memory.table.items[pk(KEYS[0])]
    stage.memory.table.put(pk(KEYS[0]), {**item, "execution": {"S": restart}})  # done already

    assert not rescue.park(run, seen)
    assert stage.memory.claims[pk(KEYS[0])].ended_at


def test_a_key_that_the_restart_never_asks_for_ends_with_it(stage: ReplayStage) -> None:
    stage.stop(family(stage))
    one(stage)
    (restart,) = restarts(stage)
    stage.memory.process().engines.sweep.run(600)
    assert not stage.memory.claims[pk(KEYS[1])].ended_at
    stage.memory.executions.close(stage.memory.executions.runs[restart], Status.SUCCEEDED)

    repairs = stage.memory.process().engines.sweep.run(600)

    assert repairs.ended == [KEYS[1]]
    assert stage.memory.claims[pk(KEYS[1])].state is State.FINISHED


def test_a_restart_that_died_before_it_asked_for_anything_has_one_of_its_own(
    stage: ReplayStage,
) -> None:
    stage.stop(family(stage))
    one(stage)
    (first,) = restarts(stage)
    stage.stop(first)
    one(stage)
    assert len(restarts(stage)) == 2
    assert stage.memory.claims[pk(KEYS[1])].predecessor == first


def test_nothing_is_started_while_not_all_of_them_say_that_they_are_dead(
    stage: ReplayStage,
) -> None:
    theirs = family(stage)
    stage.memory.executions.stop(theirs, "Aborted", "by hand")
    rescue = stage.memory.process().engines.rescue
    rescue.park(rescue.workflow.describe(theirs), stage.memory.claims[pk(KEYS[1])])
    stage.memory.clock.pause(120)
    assert one(stage).reason == Stand.UNSETTLED
    assert restarts(stage) == []


def test_a_call_that_may_still_be_on_its_way_is_waited_for(stage: ReplayStage) -> None:
    theirs = family(stage)
    stage.memory.executions.runs[theirs].asked[pk("1/3/Call")] = None
    stage.memory.executions.stop(theirs, "Aborted", "by hand")
    stage.hear()
    assert one(stage).reason == Stand.LATE
    stage.memory.clock.pause(120)
    one(stage)
    assert len(restarts(stage)) == 1


def test_a_redrive_lets_all_of_them_go_on_with_their_slots(stage: ReplayStage) -> None:
    theirs = family(stage, KEYS[2], redrives=True)
    stage.stop(theirs)

    one(stage, KEYS[2])

    run = stage.memory.executions.runs[theirs]
    assert (run.status, run.redrives, restarts(stage)) == (Status.RUNNING, 1, [])
    assert not any(claim.dead_at for claim in claims(stage))
    assert stage.memory.process().line.slots(TASKS).owners == {pk(KEYS[2]): theirs}


def test_without_room_for_all_of_them_none_goes_on(stage: ReplayStage) -> None:
    theirs = family(stage, *KEYS[1:], redrives=True)
    stage.stop(theirs)
    change(stage, f"slots#{TASKS}", limit={"N": "1"})

    assert one(stage).reason == NO_ROOM

    assert stage.memory.executions.runs[theirs].redrives == 0
    assert stage.memory.process().line.slots(TASKS).owners == {}
    assert all(claim.waits and claim.dead_at for claim in claims(stage))


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("at", range(21))
def test_a_redrive_that_breaks_off_anywhere_happens_once(at: int, fault: Fault) -> None:
    stage = ReplayStage(FakeStage(MACHINES="orders"))
    theirs = family(stage, KEYS[0], redrives=True)
    stage.stop(theirs)
    wire = Wire().break_at(at, fault)
    with suppress(RespoolError, Died):
        recover(stage, stage.memory.process(wire).engines.recovery, KEYS[1])
    stage.memory.clock.pause(1200)
    stage.memory.process().engines.sweep.run(600)
    for key in KEYS:
        one(stage, key)
    stage.memory.clock.pause(1200)
    stage.memory.process().engines.sweep.run(600)

    run = stage.memory.executions.runs[theirs]
    assert (run.status, run.redrives, restarts(stage)) == (Status.RUNNING, 1, [])
    assert stage.memory.process().line.slots(TASKS).owners == {pk(KEYS[0]): theirs}


def test_a_restart_of_one_and_a_redrive_from_another_are_never_both(stage: ReplayStage) -> None:
    theirs = family(stage)
    stage.stop(theirs)
    stage.memory.executions.redrives = True
    behind = stage.memory.process()
    seen = stage.memory.claims[pk(KEYS[0])]
    stage.memory.executions.redrives = False
    one(stage)
    stage.memory.executions.redrives = True

    recovery = behind.engines.recovery
    outcome = recovery.recover(seen, Rules(attended=True), recovery.patience(1e9))

    assert not outcome.put_back
    assert stage.memory.executions.runs[theirs].redrives == 0
    assert len(restarts(stage)) == 1


def test_a_dry_run_says_what_a_restart_does_to_the_others(stage: ReplayStage) -> None:
    stage.stop(family(stage))
    stage.replay(dry_run=True)
    reasons = [outcome.reason for outcome in stage.outcomes if "/" in outcome.key]
    assert len(reasons) == 3
    assert all("2 other jobs" in reason and "all steps run again" in reason for reason in reasons)
    assert restarts(stage) == []


def test_in_the_stage_s_own_machine_several_tasks_are_several_jobs() -> None:
    stage = ReplayStage(FakeStage())
    stage.park("1")
    arn, item = stage.arn("1"), stage.memory.table.items.pop("job#1")
    for key in ("job#1/A", "job#1/B"):
        stage.memory.table.put(key, {**item, "pk": {"S": key}})
        stage.memory.executions.runs[arn].asked[key] = None
    stage.memory.executions.redrives = False
    stage.stop(arn)
    assert "job#1" not in stage.memory.table.items
    assert all(stage.claim(key).dead_at for key in ("1/A", "1/B"))
    stage.replay()
    assert len(stage.memory.executions.runs) == 2


SCHEDULED: list[tuple[Callable[[], object], list[str]]] = [
    (lambda: {"TransactItems": [{"Update": {"Key": {"pk": {"S": "job#1"}}}}]}, ["job#1"]),
    (lambda: {"Key": {"pk": {"S": "job@orders#1/0"}}}, ["job@orders#1/0"]),
    (lambda: {"TransactItems": [{"Update": {"Key": {"pk": {"S": "slots#x"}}}}]}, []),
    (lambda: {"TransactItems": [{"Put": {}}, 1]}, []),
    (lambda: {"Key": {"id": {"N": "1"}}}, []),
    (lambda: [1], []),
]


@pytest.mark.parametrize(("parameters", "keys"), SCHEDULED)
def test_a_scheduled_write_tells_whose_claim_it_asks_for(
    parameters: Callable[[], object], keys: list[str]
) -> None:
    details = {"resourceType": "aws-sdk:dynamodb", "parameters": json.dumps(parameters())}
    assert list(keys_in({"taskScheduledEventDetails": details})) == keys


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_parameters_that_are_none_of_ours_ask_for_nothing(text: str) -> None:
    details = {"resourceType": "dynamodb", "parameters": text}
    assert list(keys_in({"taskScheduledEventDetails": details})) == []
    assert list(keys_in({"type": "x"})) == []


def test_who_died_before_any_claim_and_then_with_several_starts_once_more() -> None:
    stage = ReplayStage(FakeStage())
    memory = stage.memory
    first = memory.executions.start("job-1", given("1"))
    memory.executions.redrives = False
    stage.stop(first)
    assert stage.claim("1").dead_at
    stage.replay()
    (second,) = [arn for arn in memory.executions.runs if arn != first]
    item = memory.table.items["job#1"]
    fields = ("deadAt", "predecessor")
    for key in ("job#1/A", "job#1/B"):
        kept = {name: value for name, value in item.items() if name not in fields}
        memory.table.put(key, {**kept, "pk": {"S": key}})
        memory.executions.runs[second].asked[key] = None
    stage.stop(second)
    assert all(stage.claim(key).dead_at for key in ("1", "1/A", "1/B"))

    stage.replay()

    (third,) = [arn for arn in memory.executions.runs if arn not in (first, second)]
    opened = [claim for claim in memory.claims.values() if not claim.ended_at]
    assert {claim.execution for claim in opened} == {third}

"""Jobs of another state machine: caught where it is listed, restarted in it, never elsewhere."""

from dataclasses import replace

import pytest

from chalicelib import metrics
from chalicelib.api import actions, gates, paths
from chalicelib.api.actions import Press
from chalicelib.api.groups import group_jobs
from chalicelib.api.incidents import list_incidents
from chalicelib.api.jobs import list_jobs
from chalicelib.api.one_job import show_job
from chalicelib.api.replays import show_replay
from chalicelib.api.stage import Stage
from chalicelib.api.status import status
from chalicelib.errors import BadRequest, Conflict, NotFound, Unanswered
from chalicelib.job.claim import State
from chalicelib.job.execution import Status, machine_of
from chalicelib.job.plan import UNLISTED, Choice, Rules
from chalicelib.parking.give_up import Ending
from chalicelib.replaying.replay import Order
from chalicelib.replaying.requests import Request
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage, Process
from tests.fakes.wire import Fault, Wire
from tests.unit.cli_stage import Shell
from tests.unit.replay_stage import ReplayStage, change, given

PK = "job@orders#1"


def with_theirs(stage: ReplayStage, name: str = "job-1", text: str = "") -> str:
    """A job of `orders` that is parked, beside the stage's own of the same key."""
    stage.park("1")
    theirs = stage.memory.executions.start(name, text or given("1"), "orders")
    item = stage.memory.table.items["job#1"]
    changed = {"pk": {"S": PK}, "execution": {"S": theirs}, "order": {"S": "2026#1"}}
    stage.memory.table.put(PK, {**item, **changed})
    stage.memory.executions.redrives = False
    return theirs


@pytest.fixture
def stage() -> ReplayStage:
    return ReplayStage(FakeStage(MACHINES="orders"))


def catch(stage: ReplayStage, arn: str) -> str:
    return stage.memory.process().engines.rescue.catch(arn)


def stopped(stage: ReplayStage, arn: str) -> str:
    stage.memory.executions.stop(arn, "Aborted", "by hand")
    return catch(stage, arn)


def started(stage: ReplayStage, before: set[str]) -> list[str]:
    return sorted(set(stage.memory.executions.runs) - before)


def test_the_machine_of_an_execution_stands_in_its_arn(stage: ReplayStage) -> None:
    theirs = with_theirs(stage)
    assert machine_of(theirs) == "orders"
    assert machine_of(stage.arn("1")) == "respool-memory"
    assert machine_of("no ARN") == ""


def test_a_job_stopped_while_parked_is_restarted_in_its_own_machine(stage: ReplayStage) -> None:
    theirs = with_theirs(stage)
    assert stopped(stage, theirs) == "parked"
    claim = stage.memory.claims[PK]
    assert (claim.dead_at != "", claim.token, claim.machine) == (True, "", "orders")
    assert stage.claim("1").dead_at == ""
    runs = set(stage.memory.executions.runs)

    stage.replay()

    (restart,) = started(stage, runs)
    assert machine_of(restart) == "orders"
    assert stage.memory.executions.runs[restart].input == given("1")
    assert stage.memory.claims[PK].execution == restart
    assert stage.memory.claims[PK].predecessor == theirs


def test_a_second_replay_starts_nothing_more(stage: ReplayStage) -> None:
    stopped(stage, with_theirs(stage))
    stage.replay()
    runs = set(stage.memory.executions.runs)
    stage.replay()
    assert started(stage, runs) == []


def test_a_death_is_caught_once_and_what_has_no_claim_ends_without_respool(
    stage: ReplayStage,
) -> None:
    theirs = with_theirs(stage)
    assert stopped(stage, theirs) == "parked"
    assert catch(stage, theirs) == "already"
    other = stage.memory.executions.start("other", given("2"), "orders")
    assert stopped(stage, other) == "foreign"
    assert "job@orders#2" not in stage.memory.claims


def test_another_execution_s_claim_stays_as_it_is(stage: ReplayStage) -> None:
    with_theirs(stage)
    before = stage.memory.claims[PK]
    second = stage.memory.executions.start("second", given("1"), "orders")
    assert stopped(stage, second) == "foreign"
    assert stage.memory.claims[PK] == before


def test_a_job_whose_machine_is_taken_off_the_list_waits_and_is_not_started() -> None:
    stage = ReplayStage(FakeStage(MACHINES="orders"))
    stopped(stage, with_theirs(stage))
    stage.memory.settings = FakeStage().settings
    runs = set(stage.memory.executions.runs)

    report = stage.replay()

    assert started(stage, runs) == []
    assert UNLISTED in {each["reason"] for each in report.failed}
    assert stage.memory.claims[PK].waits


def test_an_unlisted_machine_s_death_is_left_alone() -> None:
    stage = ReplayStage()
    theirs = with_theirs(stage)
    before = stage.memory.claims[PK]
    assert stopped(stage, theirs) == "foreign"
    assert stage.memory.claims[PK] == before
    assert stage.memory.executions.describe(theirs).status is Status.ABORTED


def test_a_job_given_up_by_its_own_fail_state_is_not_parked(stage: ReplayStage) -> None:
    theirs = with_theirs(stage)
    stage.memory.executions.close(
        stage.memory.executions.runs[theirs], Status.FAILED, "GivenUp", "nobody wants it"
    )
    assert catch(stage, theirs) == "ended"
    assert stage.memory.claims[PK].ended_at


def looks(stage: ReplayStage) -> int:
    """How often one sweep looks at single executions."""
    wire = Wire()
    process = stage.memory.process(wire)
    repairs = process.engines.sweep.run(600)
    assert (repairs.refused, repairs.rescued, repairs.unclaimed) == ([], [], [])
    return wire.calls.count("DescribeExecution")


def test_a_sweep_looks_at_no_job_whose_listed_machine_says_that_it_runs(
    stage: ReplayStage,
) -> None:
    with_theirs(stage)
    assert looks(stage) == 0


def test_a_sweep_catches_a_listed_machine_s_death_that_nobody_heard_of(
    stage: ReplayStage,
) -> None:
    theirs = with_theirs(stage)
    stage.memory.executions.stop(theirs, "Aborted", "by hand")
    assert stage.memory.process().engines.sweep.run(600).rescued == [theirs]
    assert stage.memory.claims[PK].dead_at


def inside(stage: ReplayStage, task: str) -> str:
    """A job of `orders` that is stopped inside its task, which goes by that name."""
    theirs = with_theirs(stage)
    memory = stage.memory
    item = memory.table.items[PK]
    changed = {"state": {"S": "running"}, "task": {"S": task}}
    changed["enteredAt"] = {"S": memory.clock.iso()}
    fields = ("queue", "token")
    kept = {name: value for name, value in item.items() if name not in fields}
    memory.table.put(PK, {**kept, **changed})
    memory.process().engines.gates.complete(task)
    change(stage, f"slots#{task}", owners={"M": {PK: {"S": theirs}}})
    memory.executions.runs[theirs].state = TASK
    memory.executions.redrives = True
    assert stopped(stage, theirs) == "parked"
    assert memory.process().line.slots(task).owners == {}
    return theirs


@pytest.mark.parametrize("task", [f"orders/{TASK}", "payments"])
def test_a_redrive_inside_a_listed_machine_s_task_takes_its_slot_by_whatever_name(
    stage: ReplayStage, task: str
) -> None:
    theirs = inside(stage, task)

    stage.replay()

    run = stage.memory.executions.runs[theirs]
    assert (run.status, run.redrives) == (Status.RUNNING, 1)
    assert stage.memory.process().line.slots(task).owners == {PK: theirs}
    assert stage.memory.claims[PK].dead_at == ""


@pytest.mark.parametrize("task", [f"orders/{TASK}", "payments"])
def test_a_redrive_inside_a_full_task_of_a_listed_machine_stands_in_line(
    stage: ReplayStage, task: str
) -> None:
    theirs = inside(stage, task)
    change(stage, f"slots#{task}", limit={"N": "0"})

    stage.replay()

    assert stage.memory.executions.runs[theirs].redrives == 0
    assert stage.memory.claims[PK].state is State.LINE


@pytest.mark.parametrize("task", [f"orders/{TASK}", TASK])
def test_a_task_of_a_listed_machine_has_a_limit_before_its_first_job(
    stage: ReplayStage, task: str
) -> None:
    served = Stage(stage.memory.process().engines, "respool-memory")
    assert gates.set_limit(served, task, {"limit": 3}, "kim")["limit"] == 3


@pytest.mark.parametrize(
    "task", [f"billing/{TASK}", "orders/Park", f"orders/Each/{TASK}", "orders"]
)
def test_no_limit_is_set_for_what_is_no_task_of_a_listed_machine(
    stage: ReplayStage, task: str
) -> None:
    served = Stage(stage.memory.process().engines, "respool-memory")
    with pytest.raises(NotFound, match="no task is named"):
        gates.set_limit(served, task, {"limit": 3}, "kim")


@pytest.mark.parametrize(
    "arn",
    [
        "no ARN",
        "arn:aws:states:us-east-1:123456789012:execution:billing:job-1",
        "arn:aws:states:us-east-1:999999999999:execution:orders:job-1",
        "arn:aws:states:eu-west-1:123456789012:execution:orders:job-1",
    ],
)
def test_what_is_of_no_served_machine_is_not_even_looked_at(stage: ReplayStage, arn: str) -> None:
    process = stage.memory.process()
    assert process.engines.rescue.catch(arn) == "foreign"
    assert process.wire.calls == []


def test_a_sweep_serves_a_listed_machine_s_line_whose_item_is_not_complete(
    stage: ReplayStage,
) -> None:
    task = f"orders/{TASK}"
    stage.memory.table.put(f"slots#{task}", {"pk": {"S": f"slots#{task}"}, "waiting": {"N": "1"}})

    stage.memory.process().engines.sweep.run(600)

    assert stage.memory.process().line.slots(task).complete


def unheard(stage: ReplayStage, name: str) -> str:
    """An execution of `orders` that died while nobody listened, and its job with it.

    Nothing in the index and no slot tells of it.
    """
    stage.park("1")
    theirs = stage.memory.executions.start(name, given("1"), "orders")
    item = stage.memory.table.items["job#1"]
    kept = {each: value for each, value in item.items() if each not in ("queue", "token")}
    changed = {"pk": {"S": PK}, "execution": {"S": theirs}, "state": {"S": "running"}}
    stage.memory.table.put(PK, {**kept, **changed})
    stage.memory.executions.stop(theirs, "Aborted", "by hand")
    return theirs


def sweep(stage: ReplayStage) -> list[str]:
    repairs = stage.memory.process().engines.sweep.run(600)
    assert repairs.refused == []
    return repairs.rescued


def test_a_sweep_goes_through_a_listed_machine_s_dead(stage: ReplayStage) -> None:
    sweep(stage)
    stage.memory.clock.pause(60)
    theirs = unheard(stage, "unheard")
    assert sweep(stage) == [theirs]
    assert stage.memory.claims[PK].dead_at


def test_what_began_before_its_machine_was_listed_is_not_looked_for(stage: ReplayStage) -> None:
    unheard(stage, "before")
    stage.memory.clock.pause(60)
    assert sweep(stage) == []
    assert not stage.memory.claims[PK].dead_at


def test_a_machine_that_is_listed_again_begins_anew(stage: ReplayStage) -> None:
    sweep(stage)
    unheard(stage, "before")
    settings, stage.memory.settings = stage.memory.settings, FakeStage(MACHINES="billing").settings
    sweep(stage)
    stage.memory.clock.pause(60)
    stage.memory.settings = settings
    assert sweep(stage) == []


def test_a_death_without_a_claim_is_looked_at_once(stage: ReplayStage) -> None:
    sweep(stage)
    stage.memory.clock.pause(60)
    other = stage.memory.executions.start("other", given("2"), "orders")
    stage.memory.executions.stop(other, "Aborted", "by hand")
    sweep(stage)
    wire = Wire()
    stage.memory.process(wire).engines.sweep.run(600)
    assert "DescribeExecution" not in wire.calls


def test_a_task_that_its_machine_s_definition_no_longer_adopts_is_told_by_each_sweep(
    stage: ReplayStage,
) -> None:
    process = stage.memory.process()
    for task in (f"orders/{TASK}", "orders/Gone", "billing/Gone"):
        process.engines.world.line.apply_settings(task, 5, 5)

    repairs = process.engines.sweep.run(600)

    assert repairs.unadopted == ["orders/Gone"]
    assert repairs.refused == []
    assert process.telemetry.counts[metrics.UNADOPTED] == 1
    assert ("task-not-adopted", {"task": "orders/Gone"}) in process.telemetry.lines


def test_a_replay_by_key_takes_the_job_of_the_machine_that_is_named(stage: ReplayStage) -> None:
    with_theirs(stage)
    engines = stage.memory.process().engines

    own = engines.replay(Request(choice=Choice(key="1"), dry_run=True), 60, attended=True)
    theirs = engines.replay(
        Request(choice=Choice(key="1", machine="orders"), dry_run=True), 60, attended=True
    )

    assert [each.get("machine", "") for each in own.plan or []] == [""]
    assert [each.get("machine", "") for each in theirs.plan or []] == ["orders"]


def test_an_id_in_a_path_or_a_list_means_the_job_of_its_machine_alone(stage: ReplayStage) -> None:
    with_theirs(stage)
    there = Stage(stage.memory.process().engines, "respool-memory")
    rows = list_jobs(there, {})["jobs"]
    ids = {job["machine"]: job["id"] for job in rows}

    assert paths.read_job(ids["orders"]) == ("1", "orders")
    assert paths.read_job(ids["respool-memory"]) == ("1", "")
    assert show_job(there, paths.read_job(ids["orders"]), {}, False)["machine"] == "orders"
    body = {"ids": [ids["orders"]], "dry_run": True}
    plan = actions.replay(there, Press("kim", body), 60)["plan"]
    assert [each["id"] for each in plan] == [ids["orders"]]
    assert actions.give_up(there, paths.read_job(ids["orders"]), {"reason": "x"}, "kim")["given_up"]
    assert stage.memory.table.items["job#1"].get("endedAt") is None


@pytest.mark.parametrize(
    "key", ["1", "~", "~a~b", "a~b", "~~", "groups", "..", "あ/\u0007", "x" * 1024]
)
def test_no_key_of_our_own_is_taken_for_another_machine_s(key: str) -> None:
    assert paths.read_job(paths.written(key)) == (key, "")
    assert paths.read_job(paths.written(key, "orders")) == (key, "orders")


def test_a_job_whose_wait_is_over_is_not_given_up_by_stopping_what_its_execution_does_now(
    stage: ReplayStage,
) -> None:
    theirs = with_theirs(stage)
    process = stage.memory.process()
    process.workflow.resume(stage.memory.table.items[PK]["token"]["S"])

    with pytest.raises(Conflict, match="Nothing was stopped"):
        process.engines.give_up.end("1", "nobody wants it", "orders")

    assert process.workflow.describe(theirs).status is Status.RUNNING
    assert stage.memory.table.items[PK].get("endedAt") is None


def test_a_give_up_whose_answer_was_lost_leaves_their_catcher_to_its_work(
    stage: ReplayStage,
) -> None:
    with_theirs(stage)
    now = stage.memory.clock.iso()

    def give_up(process: Process) -> Ending:
        return process.engines.give_up.end("1", "nobody wants it", "orders")

    def their_frame_ends_the_job() -> None:
        change(stage, PK, how={"S": "given-up"}, endedAt={"S": now})

    unanswered = stage.memory.process(Wire().break_next("SendTaskFailure", Fault.UNANSWERED))
    with pytest.raises(Unanswered):
        give_up(unanswered)
    wire = Wire()
    ending = give_up(stage.memory.process(wire.interrupt_at(2, their_frame_ends_the_job)))

    assert wire.calls == ["GetItem", "SendTaskFailure", "GetItem"]
    assert ending.given_up


@pytest.fixture
def here(stage: ReplayStage) -> Stage:
    with_theirs(stage)
    return Stage(stage.memory.process().engines, "respool-memory")


def test_the_stage_s_own_machine_may_be_named_too(here: Stage) -> None:
    own = ("1", "respool-memory")

    assert show_job(here, own, {}, False)["machine"] == "respool-memory"
    for chosen in (
        {"key": "1", "machine": "respool-memory"},
        {"ids": [paths.written(*own)]},
    ):
        plan = actions.replay(here, Press("kim", {**chosen, "dry_run": True}), 60)["plan"]
        assert [(each["id"], each["action"]) for each in plan] == [("1", "resume")]
    assert actions.replay_job(here, own, Press("kim", {"dry_run": True}), 60)["plan"]
    assert actions.give_up(here, own, {"reason": "x"}, "kim")["given_up"]
    assert show_job(here, ("1", "orders"), {}, False)["state"] == "parked"


@pytest.mark.parametrize("machine", ["or ders", "x" * 81, "arn:aws:states", "注文"])
def test_what_is_no_machine_s_name_is_refused_wherever_one_is_given(
    here: Stage, machine: str
) -> None:
    with pytest.raises(BadRequest, match="use an id that GET /jobs lists"):
        paths.read_job(paths.written("1", machine))
    with pytest.raises(BadRequest, match="must be a state machine's name, such as orders"):
        list_jobs(here, {"machine": [machine]})
    with pytest.raises(BadRequest, match="must be a state machine's name, such as orders"):
        actions.replay(here, Press("kim", {"key": "1", "machine": machine}), 60)


def test_a_kept_replay_says_of_which_machine_a_job_is_that_could_not_be_put_back(
    stage: ReplayStage, here: Stage
) -> None:
    stopped(stage, stage.memory.table.items[PK]["execution"]["S"])
    unlisted = Stage(FakeStage.process(stage.memory).engines, "respool-memory")
    unlisted.engines.settings = replace(unlisted.engines.settings, machines=())

    answer = actions.replay(unlisted, Press("kim", {"ids": [paths.written("1", "orders")]}), 60)

    (failed,) = answer["failed"]
    assert (failed["key"], failed["machine"]) == ("1", "orders")
    assert show_replay(unlisted, answer["id"], {})["failed"] == [failed]


def test_a_note_of_another_machine_s_job_is_judged_by_that_job_s_claim(stage: ReplayStage) -> None:
    theirs = with_theirs(stage)
    stopped(stage, theirs)
    own = stage.memory.spool.bodies
    assert len(own) == 2

    report = stage.replay(choice=Choice(pks=frozenset({PK})))

    assert (report.replayed, report.failed) == (1, [])
    assert [body for body in stage.memory.spool.bodies if theirs in body] == []
    assert len(stage.memory.spool.bodies) == 1


def test_the_trigger_puts_another_machine_s_job_back(stage: ReplayStage) -> None:
    theirs = with_theirs(stage)
    stopped(stage, theirs)
    stage.memory.clock.pause(3600)
    runs = set(stage.memory.executions.runs)
    (body,) = [body for body in stage.memory.spool.bodies if theirs in body]
    record = {
        "messageId": "1",
        "receiptHandle": "1",
        "body": body,
        "attributes": {"SentTimestamp": "1", "ApproximateReceiveCount": "1"},
    }

    answer = stage.memory.process().engines.take_batch({"Records": [record]}, 60)

    assert answer == {"batchItemFailures": []}
    (restart,) = started(stage, runs)
    assert machine_of(restart) == "orders"


@pytest.mark.parametrize("machine", ["orders", "respool-memory"])
def test_a_replay_may_be_about_the_jobs_of_one_machine_alone(here: Stage, machine: str) -> None:
    plan = actions.replay(here, Press("kim", {"machine": machine, "dry_run": True}), 60)["plan"]
    assert [each.get("machine", "respool-memory") for each in plan] == [machine]


def test_groups_of_two_machines_are_told_apart_though_they_share_a_task(here: Stage) -> None:
    groups = group_jobs(here.overview.read(), here.messages, here.prefix, {})["groups"]
    assert sorted((group["machine"], group["count"]) for group in groups) == [
        ("orders", 1),
        ("respool-memory", 1),
    ]
    assert status(here, {})["machines"] == ["respool-memory", "orders"]


def test_an_incident_of_a_shared_task_tells_whose_jobs_failed_and_is_found_by_each(
    stage: ReplayStage,
) -> None:
    with_theirs(stage)
    stage.memory.process().tick()
    here = Stage(stage.memory.process().engines, "respool-memory")

    (incident,) = list_incidents(here, {})["incidents"]

    assert {one["machine"]: one["failed"] for one in incident["machines"]} == {
        "orders": 1,
        "respool-memory": 1,
    }
    for machine, count in {"orders": 1, "respool-memory": 1, "billing": 0}.items():
        matches = list_incidents(here, {"machine": [machine]})
        assert (len(matches["incidents"]), matches["cursor"]) == (count, None), machine
    ((_, message),) = stage.memory.posted.mails
    assert "At most at once, by state machine: respool-memory (1), orders (1)." in message


def test_the_command_line_lists_the_incidents_of_one_machine(
    stage: ReplayStage, capsys: pytest.CaptureFixture[str]
) -> None:
    with_theirs(stage)
    stage.memory.process().tick()
    shell = Shell(stage.memory)

    assert shell("incident", "--machine", "orders") == 0
    assert "respool-memory, orders" in capsys.readouterr().out
    assert shell("incident", "--machine", "billing") == 1
    assert "no incident of the state machine billing" in capsys.readouterr().err
    assert shell("incident", "some-id", "--machine", "orders") == 2
    assert "leave it out where an ID names one" in capsys.readouterr().err


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_parked_job_of_a_machine_that_is_listed_no_more_is_left_and_says_so(
    stage: ReplayStage, dry_run: bool
) -> None:
    with_theirs(stage)
    stage.memory.settings = FakeStage().settings
    wire = Wire()
    order = Order(10, Rules(attended=True, choice=Choice(machine="orders")), 60, dry_run=dry_run)

    report = stage.memory.process(wire).engines.replayer.replay(order)

    (left,) = report.plan if report.plan is not None else report.failed
    assert (left["machine"], left["reason"]) == ("orders", UNLISTED)
    assert "SendTaskSuccess" not in wire.calls
    assert stage.memory.claims[PK].state is State.PARKED


def test_it_can_t_be_given_up_either(stage: ReplayStage) -> None:
    with_theirs(stage)
    stage.memory.settings = FakeStage().settings
    wire = Wire()
    with pytest.raises(Conflict, match="Name orders there, deploy"):
        stage.memory.process(wire).engines.give_up.end("1", "nobody wants it", "orders")
    assert wire.calls == ["GetItem"]

"""A tick against a whole stage in memory: what it releases, sees, survives and leaves alone."""

import json
from collections.abc import Mapping
from functools import partial
from itertools import pairwise

import pytest

from chalicelib import metrics
from chalicelib.errors import Conflict, RespoolError
from chalicelib.job.claim import FAILURES, RAMP, State
from chalicelib.replaying.requests import read_request
from tests.fakes.service import TASK
from tests.fakes.wire import Died, Fault, Wire
from tests.ramp_stage import INTERVAL, RampStage, ramp_stage

MANY = 40
"""Ticks after which every story has ended."""


def text(key: str) -> str:
    return json.dumps({"key": key})


def parked(count: int = 12, **settings: str) -> RampStage:
    """A stage where so many jobs wait for a service that is down."""
    stage = RampStage(ramp_stage(HEALTHY_AFTER="60", **settings))
    stage.park(*(f"job-{n:02}" for n in range(count)))
    return stage


def repaired(count: int = 12, ticks: int = 0, **settings: str) -> RampStage:
    """A stage where so many jobs wait for a service that is well again since some ticks."""
    stage = parked(count, **settings)
    stage.fakes.service.broken = False
    for _ in range(ticks):
        stage.later()
    return stage


def drain(stage: RampStage, ticks: int = MANY) -> list[int]:
    """Tick on; returns the sizes of the steps that were released."""
    return [report["released"] for _ in range(ticks) if (report := stage.later()).get("released")]


def left(stage: RampStage) -> list[object]:
    """What is still there of any job."""
    fakes, slots = stage.fakes, stage.fakes.slots
    return [*fakes.waiting, *slots.owners, *slots.waking, *[1] * slots.waiting, *fakes.stuck.bodies]


def assert_each_done_once(stage: RampStage, count: int) -> None:
    done = stage.fakes.service.done
    assert (len(done), set(done.values())) == (count, {1})
    assert left(stage) == []


def test_a_backlog_of_twelve_drains_in_steps_of_one_two_four_and_five() -> None:
    stage = repaired(12)

    assert drain(stage) == [1, 2, 4, 5]
    assert_each_done_once(stage, 12)


def test_while_the_service_is_down_it_hears_one_job_a_probe_and_ever_fewer_probes() -> None:
    stage = parked(12)
    before, probed = stage.calls, []
    for tick in range(40):
        report = stage.later()
        assert report["released"] <= 1
        probed += [tick] if report["released"] else []

    assert [after - one for one, after in pairwise(probed)] == [
        2,
        4,
        8,
        12,
        12,
    ]
    assert stage.calls - before == 2 * len(probed) == 12


def test_a_tick_with_nothing_to_tell_writes_nothing() -> None:
    stage = parked(0)
    stage.tick()
    wire = Wire()

    stage.tick(wire)

    assert "UpdateItem" not in wire.calls


def test_the_job_that_has_waited_longest_is_the_first_probe() -> None:
    stage = parked(3)
    stage.tick()

    assert stage.fakes.service.visits[text("job-00")] == 2 * 2


def test_each_step_is_logged_with_its_size_and_counted() -> None:
    stage = parked(3)
    process = stage.fakes.process()
    for _ in range(2):
        stage.tick(process=process)
        stage.fakes.clock.pause(INTERVAL)
    stage.fakes.service.broken = False
    for _ in range(4):
        stage.tick(process=process)
        stage.fakes.clock.pause(INTERVAL)

    steps = [
        fields["step"] for action, fields in process.telemetry.lines if action == "ramp-released"
    ]
    verdicts = [
        fields["verdict"] for action, fields in process.telemetry.lines if action == "ramp-verdict"
    ]
    assert steps == [1, 1, 2]
    assert verdicts == ["refused", "healthy", "healthy"]
    counts = process.telemetry.counts
    assert (counts[metrics.RAMP_STEP], counts[metrics.RAMP_PROBES]) == (4, 2)
    assert (counts[metrics.RAMP_REFUSED], counts[metrics.RAMP_HEALTHY]) == (1, 2)


def test_limit_zero_silences_it_and_the_end_of_the_hold_brings_a_probe_at_once() -> None:
    stage = repaired(12, ticks=2)
    gates = stage.fakes.process().engines.gates
    gates.set_limit(TASK, 0, "somebody", "")

    assert stage.later()["held"] == "limit 0"
    assert stage.later()["released"] == 0
    gates.set_limit(TASK, 5, "somebody", "")
    assert stage.later()["released"] == 1


def test_a_maintenance_window_silences_it_until_its_end() -> None:
    stage = repaired(2, HOLD_WINDOWS="cron(0 9 * * ? *) 2h UTC")
    stage.fakes.process().engines.gates.prepare(TASK)

    report = stage.later()
    assert (report["released"], report["held"]) == (0, "cron(0 9 * * ? *) 2h UTC")
    assert stage.state.held_until == "2026-11-24T11:00:00.000Z"
    stage.fakes.clock.pause(7200)
    assert stage.tick()["released"] == 1


def test_a_job_that_alone_fails_stops_nobody_and_ends_as_stuck() -> None:
    stage = repaired(8)
    stage.fakes.service.refuses = {text("job-00")}

    drain(stage)

    visits = stage.fakes.service.visits
    assert sum(stage.fakes.service.done.values()) == 7
    assert stage.fakes.claims["job#job-00"].state is State.STUCK
    assert stage.fakes.stuck.bodies == []
    assert visits[text("job-00")] == 2 * (1 + 2 + stage.fakes.settings.max_attempts - 1)
    assert max(visits[text(f"job-{n:02}")] for n in range(1, 8)) == 2 + 1


def test_after_two_refused_probes_with_one_job_the_next_probe_is_another() -> None:
    stage = parked(3)
    drain(stage, 8)

    visits = stage.fakes.service.visits
    assert [visits[text(f"job-{n:02}")] // 2 - 1 for n in range(3)] == [2, 1, 0]


def test_a_person_s_opening_is_not_taken_back_by_the_next_tick() -> None:
    stage = parked(3, CLOSE_AFTER="3")
    stage.later()
    stage.later()
    assert stage.state.closed
    stage.fakes.process().engines.gates.open(TASK, "anna", "they are back")
    stage.fakes.service.broken = False

    stage.later()
    assert stage.fakes.slots.gate(stage.fakes.clock.now()).open


def test_one_tick_puts_aside_all_that_failed_too_often_and_goes_on() -> None:
    stage = parked(5, MAX_ATTEMPTS="1")
    stage.fakes.service.broken = False

    report = stage.later()
    assert report["released"] == 0
    states = {claim.state for claim in stage.fakes.claims.values()}
    assert states == {State.STUCK}


def test_an_outage_however_long_makes_no_job_stuck() -> None:
    stage = parked(2)
    drain(stage, 400)
    stage.fakes.service.broken = False
    drain(stage)

    assert_each_done_once(stage, 2)


def test_failures_of_jobs_that_others_started_count_against_the_service() -> None:
    stage = repaired(12, ticks=3)
    assert stage.state.step == 4
    stage.fakes.clock.pause(1)
    stage.park("new", "newer")

    report = stage.later()

    assert (report["verdict"], report["released"], report["step"]) == ("refused", 0, 1)


def test_one_new_failure_while_four_come_through_is_that_job_s_own() -> None:
    stage = repaired(12, ticks=3)
    stage.fakes.clock.pause(1)
    stage.park("new")
    stage.fakes.service.broken = False

    report = stage.later()

    assert (report["verdict"], report["released"], report["step"]) == ("alone", 4, 4)


def test_a_person_s_replay_beside_it_is_safe_and_its_failures_count() -> None:
    stage = repaired(12, ticks=2)
    stage.fakes.service.refuses = {text("job-10"), text("job-11")}
    replay(stage, "job-10", "job-11")

    report = stage.later()
    assert report["verdict"] == "refused"
    stage.fakes.service.refuses = set()
    drain(stage)

    assert_each_done_once(stage, 12)


def test_a_purged_queue_keeps_no_job_from_its_turn() -> None:
    stage = repaired(3)
    stage.fakes.spool.delete([m.receipt for m in stage.fakes.spool.receive(10, 0, 0)])

    drain(stage, 4)

    assert_each_done_once(stage, 3)


def test_a_dead_job_starts_anew_and_says_nothing_of_the_service() -> None:
    stage = repaired(2)
    fakes = stage.fakes
    fakes.executions.redrives = False
    fakes.executions.stop(fakes.executions.arn("run-job-00"), "Aborted", "by hand")
    fakes.process().engines.rescue.catch(fakes.executions.ended.pop(0))

    drain(stage)

    assert_each_done_once(stage, 2)


def test_two_ticks_at_once_release_a_step_once_whenever_the_other_comes() -> None:
    calls = Wire()
    repaired(12, ticks=3).tick(calls)
    assert len(calls.calls) > 8
    for call in range(len(calls.calls)):
        stage = repaired(12, ticks=3)
        stage.fakes.clock.pause(INTERVAL)
        before = sum(stage.fakes.service.visits.values())
        stage.tick(Wire().interrupt_at(call, partial(_tick, stage)))

        released = sum(stage.fakes.service.visits.values()) - before
        assert released == 5, f"at call {call}"
        drain(stage)
        assert_each_done_once(stage, 12)


@pytest.mark.parametrize("ticks", [0, 1, 3], ids=["first probe", "after it", "a step of four"])
@pytest.mark.parametrize("fault", Fault)
def test_a_fault_at_any_call_of_a_tick_loses_and_doubles_nothing(fault: Fault, ticks: int) -> None:
    for call in range(len(_calls(ticks))):
        stage = repaired(12, ticks)
        stage.fakes.clock.pause(INTERVAL)
        try:
            stage.tick(Wire().break_at(call, fault))
        except (RespoolError, Conflict, Died):
            stage.fakes.run()
        assert sum(stage.fakes.service.done.values()) <= 2**ticks + 2**ticks - 1, (
            f"{fault} at call {call}"
        )
        sizes = drain(stage)
        assert_each_done_once(stage, 12)
        assert all(after <= 2 * max(before, 1) for before, after in pairwise(sizes))


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_at_any_call_while_the_service_is_down_costs_it_no_second_job(
    fault: Fault,
) -> None:
    wire = Wire()
    parked(12).tick(wire)
    for call in range(len(wire.calls)):
        stage = parked(12)
        before = stage.calls
        try:
            stage.tick(Wire().break_at(call, fault))
        except (RespoolError, Conflict, Died):
            stage.fakes.run()
        probes = stage.calls - before
        assert probes <= 2
        for _ in range(2):
            stage.later()
        assert stage.calls - before <= 2 * 2, f"{fault} at call {call}"


@pytest.mark.parametrize("ticks", [0, 3])
def test_a_person_s_replay_at_any_call_of_a_tick_loses_and_doubles_nothing(ticks: int) -> None:
    for call in range(len(_calls(ticks))):
        stage = repaired(12, ticks)
        stage.fakes.clock.pause(INTERVAL)
        stage.tick(Wire().interrupt_at(call, partial(_replay, stage)))
        drain(stage)
        assert_each_done_once(stage, 12)


def replay(stage: RampStage, *keys: str) -> None:
    """A person puts these jobs back."""
    for key in keys:
        request = read_request({"key": key})
        stage.fakes.process().engines.replay(request, 60, attended=True)
    stage.fakes.run()


def _replay(stage: RampStage) -> None:
    stage.fakes.process().engines.replay(read_request({"max": 3}), 60, attended=True)
    stage.fakes.run()


def _tick(stage: RampStage) -> None:
    """Another process ticks, and dies before the jobs go on."""
    stage.fakes.process().engines.ramp.run(600)


def _calls(ticks: int) -> list[str]:
    """The calls that a tick after so many makes."""
    stage, wire = repaired(12, ticks), Wire()
    stage.fakes.clock.pause(INTERVAL)
    stage.tick(wire)
    return wire.calls


def test_a_tick_that_was_overtaken_says_so_and_releases_nothing() -> None:
    stage = repaired(3)
    wire = Wire()
    put = next(n for n, call in enumerate(_calls_of_first_tick()) if call.startswith("UpdateItem"))
    wire.interrupt_at(put, lambda: _tick(stage))

    assert stage.tick(wire) == {"overtaken": True}


def _calls_of_first_tick() -> list[str]:
    wire = Wire()
    repaired(3).tick(wire)
    return wire.calls


def test_a_refused_step_closes_the_gate_and_newcomers_wait_untried() -> None:
    stage = parked(3)
    stage.later()
    stage.later()
    calls = stage.calls

    stage.start("new-1", "new-2")

    assert gate_of(stage) == (False, RAMP)
    assert stage.calls == calls
    assert states(stage, "new-1", "new-2") == [State.LINE, State.LINE]


def test_under_a_closed_gate_its_steps_go_in_by_passes_oldest_first_over_parked_and_line() -> None:
    stage = parked(3)
    stage.later()
    stage.later()
    stage.start(*(f"new-{n}" for n in range(4)))
    stage.fakes.service.broken = False

    sizes = drain(stage)

    assert sizes[:3] == [1, 2, 4]
    assert_each_done_once(stage, 7)
    assert gate_of(stage) == (True, "")


def test_a_healthy_step_as_large_as_the_limit_opens_the_gate() -> None:
    stage = parked(3)
    stage.later()
    stage.later()
    stage.start(*(f"new-{n:02}" for n in range(20)))
    stage.fakes.service.broken = False
    opened: Mapping[int, bool] = {}
    while not gate_of(stage)[0]:
        opened = {**opened, stage.later().get("released", 0): gate_of(stage)[0]}

    assert opened == {1: False, 2: False, 4: False, 8: True}
    drain(stage)
    assert_each_done_once(stage, 23)


def test_a_gate_that_failures_closed_is_probed_and_opened_by_the_ramp() -> None:
    stage = RampStage(ramp_stage(CLOSE_AFTER="5", HEALTHY_AFTER="60"))
    stage.park(*(f"job-{n:02}" for n in range(12)))
    assert gate_of(stage) == (False, FAILURES)
    assert stage.calls == 2 * 5
    stage.fakes.service.broken = False

    drain(stage)

    assert_each_done_once(stage, 12)
    assert gate_of(stage) == (True, "")


def test_a_health_check_that_says_well_brings_the_next_probe_at_once() -> None:
    stage = parked(3, HEALTH_URL="https://service.example/health")
    for _ in range(4):
        stage.later()
    assert stage.state.refusals
    stage.fakes.service.broken = False

    assert stage.later()["released"] == 1


def test_a_health_check_that_says_no_is_doubted_every_ramp_max_interval() -> None:
    stage = parked(3, HEALTH_URL="https://service.example/health")
    probed = [tick for tick in range(40) if stage.later()["released"]]

    assert [after - one for one, after in pairwise(probed)] == [12, 12, 12]


def test_a_gate_that_a_person_closed_is_not_the_ramp_s_to_open() -> None:
    stage = repaired(2)
    stage.fakes.process().engines.gates.close(TASK, None, "Aiko", "they are testing")

    reports = [stage.later() for _ in range(3)]

    assert [one["released"] for one in reports] == [0, 0, 0]
    assert gate_of(stage) == (False, "Aiko")


def gate_of(stage: RampStage) -> tuple[bool, str]:
    gate = stage.fakes.slots.gate(stage.fakes.clock.now())
    return gate.open, gate.by


def states(stage: RampStage, *keys: str) -> list[State]:
    claims = stage.fakes.claims
    return [claims[f"job#{key}"].state for key in keys]

"""The stage at a glance: counts, tasks, what became of jobs, and what would be lost when."""

from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from chalicelib.api.schemas import SCHEMAS
from chalicelib.api.status import status
from chalicelib.cached import Cached
from chalicelib.errors import BadRequest
from chalicelib.job.claim import Claim, Slots
from chalicelib.job.ramp_state import State, Verdict
from chalicelib.names import Names
from chalicelib.settings import Settings
from chalicelib.stage import Stage
from tests.fakes.clock import SteppedClock
from tests.fakes.telemetry import FakeTelemetry
from tests.unit.test_api_jobs import NOW, FixedOverview, moment, parked, running

NAMES = Names("respool-dev", "aws", "us-east-1", "123456789012")
GAUGES = {"spooled": 3, "stuck": 1, "trigger": "disabled"}


def told(
    *jobs: Claim,
    slots: tuple[Slots, ...] = (),
    ramps: tuple[State, ...] = (),
    **environ: str,
) -> dict[str, Any]:
    return status(stage(*jobs, slots=slots, ramps=ramps, **environ), {})


def stage(
    *jobs: Claim,
    slots: tuple[Slots, ...] = (),
    ramps: tuple[State, ...] = (),
    **environ: str,
) -> Stage:
    made = Stage(NAMES, Settings.read(environ), telemetry=FakeTelemetry())
    made.overview = FixedOverview(*jobs, slots=slots, ramps=ramps)
    made.gauges = Cached(lambda: GAUGES, 60, lambda: 0)
    return made


def days(number: float) -> str:
    return (NOW - timedelta(days=number)).isoformat()


def since(*jobs: Claim, minute: int = 0) -> dict[str, Any]:
    found = status(stage(*jobs), {"since": [moment(minute)]})["since"]
    return {name: found[name] for name in ("waiting", "running", "failed_again")}


def test_an_empty_stage_is_told_as_such() -> None:
    found = told()

    assert found["jobs"] == {"running": 0, "parked": 0, "stuck": 0}
    assert found["oldest_failure"] is None
    assert found["next_loss"] is None
    assert [task["task"] for task in found["tasks"]] == ["UncertainTask"]
    assert (found["spooled"], found["stuck"], found["trigger"]) == (3, 1, "disabled")


def test_the_oldest_failure_is_that_of_a_waiting_job() -> None:
    found = told(running("r"), parked("a", -30), parked("b", -90), parked("c", -10))

    assert found["oldest_failure"]["age"] == 90 * 60


def test_a_failure_without_a_zone_or_a_time_is_no_stumbling_block() -> None:
    odd = parked("odd", first_failed_at="whenever", parked_at="2026-11-23T23:00:00")

    assert told(odd)["oldest_failure"] is None
    assert since(odd)["waiting"] == 1


def test_each_task_is_told_with_its_own_limit_or_the_stage_s() -> None:
    slots = (
        Slots("Held", frozenset({"x"}), 0),
        Slots("Free", frozenset(), None),
    )

    tasks = {each["task"]: each for each in told(slots=slots, TASK_LIMIT="7")["tasks"]}

    assert set(tasks) == {"Held", "Free"}
    assert (tasks["Held"]["limit"], tasks["Held"]["inside"], tasks["Held"]["own_limit"]) == (
        0,
        1,
        True,
    )
    assert (tasks["Free"]["limit"], tasks["Free"]["own_limit"]) == (7, False)


def test_a_schedule_is_told_with_its_zone() -> None:
    found = told(REPLAY_SCHEDULE="rate(1 day)", REPLAY_TIMEZONE="Asia/Tokyo", REPLAY_MAX="3")

    assert found["schedule"] == {"expression": "rate(1 day)", "timezone": "Asia/Tokyo", "max": 3}


REFUSED = State(
    "UncertainTask",
    due=moment(40),
    last=Verdict.REFUSED,
    last_at=moment(0),
    last_key="12345",
    last_size=1,
)


def ramp(*jobs: Claim, slots: tuple[Slots, ...] = (), **environ: str) -> dict[str, Any]:
    found = told(*jobs, slots=slots, ramps=(REFUSED,), RECOVERY="ramp", **environ)
    return dict(found["tasks"][0]["ramp"])


def test_the_ramp_says_what_it_does_and_when_it_acts_next() -> None:
    found = ramp(parked("12345"), parked("other"))

    assert found["says"] == "probed 00:00 with job 12345: still refusing; next try 00:40"
    assert (found["code"], found["step"], found["next"]) == ("refused", 1, moment(40))
    assert found["values"] == {"key": "12345"}
    assert found["times"] == {"at": moment(0), "next": moment(40)}


def test_the_ramp_counts_the_jobs_that_wait_now_and_not_those_of_its_last_tick() -> None:
    inside = parked("in", execution="arn:in")
    slots = (Slots("UncertainTask", frozenset({"arn:in"})),)
    stuck, other = parked("stuck", stuck_at=moment(0)), parked("o", task="Other")

    found = told(parked("a"), inside, stuck, other, slots=slots, RECOVERY="ramp")

    ramps = {each["task"]: each["ramp"]["says"] for each in found["tasks"]}
    assert ramps == {
        "UncertainTask": "1 waiting; puts jobs back within 10 min",
        "Other": "1 waiting; puts jobs back within 10 min",
    }


def test_a_hold_silences_the_ramp_at_once_and_is_its_reason() -> None:
    found = ramp(parked("12345"), slots=(Slots("UncertainTask", frozenset(), 0),))

    assert found["says"] == "held by limit 0: no probe until the limit is raised"
    assert found["next"] is None


def test_a_maintenance_window_silences_the_ramp_at_once_and_says_until_when() -> None:
    found = ramp(parked("12345"), HOLD_WINDOWS="cron(30 23 * * ? *) 90m UTC")

    assert found["says"] == (
        "held until 01:00 by the maintenance window cron(30 23 * * ? *) 90m UTC: no probe"
    )
    assert found["next"] == found["times"]["until"] == moment(60)


def test_the_revision_changes_with_the_ramp() -> None:
    before, after = told(ramps=(REFUSED,)), told(ramps=(replace(REFUSED, step=2),))

    assert before["revision"] != after["revision"]


def test_without_recovery_there_is_no_ramp_to_tell_of() -> None:
    assert told(ramps=(REFUSED,))["tasks"][0]["ramp"] is None


@pytest.mark.parametrize("recovery", ["off", "ramp"])
def test_each_task_is_told_as_the_document_says(recovery: str) -> None:
    shape = SCHEMAS["Task"]
    (found,) = told(parked("a"), ramps=(REFUSED,), RECOVERY=recovery)["tasks"]

    assert set(found) == set(shape["required"])
    if found["ramp"]:
        assert set(found["ramp"]) == set(shape["properties"]["ramp"]["required"])
        assert found["ramp"]["code"] in shape["properties"]["ramp"]["properties"]["code"]["enum"]


def test_a_job_that_waits_for_its_restart_is_lost_only_without_the_sweep() -> None:
    dead = parked("dead", spooled_at=days(4))

    assert told(dead)["next_loss"] is None
    lost = told(dead, SWEEP_SCHEDULE="off")["next_loss"]
    assert (lost["key"], lost["why"]) == ("dead", "message")
    assert lost["at"].startswith((NOW + timedelta(days=10)).date().isoformat())


def test_a_dead_job_is_lost_when_its_execution_is_forgotten() -> None:
    young = parked("young", spooled_at=days(4), parked_at=days(50))
    old = parked("old", spooled_at=days(4), parked_at=days(60))

    lost = told(young, old)["next_loss"]

    assert (lost["key"], lost["why"]) == ("old", "execution")
    assert lost["at"].startswith((NOW + timedelta(days=30)).date().isoformat())
    assert told(young)["next_loss"] is None


def test_a_job_whose_year_ends_soon_is_told_the_first_of_them_first() -> None:
    jobs = [parked("late", claimed_at=days(340)), parked("later", claimed_at=days(335))]

    lost = told(*jobs, parked("young", claimed_at=days(100)), running("r"))["next_loss"]

    assert (lost["key"], lost["why"]) == ("late", "execution")


@pytest.mark.parametrize(
    ("job", "counted"),
    [
        (parked("still", -5), "waiting"),
        (parked("stuck", -5, stuck_at=moment(1)), "waiting"),
        (parked("on", parked_at="", resumed_at=moment(1)), "running"),
        (parked("anew", parked_at="", claimed_at=moment(1)), "running"),
        (parked("back", 2, resumed_at=moment(1), attempt=2), "failed_again"),
        (parked("anew-back", 2, claimed_at=moment(1), attempt=2), "failed_again"),
    ],
    ids=lambda value: value.key if isinstance(value, Claim) else value,
)
def test_what_became_of_a_job_that_waited_is_told(job: Claim, counted: str) -> None:
    assert since(job) == {"waiting": 0, "running": 0, "failed_again": 0, counted: 1}


@pytest.mark.parametrize(
    "job",
    [
        parked("new-run", parked_at="", claimed_at=moment(1), attempt=0),
        parked("new-failure", 2, claimed_at=moment(1)),
        parked("ran-all-along", 2, claimed_at=moment(-9), resumed_at=moment(-8), attempt=2),
    ],
    ids=lambda job: job.key,
)
def test_a_job_that_did_not_wait_then_is_not_told(job: Claim) -> None:
    assert since(job) == {"waiting": 0, "running": 0, "failed_again": 0}


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "12"])
def test_a_since_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="since="):
        status(stage(), {"since": [text]})


def test_a_plus_that_a_query_turned_into_a_space_is_understood() -> None:
    found = status(stage(), {"since": ["2026-11-24T00:00:00 00:00"]})

    assert found["since"]["at"] == "2026-11-24T00:00:00.000+00:00"


def test_what_was_fetched_is_fetched_again_only_when_it_is_old_or_forgotten() -> None:
    clock = SteppedClock()
    numbers = count(1)
    held = Cached(lambda: next(numbers), 3, clock.elapsed)

    assert [held.get(), held.get()] == [1, 1]
    clock.pause(4)
    assert held.get() == 2
    held.forget()
    assert held.get() == 3

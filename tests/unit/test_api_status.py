"""The stage at a glance: counts, tasks with their gates, and what would be lost when."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.api.schemas import SCHEMAS
from chalicelib.api.status import status
from chalicelib.errors import AwsError, BadRequest
from chalicelib.job.claim import State
from tests.unit.api_stage import ApiStage, job, moment, slots

DAY = 1440


def told(api: ApiStage) -> dict[str, Any]:
    api.stage.changed()
    return status(api.stage, {})


def test_an_empty_stage_is_told_as_such() -> None:
    answer = told(ApiStage())

    assert answer["jobs"] == {"running": 0, "line": 0, "parked": 0, "stuck": 0}
    assert answer["oldest_failure"] is None
    assert answer["next_loss"] is None
    assert [task["task"] for task in answer["tasks"]] == ["UncertainTask"]
    assert (answer["spooled"], answer["stuck"], answer["trigger"]) == (0, 0, "disabled")
    assert answer["complete"] is True


def test_the_queue_s_depth_is_no_count_of_jobs() -> None:
    api = ApiStage(job("a"), job("b"))
    for _ in range(7):
        api.memory.spool.send('{"key": "x"}')

    assert (told(api)["jobs"]["parked"], told(api)["spooled"]) == (2, 7)


def test_the_oldest_failure_is_that_of_a_job_that_waits_for_somebody() -> None:
    api = ApiStage(job("r", -200, state=State.RUNNING), job("a", -30), job("b", -90), job("c", -10))

    assert told(api)["oldest_failure"]["age"] == 90 * 60


def test_a_task_tells_who_is_inside_in_line_and_waiting() -> None:
    api = ApiStage(
        job("l1", -5, state=State.LINE),
        job("l2", -3, state=State.LINE),
        job("p", -2),
        job("s", -1, state=State.STUCK),
        slots(inside=3, limit=4, waiting=2, limitBy="kim", limitAt=moment(-9), limitWhy="less"),
    )

    (task,) = told(api)["tasks"]

    assert (task["inside"], task["limit"], task["waiting"]) == (3, 4, 2)
    assert (task["parked"], task["stuck"], task["waiting_since"]) == (1, 1, moment(-5))
    assert (task["limit_by"], task["limit_at"], task["limit_why"]) == ("kim", moment(-9), "less")
    assert task["gate"] == {"open": True, "by": None, "why": None, "since": None, "until": None}


def test_a_closed_gate_tells_how_many_failed_and_how_many_are_untried() -> None:
    closed: dict[str, Any] = {"closedUntil": "9999-12-31T00:00:00.000Z", "closedBy": "kim"}
    api = ApiStage(
        job("l1", -5, state=State.LINE, attempt=2),
        job("l2", -3, state=State.LINE, attempt=0),
        job("l3", -3, state=State.LINE, attempt=0),
        job("p", -2),
        job("s", -1, state=State.STUCK),
        slots(waiting=3, **closed),
    )

    (task,) = told(api)["tasks"]
    assert (task["failed"], task["untried"]) == (3, 2)


def test_of_a_line_that_is_too_long_to_be_read_nobody_says_how_many_are_untried() -> None:
    closed: dict[str, Any] = {"closedUntil": "9999-12-31T00:00:00.000Z", "closedBy": "kim"}
    (task,) = told(ApiStage(slots(waiting=4_001, **closed)))["tasks"]

    assert (task["waiting"], task["failed"], task["untried"]) == (4_001, None, None)


def test_an_open_gate_tells_no_such_numbers() -> None:
    (task,) = told(ApiStage(job("p", -2)))["tasks"]

    assert (task["failed"], task["untried"]) == (None, None)


@pytest.mark.parametrize(
    ("written", "gate"),
    [
        (
            {"closedUntil": "9999-12-31T00:00:00.000Z", "closedBy": "kim", "closedWhy": "repair"},
            {"by": "kim", "why": "repair", "until": None},
        ),
        ({"closedUntil": moment(60)}, {"by": None, "until": moment(60)}),
        (
            {"windowFrom": moment(-1), "windowUntil": moment(9), "windowWhy": "w"},
            {"by": "window", "why": "w", "since": moment(-1), "until": moment(9)},
        ),
        (
            {"failed": {"job#a": moment(-2), "off": moment(-1)}, "closeAfter": 2},
            {"by": "failures", "since": moment(-1), "until": None},
        ),
    ],
)
def test_a_closed_gate_says_by_whom_why_and_until_when(
    written: dict[str, Any], gate: dict[str, Any]
) -> None:
    (task,) = told(ApiStage(slots(**written)))["tasks"]

    assert task["gate"]["open"] is False
    assert {name: task["gate"][name] for name in gate} == gate


def test_a_schedule_is_told_with_its_zone() -> None:
    api = ApiStage(REPLAY_SCHEDULE="rate(1 day)", REPLAY_TIMEZONE="Asia/Tokyo", REPLAY_MAX="3")

    assert told(api)["schedule"] == {
        "expression": "rate(1 day)",
        "timezone": "Asia/Tokyo",
        "max": 3,
    }


@pytest.mark.parametrize(
    ("age", "named"), [(300, False), (350, False), (352, True), (364, True), (400, True)]
)
def test_a_job_is_named_two_weeks_before_its_year_ends(age: int, named: bool) -> None:
    api = ApiStage(job("old", -age * DAY), job("young", -1))

    loss = told(api)["next_loss"]

    assert (loss is not None) is named
    if named:
        assert (loss["key"], loss["why"], loss["at"]) == ("old", "year", moment((365 - age) * DAY))


def test_a_restart_s_year_begins_with_it() -> None:
    assert told(ApiStage(job("a", -360 * DAY, claimedAt=moment(-5))))["next_loss"] is None


def test_a_job_in_line_may_be_lost_too() -> None:
    line = job("l", -360 * DAY, state=State.LINE)

    assert told(ApiStage(line, slots(waiting=1)))["next_loss"]["key"] == "l"


def test_a_dead_job_is_named_before_its_execution_is_forgotten() -> None:
    api = ApiStage(job("a", -100 * DAY, deadAt=moment(-80 * DAY)))

    assert told(api)["next_loss"] == {
        "at": moment(10 * DAY),
        "key": "a",
        "id": "a",
        "why": "forgotten",
    }


def test_a_time_that_is_none_is_no_stumbling_block() -> None:
    odd = job("odd", firstFailedAt="whenever", failedAt="", order="x#odd", deadAt="no time")

    answer = told(ApiStage(odd))

    assert (answer["oldest_failure"], answer["next_loss"]) == (None, None)


def test_a_trigger_that_nobody_can_tell_is_unknown() -> None:
    api = ApiStage()

    def refused() -> str:
        raise AwsError("ListEventSourceMappings: AccessDenied")

    api.memory.mapping.state = refused  # type: ignore[method-assign]

    assert told(api)["trigger"] == "unknown"


def test_an_answer_has_the_shape_that_programs_are_told() -> None:
    answer = told(ApiStage(job("a", -360 * DAY)))
    shapes = SCHEMAS["Status"]["properties"]

    assert set(answer) == set(shapes) - {"caller"}
    assert set(answer["tasks"][0]) == set(SCHEMAS["Task"]["properties"])
    assert set(answer["next_loss"]) == set(shapes["next_loss"]["properties"])


def test_a_parameter_that_nobody_knows_is_refused() -> None:
    with pytest.raises(BadRequest, match="unknown parameter 'since'"):
        status(ApiStage().stage, {"since": ["now"]})


def test_asking_again_at_once_costs_nothing() -> None:
    api = ApiStage(job("a"))
    told(api)

    assert api.calls(lambda: status(api.stage, {})) == []
    api.memory.clock.pause(timedelta(seconds=4).total_seconds())
    assert len(api.calls(lambda: status(api.stage, {}))) <= 7


@pytest.mark.parametrize(("days", "why"), [(9, None), (11, "redrive"), (15, None)])
def test_a_watched_job_is_named_in_its_last_days(days: int, why: str | None) -> None:
    dead = moment(-days * DAY)
    watched: dict[str, Any] = {
        "pk": "job@orders#a",
        "task": "orders",
        "watched": "yes",
        "queue": "parked#orders",
    }
    loss = told(ApiStage(job("a", -days * DAY, deadAt=dead, **watched), slots(task="orders")))[
        "next_loss"
    ]
    assert (loss and loss["why"]) == why


def test_an_adopted_job_whose_task_is_called_as_its_machine_has_ninety_days() -> None:
    shared: dict[str, Any] = {"pk": "job@orders#a", "task": "orders", "queue": "parked#orders"}
    api = ApiStage(job("a", -12 * DAY, deadAt=moment(-12 * DAY), **shared), slots(task="orders"))
    assert told(api)["next_loss"] is None

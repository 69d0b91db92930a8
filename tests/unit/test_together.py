"""What becomes of a dead job follows from how the others of its execution stand."""

from dataclasses import replace

import pytest

from chalicelib.job.claim import Claim, State
from chalicelib.job.plan import Action, Decision
from chalicelib.replaying.dead_jobs import together
from chalicelib.replaying.siblings import ALONE, Family, Stand, _stand

REDRIVE = Decision(Action.REDRIVE, "it can be")
RESTART = Decision(Action.RESTART, "it can't be redriven")
DEAD = "arn:dead"
PARKED = Claim("job#a", DEAD, state=State.PARKED, dead_at="2026-11-24T09:00:00.000Z")
BEGINNING = ", from the beginning: all steps run again"


@pytest.mark.parametrize("decision", [REDRIVE, RESTART])
def test_a_job_that_is_alone_is_put_back_as_decided(decision: Decision) -> None:
    assert together(decision, ALONE) is decision


@pytest.mark.parametrize(
    ("decision", "count", "reason"),
    [
        (REDRIVE, 1, "it can be; with 1 other job of its execution"),
        (REDRIVE, 2, "it can be; with 2 other jobs of its execution"),
        (RESTART, 1, f"it can't be redriven; with 1 other job of its execution{BEGINNING}"),
        (RESTART, 3, f"it can't be redriven; with 3 other jobs of its execution{BEGINNING}"),
    ],
)
def test_the_reason_tells_how_many_go_along(decision: Decision, count: int, reason: str) -> None:
    family = Family(Stand.SETTLED, [PARKED] * count)
    assert together(decision, family) == replace(decision, reason=reason)


def test_a_restart_by_the_same_name_goes_along_with_the_one_that_was_made() -> None:
    assert together(RESTART, Family(Stand.RESTARTED)) is RESTART


@pytest.mark.parametrize(
    ("decision", "stand"),
    [(REDRIVE, Stand.RESTARTED), (REDRIVE, Stand.GOING_ON), (RESTART, Stand.GOING_ON)],
)
def test_an_execution_that_was_put_back_is_not_put_back_again(
    decision: Decision, stand: Stand
) -> None:
    assert together(decision, Family(stand)) == Decision(Action.STALE, stand.value)


@pytest.mark.parametrize(
    ("stand", "wait"),
    [(Stand.LATE, 60), (Stand.UNSETTLED, 0), (Stand.FORGOTTEN, 0), (Stand.UNKNOWN, 0)],
)
@pytest.mark.parametrize("decision", [REDRIVE, RESTART])
def test_while_another_s_stand_is_unknown_nothing_is_done(
    decision: Decision, stand: Stand, wait: int
) -> None:
    assert together(decision, Family(stand)) == Decision(Action.LEAVE, stand.value, wait)


def claim(execution: str, predecessor: str = "", dead_at: str = "", state: str = "") -> Claim:
    """Its texts are equal to the constants above, and other objects."""
    return Claim(
        "job#b",
        "".join(list(execution)),
        state=State(state or "parked"),
        dead_at=dead_at,
        predecessor="".join(list(predecessor)),
    )


@pytest.mark.parametrize(
    ("other", "stand"),
    [
        (claim("arn:new", predecessor=DEAD), Stand.RESTARTED),
        (claim("arn:new", predecessor="arn:aaa", dead_at="t"), Stand.SETTLED),
        (claim("arn:new", predecessor="arn:zzz", dead_at="t"), Stand.SETTLED),
        (claim(DEAD, predecessor=DEAD, dead_at="t"), Stand.SETTLED),
        (claim(DEAD, dead_at="t"), Stand.SETTLED),
        (claim(DEAD, dead_at="t", state="running"), Stand.GOING_ON),
        (claim(DEAD, state="parked"), Stand.UNSETTLED),
        (claim(DEAD, state="running"), Stand.UNSETTLED),
    ],
)
def test_how_another_job_stands_is_read_off_its_claim(other: Claim, stand: Stand) -> None:
    assert _stand([other], [other], DEAD) is stand

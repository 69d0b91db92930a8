"""A replay's result fits into a Lambda's answer, whatever the jobs are called."""

import json
import sys

import pytest

from chalicelib.job.plan import Action
from chalicelib.limits import ANSWER
from chalicelib.replaying.outcome import Outcome
from chalicelib.replaying.report import Report

JOBS = 10_000
LONG = "\x01" * 1000


def report(plan: bool, key: str) -> Report:
    """Of ten thousand jobs, none of which could be put back."""
    result = Report(plan=[] if plan else None)
    for n in range(JOBS):
        result.add(Outcome(f"{key}{n}", Action.LEAVE, "AWS said no", problem=True))
    return result


def in_gateway(result: dict[str, object]) -> int:
    """Bytes of the answer with which a Lambda hands a result to API Gateway."""
    return len(json.dumps({"statusCode": 200, "body": json.dumps(result)}))


@pytest.mark.parametrize("plan", [True, False])
@pytest.mark.parametrize("key", ["", LONG, "\u3042" * 340, '"' * 1000])
def test_its_answer_has_room_and_counts_whom_it_does_not_name(plan: bool, key: str) -> None:
    result = report(plan, key).as_json()

    named = result["plan" if plan else "failed"]
    assert in_gateway(result) <= ANSWER
    assert named
    assert len(named) + result.get("unnamed", 0) == JOBS
    assert named[0]["key"] == f"{key}0"


def test_a_person_s_own_terminal_names_them_all() -> None:
    result = report(True, LONG).as_json(sys.maxsize)
    assert len(result["plan"]) == JOBS
    assert "unnamed" not in result


def test_failures_beyond_ten_thousand_are_counted_and_not_kept() -> None:
    result = report(False, "")
    for _ in range(5):
        result.add(Outcome("more", Action.LEAVE, "AWS said no", problem=True))
    assert len(result.failed) == JOBS
    assert result.as_json(sys.maxsize)["unnamed"] == 5

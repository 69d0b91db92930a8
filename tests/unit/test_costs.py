"""docs/costs.md: every figure follows from the list prices, the definition and what it assumes."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

PAGE = Path("docs/costs.md").read_text()
STATES: dict[str, Any] = json.loads(Path("statemachine.json").read_text())["States"]

TRANSITION, WRITE, READ, MESSAGE = 25e-6, 0.625e-6, 0.125e-6, 0.4e-6
CALL, GB_SECOND = 0.2e-6, 16.6667e-6
SPOOL_LAMBDA = CALL + 0.1 * 0.25 * GB_SECOND
REPLAY = (CALL + 2 * 0.5 * GB_SECOND) / 10
SWEEP = CALL + 2 * 0.5 * GB_SECOND + 2 * MESSAGE
JOBS, SWEEPS = 300 * 30, 24 * 30

HAPPY = ["ClaimJob", "TakeSlot", "UncertainTask", "Finish"]
AGAIN = ["NoteFailure", "ParkJob", "ErrorSpool", "ResumeJob", "TakeSlot", "UncertainTask"]
FAILED = [*HAPPY[:-1], *AGAIN, "Finish"]
REFUSED = ["ClaimJob", "FindHolder", "AlreadyRunning"]
FAILURE = 1.2 * MESSAGE + SPOOL_LAMBDA + REPLAY


def leads_on(way: list[str]) -> bool:
    """Whether the definition really leads from each of these states to the next."""
    return all(
        after in [STATES[before].get("Next"), *(c["Next"] for c in STATES[before].get("Catch", []))]
        for before, after in pairwise(way)
    )


def writes(way: list[str]) -> int:
    """Write units of these states; in a transaction each item takes two."""
    units = 0
    for name in way:
        if STATES[name].get("Resource", "").endswith("updateItem"):
            units += 1
        if STATES[name].get("Resource", "").endswith("transactWriteItems"):
            units += 2 * len(STATES[name]["Arguments"]["TransactItems"])
    return units


def cells(row: str) -> list[str]:
    """The cells of the row that begins with these words."""
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {row} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def price(way: list[str], retries: int = 0) -> float:
    return (len(way) + retries) * TRANSITION + writes(way) * WRITE


WORKS = price(HAPPY)
FAILS = price(FAILED, retries=1) + FAILURE
FURTHER = price(AGAIN, retries=1) + FAILURE


@pytest.mark.parametrize("way", [HAPPY, FAILED, ["UncertainTask", *AGAIN], REFUSED])
def test_the_ways_on_the_page_are_those_of_the_definition(way: list[str]) -> None:
    assert leads_on(way)


@pytest.mark.parametrize(
    ("row", "transitions", "written", "sent", "dollars"),
    [
        ("the task alone, without respool", 1, 0, "0", TRANSITION),
        ("works at once", 4, writes(HAPPY), "0", WORKS),
        ("fails, is retried, parks, is replayed, works", 11, writes(FAILED), "1.2", FAILS),
        ("each further failure and replay", 7, writes(AGAIN), "1.2", FURTHER),
        ("each 12 days that it waits parked", 1, 0, "1", TRANSITION + MESSAGE + SPOOL_LAMBDA),
        (
            "dies, is caught and restarted: besides what it did before",
            4,
            writes(HAPPY) + 4,
            "1.2",
            WORKS + 4 * WRITE + FAILURE,
        ),
        (
            "is refused: the key is taken",
            3,
            writes(["ClaimJob"]) + 2,
            "0",
            3 * TRANSITION + 3 * WRITE + READ + SPOOL_LAMBDA,
        ),
    ],
)
def test_what_a_job_costs(
    row: str, transitions: int, written: int, sent: str, dollars: float
) -> None:
    assert cells(row)[2:] == [str(transitions), str(written), sent, f"{dollars:.6f}"]


@pytest.mark.parametrize(("column", "failures"), [(1, 0), (2, JOBS // 10), (3, JOBS)])
def test_what_a_month_of_300_jobs_a_day_costs(column: int, failures: int) -> None:
    machine = (JOBS * 4 + failures * 7) * TRANSITION
    table = (JOBS * writes(HAPPY) + failures * writes(AGAIN)) * WRITE
    others = SWEEPS * SWEEP + failures * FAILURE

    assert cells("Step Functions")[column] == f"${machine:.2f}"
    assert cells("DynamoDB")[column] == f"${table:.2f}"
    assert cells("SQS and respool's Lambdas")[column] == f"${others:.2f}"
    assert cells("together")[column] == f"**${machine + table + others:.2f}**"


def test_what_stands_each_month_is_counted_off_the_stack() -> None:
    alarms = Path(".chalice/stack/watch.json").read_text().count('"AWS::CloudWatch::Alarm"')

    assert f"{alarms} alarms ${alarms * 0.10:.2f}" in PAGE


def test_what_waiting_for_a_place_costs() -> None:
    longest = STATES["TakeSlot"]["Retry"][0]["MaxDelaySeconds"]
    tries = 3600 / (longest / 2)  # full jitter: half of it on the average

    assert f"about {tries:.0f} transitions (${tries * (TRANSITION + WRITE):.3f})" in PAGE


def test_the_prices_that_the_page_names_are_those_it_counts_with() -> None:
    named = [float(price) for price in re.findall(r"\$([\d.]+\d)", PAGE.split("##")[0])]

    assert named[:6] == [0.025, 0.625, 0.125, 0.40, 0.20, 0.0000166667]
    assert "us-east-1" in PAGE
    assert "November 2026" in PAGE

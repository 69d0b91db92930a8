"""docs/costs.md: every figure follows from the list prices, the definition and what it assumes."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from respool.simulate import figures

PAGE = Path("docs/costs.md").read_text()
STATES: dict[str, Any] = json.loads(Path("statemachine.json").read_text())["States"]

TRANSITION, WRITE, MESSAGE = 25e-6, 0.625e-6, 0.4e-6
CALL, GB_SECOND = 0.2e-6, 16.6667e-6
SPOOL_LAMBDA = CALL + 0.1 * 0.25 * GB_SECOND
REPLAY = (CALL + 2 * 0.5 * GB_SECOND) / 10
SWEEP = CALL + 2 * 0.5 * GB_SECOND
ADMIT = CALL + 0.2 * 0.25 * GB_SECOND
JOBS, SWEEPS, ADMITS = 300 * 30, 24 * 30, 12 * 24 * 30

HAPPY = ["ClaimJob", "TakeSlot", "UncertainTask", "Finish"]
AGAIN = ["ErrorSpool", "Park", "TakeSlot", "UncertainTask"]
FAILED = [*HAPPY[:-1], *AGAIN, "Finish"]
REFUSED = ["ClaimJob", "TakeSlot", "WaitInLine", "Rejoin", "ConfirmClaim", "AlreadyRunning"]
WAITED = ["ClaimJob", "TakeSlot", "WaitInLine", "UncertainTask", "Finish"]
FAILURE = 1.2 * MESSAGE + SPOOL_LAMBDA + REPLAY
INDEX = 2
"""An entry that comes and goes."""
WITH_TOKEN = 2
"""KiB of a claim that has a token and a message."""


def leads_on(way: list[str]) -> bool:
    """Whether the definition really leads from each of these states to the next."""

    def after(name: str) -> list[Any]:
        state = STATES[name]
        holders = [state, *state.get("Catch", []), *state.get("Choices", [])]
        return [*(holder.get("Next") for holder in holders), state.get("Default")]

    return all(next_one in after(before) for before, next_one in pairwise(way))


def units(name: str, kib: int = 1) -> int:
    """Write units of a state: an item of a transaction takes two for each KiB."""
    state = STATES[name]
    if "transactWriteItems" in state.get("Resource", ""):
        assert len(state["Parameters"]["TransactItems"]) == 2
        return 2 + 2 * kib
    return kib if "updateItem" in state.get("Resource", "") else 0


PARKED_AND_BACK = units("Park", WITH_TOKEN) + units("TakeSlot", WITH_TOKEN) + INDEX
HAPPY_UNITS = sum(map(units, HAPPY))
FAILED_UNITS = HAPPY_UNITS + PARKED_AND_BACK
ADMITTED = 2 + 2 * WITH_TOKEN + 1
"""What `admit` writes: slots and claim in a transaction, then that the token is answered."""
LINE_UNITS = units("WaitInLine", WITH_TOKEN) + ADMITTED + INDEX
REFUSED_UNITS = sum(map(units, REFUSED))


def cells(row: str) -> list[str]:
    """The cells of the row that begins with these words."""
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {row} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def price(transitions: int, written: int) -> float:
    return transitions * TRANSITION + written * WRITE


WORKS = price(4, HAPPY_UNITS)
FAILS = price(9, FAILED_UNITS) + FAILURE
FURTHER = price(5, PARKED_AND_BACK) + FAILURE
IN_LINE = price(1, LINE_UNITS) + 3 * ADMIT


@pytest.mark.parametrize("way", [HAPPY, FAILED, REFUSED, WAITED])
def test_the_ways_on_the_page_are_those_of_the_definition(way: list[str]) -> None:
    assert leads_on(way)


def test_a_job_that_works_takes_four_transitions_and_eight_write_units() -> None:
    assert (len(HAPPY), HAPPY_UNITS) == (4, 8)


@pytest.mark.parametrize(
    ("row", "transitions", "written", "sent", "dollars"),
    [
        ("the task alone, without respool", 1, 0, "0", TRANSITION),
        ("works at once", 4, HAPPY_UNITS, "0", WORKS),
        ("fails, is retried, parks, is replayed, works", 9, FAILED_UNITS, "1.2", FAILS),
        ("each further failure and replay", 5, PARKED_AND_BACK, "1.2", FURTHER),
        ("waits in line, besides, however long", 1, LINE_UNITS, "0", IN_LINE),
        ("is refused: the key is taken", 6, REFUSED_UNITS, "0", price(6, REFUSED_UNITS)),
    ],
)
def test_what_a_job_costs(
    row: str, transitions: int, written: int, sent: str, dollars: float
) -> None:
    assert cells(row)[2:] == [str(transitions), str(written), sent, f"{dollars:.6f}"]


@pytest.mark.parametrize(("column", "failures"), [(1, 0), (2, JOBS // 10), (3, JOBS)])
def test_what_a_month_of_300_jobs_a_day_costs(column: int, failures: int) -> None:
    machine = (JOBS * 4 + failures * 5) * TRANSITION
    table = (JOBS * HAPPY_UNITS + failures * PARKED_AND_BACK) * WRITE
    others = SWEEPS * SWEEP + ADMITS * ADMIT + failures * FAILURE

    assert cells("Step Functions")[column] == f"${machine:.2f}"
    assert cells("DynamoDB")[column] == f"${table:.2f}"
    assert cells("SQS and respool's Lambdas")[column] == f"${others:.2f}"
    assert cells("together")[column] == f"**${machine + table + others:.2f}**"


def test_what_stands_each_month_is_counted_off_the_stack() -> None:
    alarms = Path(".chalice/stack/watch.json").read_text().count('"AWS::CloudWatch::Alarm"')

    assert f"{alarms} alarms ${alarms * 0.10:.2f}" in PAGE


def test_a_job_held_over_a_weekend_costs_three_transitions_and_no_more() -> None:
    assert WAITED.index("UncertainTask") == 3
    assert units("TakeSlot") + LINE_UNITS == figures.HELD_WRITES
    assert price(3, figures.HELD_WRITES) + 3 * ADMIT < 0.0001


def test_the_prices_that_the_page_names_are_those_it_counts_with() -> None:
    named = [float(price) for price in re.findall(r"\$([\d.]+\d)", PAGE.split("##")[0])]

    assert named[:6] == [0.025, 0.625, 0.125, 0.40, 0.20, 0.0000166667]
    assert "us-east-1" in PAGE
    assert "November 2026" in PAGE


def test_a_million_jobs_put_back_cost_what_the_page_of_performance_says() -> None:
    page = Path("docs/performance.md").read_text()
    at_once = units("TakeSlot", WITH_TOKEN) + INDEX / 2 + units("Finish")
    in_line = at_once + LINE_UNITS
    row = f"{at_once:.0f} units a job, through the line {in_line:.0f}"
    dollars = [each * WRITE * 1_000_000 for each in (at_once, in_line)]
    assert f"| DynamoDB writes: {row} | ${dollars[0]:.2f} | ${dollars[1]:.2f} |" in page
    whole = [dollars[0] + 75.18, dollars[1] + 101.08]
    assert f"cost some ${whole[0]:.0f}, through the line ${whole[1]:.0f}:" in PAGE

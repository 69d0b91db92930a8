"""No fault at any call loses a job, lets one go on twice, or leaves anything behind."""

from collections import Counter
from functools import cache
from itertools import islice

import pytest

from tests.crash.matrix import Case, Scenario, calls_of, cases_of, try_out
from tests.crash.report import PAGE, parts, theirs, told
from tests.crash.scenarios import SCENARIOS

EACH = 20
"""One case of so many is tried in `make test`, others than before where scenarios change."""
PAIRS = 7
"""One pair of an interruption and a later fault of so many is tried in `make soak`."""


def name(scenario: Scenario) -> str:
    return f"{scenario.part}: {scenario.name}"


@cache
def faults(scenario: Scenario) -> int:
    """How many faults there are to be met; counted once, whichever test comes first."""
    return sum(case.fault is not None for case in cases_of(scenario))


def wrong(cases: list[Case]) -> str:
    verdicts = ((case, try_out(case)) for case in cases)
    return "\n".join(f"{case}: {verdict}" for case, verdict in verdicts if not verdict.good)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=name)
def test_no_fault_loses_doubles_or_leaves_anything(scenario: Scenario) -> None:
    cases = list(cases_of(scenario))
    chosen = cases[SCENARIOS.index(scenario) % EACH :: EACH]
    assert chosen
    assert not (problems := wrong(chosen)), problems


@pytest.mark.soak
@pytest.mark.parametrize("scenario", SCENARIOS, ids=name)
def test_no_single_one_of_all_faults_does(scenario: Scenario) -> None:
    assert not (problems := wrong(list(cases_of(scenario)))), problems


@pytest.mark.soak
@pytest.mark.parametrize("scenario", SCENARIOS, ids=name)
def test_no_pair_of_interruption_and_fault_does_either(scenario: Scenario) -> None:
    pairs = (case for case in cases_of(scenario, every_pair=True) if case.rival_at != case.call)
    chosen = islice((case for case in pairs if case.rival_at is not None), 0, None, PAIRS)
    assert not (problems := wrong(list(chosen))), problems


def test_the_page_tells_of_about_as_many_cases_as_there_are_and_of_none_that_went_wrong() -> None:
    text = PAGE.read_text("utf-8")
    tried: Counter[str] = Counter()
    for scenario in SCENARIOS:
        tried[scenario.part] += faults(scenario)
    for part in parts():
        number, *wrong = told(text, part)
        assert number == pytest.approx(tried[part], rel=0.1), f"{part}: run python -m tests.crash"
        assert wrong == [0, 0, 0, 0]


def test_the_loop_loses_and_doubles_jobs_under_the_same_faults() -> None:
    outcome = theirs()
    assert outcome.lost["spool"] > 0
    assert outcome.doubled["replay"] > 0


@pytest.mark.parametrize("scenario", SCENARIOS, ids=name)
def test_every_scenario_makes_calls_that_can_fail(scenario: Scenario) -> None:
    assert calls_of(scenario)

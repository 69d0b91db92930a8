"""No fault at any call loses a job, lets one go on twice, or leaves anything behind."""

import pytest

from tests.crash.matrix import Scenario, calls_of, cases_of, try_out
from tests.crash.report import PAGE, Counts, page, table, theirs
from tests.crash.scenarios import SCENARIOS
from tests.fakes.spool import Delivery


def name(scenario: Scenario) -> str:
    return f"{scenario.part}: {scenario.name}"


@pytest.fixture(scope="module")
def counts() -> Counts:
    return Counts()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=name)
def test_no_fault_loses_doubles_or_leaves_anything(scenario: Scenario, counts: Counts) -> None:
    wrong = []
    counts.scenarios += 1
    for case in cases_of(scenario):
        verdict = try_out(case)
        counts.tried[scenario.part] += case.fault is not None
        if not verdict.good:
            wrong.append(f"{case}: {verdict}")
    assert not wrong, "\n".join(wrong)


def test_the_page_has_the_figures_of_this_very_run(counts: Counts) -> None:
    if counts.scenarios < len(SCENARIOS):
        pytest.skip("needs all the cases above")
    text = PAGE.read_text("utf-8")
    assert page(text, table(counts, theirs())) == text, "run: python -m tests.crash"


def test_the_loop_loses_and_doubles_jobs_under_the_same_faults() -> None:
    outcome = theirs()
    assert outcome.lost["spool"] > 0
    assert outcome.doubled["replay"] > 0


@pytest.mark.parametrize("scenario", SCENARIOS, ids=name)
def test_every_scenario_makes_calls_that_can_fail(scenario: Scenario) -> None:
    assert calls_of(scenario, Delivery.ONCE)


@pytest.mark.soak
@pytest.mark.parametrize("scenario", SCENARIOS, ids=name)
def test_no_pair_of_interruption_and_fault_does_either(scenario: Scenario) -> None:
    wrong = []
    for case in cases_of(scenario, every_pair=True):
        verdict = try_out(case)
        if not verdict.good:
            wrong.append(f"{case}, interrupted at {case.rival_at}: {verdict}")
    assert not wrong, "\n".join(wrong)

"""What the ramp promises, held on simulated services: calls while down, and time until empty."""

from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate
from math import ceil, log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.gate.ramp.decide import Decision, Policy
from chalicelib.job.ramp_state import Verdict
from respool.simulate.__main__ import PLOT
from respool.simulate.bound import most_probes
from respool.simulate.figures import figures, figures_table
from respool.simulate.plot import drawn
from respool.simulate.runs import (
    NAMED,
    Run,
    arrivals_table,
    compare,
    found,
    hours,
    other_troubles,
    remarks,
    run,
    table,
    with_arrivals,
)
from respool.simulate.services import HOUR, MINUTE, WEEKEND, Service, services
from respool.simulate.strategies import ramp
from respool.simulate.world import Place, World

POLICY = Policy()
TRIES = 2
"""Calls of one job: the state machine tries once more."""
policies = st.builds(
    lambda interval, times, most, healthy: Policy(interval, interval * times, most, healthy),
    st.integers(60, 3600),
    st.integers(1, 20),
    st.integers(1, 200),
    st.integers(1, 900),
)


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return compare()


@pytest.fixture(scope="module")
def troubles() -> list[Run]:
    return other_troubles()


@pytest.fixture(scope="module")
def arrivals() -> list[Run]:
    return with_arrivals()


def history(
    service: Service, jobs: int, limit: int, policy: Policy = POLICY, until: float = 1e7
) -> tuple[World, list[Decision]]:
    """A ramp, and what it decided at each tick."""
    world = World.of(service, jobs, limit)
    decisions = ramp(world, policy)
    world.run(until)
    return world, decisions


def ticks_from_first_success(decisions: list[Decision]) -> int:
    """From the tick that saw the first success to the one that released the last job."""
    first = next(n for n, each in enumerate(decisions) if each.verdict is Verdict.HEALTHY)
    last = max(n for n, each in enumerate(decisions) if each.release)
    return last - first + 1


def test_over_a_weekend_the_ramp_calls_a_hundred_times_less_often_than_a_retry_each_hour(
    runs: list[Run],
) -> None:
    blind, ours = found(runs, WEEKEND, "every hour"), found(runs, WEEKEND, "ramp")

    assert blind.calls_down >= 100 * ours.calls_down
    assert (ours.done, ours.stuck) == (300, 0)


@pytest.mark.parametrize("late", range(0, 120, 17))
def test_over_a_weekend_it_is_empty_within_twice_the_time_of_replaying_all_at_the_recovery(
    late: int,
) -> None:
    recovery = 57 * HOUR + late * MINUTE
    ours = run(Service("", recovery), "ramp")
    best = run(Service("", recovery), "all at recovery")

    assert ours.emptied is not None
    assert best.emptied is not None
    assert ours.emptied <= 2 * best.emptied


def test_three_hundred_jobs_are_out_ten_ticks_after_the_first_success_where_the_limit_is_wide() -> (
    None
):
    world, decisions = history(Service("", 7 * HOUR, work=4 * MINUTE), 300, limit=1000)
    sizes = [len(each.release) for each in decisions if each.release]

    assert ticks_from_first_success(decisions) <= 10
    assert sizes[-10:] == [1, 2, 4, 8, 16, 32, 64, 100, 70, 3], "the last were refused as probes"
    assert world.count(Place.DONE) == 300


@given(
    jobs=st.integers(1, 400),
    limit=st.integers(1, 50),
    work=st.integers(10, 3600),
    recovery=st.integers(0, 20 * HOUR),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_it_is_never_slower_than_the_limit_allows_and_some_ticks_for_each_step(
    jobs: int, limit: int, work: int, recovery: int
) -> None:
    world, decisions = history(Service("", recovery, work=work), jobs, limit)

    healthy = (n for n, each in enumerate(decisions) if each.verdict is Verdict.HEALTHY)
    first = next(healthy, len(decisions))
    steps = 1 + sum(bool(each.release) for each in decisions[first:])
    at_the_limit = ceil(jobs / limit) * work
    a_step = POLICY.interval + max(POLICY.healthy_after, work)
    assert world.count(Place.DONE) == jobs
    assert steps <= 2 + log2(POLICY.most) + jobs / POLICY.most
    assert world.emptied_at is not None
    assert world.emptied_at - recovery <= at_the_limit + POLICY.longest + steps * a_step


@given(waits=st.floats(0, 25), jobs=st.integers(1, 25), policy=policies)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_while_it_is_down_a_service_gets_one_job_a_probe_and_few_probes(
    waits: float, jobs: int, policy: Policy
) -> None:
    outage = waits * policy.longest
    world, decisions = history(Service("", outage + 1), jobs, 5, policy, until=outage)

    assert all(len(each.release) <= 1 for each in decisions)
    assert world.calls_down <= TRIES * most_probes(outage, policy)


def test_the_bound_is_what_the_documentation_says() -> None:
    assert [most_probes(days * 24 * HOUR, POLICY) for days in (0, 1, 2, 7)] == [5, 17, 29, 89]


any_flapping = given(
    edges=st.lists(st.integers(1, 6 * HOUR), min_size=1, max_size=12),
    jobs=st.integers(1, 120),
    limit=st.integers(1, 20),
)


@any_flapping
@settings(max_examples=40, deadline=None, derandomize=True)
def test_whatever_the_service_does_no_job_is_lost_and_steps_only_double(
    edges: list[int], jobs: int, limit: int
) -> None:
    assert_it_drains(edges, jobs, limit)


@pytest.mark.soak
@any_flapping
@settings(max_examples=1000, deadline=None)
def test_a_thousand_services_lose_no_job_either(edges: list[int], jobs: int, limit: int) -> None:
    assert_it_drains(edges, jobs, limit)


def flapping(edges: list[int]) -> Service:
    """Down at first; it goes up, down and so on after so many seconds each, and up for good."""
    ends = list(accumulate(edges))
    return Service("", ends[-1], up=lambda at: bisect_right(ends, at) % 2 == 1)


def test_a_suspect_that_waits_alone_when_an_outage_begins_may_end_as_stuck() -> None:
    world, _ = history(flapping([4216, 14390, 2410]), 61, 4)

    assert (world.count(Place.DONE), world.count(Place.STUCK)) == (60, 1)


def assert_it_drains(edges: list[int], jobs: int, limit: int) -> None:
    """No job is lost, and a step is never more than twice the one before."""
    world, decisions = history(flapping(edges), jobs, limit)

    assert (world.left, world.inside) == (0, 0)
    assert world.count(Place.DONE) + world.count(Place.STUCK) == jobs
    before = 1
    for each in decisions:
        assert len(each.state.released) <= each.state.step
        assert each.state.step <= (2 * before if each.verdict is Verdict.HEALTHY else before)
        if each.verdict is Verdict.REFUSED:
            assert (each.state.step, each.release) == (1, ())
        before = each.state.step


def test_jobs_of_broken_keys_end_as_stuck_and_all_others_are_done(runs: list[Run]) -> None:
    ours = found(runs, "broken for each tenth key", "ramp")

    assert (ours.done, ours.stuck) == (270, 30)
    assert ours.last <= 1.5 * found(runs, "broken for each tenth key", "all at recovery").last


@pytest.mark.parametrize("service", [each.name for each in services()])
def test_the_ramp_gets_every_job_done_that_can_be(runs: list[Run], service: str) -> None:
    ours = found(runs, service, "ramp")

    assert ours.emptied is not None
    assert ours.done == max(each.done for each in runs if each.service == service)
    assert ours.calls_down * 20 < found(runs, service, "every hour").calls_down


def test_a_blind_retry_calls_once_for_each_job_and_hour_and_the_state_machine_once_more() -> None:
    blind = run(Service("", 10 * HOUR - 1), "every hour", jobs=7)

    assert blind.calls_down == 7 * 9 * TRIES
    assert (blind.done, blind.stuck) == (7, 0)


def test_the_table_names_each_service_once_and_says_never() -> None:
    text = table(compare_one("broken for each tenth key"))

    assert text.count("broken for each tenth key") == 1
    assert "never" in text
    assert hours(-90 * 60) == "-1 h 30 min"


def compare_one(name: str) -> list[Run]:
    """One service with two strategies."""
    kinds = {each.name: n for n, each in enumerate(services())}
    return [run(services()[kinds[name]], strategy) for strategy in ("every hour", "ramp")]


def test_jobs_that_are_started_in_an_outage_wait_untried_once_five_have_failed(
    arrivals: list[Run],
) -> None:
    ours = [each for each in arrivals if each.strategy == "ramp"]

    assert all(each.probes_down <= 64 for each in ours)
    assert all(each.calls_down - each.probes_down <= TRIES * (5 + 5) for each in ours)
    middle = (min(each.calls_down for each in ours) + max(each.calls_down for each in ours)) / 2
    assert all(abs(each.calls_down - middle) <= 0.1 * middle for each in ours)


def test_every_figure_is_reached(arrivals: list[Run]) -> None:
    rows = figures(arrivals)

    assert [each for each in rows if not each.met] == []
    assert figures_table(rows).count("\n") == len(rows) + 1


def test_a_figure_that_is_not_reached_says_so(arrivals: list[Run]) -> None:
    late = [
        replace(each, emptied=9e9 if each.strategy == NAMED else each.emptied) for each in arrivals
    ]

    assert [each.name for each in figures(late) if not each.met] == [
        "empty, where the service names a time"
    ]


def test_a_service_that_names_a_time_is_probed_then_and_once_a_day(arrivals: list[Run]) -> None:
    ours = [each for each in arrivals if each.strategy == NAMED]

    assert {each.probes_down for each in ours} == {2 * TRIES}
    assert all(each.calls_down - each.probes_down <= TRIES * 5 for each in ours)


def test_jobs_started_in_other_troubles_are_done_too_and_a_broken_key_starves_none(
    troubles: list[Run],
) -> None:
    for ours in (each for each in troubles if each.strategy == "ramp"):
        best = max(each.done for each in troubles if each.service == ours.service)
        assert ours.done == best
        assert ours.emptied is not None
        assert ours.calls_down - ours.probes_down <= TRIES * (5 + 5)
    broken = found(troubles, "broken for each tenth key", "ramp")
    assert broken.last <= 1.3 * found(troubles, "broken for each tenth key", "all at recovery").last


def test_the_page_has_the_figures_of_this_very_code(
    runs: list[Run], arrivals: list[Run], troubles: list[Run]
) -> None:
    page = (PLOT.parents[1] / "ramp.md").read_text("utf-8")

    assert table(runs) in page, "run: make simulate"
    assert arrivals_table(arrivals) in page, "run: make simulate"
    assert table(troubles) in page, "run: make simulate"
    assert figures_table(figures(arrivals)) in page, "run: make simulate"
    assert all(remark in page for remark in remarks(runs))


def test_the_picture_is_that_of_this_very_code(runs: list[Run]) -> None:
    assert PLOT.read_text() == drawn(runs, WEEKEND), "run: make simulate"

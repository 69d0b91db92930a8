"""What a tick decides, from a state and facts alone."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import moments
from chalicelib.gate.ramp.decide import LEASE, Decision, Facts, Policy, decide, settle, silence
from chalicelib.gate.ramp.judge import MOST_SERVICE_FAILURES, NO_SLOT, Job, Result, result_of
from chalicelib.job.ramp_state import Released, State, Verdict, decode, digest, encode
from chalicelib.schedules import read_windows
from chalicelib.settings import Settings

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
POLICY = Policy()
RELEASED = NOW - timedelta(seconds=POLICY.interval)
PARKED = NOW - timedelta(hours=9)
DOWN = "ConnectionError"


def waiting(key: str, since: int = 0, **more: Any) -> Job:
    """A job that has waited for hours, a bit less if `since` is greater."""
    job = Job(
        key,
        f"arn:{key}",
        PARKED + timedelta(seconds=since),
        attempt=1,
        error=DOWN,
        parked_at=PARKED,
        waiting=True,
    )
    return replace(job, **more)


def inside(key: str, **more: Any) -> Job:
    return waiting(key, waiting=False, inside=True, parked_at=None, resumed_at=RELEASED, **more)


def failed(key: str, **more: Any) -> Job:
    """One that was released, and failed again since."""
    return waiting(key, **{"attempt": 2, "parked_at": NOW - timedelta(seconds=60), **more})


def released(*keys: str, **more: Any) -> State:
    """A ramp whose last step released these jobs, an interval ago."""
    jobs = tuple(Released(key, f"arn:{key}", 1, DOWN, PARKED.isoformat(), 10) for key in keys)
    state = State("t", step=len(keys), released=jobs, released_at=RELEASED.isoformat(), wait=600)
    return replace(state, **more)


def tick(state: State, *jobs: Job, now: datetime = NOW, **facts: Any) -> Decision:
    return decide(state, Facts({job.key: job for job in jobs}, 5, **facts), now, POLICY)


def keys(decision: Decision) -> list[str]:
    return [job.key for job in decision.release]


def wait_of(decision: Decision) -> timedelta:
    due = moments.read(decision.state.due)
    assert due
    return due - RELEASED


JOB = Released("a", "arn:a", 1, DOWN, PARKED.isoformat(), 10)


@pytest.mark.parametrize(
    ("job", "ended", "result"),
    [
        (None, True, Result.HEALTHY),
        (None, False, Result.GONE),
        (waiting("a", stuck=True, attempt=2), None, Result.GONE),
        (failed("a"), None, Result.FAILED),
        (failed("a", error="BadKey"), None, Result.UNLIKE_FAILURE),
        (failed("a", from_start=True), None, Result.GONE),
        (failed("a", error=NO_SLOT), None, Result.GONE),
        (waiting("a"), None, Result.GONE),
        (waiting("a", parked_at=NOW), None, Result.GONE),
        (inside("a"), None, Result.UNDECIDED),
        (waiting("a", waiting=False, parked_at=None, resumed_at=RELEASED), None, Result.UNDECIDED),
    ],
)
def test_what_became_of_a_job_is_seen_in_its_claim(
    job: Job | None, ended: bool | None, result: Result
) -> None:
    assert (
        result_of(JOB, job, ended, NOW, fresh=False, has_free_slots=False, healthy_after=300)
        is result
    )


def test_a_job_that_may_only_be_on_its_way_is_waited_for() -> None:
    assert result_of(JOB, waiting("a"), None, NOW, True, True, 300) is Result.UNDECIDED


@pytest.mark.parametrize(
    ("seconds", "took", "result"),
    [
        (299, 10, Result.UNDECIDED),
        (300, 10, Result.HEALTHY),
        (300, 900, Result.UNDECIDED),
        (900, 900, Result.HEALTHY),
    ],
)
def test_a_job_is_healthy_once_it_is_inside_for_longer_than_it_took_to_fail_with_a_floor(
    seconds: int, took: float, result: Result
) -> None:
    since = (NOW - timedelta(seconds=seconds)).isoformat()
    seen = replace(JOB, took=took, inside_at=since)

    assert result_of(seen, inside("a"), None, NOW, False, True, 300) is result


def test_a_job_without_a_place_came_through_if_it_had_one_or_if_there_was_always_one() -> None:
    further = waiting("a", waiting=False, parked_at=None, resumed_at=RELEASED)
    was_in = replace(JOB, inside_at=RELEASED.isoformat())

    assert result_of(was_in, further, None, NOW, False, False, 300) is Result.HEALTHY
    assert result_of(JOB, further, None, NOW, False, True, 300) is Result.HEALTHY
    assert result_of(JOB, further, None, NOW, False, False, 300) is Result.UNDECIDED


def test_the_first_probe_is_the_job_that_has_waited_longest() -> None:
    assert keys(tick(State("t"), waiting("b", 1), waiting("a", 2), waiting("c", 0))) == ["c"]


def test_a_step_that_came_through_is_followed_by_one_twice_as_large() -> None:
    decision = tick(
        released("a", "b"), *(waiting(f"w{n}", n) for n in range(9)), ended={"a": True, "b": True}
    )

    assert keys(decision) == ["w0", "w1", "w2", "w3"]
    assert (decision.verdict, decision.state.step) == (Verdict.HEALTHY, 4)


def test_a_step_is_never_larger_than_ramp_max() -> None:
    everything = [f"o{n}" for n in range(80)]
    decision = tick(
        released(*everything),
        *(waiting(f"w{n}", n) for n in range(200)),
        ended=dict.fromkeys(everything, True),
    )

    assert len(decision.release) == decision.state.step == POLICY.most


def test_nothing_goes_out_while_one_job_of_the_step_is_undecided() -> None:
    decision = tick(released("a", "b"), inside("b"), waiting("c"), ended={"a": True})

    assert (keys(decision), decision.verdict) == ([], Verdict.NONE)
    assert [each.key for each in decision.state.released] == ["a", "b"]


def test_a_refusal_makes_the_step_one_and_doubles_the_wait_up_to_its_end() -> None:
    state, waits = released("a", "b", "c", "d"), []
    jobs = [failed(each) for each in "abcd"]
    for _ in range(6):
        decision = tick(state, *jobs)
        waits.append(wait_of(decision).total_seconds())
        assert (decision.verdict, decision.state.step, keys(decision)) == (Verdict.REFUSED, 1, [])
        state, jobs = replace(released("a"), wait=decision.state.wait), [failed("a")]

    assert waits == [1200, 2400, 4800, 7200, 7200, 7200]


def test_a_success_makes_the_wait_short_again() -> None:
    decision = tick(released("a", wait=7200), waiting("b"), ended={"a": True})

    assert (decision.state.wait, decision.state.refusals) == (POLICY.interval, 0)


def test_a_probe_that_ends_late_still_leaves_an_interval_until_the_next() -> None:
    state = released("a", released_at=(NOW - timedelta(hours=5)).isoformat())

    due = moments.read(tick(state, failed("a")).state.due)
    assert due == NOW + timedelta(seconds=POLICY.interval)


@pytest.mark.parametrize(("early", "count"), [(31, 0), (30, 1), (0, 1), (-600, 1)])
def test_a_tick_that_is_a_little_early_counts_as_on_time(early: int, count: int) -> None:
    state = State("t", due=(NOW + timedelta(seconds=early)).isoformat(), last=Verdict.REFUSED)

    assert len(tick(state, waiting("a")).release) == count


def test_a_half_failed_step_is_refused() -> None:
    assert tick(released("a", "b"), failed("a"), ended={"b": True}).verdict is Verdict.REFUSED


def test_one_failure_among_four_is_the_job_s_own_and_keeps_the_step() -> None:
    ended = dict.fromkeys("bcd", True)
    decision = tick(
        released("a", "b", "c", "d"),
        failed("a"),
        *(waiting(f"w{n}") for n in range(9)),
        ended=ended,
    )

    assert (decision.verdict, decision.state.step, len(decision.release)) == (Verdict.ALONE, 4, 4)
    assert decision.state.suspects == {digest("a")}
    assert decision.state.service_failures == {}


def test_one_unlike_error_is_let_pass_and_the_next_is_a_refusal() -> None:
    first = tick(released("a"), failed("a", error="BadRequest"), waiting("b", -9))
    assert (first.verdict, keys(first), first.state.step) == (Verdict.NONE, ["b"], 1)

    second = tick(
        released("b", unlike_error_seen=first.state.unlike_error_seen),
        failed("b", error="Teapot"),
        waiting("c"),
    )
    assert (second.verdict, keys(second)) == (Verdict.REFUSED, [])


def test_two_unlike_errors_in_a_step_are_a_service_with_a_new_excuse() -> None:
    jobs = [failed(each, error="TooManyRequests") for each in "ab"]

    assert tick(released("a", "b"), *jobs).verdict is Verdict.REFUSED


def test_an_unlike_error_beside_a_success_is_the_job_s_own() -> None:
    decision = tick(
        released("a", "b"), failed("a", error="BadKey"), waiting("c"), ended={"b": True}
    )

    assert (decision.verdict, decision.state.suspects) == (
        Verdict.HEALTHY,
        frozenset({digest("a")}),
    )


def test_a_success_forgets_the_unlike_error() -> None:
    assert (
        tick(
            released("a", unlike_error_seen=True), waiting("b"), ended={"a": True}
        ).state.unlike_error_seen
        is False
    )


def test_refusals_are_excused_and_the_third_probe_is_another_job() -> None:
    first = tick(released("a"), failed("a"))
    assert first.state.service_failures == {digest("a"): 1}
    again = replace(first.state, due="")
    assert keys(tick(again, failed("a"), waiting("b", 1))) == ["a"]
    twice = replace(first.state, due="", service_failures={digest("a"): 2})

    assert keys(tick(twice, failed("a"), waiting("b", 1))) == ["b"]


def test_excuses_come_to_an_end() -> None:
    state = released("a", service_failures={digest("a"): MOST_SERVICE_FAILURES})

    assert tick(state, failed("a")).state.service_failures == {digest("a"): MOST_SERVICE_FAILURES}


def test_who_was_refused_twice_is_a_suspect_once_others_come_through() -> None:
    state = released("b", service_failures={digest("a"): 2})
    decision = tick(state, waiting("a"), waiting("c", 5), ended={"b": True})

    assert decision.state.suspects == {digest("a")}
    assert keys(decision) == ["c"]


def test_a_suspect_s_failure_is_its_own_and_neither_excused_nor_the_service_s() -> None:
    decision = tick(released("a", suspects=frozenset({digest("a")})), failed("a"), waiting("b"))

    assert (decision.verdict, keys(decision)) == (Verdict.OWN, ["b"])
    assert decision.state.service_failures == {}


def test_suspects_go_one_by_one_after_one_of_them_failed() -> None:
    suspects = frozenset(map(digest, "abc"))
    decision = tick(released("a", "b", suspects=suspects), failed("a"), failed("b"), waiting("c"))

    assert (decision.state.step, keys(decision)) == (1, ["c"])


def test_new_failures_of_others_are_a_refusal() -> None:
    other = waiting("other", parked_at=NOW - timedelta(seconds=5))

    assert tick(released("a"), other, ended={"a": True}).verdict is Verdict.REFUSED


@pytest.mark.parametrize("more", [{"from_start": True}, {"error": NO_SLOT}, {"attempt": 0}])
def test_a_new_failure_that_never_reached_the_service_is_none(more: dict[str, Any]) -> None:
    other = waiting("other", parked_at=NOW - timedelta(seconds=5), **more)

    assert tick(released("a"), other, ended={"a": True}).verdict is Verdict.HEALTHY


def test_a_step_of_which_nothing_is_known_is_done_again_at_once_and_no_larger() -> None:
    decision = tick(released("a", "b"), waiting("a"), waiting("b"), waiting("c", 1))

    assert (decision.verdict, keys(decision), decision.state.step) == (Verdict.NONE, ["a", "b"], 2)


def test_a_hold_lets_nothing_out_and_afterwards_it_begins_with_one_at_once() -> None:
    state = State("t", step=8, due=(NOW + timedelta(hours=1)).isoformat(), wait=7200)
    held = tick(state, *(waiting(f"w{n}") for n in range(9)), held="limit 0")
    assert (keys(held), held.state.held, held.state.due) == ([], "limit 0", "")

    after = tick(held.state, *(waiting(f"w{n}") for n in range(9)))
    assert (len(after.release), after.state.held, after.state.wait) == (1, "", POLICY.interval)


def test_with_nobody_left_it_forgets_how_things_stood() -> None:
    decision = tick(
        State("t", step=64, wait=7200, due=NOW.isoformat(), unlike_error_seen=True, refusals=3)
    )

    assert decision.state == State("t", wait=POLICY.interval)


def test_jobs_that_are_gone_are_forgotten() -> None:
    state = State(
        "t",
        service_failures={digest("x"): 1},
        suspects=frozenset({digest("x")}),
        absent={digest("x"): ""},
    )
    state = tick(state).state

    assert (state.service_failures, state.suspects, state.absent) == ({}, frozenset(), {})


def test_a_job_whose_message_was_not_there_is_left_alone_for_an_hour() -> None:
    state = settle(released("a", "b"), frozenset({"b"}), ["a"], NOW)

    assert [each.key for each in state.released] == ["b"]
    quiet = replace(state, released=())
    assert keys(tick(quiet, waiting("a"))) == []
    assert keys(tick(quiet, waiting("a"), now=NOW + timedelta(minutes=61))) == ["a"]


def test_a_window_silences_before_the_limit_does() -> None:
    window = read_windows("cron(0 8 * * ? *) 2h UTC")

    assert silence(0, window, NOW) == ("cron(0 8 * * ? *) 2h UTC", NOW + timedelta(hours=1))
    assert silence(0, (), NOW) == ("limit 0", None)
    assert silence(1, (), NOW) == ("", None)


def test_the_longest_wait_is_no_shorter_than_the_first() -> None:
    settings = Settings.read({"RAMP_INTERVAL": "900", "RAMP_MAX_INTERVAL": "60"})

    assert Policy.of(settings).longest == 900


names = st.sampled_from("abcdefghij")
times = st.integers(-7200, 0).map(lambda s: NOW + timedelta(seconds=s))


@st.composite
def any_job(draw: st.DrawFn, key: str) -> Job:
    place = draw(st.sampled_from(["waiting", "inside", "stuck", "between"]))
    return Job(
        key,
        f"arn:{key}",
        draw(times),
        attempt=draw(st.integers(0, 6)),
        error=draw(st.sampled_from([DOWN, "BadKey", NO_SLOT])),
        parked_at=draw(st.none() | times),
        resumed_at=draw(st.none() | times),
        waiting=place == "waiting",
        inside=place == "inside",
        stuck=place == "stuck",
        from_start=draw(st.booleans()),
        took=draw(st.floats(0, 1e5)),
    )


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    chosen: Iterable[str] = draw(st.sets(names))
    jobs = {key: draw(any_job(key)) for key in chosen}
    held = draw(st.sampled_from(["", "", "limit 0"]))
    return Facts(jobs, draw(st.integers(-3, 9)), draw(st.dictionaries(names, st.booleans())), held)


@st.composite
def any_state(draw: st.DrawFn) -> State:
    gone = draw(st.lists(names, unique=True, max_size=8))
    return State(
        "t",
        draw(st.integers(0, 9)),
        step=max(draw(st.integers(1, 100)), len(gone)),
        wait=draw(st.integers(0, 7200)),
        due=draw(st.just("") | times.map(datetime.isoformat)),
        released_at=draw(st.just("") | times.map(datetime.isoformat)),
        had_free_slots=draw(st.booleans()),
        released=tuple(
            Released(key, f"arn:{key}", draw(st.integers(0, 6)), DOWN, "") for key in gone
        ),
        service_failures={digest(key): draw(st.integers(0, 200)) for key in draw(st.sets(names))},
        suspects=frozenset(map(digest, draw(st.sets(names)))),
        unlike_error_seen=draw(st.booleans()),
    )


@given(any_state(), any_facts())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_is_known_a_tick_keeps_to_its_step_and_to_what_waits(
    state: State, facts: Facts
) -> None:
    decision = decide(state, facts, NOW, POLICY)
    after = decision.state

    assert len(decision.release) <= after.step <= POLICY.most
    assert after.step <= 2 * state.step
    assert all(facts.jobs[job.key].waiting for job in decision.release)
    if decision.release:
        assert [each.key for each in after.released] == keys(decision)
    if decision.verdict is Verdict.REFUSED:
        assert (after.step, decision.release, after.released) == (1, (), ())
    if facts.held:
        assert decision.release == ()
    if decision.verdict in (Verdict.NONE, Verdict.OWN, Verdict.ALONE):
        assert after.step <= max(state.step, 1)
    assert decode(encode(after)) == after


@pytest.mark.parametrize("letter", ["x", "あ", "𠮷"])
def test_the_largest_step_of_the_longest_keys_fits_into_an_item_of_400_kb(letter: str) -> None:
    key = letter * (1024 // len(letter.encode()))
    one = Released(
        key, "arn:" + "x" * 200, 1, "E" * 256, NOW.isoformat(), 7200.5, True, NOW.isoformat()
    )

    assert len(encode(State("t", released=200 * (one,))).encode()) < 350_000


def test_a_lease_is_longer_than_a_tick_may_take() -> None:
    from chalicelib.gate.ramp.tick import SECONDS

    assert LEASE.total_seconds() >= 2 * SECONDS


def test_a_state_of_an_older_version_is_read() -> None:
    text = encode(State("t", step=4)).replace('"step":4', '"step":4,"unknown":[1]')

    assert decode(text) == State("t", step=4)
    assert decode('{"task":"t"}') == State("t")


def test_the_state_is_stored_under_the_names_that_it_always_had() -> None:
    one = Released("k", "arn:k", 1, "E", "", from_start=True)

    stored = json.loads(encode(State("t", released=(one,), service_failures={"d": 2})))

    assert {"roomy", "odd"} <= set(stored)
    assert (stored["out"][0]["anew"], stored["excused"]) == (True, {"d": 2})

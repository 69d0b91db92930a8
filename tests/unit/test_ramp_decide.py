"""What a tick decides, from a state and facts alone."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.gate.ramp.decide import (
    LEASE,
    Decision,
    Facts,
    Policy,
    decide,
    gate_change,
    held,
    settle,
)
from chalicelib.gate.ramp.judge import MOST_SERVICE_FAILURES, Job, Result, result_of
from chalicelib.job.claim import FAILURES, FOR_EVER, RAMP, SERVICE, Gate, Slots, State
from chalicelib.job.ramp_state import ReleasedJob, Verdict, decode, digest, encode
from chalicelib.job.ramp_state import State as Ramp
from chalicelib.moments import iso, read
from chalicelib.settings import Settings

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
POLICY = Policy()
RELEASED = NOW - timedelta(seconds=POLICY.interval)
PARKED = NOW - timedelta(hours=9)
DOWN = "ConnectionError"
OPEN = Gate(True)
SOON = iso(NOW + timedelta(minutes=5))


def waiting(key: str, order: int = 0, **more: Any) -> Job:
    """A job that is parked since hours; one of greater order started later."""
    job = Job(
        f"job#{key}",
        State.PARKED,
        iso(PARKED + timedelta(seconds=order)),
        iso(PARKED),
        attempt=1,
        error=DOWN,
        failed_at=iso(PARKED),
    )
    return replace(job, **more)


def inside(key: str, since: datetime = RELEASED, **more: Any) -> Job:
    return waiting(key, state=State.RUNNING, entered=iso(since), **more)


def finished(key: str) -> Job:
    return waiting(key, state=State.FINISHED, ended=True)


def failed(key: str, **more: Any) -> Job:
    """One that was released, and failed again since."""
    moment = iso(NOW - timedelta(seconds=60))
    return waiting(key, **{"attempt": 2, "since": moment, "failed_at": moment, **more})


def released(*keys: str, **more: Any) -> Ramp:
    """A ramp whose last step released these jobs, an interval ago."""
    jobs = tuple(ReleasedJob(f"job#{key}", 1, DOWN, iso(PARKED), 10) for key in keys)
    state = Ramp("t", step=len(keys), released=jobs, released_at=iso(RELEASED), wait=600)
    return replace(state, **more)


def tick(
    state: Ramp,
    *jobs: Job,
    now: datetime = NOW,
    gate: Gate = OPEN,
    well: bool | None = None,
    opened_at: str = "",
) -> Decision:
    waits = (State.PARKED, State.LINE)
    pks = tuple(job.pk for job in jobs if job.state in waits and not job.ended)
    facts = Facts({job.pk: job for job in jobs}, pks, 5, gate, opened_at, well)
    return decide(state, facts, now, POLICY)


def mark(key: str) -> str:
    return digest(f"job#{key}")


def keys(decision: Decision) -> list[str]:
    return [job.key for job in decision.release]


def wait_of(decision: Decision) -> timedelta:
    due = read(decision.state.due)
    assert due
    return due - RELEASED


JOB = ReleasedJob("job#a", 1, DOWN, iso(PARKED), 10)


@pytest.mark.parametrize(
    ("job", "result"),
    [
        (None, Result.GONE),
        (finished("a"), Result.HEALTHY),
        (waiting("a", state=State.GIVEN_UP, ended=True), Result.GONE),
        (waiting("a", state=State.STUCK), Result.GONE),
        (failed("a"), Result.FAILED),
        (failed("a", state=State.STUCK), Result.FAILED),
        (failed("a", error="BadKey"), Result.UNLIKE_FAILURE),
        (failed("a", dead=True), Result.GONE),
        (waiting("a"), Result.GONE),
        (waiting("a", since=iso(NOW)), Result.GONE),
        (inside("a", NOW), Result.UNDECIDED),
        (waiting("a", state=State.LINE), Result.UNDECIDED),
        (waiting("a", state=State.LINE, may_enter=False), Result.GONE),
    ],
)
def test_what_became_of_a_job_is_seen_in_its_claim(job: Job | None, result: Result) -> None:
    assert result_of(JOB, job, NOW, fresh=False, healthy_after=300) is result


@pytest.mark.parametrize("state", [State.PARKED, State.LINE])
def test_a_job_that_may_only_be_on_its_way_is_waited_for(state: State) -> None:
    job = waiting("a", state=state, may_enter=False)

    assert result_of(JOB, job, NOW, fresh=True, healthy_after=300) is Result.UNDECIDED


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
    job = inside("a", NOW - timedelta(seconds=seconds))

    assert result_of(replace(JOB, took=took), job, NOW, False, 300) is result


def test_the_first_probe_is_the_job_that_has_waited_longest() -> None:
    assert keys(tick(Ramp("t"), waiting("b", 1), waiting("a", 2), waiting("c", 0))) == ["c"]


def test_a_step_that_came_through_is_followed_by_one_twice_as_large() -> None:
    decision = tick(
        released("a", "b"), finished("a"), finished("b"), *(waiting(f"w{n}", n) for n in range(9))
    )

    assert keys(decision) == ["w0", "w1", "w2", "w3"]
    assert (decision.verdict, decision.state.step) == (Verdict.HEALTHY, 4)


def test_a_step_is_never_larger_than_ramp_max() -> None:
    everything = [f"o{n}" for n in range(80)]
    decision = tick(
        released(*everything),
        *(waiting(f"w{n}", n) for n in range(200)),
        *map(finished, everything),
    )

    assert len(decision.release) == decision.state.step == POLICY.most


def test_nothing_goes_out_while_one_job_of_the_step_is_undecided() -> None:
    decision = tick(released("a", "b"), inside("b", NOW), waiting("c"), finished("a"))

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
    decision = tick(released("a", wait=7200), waiting("b"), finished("a"))

    assert (decision.state.wait, decision.state.refusals) == (POLICY.interval, 0)


def test_a_probe_that_ends_late_still_leaves_an_interval_until_the_next() -> None:
    state = released("a", released_at=(NOW - timedelta(hours=5)).isoformat())

    due = read(tick(state, failed("a")).state.due)
    assert due == NOW + timedelta(seconds=POLICY.interval)


@pytest.mark.parametrize(("early", "count"), [(31, 0), (30, 1), (0, 1), (-600, 1)])
def test_a_tick_that_is_a_little_early_counts_as_on_time(early: int, count: int) -> None:
    state = Ramp("t", due=(NOW + timedelta(seconds=early)).isoformat(), last=Verdict.REFUSED)

    assert len(tick(state, waiting("a")).release) == count


def test_a_half_failed_step_is_refused() -> None:
    assert tick(released("a", "b"), failed("a"), finished("b")).verdict is Verdict.REFUSED


def test_one_failure_among_four_is_the_job_s_own_and_keeps_the_step() -> None:
    decision = tick(
        released("a", "b", "c", "d"),
        failed("a"),
        *(waiting(f"w{n}") for n in range(9)),
        *map(finished, "bcd"),
    )

    assert (decision.verdict, decision.state.step, len(decision.release)) == (Verdict.ALONE, 4, 4)
    assert decision.state.suspects == {mark("a")}
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


def test_after_an_unlike_error_the_next_probe_is_another_job_even_a_younger_one() -> None:
    first = tick(released("a"), failed("a", error="BadKey"), waiting("b", 1))
    assert (first.verdict, keys(first)) == (Verdict.NONE, ["b"])

    then = tick(first.state, finished("b"), failed("a", error="BadKey"), waiting("c", 2))
    assert (then.verdict, keys(then), then.state.suspects) == (
        Verdict.HEALTHY,
        ["c"],
        frozenset({mark("a")}),
    )


def test_of_suspects_those_go_first_that_failed_least_often_by_themselves() -> None:
    suspects = frozenset(map(mark, ("broken", "tired")))
    state = Ramp("t", suspects=suspects, service_failures={mark("tired"): 2})

    decision = tick(state, waiting("broken", attempt=2), waiting("tired", 9, attempt=3))
    assert keys(decision) == ["tired"]


def test_two_unlike_errors_in_a_step_are_a_service_with_a_new_excuse() -> None:
    jobs = [failed(each, error="TooManyRequests") for each in "ab"]

    assert tick(released("a", "b"), *jobs).verdict is Verdict.REFUSED


def test_an_unlike_error_beside_a_success_is_the_job_s_own() -> None:
    decision = tick(released("a", "b"), failed("a", error="BadKey"), waiting("c"), finished("b"))

    assert (decision.verdict, decision.state.suspects) == (
        Verdict.HEALTHY,
        frozenset({mark("a")}),
    )


def test_a_success_forgets_the_unlike_error() -> None:
    assert (
        tick(
            released("a", unlike_error_seen=True), waiting("b"), finished("a")
        ).state.unlike_error_seen
        is False
    )


def test_refusals_are_excused_and_the_third_probe_is_another_job() -> None:
    first = tick(released("a"), failed("a"))
    assert first.state.service_failures == {mark("a"): 1}
    again = replace(first.state, due="")
    assert keys(tick(again, failed("a"), waiting("b", 1))) == ["a"]
    twice = replace(first.state, due="", service_failures={mark("a"): 2})

    assert keys(tick(twice, failed("a"), waiting("b", 1))) == ["b"]


def test_excuses_come_to_an_end() -> None:
    state = released("a", service_failures={mark("a"): MOST_SERVICE_FAILURES})

    assert tick(state, failed("a")).state.service_failures == {mark("a"): MOST_SERVICE_FAILURES}


def test_who_was_refused_twice_is_a_suspect_once_others_come_through() -> None:
    state = released("b", service_failures={mark("a"): 2})
    decision = tick(state, waiting("a"), waiting("c", 5), finished("b"))

    assert decision.state.suspects == {mark("a")}
    assert keys(decision) == ["c"]


def test_a_suspect_s_failure_is_its_own_and_neither_excused_nor_the_service_s() -> None:
    decision = tick(released("a", suspects=frozenset({mark("a")})), failed("a"), waiting("b"))

    assert (decision.verdict, keys(decision)) == (Verdict.OWN, ["b"])
    assert decision.state.service_failures == {}


def test_suspects_go_one_by_one_after_one_of_them_failed() -> None:
    suspects = frozenset(map(mark, "abc"))
    decision = tick(released("a", "b", suspects=suspects), failed("a"), failed("b"), waiting("c"))

    assert (decision.state.step, keys(decision)) == (1, ["c"])


def test_new_failures_of_others_are_a_refusal() -> None:
    other = waiting("other", failed_at=iso(NOW - timedelta(seconds=5)))

    assert tick(released("a"), other, finished("a")).verdict is Verdict.REFUSED


@pytest.mark.parametrize("more", [{"dead": True}, {"attempt": 0}])
def test_a_new_failure_that_never_reached_the_service_is_none(more: dict[str, Any]) -> None:
    other = waiting("other", failed_at=iso(NOW - timedelta(seconds=5)), **more)

    assert tick(released("a"), other, finished("a")).verdict is Verdict.HEALTHY


def test_a_step_of_which_nothing_is_known_is_done_again_at_once_and_no_larger() -> None:
    decision = tick(released("a", "b"), waiting("a"), waiting("b"), waiting("c", 1))

    assert (decision.verdict, keys(decision), decision.state.step) == (Verdict.NONE, ["a", "b"], 2)


def test_a_hold_lets_nothing_out_and_afterwards_it_begins_with_one_at_once() -> None:
    state = Ramp("t", step=8, due=(NOW + timedelta(hours=1)).isoformat(), wait=7200)
    gate = Gate(False, "Aiko", "limit 0")
    quiet = tick(state, *(waiting(f"w{n}") for n in range(9)), gate=gate)
    assert (keys(quiet), quiet.state.held, quiet.state.due) == ([], "limit 0", "")

    after = tick(quiet.state, *(waiting(f"w{n}") for n in range(9)))
    assert (len(after.release), after.state.held, after.state.wait) == (1, "", POLICY.interval)


def test_a_gate_that_somebody_has_opened_is_not_closed_again_without_another_refusal() -> None:
    closed_at, opened_at = iso(RELEASED), iso(NOW - timedelta(seconds=30))
    state = Ramp("t", closed=True, closed_at=closed_at, why="the last step failed", refusals=3)
    opened = tick(replace(state, due=iso(NOW + timedelta(hours=1))), opened_at=opened_at)
    assert (opened.state.closed, opened.state.refusals) == (False, 0)

    before = tick(state, waiting("a"), opened_at=iso(RELEASED - timedelta(hours=1)))
    assert before.state.closed is True
    gone_before = tick(released("a"), failed("a"), opened_at=opened_at)
    assert (gone_before.verdict, gone_before.state.closed) == (Verdict.REFUSED, False)
    refused = tick(released("a"), failed("a"), opened_at=closed_at)
    assert refused.state.closed is True


@pytest.mark.parametrize("back", [timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)])
def test_a_clock_that_was_set_back_releases_nothing_twice(back: timedelta) -> None:
    out = released("a")
    still = tick(out, inside("a", NOW), waiting("b"), now=NOW - back)
    assert (still.verdict, keys(still), still.state.released) == (Verdict.NONE, [], out.released)

    failed_since = tick(out, failed("a"), waiting("b"), now=NOW - back)
    assert (failed_since.verdict, keys(failed_since)) == (Verdict.REFUSED, [])


def test_with_nobody_left_it_forgets_how_things_stood() -> None:
    decision = tick(
        Ramp("t", step=64, wait=7200, due=NOW.isoformat(), unlike_error_seen=True, refusals=3)
    )

    assert decision.state == Ramp("t", wait=POLICY.interval)


def test_jobs_that_are_gone_are_forgotten() -> None:
    state = Ramp("t", service_failures={mark("x"): 1}, suspects=frozenset({mark("x")}))
    state = tick(state).state

    assert (state.service_failures, state.suspects) == ({}, frozenset())


def test_a_job_that_proved_stuck_is_no_longer_followed() -> None:
    state = settle(released("a", "b"), frozenset({"job#b"}))

    assert [each.key for each in state.released] == ["b"]


@pytest.mark.parametrize("by", [FAILURES, SERVICE])
def test_a_gate_that_failures_or_the_service_closed_is_probed_and_stays_closed(by: str) -> None:
    decision = tick(Ramp("t"), waiting("a"), waiting("b", 1), gate=Gate(False, by, "why"))

    assert keys(decision) == ["a"]
    assert (decision.state.closed, decision.state.why) == (True, "why")


def test_a_time_that_the_service_named_is_when_the_next_probe_goes_out() -> None:
    gate = Gate(False, SERVICE, "back at ten", iso(NOW), iso(NOW + timedelta(hours=1)))
    first = tick(Ramp("t"), waiting("a"), gate=gate)
    assert (keys(first), first.state.closed) == ([], True)

    then = tick(first.state, waiting("a"), gate=gate, now=NOW + timedelta(hours=1))
    assert keys(then) == ["a"]


@pytest.mark.parametrize(("well", "chosen"), [(True, ["a"]), (False, []), (None, ["a"])])
def test_the_health_check_is_asked_before_the_first_job_is_spent(
    well: bool | None, chosen: list[str]
) -> None:
    gate = Gate(False, FAILURES, "the last 5 jobs failed", iso(NOW - timedelta(minutes=5)))
    assert keys(tick(Ramp("t"), waiting("a"), gate=gate, well=well)) == chosen

    later = NOW + timedelta(seconds=POLICY.longest)
    assert keys(tick(Ramp("t"), waiting("a"), gate=gate, well=well, now=later)) == ["a"]


def test_a_failure_that_names_another_time_moves_the_next_probe_there() -> None:
    gate = Gate(False, SERVICE, "later", iso(NOW), iso(NOW + timedelta(hours=3)))
    refused = tick(released("a", closed=True), failed("a"), waiting("b"), gate=gate)
    assert refused.verdict is Verdict.REFUSED

    early = tick(refused.state, waiting("b"), gate=gate, now=NOW + timedelta(minutes=170))
    then = tick(early.state, waiting("b"), gate=gate, now=NOW + timedelta(hours=3))
    assert (keys(early), keys(then)) == ([], ["b"])


@pytest.mark.parametrize("well", [True, False])
def test_the_time_that_the_service_named_counts_whatever_its_health_check_says(well: bool) -> None:
    gate = Gate(False, SERVICE, "later", iso(NOW), iso(NOW + timedelta(hours=1)))
    state = Ramp("t", closed=True, refusals=2, last=Verdict.REFUSED, last_at=iso(NOW))

    early = tick(state, waiting("a"), gate=gate, well=well)
    then = tick(state, waiting("a"), gate=gate, well=well, now=NOW + timedelta(hours=1))
    assert (keys(early), keys(then)) == ([], ["a"])


def test_the_oldest_goes_first_whether_it_is_parked_or_in_line() -> None:
    jobs = [waiting("new", 9), waiting("old", 1, state=State.LINE), waiting("older", 0)]
    state = Ramp("t", step=2, closed=True)

    assert keys(tick(state, *jobs, gate=Gate(False, RAMP))) == ["older", "old"]


@pytest.mark.parametrize(("size", "closed"), [(4, True), (5, False)])
def test_a_healthy_step_as_large_as_the_limit_opens_the_gate(size: int, closed: bool) -> None:
    names = [f"o{n}" for n in range(size)]
    decision = tick(
        released(*names, closed=True),
        *map(finished, names),
        waiting("next"),
        gate=Gate(False, RAMP),
    )

    assert decision.state.closed is closed


def test_the_gate_opens_when_nobody_waits_any_more() -> None:
    decision = tick(released("a", closed=True), finished("a"), gate=Gate(False, RAMP))

    assert decision.state.closed is False


def test_a_refused_step_wants_the_gate_closed() -> None:
    assert tick(released("a"), failed("a")).state.closed is True


@pytest.mark.parametrize(
    ("closed", "slots", "opens"),
    [
        (True, Slots("t"), False),
        (True, Slots("t", closed_until=FOR_EVER, closed_by=RAMP), None),
        (True, Slots("t", closed_until=FOR_EVER, closed_by=SERVICE, named_until=SOON), None),
        (True, Slots("t", closed_until=FOR_EVER, closed_by=SERVICE, named_until=iso(NOW)), False),
        (True, Slots("t", closed_until=FOR_EVER, closed_by="Aiko"), None),
        (True, Slots("t", failed={"a": iso(NOW)}, close_after=1), None),
        (False, Slots("t"), None),
        (False, Slots("t", closed_until=FOR_EVER, closed_by=RAMP), True),
        (False, Slots("t", closed_until=FOR_EVER, closed_by="Aiko"), None),
        (False, Slots("t", failed={"a": iso(NOW)}, close_after=1), True),
    ],
)
def test_the_ramp_sets_only_gates_that_are_its_own_to_set(
    closed: bool, slots: Slots, opens: bool | None
) -> None:
    assert gate_change(Ramp("t", closed=closed), slots, NOW) is opens


def test_what_a_person_or_a_window_closed_keeps_it_silent() -> None:
    assert held(OPEN) == held(Gate(False, RAMP, "why")) == ""
    assert held(Gate(False, "window", "cron(0 8 * * ? *) 2h UTC")) == "cron(0 8 * * ? *) 2h UTC"
    assert held(Gate(False, "Aiko")) == "closed by Aiko"


def test_the_longest_wait_is_no_shorter_than_the_first() -> None:
    settings = Settings.read({"RAMP_INTERVAL": "900", "RAMP_MAX_INTERVAL": "60"})

    assert Policy.of(settings).longest == 900


names = st.sampled_from([f"job#{letter}" for letter in "abcdefghij"])
times = st.integers(-7200, 0).map(lambda s: iso(NOW + timedelta(seconds=s)))
gates = st.sampled_from(["", RAMP, FAILURES, SERVICE, "Aiko"])


@st.composite
def any_job(draw: st.DrawFn, pk: str) -> Job:
    return Job(
        pk,
        draw(st.sampled_from(State)),
        draw(times),
        draw(st.just("") | times),
        attempt=draw(st.integers(0, 6)),
        error=draw(st.sampled_from([DOWN, "BadKey"])),
        failed_at=draw(st.just("") | times),
        dead=draw(st.booleans()),
        entered=draw(st.just("") | times),
        took=draw(st.floats(0, 1e5)),
        may_enter=draw(st.booleans()),
        ended=draw(st.booleans()),
    )


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    chosen: Iterable[str] = draw(st.sets(names))
    jobs = {pk: draw(any_job(pk)) for pk in chosen}
    waits = [pk for pk, job in jobs.items() if job.state is State.PARKED]
    by = draw(gates)
    why = draw(st.sampled_from(["", "why"]))
    gate = Gate(not by, by, why, draw(st.just("") | times), draw(st.just("") | times))
    return Facts(jobs, tuple(waits), draw(st.integers(1, 9)), gate)


@st.composite
def any_state(draw: st.DrawFn) -> Ramp:
    pks = draw(st.lists(names, unique=True, max_size=8))
    return Ramp(
        "t",
        draw(st.integers(0, 9)),
        step=max(draw(st.integers(1, 100)), len(pks)),
        wait=draw(st.integers(0, 7200)),
        due=draw(st.just("") | times),
        released_at=draw(st.just("") | times),
        released=tuple(ReleasedJob(pk, draw(st.integers(0, 6)), DOWN, "") for pk in pks),
        service_failures={digest(key): draw(st.integers(0, 200)) for key in draw(st.sets(names))},
        suspects=frozenset(map(digest, draw(st.sets(names)))),
        unlike_error_seen=draw(st.booleans()),
        closed=draw(st.booleans()),
    )


@given(any_state(), any_facts())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_is_known_a_tick_keeps_to_its_step_and_to_what_waits(
    state: Ramp, facts: Facts
) -> None:
    decision = decide(state, facts, NOW, POLICY)
    after = decision.state

    assert len(decision.release) <= after.step <= POLICY.most
    assert after.step <= 2 * state.step
    assert all(job.pk in facts.waiting for job in decision.release)
    if decision.release:
        assert [each.pk for each in after.released] == [job.pk for job in decision.release]
    if decision.verdict is Verdict.REFUSED:
        assert after.step == 1
        named = facts.gate.by == SERVICE and facts.gate.since > state.released_at
        assert named or (decision.release, after.released) == ((), ())
    if facts.held:
        assert decision.release == ()
    if decision.verdict in (Verdict.NONE, Verdict.OWN, Verdict.ALONE):
        assert after.step <= max(state.step, 1)
    assert decode(encode(after)) == after


@pytest.mark.parametrize("letter", ["x", "あ", "𠮷"])
def test_the_largest_step_of_the_longest_keys_fits_into_an_item_of_400_kb(letter: str) -> None:
    key = letter * (1024 // len(letter.encode()))
    one = ReleasedJob(f"job#{key}", 1, "E" * 256, iso(NOW), 7200.5)

    assert len(encode(Ramp("t", released=200 * (one,))).encode()) < 350_000


def test_a_lease_is_longer_than_a_tick_may_take() -> None:
    from chalicelib.gate.ramp.tick import SECONDS

    assert LEASE.total_seconds() >= 2 * SECONDS


def test_what_another_version_wrote_besides_is_left_out() -> None:
    text = encode(Ramp("t", step=4)).replace('"last":""', '"last":"wonderful","unknown":[1]')

    assert decode(text) == Ramp("t", step=4)

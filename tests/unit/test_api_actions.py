"""What a person changes: attended, exactly what was named, and with an audit line each."""

from typing import Any

import pytest

from chalicelib.api import actions, gates
from chalicelib.api.actions import Press
from chalicelib.api.stage import Stage
from chalicelib.errors import BadRequest, Conflict, NotFound
from chalicelib.job.claim import State
from tests.fakes.service import TASK
from tests.unit.api_stage import ApiStage, job, slots

WHO = "kim"


def replay(api: ApiStage, **body: Any) -> dict[str, Any]:
    return actions.replay(api.stage, Press(WHO, body), 20)


def test_a_press_puts_back_the_oldest_exactly_as_many() -> None:
    api = ApiStage()
    api.fail("a", "b", "c")

    answer = replay(api, max=2)

    assert answer.pop("id")
    assert answer == {
        "replayed": 2,
        "resumed": 2,
        "restarted": 0,
        "stale": 0,
        "failed": [],
        "remaining": 1,
        "more": False,
    }
    api.memory.run()
    assert [claim.key for claim in api.memory.waiting.values()] == ["c"]


def test_a_press_is_never_stopped_by_earlier_failures() -> None:
    api = ApiStage(MAX_ATTEMPTS="2")
    api.fail("a")
    api.memory.service.broken = True
    for _ in range(4):
        assert replay(api)["replayed"] == 1
        api.memory.run()

    assert api.memory.claims["job#a"].attempt == 5
    assert api.memory.claims["job#a"].state is State.PARKED


def test_named_jobs_and_no_others_are_put_back_also_stuck_ones() -> None:
    api = ApiStage()
    api.fail("a", "b", "c")
    stuck = api.memory.claims["job#c"]
    assert api.process.claims.mark_stuck(stuck, stuck.since)

    assert replay(api, keys=["c", "a", "nobody"])["replayed"] == 2
    api.memory.run()
    assert [claim.key for claim in api.memory.waiting.values()] == ["b"]


def test_pressed_twice_nothing_more_is_put_back() -> None:
    api = ApiStage()
    api.fail("a", "b")

    assert [replay(api, keys=["a"])["replayed"] for _ in range(2)] == [1, 0]
    api.memory.run()
    assert [claim.key for claim in api.memory.waiting.values()] == ["b"]


def test_a_dry_run_names_the_very_jobs_and_leaves_no_trace() -> None:
    api = ApiStage()
    api.fail("a", "b", "c")

    plan = replay(api, max=2, dry_run=True)["plan"]

    assert [each["key"] for each in plan] == ["a", "b"]
    assert len(api.memory.waiting) == 3
    assert api.audit() == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"keys": "a"}, "keys must be a list of 1 to 10,000 keys"),
        ({"keys": []}, "keys must be a list"),
        ({"keys": ["a"] * 10_001}, "keys must be a list"),
        ({"keys": ["x" * 1025]}, "each must be text of 1 to 1,024 bytes"),
        ({"keys": ["a"], "error": "E"}, "keys and ids name the jobs already"),
        ({"max": 0}, "max=0 must be a whole number"),
        ({"colour": "red"}, "unknown parameter 'colour'"),
    ],
)
def test_a_replay_of_no_use_is_refused_by_name(body: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        replay(ApiStage(), **body)


def test_one_job_by_its_key_is_a_handful_of_calls_among_ten_thousand() -> None:
    api = ApiStage(*(job(f"job-{n}", n / 100) for n in range(10_000)))
    api.fail("mine")

    calls = api.calls(lambda: actions.replay_job(api.stage, ("mine", ""), Press(WHO, {}), 20))

    assert len(calls) <= 9, calls  # two of them keep the replay
    api.memory.run()
    assert api.memory.claims["job#mine"].state is State.FINISHED


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (State.RUNNING, "the job a is running: it does not wait for anybody"),
        (State.LINE, "the job a stands in line for UncertainTask since"),
    ],
)
def test_a_job_that_waits_for_nobody_says_how_it_stands(state: State, why: str) -> None:
    api = ApiStage(job("a", state=state))

    with pytest.raises(Conflict, match=why):
        actions.replay_job(api.stage, ("a", ""), Press(WHO, {}), 20)


def test_a_finished_job_says_when_it_ended() -> None:
    api = ApiStage()
    api.memory.process().workflow.start("run-a", '{"key": "a"}')
    api.memory.run()

    with pytest.raises(Conflict, match=r"has ended \(finished\) at 2026-11-24T"):
        actions.replay_job(api.stage, ("a", ""), Press(WHO, {}), 20)


def test_a_job_that_nobody_knows_is_not_found() -> None:
    with pytest.raises(NotFound, match="no job has the key 'nobody'"):
        actions.replay_job(ApiStage().stage, ("nobody", ""), Press(WHO, {}), 20)


def test_a_job_that_only_the_queue_knows_starts_by_its_key() -> None:
    api = ApiStage()
    api.memory.spool.send('{"key": "old"}')
    api.memory.clock.pause(1)

    assert actions.replay_job(api.stage, ("old", ""), Press(WHO, {}), 20)["restarted"] == 1


def test_giving_up_says_how_the_job_has_ended() -> None:
    api = ApiStage()
    api.fail("a")

    answer = actions.give_up(api.stage, ("a", ""), {"reason": "ordered twice"}, WHO)

    assert (answer["given_up"], answer["state"]) == (True, "given-up")
    assert answer["ended_at"]


def test_giving_up_a_finished_job_says_so() -> None:
    api = ApiStage()
    api.memory.process().workflow.start("run-a", '{"key": "a"}')
    api.memory.run()

    answer = actions.give_up(api.stage, ("a", ""), {"reason": "ordered twice"}, WHO)

    assert (answer["given_up"], answer["state"]) == (False, "finished")
    assert api.audit()[0]["count"] == 0


def test_a_limit_holds_for_all_at_once_and_names_who_set_it() -> None:
    api = ApiStage(slots(inside=2))

    answer = gates.set_limit(api.stage, TASK, {"limit": "3", "reason": "less load"}, WHO)

    assert (answer["limit"], answer["inside"]) == (3, 2)
    assert (answer["limit_by"], answer["limit_why"]) == ("kim", "less load")


def test_limit_0_closes_the_gate_and_keeps_the_limit() -> None:
    api = ApiStage()
    closed = gates.set_limit(api.stage, TASK, {"limit": 0}, WHO)
    assert (closed["limit"], closed["gate"]["open"], closed["gate"]["by"]) == (5, False, "kim")

    opened = gates.set_limit(api.stage, TASK, {"limit": None}, WHO)

    assert (opened["limit"], opened["gate"]["open"]) == (5, True)


def test_a_limit_opens_no_gate_that_somebody_closed() -> None:
    api = ApiStage()
    gates.set_gate(api.stage, TASK, {"open": False, "reason": "repair"}, "aki")

    answer = gates.set_limit(api.stage, TASK, {"limit": 7}, WHO)

    assert (answer["limit"], answer["gate"]["open"], answer["gate"]["by"]) == (7, False, "aki")


def test_a_gate_is_closed_until_a_time_and_opened() -> None:
    api = ApiStage()
    body = {"open": False, "until": "2026-11-24T20:00:00+09:00", "reason": "repair"}

    closed = gates.set_gate(api.stage, TASK, body, WHO)["gate"]

    assert (closed["until"], closed["why"]) == ("2026-11-24T11:00:00.000Z", "repair")
    assert gates.set_gate(api.stage, TASK, {"open": "true"}, WHO)["gate"]["open"] is True


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "open=None must be true or false"),
        ({"open": 1}, "open=1 must be true or false"),
        ({"open": False, "until": "tomorrow"}, "until=tomorrow must be a time with its zone"),
        ({"open": False, "until": "2026-11-30T06:00"}, "must be a time with its zone"),
        ({"open": False, "until": "2026-11-01T06:00Z"}, "is in the past"),
        ({"open": True, "until": "2026-11-30T06:00Z"}, "until is only for closing"),
        ({"open": False, "reason": ""}, "reason is empty"),
        ({"open": False, "who": "x"}, "unknown parameter 'who'"),
    ],
)
def test_a_gate_of_no_use_is_refused_by_name(body: dict[str, Any], message: str) -> None:
    api = ApiStage()
    before = api.memory.table.copy_items()
    with pytest.raises(BadRequest, match=message):
        gates.set_gate(api.stage, TASK, body, WHO)
    assert api.memory.table.copy_items() == before


@pytest.mark.parametrize("change", [gates.set_limit, gates.set_gate])
def test_a_misspelt_task_is_not_changed(change: Any) -> None:
    body = {"limit": 0} if change is gates.set_limit else {"open": False}
    with pytest.raises(NotFound, match="the tasks are UncertainTask"):
        change(ApiStage().stage, "UncertainTsak", body, WHO)


CHANGES: list[tuple[Any, str, int]] = [
    (
        lambda stage: actions.replay(stage, Press(WHO, {"max": 1, "reason": "well"}), 20),
        "replay",
        1,
    ),
    (
        lambda stage: actions.replay_job(stage, ("a", ""), Press(WHO, {"reason": "well"}), 20),
        "replay-job",
        1,
    ),
    (lambda stage: actions.give_up(stage, ("a", ""), {"reason": "well"}, WHO), "give-up", 1),
    (lambda stage: actions.give_up(stage, ("nobody", ""), {"reason": "well"}, WHO), "give-up", 0),
    (lambda stage: gates.set_limit(stage, TASK, {"limit": 2, "reason": "well"}, WHO), "limit", 1),
    (
        lambda stage: gates.set_gate(stage, TASK, {"open": False, "reason": "well"}, WHO),
        "close-gate",
        1,
    ),
    (
        lambda stage: gates.set_gate(stage, TASK, {"open": True, "reason": "well"}, WHO),
        "open-gate",
        1,
    ),
]


@pytest.mark.parametrize(("act", "what", "count"), CHANGES)
def test_every_change_leaves_one_line_of_who_what_how_many_and_why(
    act: Any, what: str, count: int
) -> None:
    api = ApiStage()
    api.fail("a")

    _tried(act, api.stage)

    (line,) = api.audit()
    assert (line["who"], line["what"], line["count"]) == (WHO, what, count)
    assert line["reason"] == "well"
    assert ("problem" in line) is (count == 0)
    assert (
        api.memory.claims["job#a"].token not in repr(line) or not api.memory.claims["job#a"].token
    )


def _tried(act: Any, stage: Stage) -> None:
    try:
        act(stage)
    except NotFound:
        return


def test_what_was_changed_is_seen_by_the_next_look() -> None:
    api = ApiStage()
    assert api.stage.overview.read().tasks[0].limit == 5

    gates.set_limit(api.stage, TASK, {"limit": 2}, WHO)

    assert api.stage.overview.read().tasks[0].limit == 2

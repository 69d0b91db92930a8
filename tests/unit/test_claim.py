"""What a claim and a task's slots say of themselves; the gate is judged as TakeSlot judges it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.items import SLOTS, value
from chalicelib.job.claim import FOR_EVER, Claim, Gate, Slots, State
from chalicelib.job.failure import Failure
from chalicelib.moments import iso, read
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.hostile import tries

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
BEFORE, AFTER = "2026-11-26T11:59:59.999Z", "2026-11-26T12:00:00.001Z"
CLAIM = Claim("job#a#b", "arn", order="2026-11-24T01:02:03.004Z#a#b")


@pytest.mark.parametrize(
    ("pk", "machine", "key"),
    [
        ("job#a#b", "", "a#b"),
        ("job@other#a", "other", "a"),
        ("job#@x", "", "@x"),
        ("job#job@m#k", "", "job@m#k"),
    ],
)
def test_a_claim_s_own_key_tells_machine_and_key(pk: str, machine: str, key: str) -> None:
    claim = replace(CLAIM, pk=pk)
    assert (claim.machine, claim.key) == (machine, key)


def test_a_claim_knows_when_its_job_first_started() -> None:
    assert CLAIM.started_at == "2026-11-24T01:02:03.004Z"


@pytest.mark.parametrize("state", State)
def test_a_job_waits_in_line_parked_or_stuck_until_it_has_ended(state: State) -> None:
    waits = state in (State.LINE, State.PARKED, State.STUCK)
    assert replace(CLAIM, state=state).waits is waits
    assert not replace(CLAIM, state=state, ended_at=BEFORE).waits


def test_a_failure_says_something_only_of_a_job_that_has_failed() -> None:
    cause = '{"errorMessage": "down", "errorType": "E"}'
    failed = replace(CLAIM, error="E", cause=cause, attempt=1)
    assert failed.failure == Failure("E", "down")
    assert replace(failed, attempt=0).failure == Failure()


def test_no_text_about_a_claim_has_its_token() -> None:
    assert "secret" not in repr(replace(CLAIM, token="secret"))


def test_slots_are_free_up_to_the_limit_and_never_less_than_none() -> None:
    slots = Slots(TASK, owners={"job#a": "arn", "job#b": "arn"}, limit=3)
    assert slots.free == 1
    assert replace(slots, limit=1).free == 0


@pytest.mark.parametrize(
    ("slots", "gate"),
    [
        (Slots(TASK), Gate(True)),
        (
            Slots(TASK, closed_until=AFTER, closed_by="me", closed_why="w", closed_at=BEFORE),
            Gate(False, "me", "w", BEFORE, AFTER),
        ),
        (Slots(TASK, closed_until=FOR_EVER, closed_by="me"), Gate(False, "me")),
        (Slots(TASK, closed_until=iso(NOW), closed_by="me"), Gate(True)),
        (
            Slots(TASK, window_from=BEFORE, window_until=AFTER, window_why="repairs"),
            Gate(False, "window", "repairs", BEFORE, AFTER),
        ),
        (Slots(TASK, window_from=BEFORE, window_until=iso(NOW)), Gate(True)),
        (Slots(TASK, window_from=AFTER, window_until=FOR_EVER), Gate(True)),
        (
            Slots(TASK, failed={"a": BEFORE, "b": AFTER}, close_after=2),
            Gate(False, "failures", "the last 2 jobs failed", AFTER),
        ),
        (Slots(TASK, failed={"a": BEFORE}, close_after=2), Gate(True)),
    ],
)
def test_a_gate_says_by_whom_it_is_closed_why_since_when_and_until_when(
    slots: Slots, gate: Gate
) -> None:
    assert slots.gate(NOW) == gate


times = st.sampled_from(["", "before", "now", "after", FOR_EVER])


@tries(60)
@given(
    closed=times,
    begins=times,
    ends=times,
    failed=st.integers(0, 3),
    waiting=st.integers(0, 1),
    inside=st.integers(0, 2),
    passes=times,
)
def test_take_slot_lets_in_exactly_whom_the_slots_have_room_for(
    closed: str, begins: str, ends: str, failed: int, waiting: int, inside: int, passes: str
) -> None:
    stage = FakeStage(task_limit=2, CLOSE_AFTER="3")
    run = stage.executions.runs[stage.executions.start("one", '{"key":"k"}')]
    stage.machine.step(run)
    now = read(run.entered_at)
    assert now is not None
    moments = {"before": "2026-01-01T00:00:00.000Z", "now": run.entered_at}
    moments["after"] = "2026-12-31T00:00:00.000Z"
    texts = {
        "closedUntil": moments.get(closed, closed),
        "windowFrom": moments.get(begins, begins),
        "windowUntil": moments.get(ends, ends) if begins else "",
    }
    if begins and not texts["windowUntil"]:
        texts["windowUntil"] = FOR_EVER
    maps: dict[str, dict[str, str]] = {
        "failed": {f"job#{number}": "t" for number in range(failed)},
        "owners": {f"job#{number}": "arn" for number in range(inside)},
        "passes": {"job#k": moments.get(passes, passes)} if passes else {},
    }
    item = dict(stage.table.items[SLOTS + TASK]) | {"waiting": value(waiting)}
    item |= {name: value(text) for name, text in texts.items() if text}
    stage.table.put(SLOTS + TASK, item | {name: value(each) for name, each in maps.items()})
    slots = stage.slots

    stage.machine.step(run)

    by_pass = slots.passes.get("job#k", "") > run.entered_at
    enters = bool(slots.free) and (by_pass or (not waiting and slots.gate(now).open))
    assert ("job#k" in stage.slots.owners) is enters
    assert run.state == (TASK if enters else "WaitInLine")

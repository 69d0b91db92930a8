"""The service's own word: what is read of it, how long it is believed, and what it closes."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import metrics
from chalicelib.errors import RespoolError
from chalicelib.gate.service_word import believed, named_time
from chalicelib.job.claim import FOR_EVER, RAMP, SERVICE
from chalicelib.moments import iso
from chalicelib.uncertain_task import ServiceClosed
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.wire import Died, Fault, Wire
from tests.ramp_stage import RampStage, ramp_stage

FAILED = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SIX = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)


def of_lambda(message: str) -> str:
    return json.dumps({"errorMessage": message, "errorType": "ServiceClosed"})


@pytest.mark.parametrize(
    ("cause", "named"),
    [
        (of_lambda(str(ServiceClosed("busy", 3600))), FAILED + HOUR),
        (of_lambda(str(ServiceClosed("busy", SIX))), SIX),
        (of_lambda("503. Retry-After: 3600"), FAILED + HOUR),
        (of_lambda("closed (Closed-Until: 2026-11-30T15:00:00+09:00), sorry"), SIX),
        (of_lambda("Retry-After: Mon, 30 Nov 2026 06:00:00 GMT; come again"), SIX),
        (of_lambda("Retry-After: 3600.5."), FAILED + timedelta(seconds=3600.5)),
        (of_lambda('{"retryAfter": 3600}'), FAILED + HOUR),
        ('{"retryAfter": 3600}', FAILED + HOUR),
        ('{"closed_until": "2026-11-30T06:00:00Z", "more": [1]}', SIX),
        ('{"statusCode": 503, "Headers": {"Retry-After": ["3600"]}}', FAILED + HOUR),
        ('{"retryAfter": 3600, "body": "' + "x" * 5000, FAILED + HOUR),
        ("the door says Retry-After: 3600", FAILED + HOUR),
    ],
)
def test_a_failure_names_a_time_in_a_field_or_in_its_message(cause: str, named: datetime) -> None:
    assert named_time(cause, FAILED) == named


@pytest.mark.parametrize(
    "cause",
    [
        "",
        "the service does not answer",
        '{"retryAfter": -5}',
        '{"retryAfter": 0}',
        '{"retryAfter": true}',
        '{"retryAfter": null}',
        '{"retryAfter": NaN}',
        '{"retryAfter": {"retryAfter": 60}}',
        '{"retryAfter": [60, 120]}',
        '{"retryAfter": "soon"}',
        '{"retryAfter": "\u0663\u0660"}',
        '{"closedUntil": "2026-11-30T06:00:00"}',
        '{"closedUntil": "2026-11-01T06:00:00Z"}',
        '{"closedUntil": "9999-12-31T23:59:59-12:00"}',
        '{"closedUntil": "' + "9" * 5000 + '"}',
        "Retry-After: ",
        "Retry-After: yesterday",
        "Closed-Until: 2026-11-30T06:00:00",
    ],
)
def test_what_names_no_time_to_come_with_its_zone_says_nothing(cause: str) -> None:
    assert named_time(cause, FAILED) is None


@pytest.mark.parametrize("text", ["closed until {time} UTC+0", "closed until {time}"])
def test_a_stage_may_say_how_its_service_writes_it(text: str) -> None:
    cause = of_lambda("We are closed until 2026-11-30T06:00:00+00:00 UTC+0. Have a nice weekend!")

    assert named_time(cause, FAILED, text) == SIX
    assert named_time(cause, FAILED) is None


@pytest.mark.parametrize("word", [10**18, "9999-12-31T23:59:59Z", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_nothing_is_believed_for_longer_than_the_stage_allows(word: Any) -> None:
    named = named_time(json.dumps({"retryAfter": word}), FAILED)

    assert named is not None
    assert believed(named, FAILED, FAILED, 86_400) == FAILED + timedelta(days=1)
    assert believed(named, FAILED + 99 * HOUR, FAILED, 60) == FAILED + timedelta(seconds=60)


@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_a_service_says_is_read_without_harm(word: Any) -> None:
    for cause in (str(word), json.dumps({"retryAfter": word}), f"Retry-After: {word}"):
        named = named_time(cause, FAILED, "until {time}")
        assert named is None or FAILED < believed(named, FAILED, FAILED, 60) <= FAILED + HOUR


def closed(seconds: object = 7200, **variables: Any) -> FakeStage:
    """A stage whose service says, as it fails the first job, when to come again."""
    stage = FakeStage(**variables)
    says(stage, seconds)
    fail(stage, "first")
    stage.run()
    return stage


def says(stage: FakeStage, seconds: object) -> None:
    stage.service.broken = True
    stage.service.message = f"busy (Retry-After: {seconds})"


def fail(stage: FakeStage, *keys: str) -> None:
    for key in keys:
        stage.executions.start(f"run-{key}", json.dumps({"key": key}))
        stage.machine.run()


def until(stage: FakeStage) -> timedelta:
    """How long the gate's own until-time is after the first failure."""
    failed = datetime.fromisoformat(stage.claims["job#first"].failed_at)
    return datetime.fromisoformat(stage.slots.gate(stage.clock.now()).until) - failed


@pytest.mark.parametrize("via", ["lambda", "sqs"])
def test_one_failure_that_names_a_time_closes_the_gate_until_then(via: str) -> None:
    stage = closed(SPOOL_VIA=via)
    gate = stage.slots.gate(stage.clock.now())

    assert (gate.open, gate.by, until(stage)) == (False, SERVICE, timedelta(seconds=7200))
    assert gate.why == "ConnectionError: busy (Retry-After: 7200)"
    before = sum(stage.service.visits.values())
    fail(stage, "second", "third")
    stage.run()
    assert sum(stage.service.visits.values()) == before
    assert stage.slots.waiting == 2


def test_without_a_ramp_the_gate_opens_by_itself_at_the_time_named() -> None:
    stage = closed()
    fail(stage, "second")
    stage.service.broken = False
    stage.clock.pause(7200)

    stage.process().admit({})
    stage.run()
    assert stage.service.done == {'{"key": "second"}': 1}


def test_it_is_believed_for_no_longer_than_a_day_or_what_the_stage_says() -> None:
    assert until(closed(10**9)) == timedelta(days=1)
    assert until(closed(10**9, CLOSED_UNTIL_MAX="60")) == timedelta(seconds=60)
    assert closed(CLOSED_UNTIL_MAX="0").slots.closed_until == ""


def test_what_somebody_closed_stays_theirs() -> None:
    stage = FakeStage(SPOOL_VIA="sqs")
    says(stage, 7200)
    fail(stage, "first")
    stage.process().engines.gates.close(TASK, None, "anna", "moving house")

    stage.run()
    assert stage.slots.gate(stage.clock.now()).by == "anna"


def test_a_failure_from_before_somebody_opened_the_gate_closes_it_no_more() -> None:
    stage = FakeStage(SPOOL_VIA="sqs")
    says(stage, 7200)
    fail(stage, "first")
    stage.clock.pause(60)
    stage.process().engines.gates.open(TASK, "anna", "it was a mistake")

    stage.run()
    assert stage.slots.gate(stage.clock.now()).open


def test_the_word_of_the_latest_failure_counts_also_where_it_is_shorter() -> None:
    stage = FakeStage(CLOSE_AFTER="off")
    says(stage, 7200)
    fail(stage, "first")
    stage.run()
    stage.process().line.give_pass(TASK, ["job#late"], FOR_EVER)
    stage.clock.pause(60)
    says(stage, 600)

    fail(stage, "late")
    stage.run()
    failed = datetime.fromisoformat(stage.claims["job#late"].failed_at)
    assert stage.slots.named_until == iso(failed + timedelta(seconds=600))


def test_the_same_record_again_changes_nothing_and_is_told_once() -> None:
    stage = FakeStage(SPOOL_VIA="sqs")
    says(stage, 7200)
    fail(stage, "first")
    records = list(stage.table.stream)
    process = stage.process()
    process.admit({"Records": records})
    slots = stage.slots
    stage.clock.pause(5)

    process.admit({"Records": records})
    assert stage.slots == slots
    assert [each for each in process.telemetry.actions if each == "gate-closed"] == ["gate-closed"]
    assert process.telemetry.counts[metrics.GATE_CLOSED] == 1


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("call", [0, 1])
def test_a_call_that_fails_on_the_way_comes_again(fault: Fault, call: int) -> None:
    stage = FakeStage(SPOOL_VIA="sqs")
    says(stage, 7200)
    fail(stage, "first")
    batch = {"Records": list(stage.table.stream)}
    try:
        stage.process(Wire().break_at(call, fault)).admit(batch)
    except (RespoolError, Died):
        stage.process().admit(batch)

    assert (stage.slots.closed_by, until(stage)) == (SERVICE, timedelta(seconds=7200))


@pytest.mark.parametrize(
    "record",
    [
        None,
        {"dynamodb": {"NewImage": [1]}},
        {"dynamodb": {"NewImage": {"queue": "parked#t", "failedAt": {"S": 5}}}},
        {"dynamodb": {"NewImage": {"queue": {"S": "parked#"}, "cause": {"S": "Retry-After: 5"}}}},
    ],
)
def test_no_record_can_spoil_a_batch(record: Any) -> None:
    assert FakeStage().process().admit({"Records": [record]}) == {"admitted": {}}


def ramped(seconds: int = 7200) -> RampStage:
    stage = RampStage(ramp_stage(HEALTHY_AFTER="60"))
    says(stage.fakes, seconds)
    stage.start("a")
    stage.start("b", "c")
    return stage


def minutes(stage: RampStage, count: int) -> int:
    """Tick each minute between two intervals; how many jobs were released."""
    out = 0
    for _ in range(count):
        stage.fakes.clock.pause(60)
        now = stage.fakes.clock.now()
        at = now if now.minute % 10 else now + timedelta(minutes=1)
        reports = stage.fakes.process().engines.tick(600, at)["ramp"]
        out += reports.get(TASK, {}).get("released", 0)
        stage.fakes.run()
    return out


def test_with_the_ramp_one_job_is_tried_in_the_minute_that_the_service_named() -> None:
    stage = ramped()
    calls = stage.calls

    assert minutes(stage, 119) == 0
    assert stage.later(0)["released"] == 0
    assert stage.calls == calls
    assert minutes(stage, 2) == 1
    assert stage.calls == calls + 2
    assert stage.fakes.slots.closed_by == SERVICE, "it named another time"
    assert minutes(stage, 118) == 0
    stage.fakes.service.broken = False
    assert minutes(stage, 3) == 1


@pytest.mark.parametrize("years", [0, 1])
def test_a_schedule_that_tells_an_old_minute_ticks_by_the_clock(years: int) -> None:
    stage = RampStage(ramp_stage(HEALTHY_AFTER="60"))
    stage.park("a")
    stage.fakes.clock.pause(600 - stage.fakes.clock.now().timestamp() % 600)
    at = stage.fakes.clock.now() - years * timedelta(days=365, minutes=1)

    reports = stage.fakes.process().engines.tick(600, at)["ramp"]
    assert reports[TASK]["released"] == 1


def test_a_named_time_that_was_wrong_leaves_the_gate_to_the_ramp() -> None:
    stage = ramped()
    stage.fakes.service.message = "still down, and nobody knows until when"
    minutes(stage, 121)

    slots = stage.fakes.slots
    assert (slots.closed_by, slots.closed_until, slots.named_until) == (RAMP, FOR_EVER, "")


def test_without_any_tick_the_gate_opens_by_itself_some_time_behind_the_time_named() -> None:
    stage = ramped()
    stage.fakes.service.broken = False
    stage.fakes.clock.pause(7200 + 7200)

    stage.fakes.process().admit({})
    stage.fakes.run()
    assert len(stage.fakes.service.done) == 2


def test_the_spool_lambda_closes_the_gate_while_the_job_still_has_its_slot() -> None:
    stage = FakeStage(task_limit=1)
    says(stage, 7200)
    arn = stage.executions.start("run-first", '{"key":"first"}')
    stage.machine.run_to(arn, "Park")

    assert stage.slots.owners == {"job#first": arn}
    assert stage.slots.closed_by == SERVICE


@pytest.mark.parametrize("fault", [Fault.UNANSWERED, Fault.THROTTLED])
def test_what_the_spool_lambda_could_not_hear_keeps_no_note_from_the_spool(fault: Fault) -> None:
    stage = FakeStage()
    says(stage, 7200)
    stage.new_wire = lambda: Wire().break_next("GetItem", fault, 20)
    fail(stage, "first")

    assert (len(stage.spool.bodies), stage.slots.closed_until) == (1, "")


def test_a_clock_that_is_behind_makes_no_wait_longer() -> None:
    stage = FakeStage(SPOOL_VIA="sqs")
    says(stage, 7200)
    fail(stage, "first")
    claim = stage.claims["job#first"]
    late = replace(claim, failed_at=iso(stage.clock.now() + 99 * HOUR))
    image = {"queue": {"S": f"parked#{TASK}"}, "cause": {"S": claim.cause}}
    record = {"dynamodb": {"NewImage": {**image, "failedAt": {"S": late.failed_at}}}}
    stage.process().admit({"Records": [record]})

    assert stage.slots.named_until <= iso(stage.clock.now() + timedelta(days=1))

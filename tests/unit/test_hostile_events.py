"""Whatever the spool and the Lambdas are given: no job is lost, and nobody reads what it held."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import AwsError, BadRequest, RespoolError, SettingsError, Unreadable
from chalicelib.job.execution import Status
from chalicelib.job.key import is_key, key_in, key_in_text
from chalicelib.job.plan import Action
from chalicelib.job.record import Record, decode, encode, restart_name
from chalicelib.replaying.requests import read_request
from chalicelib.settings import CHECKS, MAX_REPLAY, Settings
from chalicelib.telemetry import LambdaTelemetry
from tests.fakes.spool import Queue
from tests.fakes.stage import FakeStage, Process
from tests.fakes.workflow import FakeWorkflow
from tests.hostile import CANARY, cases, json_texts, nested, texts, tries, values

GOOD = encode(Record(key="good", input={"key": "good"}))
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:respool-memory:gone"
WIRE: dict[str, Any] = {
    "respool": 1,
    "key": "k",
    "execution": EXECUTION,
    "redrives": 0,
    "startedAt": "2026-11-24T00:00:00.000Z",
    "task": "UncertainTask",
    "attempt": 1,
    "failedAt": "2026-11-24T00:00:00.000Z",
    "firstFailedAt": "2026-11-24T00:00:00.000Z",
    "token": f"token-{CANARY}",
    "error": {"name": "E", "message": CANARY},
    "input": {"key": "k", "secret": CANARY},
}
MOMENTS = st.sampled_from(["9999-12-31T23:59:59+00:00", "0001-01-01", "2026-11-24T00:00:00-23:59"])
ODD: st.SearchStrategy[Any] = (
    values
    | MOMENTS
    | st.sampled_from(
        [10**400, 1e308, -1, "x" * 3000, {"Error": "E", "Cause": nested(2000)}, [[[CANARY]]]]
    )
)
changes = st.dictionaries(st.sampled_from(sorted(WIRE)), ODD, max_size=4)
lacking = st.sets(st.sampled_from(sorted(WIRE)), max_size=5)


def _changed(change: dict[str, Any], without: set[str]) -> str:
    wire = {name: value for name, value in {**WIRE, **change}.items() if name not in without}
    return json.dumps(wire)


records = st.builds(_changed, changes, lacking)
deep_inputs = st.integers(400, 950).map(
    lambda depth: json.dumps({**WIRE, "input": None}).replace("null", nested(depth))
)
bodies = json_texts | records | deep_inputs | values.map(lambda key: json.dumps({"key": key}))


def _is_short(refused: BadRequest) -> None:
    assert len(str(refused)) < 300


def _names_one_of(environ: dict[str, str], refused: SettingsError) -> None:
    assert any(f"{name}=" in str(refused) for name in environ)


def _sent(queue: Queue, body: str) -> bool:
    """Put it on the queue, unless SQS itself would refuse it."""
    try:
        queue.send(body)
    except (AwsError, UnicodeEncodeError):
        return False
    return True


def _no_leak(*told: Any) -> None:
    assert CANARY not in repr(told)


@cases(200, 8000)
def test_a_body_is_a_job_or_unreadable_and_nothing_else(cases: int) -> None:
    @tries(cases)
    @given(bodies)
    def check(body: str) -> None:
        try:
            record = decode(body)
        except Unreadable as unreadable:
            _no_leak(str(unreadable))
            return
        assert len(restart_name(record, "message")) <= 80
        assert decode(encode(record)) == record

    check()


@cases(150, 6000)
def test_no_message_is_lost_and_none_stops_the_others(cases: int) -> None:
    @tries(cases)
    @given(st.lists(bodies, min_size=1, max_size=6), st.booleans())
    def check(given: list[str], by_trigger: bool) -> None:
        stage = FakeStage()
        sent = Counter(body for body in [*given, GOOD] if _sent(stage.spool, body))
        stage.clock.pause(1)
        process = stage.process()
        settled = _triggered(process) if by_trigger else _replayed(process)

        left = Counter([*stage.spool.bodies, *stage.stuck.bodies])
        assert left <= sent
        assert (sent - left).total() == settled
        assert GOOD not in left
        _no_leak(process.telemetry.lines)

    check()


def _replayed(process: Process) -> int:
    report = process.replay()
    assert CANARY not in repr(report.as_json())
    assert len(process.stage.executions.runs) == report.counts[Action.RESTART]
    return report.replayed + report.counts[Action.STALE]


def _triggered(process: Process) -> int:
    """As SQS and Lambda do it: what is not reported back as failed is deleted."""
    process.stage.cool_down = 0
    messages = process.spool.receive(10, 600)
    event = {
        "Records": [
            {
                "messageId": each.id,
                "receiptHandle": each.receipt,
                "body": each.body,
                "attributes": {"SentTimestamp": str(int(each.sent_at.timestamp() * 1000))},
            }
            for each in messages
        ]
    }
    kept = {each["itemIdentifier"] for each in process.trigger(event)["batchItemFailures"]}
    done = [each for each in messages if each.id not in kept]
    process.spool.delete(done)
    return len(done) - process.stage.stuck.depth()


@cases(150, 6000)
def test_the_spool_lambda_sets_aside_or_refuses_whatever_it_is_called_with(cases: int) -> None:
    status = st.fixed_dictionaries(
        {"detail-type": st.just("Step Functions Execution Status Change")},
        optional={"detail": values | st.fixed_dictionaries({"executionArn": values})},
    )
    plain = st.builds(lambda key, error: {"key": key, "error-info": error}, values, ODD)

    @tries(cases)
    @given(values | status | plain | records.map(json.loads))
    def check(event: Any) -> None:
        stage = FakeStage()
        process = stage.process()
        try:
            told = process.spooling.take(event)
        except RespoolError as refused:
            assert stage.spool.depth() == 0
            _no_leak(process.telemetry.lines, str(refused))
            return
        assert stage.spool.depth() == (told["result"] == "spooled")
        _no_leak(process.telemetry.lines)
        process.replay()

    check()


@cases(100, 3000)
def test_a_dead_execution_of_any_input_is_caught_and_started_anew(cases: int) -> None:
    legal = json_texts.filter(_is_json)

    @tries(cases)
    @given(legal | st.integers(0, 5000).map(lambda n: '{"key": "k", "n": 1%s}' % ("0" * n)))
    def check(text: str) -> None:
        stage = FakeStage()
        process = stage.process()
        execution = _dead(stage, text)

        assert process.rescue.catch(execution) == "spooled"
        assert process.rescue.catch(execution) == "already"
        stage.clock.pause(1)
        report = process.replay(count=1)

        assert (report.replayed, stage.spool.depth()) == (1, 0)
        (again,) = [run for run in stage.executions.runs.values() if run.running]
        assert again.input == text

    check()


def _is_json(text: str) -> bool:
    """As AWS's JSON parser has it, which reads deeper than Python's."""
    if text == nested(len(text) // 2):
        return bool(text)
    try:
        json.loads(text, parse_constant=lambda _: 1 / 0, parse_int=float)
        text.encode()
    except (ValueError, RecursionError, ZeroDivisionError):
        return False
    return True


def _dead(stage: FakeStage, text: str) -> str:
    stage.executions.redrives = False
    arn = stage.executions.start("dead", '{"key": "k"}')
    run = stage.executions.runs[arn]
    run.input = text
    stage.executions.close(run, Status.FAILED, "States.DataLimitExceeded", "")
    return arn


@cases(200, 6000)
def test_the_replay_lambda_reads_any_event_or_says_what_is_wrong_with_it(cases: int) -> None:
    names = st.sampled_from(["max", "task", "error", "key", "older_than", "rate", "dry_run"])

    @tries(cases)
    @given(st.dictionaries(names | texts, values, max_size=3))
    def check(event: dict[str, Any]) -> None:
        try:
            request = read_request(event)
        except BadRequest as refused:
            _is_short(refused)
            return
        assert request.count is None or 1 <= request.count <= MAX_REPLAY
        assert request.rate == 0 or 0.01 <= request.rate <= 1000

    check()


@cases(200, 8000)
def test_settings_are_within_their_bounds_or_refused_by_name(cases: int) -> None:
    whole = st.from_regex(r"-?0*[0-9]{1,30}", fullmatch=True)
    likely = st.sampled_from(["off", "rate(1 hour)", "cron(0 3 * * ? *)", "a@b.c", "UTC", "sqs"])
    given_settings = st.dictionaries(st.sampled_from(sorted(CHECKS)), whole | likely | texts)

    @tries(cases)
    @given(given_settings)
    def check(environ: dict[str, str]) -> None:
        try:
            read = Settings.read(environ)
        except SettingsError as refused:
            _names_one_of(environ, refused)
            return
        assert 1 <= read.max_reprocess <= MAX_REPLAY
        assert 0 <= read.task_limit <= 1000
        assert 0 <= read.cool_down <= 43_200
        assert 1 <= read.api_rate <= 10_000

    check()


@cases(200, 8000)
def test_the_key_in_a_text_is_the_one_in_its_value(cases: int) -> None:
    @tries(cases)
    @given(st.dictionaries(st.just("key") | texts, values, max_size=4))
    def check(given: dict[str, Any]) -> None:
        text = json.dumps(given)
        key = key_in(given)

        assert key_in_text(text) == key
        if "key" in given and is_key(given["key"]):
            assert key is not None
            assert key.encode()

    check()


@cases(100, 3000)
def test_a_log_line_is_json_that_any_stream_takes(
    capfdbinary: pytest.CaptureFixture[bytes], cases: int
) -> None:
    telemetry = LambdaTelemetry(f"hostile-{cases}")

    @tries(cases)
    @given(texts, values)
    def check(key: str, about: Any) -> None:
        telemetry.event("hostile", key=key, about=about)
        telemetry.metric("Spooled", task=key, error=key)

    check()
    told = capfdbinary.readouterr()
    assert b"Logging error" not in told.err
    lines = [json.loads(line) for line in told.out.decode().split("\n") if line]
    assert len([line for line in lines if line.get("action") == "hostile"]) >= cases // 2
    assert all(len(line.get("key", "")) <= 2003 for line in lines)


def test_a_failure_in_the_far_future_cools_down_all_the_same() -> None:
    stage = FakeStage()
    stage.spool.send(
        json.dumps({"respool": 1, "key": "k", "failedAt": "9999-12-31T23:59:59Z", "input": {}})
    )
    stage.clock.pause(timedelta(hours=1).total_seconds())

    assert _triggered(stage.process()) == 1


def test_an_unexpected_error_names_its_place_and_no_value() -> None:
    stage = FakeStage()
    stage.spool.send(GOOD)
    stage.clock.pause(1)

    class Broken(FakeWorkflow):
        def start(self, *_: str, **__: str) -> str:
            raise UnicodeEncodeError("utf-8", CANARY, 0, 1, CANARY)

    process = stage.process()
    process.workflow = Broken(stage.executions, process.wire)
    report = process.replay()

    (failed,) = report.failed
    assert "UnicodeEncodeError in test_hostile_events.py" in failed["reason"]
    assert CANARY not in failed["reason"]
    assert stage.spool.depth() == 1


def _of_size(size: int, filler: str = "x") -> str:
    frame = '{"key":"k","x":""}'
    return frame.replace('""', '"%s"' % (filler * ((size - len(frame)) // len(filler.encode()))))


@pytest.mark.parametrize("filler", ["x", "鍵", "\U0001f600"])
def test_an_input_of_256_kib_goes_through_the_spool_to_the_letter(filler: str) -> None:
    text = _of_size(262_144, filler)
    stage = FakeStage()
    stage.process().spooling.take(json.loads(text))
    stage.clock.pause(1)

    assert stage.process().replay().replayed == 1
    (run,) = stage.executions.runs.values()
    assert run.input == text


def test_a_message_of_1_mib_that_no_execution_takes_is_kept_reported_and_in_nobody_s_way() -> None:
    stage = FakeStage()
    stage.spool.send(_of_size(1_048_576))
    stage.spool.send(GOOD)
    stage.clock.pause(1)

    report = stage.process().replay()

    assert report.replayed == 1
    assert [failed["key"] for failed in report.failed] == ["k"]
    assert len(report.failed[0]["reason"]) < 200
    assert stage.spool.bodies == [_of_size(1_048_576)]


def test_a_call_too_large_for_the_spool_is_refused_so_that_its_caller_knows() -> None:
    stage = FakeStage()

    with pytest.raises(AwsError):
        stage.process().spooling.take(json.loads(_of_size(1_100_000)))
    assert stage.spool.depth() == 0


def test_a_job_whose_execution_has_the_longest_name_is_started_anew_under_a_legal_one() -> None:
    stage = FakeStage()
    arn = EXECUTION.replace("gone", "n" * 80)
    stage.spool.send(encode(Record(key="k", execution=arn, input={"key": "k"})))
    stage.clock.pause(1)

    assert stage.process().replay().replayed == 1
    (run,) = stage.executions.runs.values()
    assert len(run.arn.rpartition(":")[2]) == 80

"""Whatever the spool and the Lambdas are given: no job is lost, and nobody reads what it held."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import AwsError, BadRequest, SettingsError, Unreadable
from chalicelib.job.key import is_key, key_in, key_in_text
from chalicelib.job.plan import Action
from chalicelib.job.record import decode, encode
from chalicelib.job.restarts import start_name
from chalicelib.replaying.requests import Request, read_request
from chalicelib.settings import CHECKS, MAX_REPLAY, Settings
from chalicelib.telemetry import LambdaTelemetry
from tests.fakes.spool import Queue
from tests.fakes.stage import FakeStage, Process
from tests.fakes.workflow import FakeWorkflow
from tests.hostile import CANARY, cases, json_texts, nested, texts, tries, values

GOOD = '{"key":"good"}'
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


def _no_leak(*outputs: Any) -> None:
    assert CANARY not in repr(outputs)


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
        assert decode(encode(record)) == record

    check()


@cases(150, 6000)
def test_no_message_is_lost_and_none_stops_the_others(cases: int) -> None:
    @tries(cases)
    @given(st.lists(bodies, min_size=1, max_size=6), st.booleans())
    def check(messages: list[str], by_trigger: bool) -> None:
        stage = FakeStage(COOL_DOWN="0")
        sent = Counter(body for body in [*messages, GOOD] if _sent(stage.spool, body))
        stage.clock.pause(1)
        process = stage.process()
        _triggered(process) if by_trigger else _replayed(process)

        left = Counter([*stage.spool.bodies, *stage.stuck.bodies])
        assert left <= sent
        assert GOOD not in left
        starts = Counter(json.dumps(run.parsed) for run in stage.executions.runs.values())
        for body in sent - left:  # what is gone was started, or is a note that says nothing
            record = decode(body)
            assert not record.bare or starts[json.dumps(record.input)]
        _no_leak(process.telemetry.lines)

    check()


def _replayed(process: Process) -> None:
    report = process.engines.replay(Request(count=100), 60, attended=True)
    assert CANARY not in repr(report.as_json())
    assert len(process.stage.executions.runs) <= report.counts[Action.RESTART]


def _triggered(process: Process) -> None:
    """As SQS and Lambda do it: what is not reported back as failed is deleted."""
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
    kept = {
        each["itemIdentifier"]
        for each in process.engines.take_batch(event, 60)["batchItemFailures"]
    }
    process.spool.delete([each for each in messages if each.id not in kept])


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
    def check(job: dict[str, Any]) -> None:
        text = json.dumps(job)
        key = key_in(job)

        assert key_in_text(text) == key
        if "key" in job and is_key(job["key"]):
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
    output = capfdbinary.readouterr()
    assert b"Logging error" not in output.err
    lines = [json.loads(line) for line in output.out.decode().split("\n") if line]
    assert len([line for line in lines if line.get("action") == "hostile"]) >= cases // 2
    assert all(len(line.get("key", "")) <= 2003 for line in lines)


def test_an_unexpected_error_names_its_place_and_no_value() -> None:
    stage = FakeStage()
    stage.spool.send(GOOD)
    stage.clock.pause(1)

    class Broken(FakeWorkflow):
        def start(self, *_: str, **__: str) -> str:
            raise UnicodeEncodeError("utf-8", CANARY, 0, 1, CANARY)

    process = stage.process()
    process.workflow = Broken(stage.executions, process.wire, stage.definition)
    report = process.engines.replay(Request(), 60)

    (failed,) = report.failed
    assert "UnicodeEncodeError in test_hostile_events.py" in failed["reason"]
    assert CANARY not in failed["reason"]
    assert stage.spool.bodies == [GOOD]


def _of_size(size: int, filler: str = "x") -> str:
    frame = '{"key":"k","x":""}'
    return frame.replace('""', '"%s"' % (filler * ((size - len(frame)) // len(filler.encode()))))


@pytest.mark.parametrize("filler", ["x", "鍵", "\U0001f600"])
def test_an_input_of_256_kib_goes_through_the_spool_to_the_letter(filler: str) -> None:
    text = _of_size(262_144, filler)
    stage = FakeStage()
    stage.process().engines.spooling.take(json.loads(text))
    stage.clock.pause(1)

    assert stage.process().engines.replay(Request(), 60).replayed == 1
    (run,) = stage.executions.runs.values()
    assert run.input == text


def test_a_message_of_1_mib_that_no_execution_takes_is_kept_and_in_nobody_s_way() -> None:
    stage = FakeStage()
    stage.spool.send(_of_size(1_048_576))
    stage.spool.send(GOOD)
    stage.clock.pause(1)

    report = stage.process().engines.replay(Request(), 60)

    assert report.replayed == 1
    assert all(len(failed["reason"]) < 200 for failed in report.failed)
    assert [*stage.spool.bodies, *stage.stuck.bodies] == [_of_size(1_048_576)]


def test_a_call_too_large_for_any_queue_is_refused_so_that_its_caller_knows() -> None:
    stage = FakeStage()

    with pytest.raises(AwsError):
        stage.process().engines.spooling.take(json.loads(_of_size(1_100_000)))
    assert (stage.spool.depth(), stage.stuck.depth()) == (0, 0)


@pytest.mark.parametrize("message", ["", "message", "鍵" * 100, "x" * 1000])
def test_a_job_that_only_a_message_knows_is_started_under_a_legal_name(message: str) -> None:
    assert len(start_name(message)) <= 80
    assert start_name(message).isascii()

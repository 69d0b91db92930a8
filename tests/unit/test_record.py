"""A record survives the way through a message body, whatever its input is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Unreadable
from chalicelib.job.key import key_in
from chalicelib.job.record import (
    ABSENT,
    Failure,
    Record,
    compact,
    decode,
    encode,
    read_failure,
    restart_name,
)

ARN = "arn:aws:states:us-east-1:123456789012:execution:respool-dev:job-1"
SQS_REFUSES = {chr(c) for c in range(32)} - set("\t\n\r") | {"\ufffe", "\uffff"}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
records = st.builds(
    Record,
    key=st.text(min_size=1),
    execution=st.just(ARN),
    redrives=st.integers(0, 3),
    task=st.text(),
    attempt=st.integers(0, 100),
    error=st.builds(Failure, st.text(), st.text()),
    failed_at=st.text(),
    first_failed_at=st.text(),
    token=st.text(),
    input=json_values | st.just(ABSENT),
)


@given(records)
def test_a_record_reads_back_as_it_was_written(record: Record) -> None:
    assert decode(encode(record)) == record


@given(json_values)
def test_an_input_is_written_in_characters_that_sqs_takes(value: object) -> None:
    text = compact(value)

    assert not SQS_REFUSES & set(text)
    assert json.loads(text) == value
    text.encode("utf-8")


@given(json_values)
def test_an_input_never_grows_by_being_spooled(value: object) -> None:
    as_it_came = json.dumps(value, ensure_ascii=True)

    assert len(compact(value).encode()) <= len(as_it_came.encode())


def test_a_bare_body_is_a_job_with_that_input() -> None:
    record = decode('{"key": "12345"}')

    assert record.key == "12345"
    assert record.input == {"key": "12345"}
    assert not record.execution
    assert not record.token


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        "{}",
        '"text"',
        "NaN",
        '{"key": Infinity}',
        '{"key": 1e999}',
        "[" * 100_000,
        '{"respool": 2, "execution": "x"}',
        '{"respool": 1, "execution": 7}',
        '{"respool": 1, "execution": "x", "attempt": true}',
        '{"respool": 1, "execution": "x", "attempt": 1.5}',
        '{"respool": 1, "key": "no input, no execution"}',
    ],
)
def test_a_body_that_is_no_job_is_called_unreadable(body: str) -> None:
    with pytest.raises(Unreadable):
        decode(body)


def test_numbers_that_step_functions_wrote_as_doubles_are_read() -> None:
    assert decode('{"respool": 1, "execution": "x", "attempt": 2.0}').attempt == 2


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            {
                "Error": "ConnectionError",
                "Cause": '{"errorMessage": "down", "errorType": "ConnectionError"}',
            },
            Failure("ConnectionError", "down"),
        ),
        (
            {"Error": "Runtime.HandlerError", "Cause": '{"errorMessage": "x", "errorType": "E"}'},
            Failure("E", "x"),
        ),
        ({"Error": "States.Timeout", "Cause": ""}, Failure("States.Timeout", "")),
        ({"Error": "E", "Cause": "plain words"}, Failure("E", "plain words")),
        ({"Error": "E", "Cause": '{"jobId": 1}'}, Failure("E", '{"jobId": 1}')),
        ({"Error": "E"}, Failure("E", "")),
        ({"name": "E", "message": "m"}, Failure("E", "m")),
        ("words", Failure("", "words")),
        (None, Failure("", "")),
    ],
)
def test_an_error_is_read_out_of_its_cause_or_stays_as_it_came(
    error: object, expected: Failure
) -> None:
    assert read_failure(error) == expected


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ({"key": "12345"}, "12345"),
        ({"key": 12345}, "12345"),
        ({"key": 1.5}, "1.5"),
        ({"key": 1e-5}, "0.00001"),
        ({"key": 1e14}, "100000000000000"),
        ({"key": True}, "true"),
        ({"key": None}, None),
        ({}, None),
        ([1], None),
    ],
)
def test_a_key_is_read_as_the_state_machine_reads_it(value: object, key: str | None) -> None:
    assert key_in(value) == key


def test_a_restart_has_one_name_however_often_it_is_derived() -> None:
    parked, caught = Record(execution=ARN, token="t"), Record(execution=ARN, attempt=3)

    assert restart_name(parked, "message-1") == restart_name(caught, "message-2")


def test_a_second_death_of_one_execution_leads_to_another_name() -> None:
    once, again = Record(execution=ARN), Record(execution=ARN, redrives=1)

    assert restart_name(once, "m") != restart_name(again, "m")


def test_two_bare_messages_are_two_jobs() -> None:
    bare = decode('{"key": "12345"}')

    assert restart_name(bare, "message-1") != restart_name(bare, "message-2")


@given(st.text("abcdefghij-_", min_size=1, max_size=80), st.integers(1, 5))
def test_names_of_restarts_of_restarts_stay_within_eighty_characters(
    name: str, generations: int
) -> None:
    seen = {name}
    for _ in range(generations):
        name = restart_name(Record(execution=f"arn:aws:states:r:a:execution:m:{name}"), "m")
        assert len(name) <= 80
        assert name not in seen
        seen.add(name)

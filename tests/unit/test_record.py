"""A note survives the way through a message body, whatever its input is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Unreadable
from chalicelib.job.failure import Failure
from chalicelib.job.json_text import compact
from chalicelib.job.record import ABSENT, Record, decode, encode

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
    key=st.text(min_size=1, max_size=1024),
    execution=st.just(ARN),
    redrives=st.integers(0, 3),
    task=st.text(),
    attempt=st.integers(0, 100),
    error=st.builds(Failure, st.text(), st.text()),
    failed_at=st.text(),
    first_failed_at=st.text(),
    input=json_values.filter(lambda value: value is not None) | st.just(ABSENT),
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

    assert record.bare
    assert record.key == "12345"
    assert record.input == {"key": "12345"}


def test_a_bare_body_without_a_key_is_a_job_too() -> None:
    assert decode('{"amount": 1}') == Record(input={"amount": 1})


@pytest.mark.parametrize("key", ["12345678901234567", '{"id": 5}', '""', "null", "[1]", "1e-7"])
def test_a_bare_body_that_could_not_start_is_unreadable(key: str) -> None:
    with pytest.raises(Unreadable, match="its key is none"):
        decode(f'{{"key": {key}}}')


def test_a_bare_job_is_written_as_its_input_alone() -> None:
    assert encode(decode('{"key": "12345", "n": 1}')) == '{"key":"12345","n":1}'


def test_a_note_has_what_people_look_for_and_no_token() -> None:
    note = json.loads(encode(Record(key="12345", execution=ARN, input={"key": "12345"})))
    assert note == {
        "respool": 1,
        "key": "12345",
        "execution": ARN,
        "task": "",
        "attempt": 0,
        "error": {"name": "", "message": ""},
        "input": {"key": "12345"},
    }


def test_a_token_in_a_note_is_not_read() -> None:
    body = f'{{"respool": 1, "key": "k", "execution": "{ARN}", "token": "secret"}}'
    assert "secret" not in repr(decode(body))


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
        '{"respool": 1, "key": "k", "execution": 7}',
        '{"respool": 1, "key": "k", "execution": "x", "attempt": true}',
        '{"respool": 1, "key": "k", "execution": "x", "attempt": 1.5}',
        '{"respool": 1, "key": "no execution", "input": {}}',
        '{"respool": 1, "execution": "no key"}',
    ],
)
def test_a_body_that_is_no_job_is_called_unreadable(body: str) -> None:
    with pytest.raises(Unreadable):
        decode(body)


def test_numbers_that_step_functions_wrote_as_doubles_are_read() -> None:
    assert decode('{"respool": 1, "key": "k", "execution": "x", "attempt": 2.0}').attempt == 2


def test_an_input_that_the_state_machine_left_out_is_kept_by_reference() -> None:
    note = {"respool": 1, "key": "k", "execution": "arn:e", "input": None}

    assert decode(json.dumps(note)).input is ABSENT

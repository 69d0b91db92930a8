"""statemachine.json: what each expression makes of hostile keys, errors and the largest inputs.

Expressions are evaluated by the emulator's engine, which ports the JSONata that AWS documents.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ministack.services import stepfunctions

from chalicelib.job.key import key_in
from chalicelib.job.record import ABSENT, Failure, decode
from respool.local.patches.expressions import strings_keep_their_characters

strings_keep_their_characters()

STATES = json.loads(Path("statemachine.json").read_text())["States"]
ARN = "arn:aws:states:us-east-1:123456789012:execution:respool-dev:" + "n" * 80
MOST_BYTES = 262_144
MOST_SPOOLED_BY_VALUE = 60_000
TOKEN = "T" * 1024
KEY = STATES["ClaimJob"]["Arguments"]["Key"]["pk"]["S"]
FAILURE = STATES["NoteFailure"]["Assign"]["failure"]
LONGEST = {"name": "n" * 256, "message": "\u3042" * 1000}


class EvaluationError(Exception):
    """Step Functions calls it States.QueryEvaluationError."""


def evaluate(template: Any, job: Any, **variables: Any) -> Any:
    context = {
        "QueryLanguage": "JSONata",
        "Execution": {"Id": ARN, "Input": job, "Name": "name", "StartTime": "2026-11-24T00:00:00Z"},
        "State": {"EnteredTime": "2026-11-24T01:00:00Z"},
        "Task": {"Token": TOKEN},
        "variables": variables,
    }
    try:
        return stepfunctions._apply_jsonata_template(template, {}, context)
    except stepfunctions._ExecutionError as failed:
        raise EvaluationError(failed.error, failed.cause) from failed


def record_of(job: Any, failure: dict[str, str] = LONGEST) -> Any:
    return evaluate(
        STATES["ParkJob"]["Assign"]["record"],
        job,
        key="\u3042" * 341,
        task="UncertainTask",
        attempt=3,
        failure=failure,
        failedAt="2026-11-24T01:00:00.000Z",
        firstFailedAt="",
    )


def size(value: Any) -> int:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("job", "key"),
    [
        ({"key": "12345"}, "12345"),
        ({"key": 12345}, "12345"),
        ({"key": 0}, "0"),
        ({"key": False}, "false"),
        ({"key": " "}, " "),
        ({"key": "a%20b"}, "a%20b"),
        ({"key": "\u3042" * 341}, "\u3042" * 341),
        ({"key": "x" * 1024}, "x" * 1024),
        ({}, "name"),
        ([1, 2], "name"),
        ("text", "name"),
        (None, "name"),
    ],
)
def test_a_job_is_claimed_by_its_key_or_by_its_executions_name(job: Any, key: str) -> None:
    assert evaluate(KEY, job) == f"job#{key}"


@pytest.mark.parametrize(
    "key",
    ["", None, [], ["a"], {}, {"a": 1}, "x" * 1025, "\u3042" * 342, "\ud800", 12345678901234567890],
)
def test_a_key_of_no_use_is_refused_before_anything_is_written(key: Any) -> None:
    with pytest.raises(EvaluationError):
        evaluate(KEY, {"key": key})

    cause = evaluate(STATES["BadInput"]["Cause"], {"key": key})
    assert "1 to 1,024 bytes" in cause
    assert "another key" in cause


scalars = st.booleans() | st.integers(-(10**14), 10**14) | st.text(min_size=1, max_size=200)


@given(scalars)
def test_python_reads_the_same_key_as_the_state_machine(key: Any) -> None:
    try:
        claimed = evaluate(KEY, {"key": key})
    except EvaluationError:
        return
    assert claimed == f"job#{key_in({'key': key})}"


# Only minus zero is left out: JSONata writes 0 for it, the emulator's port -0.
@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda n: str(n) != "-0.0"))
def test_python_reads_the_same_fractions_as_the_state_machine(key: float) -> None:
    try:
        claimed = evaluate(KEY, {"key": key})
    except EvaluationError:
        return
    assert claimed == f"job#{key_in({'key': key})}"


@pytest.mark.parametrize(
    ("cause", "failure"),
    [
        (json.dumps({"errorMessage": "down", "errorType": "ApiError"}), ("ApiError", "down")),
        (
            json.dumps({"errorMessage": '"\\\n\u3042', "errorType": "A.B"}),
            ("A.B", '"\\\n\u3042'),
        ),
        (
            json.dumps({"errorMessage": "\u3042", "errorType": "E"}, ensure_ascii=False),
            ("E", "\u3042"),
        ),
        (
            json.dumps({"errorMessage": 'says "errorType": "X"', "errorType": "E"}),
            ("E", 'says "errorType": "X"'),
        ),
        ('{"errorMessage": "", "errorType": "E"}', ("E", "")),
        ("plain words", ("Original", "plain words")),
        ('{"errorMessage": broken', ("Original", '{"errorMessage": broken')),
        ("", ("Original", "")),
    ],
)
def test_an_error_is_read_out_of_its_cause_or_stays_as_it_came(
    cause: str, failure: tuple[str, str]
) -> None:
    read = evaluate(FAILURE, {}, caught={"Error": "Original", "Cause": cause})

    assert (read["name"], read["message"]) == failure


def test_an_error_without_a_cause_is_read() -> None:
    assert evaluate(FAILURE, {}, caught={"Error": "E"}) == {"name": "E", "message": ""}


@given(st.text(max_size=300) | st.text('"\\{}:u0123dDeErorTypMsag/nt,', max_size=300))
def test_no_cause_whatever_stops_a_job_from_being_parked(cause: str) -> None:
    read = evaluate(FAILURE, {}, caught={"Error": "E", "Cause": cause})

    assert set(read) == {"name", "message"}
    assert len(read["message"]) <= 1000


@given(st.text(max_size=200))
def test_the_message_of_any_lambda_error_is_read_to_the_letter_or_left_in_its_json(
    message: str,
) -> None:
    cause = json.dumps({"errorMessage": message, "errorType": "E"})

    assert evaluate(FAILURE, {}, caught={"Error": "E", "Cause": cause})["message"] in (
        message,
        cause,
    )


@pytest.mark.parametrize("state", ["ErrorSpool", "SpoolDirectly"])
def test_what_the_state_machine_spools_is_a_record_that_replay_reads(state: str) -> None:
    job = {"key": "12345", "nested": [1, None, "\u3042"]}
    arguments = evaluate(
        STATES[state]["Arguments"], job, record=record_of(job, {"name": "E", "message": "m"})
    )
    record = decode(json.dumps(arguments.get("Payload") or arguments["MessageBody"]))

    assert record.input == job
    assert record.token == TOKEN
    assert record.execution == ARN
    assert record.attempt == 3
    assert record.error == Failure("E", "m")
    assert record.first_failed_at == record.failed_at == "2026-11-24T01:00:00.000Z"


def largest(filler: str) -> dict[str, str]:
    frame = size({"key": "12345", "x": ""})
    one = len(json.dumps(filler, ensure_ascii=False).encode()) - 2
    job = {"key": "12345", "x": filler * ((MOST_BYTES - frame) // one)}
    assert MOST_BYTES - one < size(job) <= MOST_BYTES
    return job


@pytest.mark.parametrize("filler", ["x", "\u3042", "\U0001f600", '"', "\\", "\x01"])
def test_the_largest_legal_input_passes_every_state(filler: str) -> None:
    job = largest(filler)
    record = record_of(job)

    assert size(evaluate(STATES["UncertainTask"]["Arguments"], job)) == size(job)
    assert size(record) <= MOST_BYTES
    for state in ("ErrorSpool", "SpoolDirectly"):
        assert size(evaluate(STATES[state]["Arguments"], job, record=record)) <= MOST_BYTES


def test_text_of_many_bytes_is_spooled_by_value_as_long_as_it_fits() -> None:
    job = {"x": "\U0001f600" * (MOST_SPOOLED_BY_VALUE - 8)}
    record = record_of(job)

    assert decode(json.dumps(record)).input == job
    assert size(evaluate(STATES["ErrorSpool"]["Arguments"], job, record=record)) > 240_000


def test_a_large_input_is_spooled_by_reference() -> None:
    record = decode(json.dumps(record_of(largest("x"))))

    assert record.input is ABSENT
    assert record.execution == ARN


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.large_base_example])
@given(st.characters(), st.integers(0, 100))
def test_around_the_threshold_no_payload_is_too_large(filler: str, under: int) -> None:
    text = filler * (MOST_SPOOLED_BY_VALUE - under)
    job = {"x": text[: MOST_BYTES // (4 * 6)] if size(text) > MOST_BYTES else text}
    record = record_of(job)

    for state in ("ErrorSpool", "SpoolDirectly"):
        assert size(evaluate(STATES[state]["Arguments"], job, record=record)) <= MOST_BYTES


def test_a_token_outlasts_no_message() -> None:
    fourteen_days = 14 * 24 * 3600

    for state in ("ErrorSpool", "SpoolDirectly"):
        assert 0 < STATES[state]["TimeoutSeconds"] < fourteen_days


def test_waiting_for_a_slot_leaves_room_in_the_history() -> None:
    events_a_try, longest_waits, everything_else = 3, 7, 3000
    tries = STATES["TakeSlot"]["Retry"][0]["MaxAttempts"]

    assert STATES["StillRoom"]["Choices"][0]["Condition"] == "{% $waits < 7 %}"
    assert longest_waits * tries * events_a_try + everything_else < 25_000

"""A failure bears Step Functions' own error, and the message of its Cause, whatever that is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.job.failure import MOST_CAUSE, Failure, read_failure
from tests.hostile import nested, texts

HTML = '<html><body>"errorType": "Inner", "errorMessage": "inner"</body></html>'


def lambda_cause(message: Any, kind: str = "E", **more: Any) -> str:
    return json.dumps({"errorMessage": message, "errorType": kind, **more})


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"Error": "ApiError", "Cause": lambda_cause("down", "ApiError")}, ("ApiError", "down")),
        ({"Error": "A$B", "Cause": lambda_cause("x", "A$B")}, ("A$B", "x")),
        ({"Error": "a-b `c` d", "Cause": lambda_cause("x", "a-b `c` d")}, ("a-b `c` d", "x")),
        ({"Error": "", "Cause": lambda_cause("x", "A$B")}, ("A$B", "x")),
        ({"Error": "E", "Cause": lambda_cause("x", "Other")}, ("E", "x")),
        ({"Error": "States.Timeout", "Cause": ""}, ("States.Timeout", "")),
        ({"Error": None, "Cause": None}, ("", "")),
        ({"Error": "E"}, ("E", "")),
        ({"Error": "E", "Cause": "plain words"}, ("E", "plain words")),
        ({"Error": "E", "Cause": '{"jobId": 1}'}, ("E", '{"jobId": 1}')),
        ({"Error": "E", "Cause": HTML}, ("E", HTML)),
        ({"Error": "E", "Cause": lambda_cause(None)}, ("E", "")),
        ({"Error": "E", "Cause": lambda_cause({"code": 5})}, ("E", '{"code":5}')),
        ({"Error": "E", "Cause": lambda_cause("\U0001f600 𠮷")}, ("E", "\U0001f600 𠮷")),
        ({"Error": "E", "Cause": lambda_cause('"errorType": "X"')}, ("E", '"errorType": "X"')),
        ({"name": "E", "message": "m"}, ("E", "m")),
        ("words", ("", "words")),
        (None, ("", "")),
    ],
)
def test_an_error_is_step_functions_own_and_its_message_the_cause_s(
    error: object, expected: tuple[str, str]
) -> None:
    assert read_failure(error) == Failure(*expected)


@pytest.mark.parametrize(
    "cause",
    [
        json.dumps({"detail": {"errorType": "Inner", "errorMessage": "inner"}}),
        json.dumps([{"errorType": "Inner", "errorMessage": "inner"}]),
        json.dumps(lambda_cause("inner", "Inner")),
        lambda_cause("inner", "Inner") + " and more",
        nested(3000),
        '{"a":' * 3000,
    ],
)
def test_a_cause_that_is_no_lambda_s_answer_stays_as_it_came(cause: str) -> None:
    assert read_failure({"Error": "E", "Cause": cause}) == Failure("E", cause)


def test_a_message_is_found_behind_other_members() -> None:
    cause = json.dumps({"errorType": "E", "trace": ["errorMessage"], "errorMessage": "down"})
    assert read_failure({"Error": "E", "Cause": cause}).message == "down"


@pytest.mark.parametrize("whole", [True, False])
def test_a_message_behind_a_deep_value_does_no_harm(whole: bool) -> None:
    cause = '{"errorMessage": "down", "deep": ' + nested(100_000) + ("}" if whole else "")
    assert read_failure({"Error": "E", "Cause": cause}).message in ("down", cause)


@given(texts.filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)), st.booleans())
def test_a_cut_message_is_read_as_far_as_it_goes(text: str, escaped: bool) -> None:
    cause = json.dumps({"errorMessage": text, "errorType": "E"}, ensure_ascii=escaped)
    begins = cause.index('"', len('{"errorMessage"')) + 1
    for end in range(begins, min(len(cause), begins + 60)):
        message = read_failure({"Error": "E", "Cause": cause[:end]}).message
        assert text.startswith(message)
        assert len(message) >= (end - begins) // 12 - 1


def test_a_long_message_is_shown_as_text_and_not_as_json() -> None:
    cause = lambda_cause("𠮷" * 10_000)[:MOST_CAUSE]
    assert set(read_failure({"Error": "E", "Cause": cause}).message) == {"𠮷"}


@given(texts, texts)
def test_any_error_and_cause_can_be_read(error: str, cause: str) -> None:
    assert read_failure({"Error": error, "Cause": cause}).name == error

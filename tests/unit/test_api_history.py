"""Histories of executions, told in plain words."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.api.history import SENTENCES, tell

START = datetime(2026, 11, 24, 9, tzinfo=UTC)


def _history(*events: tuple[str, dict[str, Any]] | str) -> list[str]:
    laid_out = []
    for number, event in enumerate(events):
        kind, details = (event, {}) if isinstance(event, str) else event
        at = START + timedelta(seconds=number)
        laid_out.append({"type": kind, "timestamp": at, **details})
    return [step.what for step in tell(laid_out)]


def _enter(state: str) -> tuple[str, dict[str, Any]]:
    return "TaskStateEntered", {"stateEnteredEventDetails": {"name": state}}


def _leave(state: str) -> tuple[str, dict[str, Any]]:
    return "TaskStateExited", {"stateExitedEventDetails": {"name": state}}


def _failed(kind: str, error: str, cause: str = "") -> tuple[str, dict[str, Any]]:
    field = kind[0].lower() + kind[1:] + "EventDetails"
    return kind, {field: {"error": error, "cause": cause}}


CAUSE = json.dumps(
    {"errorType": "ConnectionError", "errorMessage": "no answer", "stackTrace": ["long"]}
)
FAILURE = _failed("LambdaFunctionFailed", "ConnectionError", CAUSE)
CLAIMED = ("ExecutionStarted", _enter("ClaimJob"), _leave("ClaimJob"))
SLOT = (_enter("TakeSlot"), "TaskScheduled", "TaskSucceeded", _leave("TakeSlot"))
NOTED = (_enter("ErrorSpool"), "TaskScheduled", "TaskSucceeded", _leave("ErrorSpool"))
PARKED = (*NOTED, _enter("Park"), "TaskScheduled", "TaskStarted", "TaskSubmitted")
REFUSED = _failed("TaskFailed", "DynamoDb.TransactionCanceledException")
WORKS = (_enter("UncertainTask"), "LambdaFunctionScheduled", _leave("UncertainTask"))


def test_a_job_that_just_works_has_a_short_history() -> None:
    assert _history(
        *CLAIMED, *SLOT, *WORKS, _enter("Finish"), _leave("Finish"), "ExecutionSucceeded"
    ) == [
        "It was started.",
        "UncertainTask began.",
        "UncertainTask finished.",
        "It finished.",
    ]


def test_the_frame_of_one_of_several_tasks_is_told_in_the_same_words() -> None:
    assert _history(
        "ExecutionStarted",
        _enter("ClaimJob: Charge: cards"),
        _enter("Charge: cards"),
        "TaskScheduled",
        FAILURE,
        _leave("Charge: cards"),
        ("PassStateEntered", {"stateEnteredEventDetails": {"name": "NoteFailure: Charge: cards"}}),
        _enter("Park: Charge: cards"),
        "TaskScheduled",
        _leave("Park: Charge: cards"),
    ) == [
        "It was started.",
        "Charge: cards began.",
        "Charge: cards failed: ConnectionError: no answer",
        "It was parked, to wait for a replay.",
        "It was put back, and goes on.",
    ]


def test_a_failed_job_is_tried_again_parked_put_back_and_finished() -> None:
    assert _history(
        *CLAIMED,
        *SLOT,
        _enter("UncertainTask"),
        "LambdaFunctionScheduled",
        FAILURE,
        "LambdaFunctionScheduled",
        FAILURE,
        _leave("UncertainTask"),
        *PARKED,
        "TaskSucceeded",
        _leave("Park"),
        *SLOT,
        *WORKS,
        "ExecutionSucceeded",
    ) == [
        "It was started.",
        "UncertainTask began.",
        "UncertainTask failed: ConnectionError: no answer",
        "UncertainTask was tried again.",
        "UncertainTask failed: ConnectionError: no answer",
        "It was parked, to wait for a replay.",
        "It was put back, and goes on.",
        "UncertainTask began.",
        "UncertainTask finished.",
        "It finished.",
    ]


def test_standing_in_line_and_getting_a_slot_are_told_once() -> None:
    assert _history(
        _enter("TakeSlot"),
        "TaskScheduled",
        REFUSED,
        _leave("TakeSlot"),
        _enter("WaitInLine"),
        "TaskScheduled",
        "TaskSubmitted",
        "TaskSucceeded",
        _leave("WaitInLine"),
    ) == [
        "Its task was full or closed, or others stood before it: it stood in line.",
        "It got its slot in the task.",
    ]


def test_a_place_in_line_that_was_written_twice_is_no_slot() -> None:
    assert _history(
        _enter("WaitInLine"),
        "TaskScheduled",
        REFUSED,
        _leave("WaitInLine"),
        _enter("Rejoin"),
        "TaskScheduled",
        "TaskSucceeded",
        _leave("Rejoin"),
    ) == [
        "Its task was full or closed, or others stood before it: it stood in line.",
        "It got its slot in the task.",
    ]


def test_a_spool_and_a_table_that_fail_are_told() -> None:
    assert _history(
        _enter("ErrorSpool"),
        "TaskScheduled",
        _failed("TaskFailed", "Lambda.TooManyRequestsException"),
        _leave("ErrorSpool"),
        _enter("Park"),
        "TaskScheduled",
        _failed("TaskFailed", "DynamoDb.InternalServerError", "no"),
        "TaskScheduled",
    ) == [
        "Its note could not be sent to the spool: Lambda.TooManyRequestsException",
        "It was parked, to wait for a replay.",
        "Parking it failed: DynamoDb.InternalServerError: no",
        "It was parked, to wait for a replay.",
    ]


def test_a_job_given_up_while_parked_says_why_once() -> None:
    assert _history(
        *PARKED,
        _failed("TaskFailed", "GivenUp", "ordered twice"),
        _failed("ExecutionFailed", "GivenUp", "ordered twice"),
    ) == ["It was parked, to wait for a replay.", "It was given up: ordered twice"]


def test_a_key_that_another_job_holds_is_told() -> None:
    fail = ("FailStateEntered", {"stateEnteredEventDetails": {"name": "AlreadyRunning"}})
    assert _history(fail) == ["Another job holds its key: it did nothing."]


def test_ends_are_told_with_their_causes() -> None:
    assert _history(_failed("ExecutionAborted", "GivenUp", "a duplicate")) == [
        "It was given up: a duplicate"
    ]
    assert _history(_failed("ExecutionFailed", "AlreadyRunning", "The key is held.")) == [
        "Its execution failed: AlreadyRunning: The key is held."
    ]
    assert _history("ExecutionAborted") == ["Its execution was aborted."]
    assert _history("ExecutionTimedOut") == ["Its execution timed out as a whole."]
    assert _history("ExecutionRedriven") == ["It was redriven: it goes on where it failed."]


def test_a_task_that_takes_too_long_says_so() -> None:
    assert _history(_enter("Own"), _failed("TaskTimedOut", "States.Timeout")) == [
        "Own began.",
        "Own took too long.",
    ]


def test_a_long_cause_is_cut() -> None:
    (line,) = _history(_failed("ExecutionFailed", "E", "x" * 30_000))
    assert len(line) < 400


def test_every_sentence_names_what_is_put_into_it() -> None:
    for sentence in SENTENCES.values():
        assert sentence.format_map({"state": "S", "error": "E", "reason": "R"})

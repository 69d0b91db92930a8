"""Histories of executions, told in plain words."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from respool.cli.history import tell

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
PARKED = (_enter("ParkJob"), _leave("ParkJob"), _enter("ErrorSpool"), "TaskScheduled")


def test_a_job_that_just_works_has_a_short_history() -> None:
    assert _history(
        *CLAIMED,
        _enter("TakeSlot"),
        _leave("TakeSlot"),
        _enter("UncertainTask"),
        "LambdaFunctionScheduled",
        "LambdaFunctionSucceeded",
        _leave("UncertainTask"),
        _enter("Finish"),
        _leave("Finish"),
        "ExecutionSucceeded",
    ) == [
        "It was started.",
        "UncertainTask began.",
        "UncertainTask finished.",
        "It finished.",
    ]


def test_a_failed_job_is_tried_again_parked_replayed_and_finished() -> None:
    assert _history(
        *CLAIMED,
        _enter("UncertainTask"),
        "LambdaFunctionScheduled",
        FAILURE,
        "LambdaFunctionScheduled",
        FAILURE,
        _leave("UncertainTask"),
        *PARKED,
        "TaskSubmitted",
        _leave("ErrorSpool"),
        _enter("ResumeJob"),
        _leave("ResumeJob"),
        _enter("UncertainTask"),
        "LambdaFunctionScheduled",
        _leave("UncertainTask"),
        "ExecutionSucceeded",
    ) == [
        "It was started.",
        "UncertainTask began.",
        "UncertainTask failed: ConnectionError: no answer",
        "UncertainTask was tried again.",
        "UncertainTask failed: ConnectionError: no answer",
        "It goes to the spool, to wait there for a replay.",
        "It was replayed, and goes on.",
        "UncertainTask began.",
        "UncertainTask finished.",
        "It finished.",
    ]


def test_waiting_for_a_place_is_told_once() -> None:
    refused = _failed("TaskFailed", "DynamoDB.ConditionalCheckFailedException")
    assert _history(
        _enter("TakeSlot"), refused, "TaskScheduled", refused, "TaskScheduled", _leave("TakeSlot")
    ) == [
        "Its task was full or held, so it waited for a slot.",
        "It got its slot in the task after 2 tries.",
    ]


def test_a_job_that_still_waits_for_a_place_says_so_last() -> None:
    refused = _failed("TaskFailed", "DynamoDB.ConditionalCheckFailedException")
    assert _history(_enter("TakeSlot"), refused)[-1] == "It is waiting for a slot in its task."


def test_a_renewed_message_and_a_broken_spool_are_told() -> None:
    assert _history(
        *PARKED,
        _failed("TaskTimedOut", "States.Timeout"),
        _leave("ErrorSpool"),
        *PARKED,
        _failed("LambdaFunctionFailed", "AccessDenied", "no"),
        _enter("SpoolDirectly"),
        "TaskScheduled",
    ) == [
        "It goes to the spool, to wait there for a replay.",
        "Its message was renewed, so that SQS does not drop it.",
        "It goes to the spool, to wait there for a replay.",
        "Setting it aside failed: AccessDenied: no",
        "It goes to the spool, to wait there for a replay.",
    ]


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
    (told,) = _history(_failed("ExecutionFailed", "E", "x" * 30_000))
    assert len(told) < 400

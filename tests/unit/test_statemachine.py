"""statemachine.json: what each expression makes of hostile keys, errors and the largest inputs.

Evaluated by the emulator's engine, which ports the JSONata that AWS documents.
"""

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.job.key import key_in
from respool.deploy.definition import all_states, language_of, strings
from tests.frame import NOW, VALUES, EvaluationError, Run, read

MOST_BYTES = 262_144
MOST_IN_A_NOTE = 55_000
LONGEST_EXPRESSION = 250
MACHINE = read()
STATES = MACHINE["States"]
EXACT = 1161888007138312192


def claimed(job: Any, name: str = "name") -> Run:
    run = Run(job, name)
    assert run.claim() == "TakeSlot"
    return run


def size(value: Any) -> int:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "surrogatepass"))


def note_of(run: Run, error: str | None = "E", cause: str | None = "m") -> Any:
    run.fail(error, cause)
    parameters = run.parameters("ErrorSpool")
    return parameters.get("Payload") or parameters["MessageBody"]


def test_there_are_at_most_13_states_and_no_long_expression() -> None:
    assert len(STATES) <= 13
    for _, state in all_states(read(via="sqs")):
        for text in strings(state):
            assert not text.startswith("{%") or len(text) <= LONGEST_EXPRESSION


def test_states_that_call_a_service_of_ours_touch_no_payload() -> None:
    assert "QueryLanguage" not in MACHINE
    for name, state in STATES.items():
        assert "QueryLanguage" in state or state["Type"] == "Succeed"
        if state["Type"] == "Task" and name != "UncertainTask":
            assert language_of(state, MACHINE) == "JSONPath"
            assert state["ResultPath"] is None
            assert all(one["ResultPath"] is None for one in state.get("Catch", []))


def test_a_task_is_given_what_the_job_was_started_with_by_no_expression() -> None:
    for name in ("TakeSlot", "WaitInLine", "Rejoin"):
        assert STATES[name]["OutputPath"] == "$$.Execution.Input"
    assert not {"Arguments", "Output"} & set(STATES["UncertainTask"])


@pytest.mark.parametrize(
    ("job", "key"),
    [
        ({"key": "12345"}, "12345"),
        ({"key": 12345}, "12345"),
        ({"key": 0}, "0"),
        ({"key": 1.5}, "1.5"),
        ({"key": False}, "false"),
        ({"key": " "}, " "),
        ({"key": "a%20b"}, "a%20b"),
        ({"key": "\u3042" * 341}, "\u3042" * 341),
        ({"key": "x" * 1024}, "x" * 1024),
        ({}, "name"),
        ([1, 2], "name"),
        ([{"key": "a"}], "name"),
        ("text", "name"),
        (None, "name"),
    ],
)
def test_a_job_is_claimed_by_its_key_or_by_its_executions_name(job: Any, key: str) -> None:
    respool = claimed(job).variables["respool"]

    assert (respool["key"], respool["pk"]) == (key, f"job#{key}")
    assert respool["head"] == key[:200]


@pytest.mark.parametrize(
    "key",
    ["", None, [], ["a"], {}, {"a": 1}, "x" * 1025, "\u3042" * 342, 1e-7, 12345678901234567890],
)
def test_a_key_of_no_use_is_refused_before_anything_is_written(key: Any) -> None:
    run = Run({"key": key})

    assert run.claim() == "BadInput"
    assert "1 to 1,024 bytes" in run.cause("BadInput")
    assert "another key" in run.cause("BadInput")


def test_half_a_character_in_a_key_ends_the_execution_before_anything_is_written() -> None:
    with pytest.raises(EvaluationError):
        Run({"key": "\ud800"}).claim()


scalars = st.booleans() | st.integers(-(10**14), 10**14) | st.text(min_size=1, max_size=200)


# Only minus zero is left out: JSONata writes 0 for it, the emulator's port -0.
@given(
    scalars
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: str(number) != "-0.0")
)
def test_python_reads_the_same_key_as_the_state_machine(key: Any) -> None:
    run = Run({"key": key})
    try:
        after = run.claim()
    except EvaluationError:
        return
    assert after == "BadInput" or run.variables["respool"]["key"] == key_in({"key": key})


def test_a_job_begins_with_its_execution_and_no_failure() -> None:
    run = claimed({"key": "k"})

    assert run.variables["respool"]["startedAt"] == "2026-11-24T00:00:00.000Z"
    assert run.variables["respoolFailure"]["attempt"] == "0"


def test_a_restarts_name_says_when_its_job_first_began_and_how_often_it_failed() -> None:
    run = claimed({"key": "k"}, "n-respool-1764028800123-12-0123456789abcde")

    assert run.variables["respool"]["startedAt"] == "2025-11-25T00:00:00.123Z"
    assert run.variables["respoolFailure"]["attempt"] == "12"


@pytest.mark.parametrize(
    "name",
    [
        "n-respool-0123456789abcde",
        "n-respool-1764028800123-12-0123456789abcde-2",
        "n-respool-176402880012-12-0123456789abcde",
        "respool",
    ],
)
def test_any_other_name_says_nothing(name: str) -> None:
    run = claimed({"key": "k"}, name)

    assert run.variables["respool"]["startedAt"] == "2026-11-24T00:00:00.000Z"
    assert run.variables["respoolFailure"]["attempt"] == "0"


@pytest.mark.parametrize(("close_after", "counts"), [("5", "job#k"), ("0", "off")])
def test_failures_are_counted_by_job_where_they_close_the_gate(
    close_after: str, counts: str
) -> None:
    run = Run({"key": "k"}, values={"CloseAfter": close_after})
    run.claim()

    assert run.variables["respool"]["counts"] == counts


@pytest.mark.parametrize(
    ("error", "cause", "kept"),
    [
        ("E", "plain words", {"Error": "E", "Cause": "plain words"}),
        ("E", "\u3042" * 5000, {"Error": "E", "Cause": "\u3042" * 4000}),
        ("States.Timeout", "", {"Error": "States.Timeout", "Cause": ""}),
        (None, None, {"Error": "", "Cause": ""}),
    ],
)
def test_an_error_is_kept_as_it_came_as_far_as_a_claim_has_room(
    error: str | None, cause: str | None, kept: dict[str, str]
) -> None:
    assert claimed({"key": "k"}).fail(error, cause)["error"] == kept


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_error_whatever_stops_a_job_from_being_parked(error: str, cause: str) -> None:
    assert claimed({"key": "k"}).fail(error, cause)["error"] == {"Error": error, "Cause": cause}


def test_failures_are_counted_and_the_first_one_is_remembered() -> None:
    run = claimed({"key": "k"})
    first = run.fail("E", "1")
    second = run.fail("E", "2")

    assert (first["attempt"], second["attempt"]) == ("1", "2")
    assert second["firstFailedAt"] == first["firstFailedAt"]
    assert second["failedAt"] >= first["failedAt"]


@pytest.mark.parametrize(
    ("error", "state"), [("E", "parked"), ("States.DataLimitExceeded", "stuck")]
)
def test_a_result_that_is_too_large_needs_a_person(error: str, state: str) -> None:
    run = claimed({"key": "k"})
    run.fail(error, "")
    run.variables["respoolNoted"] = "yes"
    _, claim = (one["Update"] for one in run.parameters("Park")["TransactItems"])

    values = claim["ExpressionAttributeValues"]
    assert values[":state"] == {"S": state}
    assert values[":queue"] == {"S": f"{state}#UncertainTask"}


def test_work_that_made_too_much_is_not_done_again() -> None:
    retriers = STATES["UncertainTask"]["Retry"]
    first = next(one for one in retriers if "States.DataLimitExceeded" in one["ErrorEquals"])
    assert first["MaxAttempts"] == 0
    assert retriers.index(first) < len(retriers) - 1


@pytest.mark.parametrize("via", ["lambda", "sqs"])
def test_a_note_says_what_replay_asks_and_has_no_token(via: str) -> None:
    run = Run({"key": "12345", "nested": [1, None, "\u3042"]}, "n", via)
    run.claim()
    note = note_of(run)

    assert note.pop("failedAt") <= note.pop("firstFailedAt")
    assert note.pop("input", run.job) == run.job
    assert note == {
        "respool": 1,
        "key": "12345",
        "execution": run.execution,
        "startedAt": "2026-11-24T00:00:00.000Z",
        "task": "UncertainTask",
        "attempt": 1,
        "error": {"Error": "E", "Cause": "m"},
    }


def test_both_ways_of_spooling_send_the_same_note_but_for_the_input() -> None:
    by_lambda, directly = (read(via=via)["States"]["ErrorSpool"] for via in ("lambda", "sqs"))
    body = dict(directly["Parameters"]["MessageBody"])

    assert body.pop("input.$") == "$respoolInput"
    assert body == by_lambda["Parameters"]["Payload"]


@pytest.mark.parametrize(
    "job",
    [
        {"x": "y" * MOST_IN_A_NOTE},
        {"order": EXACT},
        {"order": [{"deep": 12345678901234567890123456}]},
        {"digits": "1234567890123456"},
    ],
)
def test_a_note_that_could_not_hold_an_input_exactly_leaves_it_out(job: Any) -> None:
    run = Run(job, via="sqs")
    run.claim()

    assert note_of(run)["input"] is None


@pytest.mark.parametrize(
    "job", [{"x": "\U0001f600" * (MOST_IN_A_NOTE - 8)}, {"order": 999_999_999_999_999}, None, 0, ""]
)
def test_any_other_input_is_in_its_note(job: Any) -> None:
    run = Run(job, via="sqs")
    run.claim()

    assert note_of(run)["input"] == job


def largest(filler: str) -> dict[str, str]:
    frame = size({"key": "12345", "x": ""})
    one = len(json.dumps(filler, ensure_ascii=False).encode()) - 2
    job = {"key": "12345", "x": filler * ((MOST_BYTES - frame) // one)}
    assert MOST_BYTES - one < size(job) <= MOST_BYTES
    return job


@pytest.mark.parametrize("via", ["lambda", "sqs"])
@pytest.mark.parametrize("filler", ["x", "\u3042", "\U0001f600", '"', "\\", "\x01"])
def test_the_largest_legal_input_passes_every_state(filler: str, via: str) -> None:
    run = Run(largest(filler), via=via)
    run.claim()
    note_of(run, "E" * 256, filler * 32_768)
    run.variables["respoolNoted"] = "yes"

    for name, state in STATES.items():
        if "Parameters" in state:
            assert size(run.parameters(name, token="T" * 2048)) <= MOST_BYTES
    assert size(run.variables["respoolFailure"]) <= MOST_BYTES


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.large_base_example])
@given(st.characters(), st.characters(), st.integers(0, 100))
def test_around_the_threshold_no_note_is_too_large(filler: str, letter: str, under: int) -> None:
    text = filler * (MOST_IN_A_NOTE - under)
    run = Run({"x": text[: MOST_BYTES // (4 * 6)] if size(text) > MOST_BYTES else text}, via="sqs")
    run.claim()

    assert size(note_of(run, "E" * 256, letter * 4000)) <= MOST_BYTES


@pytest.mark.parametrize("state", ["WaitInLine", "Rejoin", "Park"])
def test_waiting_ends_by_its_token_alone(state: str) -> None:
    assert STATES[state]["Resource"].endswith(".waitForTaskToken")
    assert not {"TimeoutSeconds", "HeartbeatSeconds"} & set(STATES[state])


@pytest.mark.parametrize("state", ["WaitInLine", "Rejoin", "Park"])
def test_giving_up_ends_a_waiting_job_at_once(state: str) -> None:
    first = next(
        one for one in STATES[state]["Retry"] if {"GivenUp", "States.ALL"} & set(one["ErrorEquals"])
    )
    assert (first["ErrorEquals"][0], first["MaxAttempts"]) == ("GivenUp", 0)
    for catcher in STATES[state].get("Catch", []):
        assert not {"GivenUp", "States.ALL"} & set(catcher["ErrorEquals"])


def test_a_failing_note_never_keeps_a_job_from_park() -> None:
    (catcher,) = STATES["ErrorSpool"]["Catch"]

    assert catcher["ErrorEquals"] == ["States.ALL"]
    assert catcher["Next"] == STATES["ErrorSpool"]["Next"] == "Park"
    assert (STATES["ErrorSpool"]["Assign"], catcher["Assign"]) == (
        {"respoolNoted": "yes"},
        {"respoolNoted": "no"},
    )


def test_an_ended_claim_is_kept_for_the_days_of_the_history() -> None:
    run = claimed({"key": "k"})
    before = int(run.variables["respoolExpires"])
    run.succeed()

    assert int(run.variables["respoolExpires"]) >= before
    values = run.parameters("Finish")["TransactItems"][1]["Update"]["ExpressionAttributeValues"]
    assert values[":expires"] == {"N": run.variables["respoolExpires"]}
    assert values[":now"] == {"S": NOW}
    assert abs(before - time.time() - int(VALUES["HistorySeconds"])) < 60

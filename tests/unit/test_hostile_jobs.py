"""statemachine.json: no input whatever gets past ClaimJob with a key that is none, or stops a job.

Evaluated by the emulator's engine, as in test_statemachine.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.job.key import is_key, key_in
from chalicelib.job.record import decode
from tests.frame import EvaluationError, Run
from tests.hostile import cases, texts, tries, values

inputs = values | st.dictionaries(st.just("key") | texts, values, max_size=4)


def claimed(job: Any, via: str = "lambda") -> Run | None:
    """The execution past ClaimJob; None where it ends there, before anything is written."""
    run = Run(job, via=via)
    try:
        return run if run.claim() == "TakeSlot" else None
    except EvaluationError:
        return None


@cases(60, 4000)
def test_a_key_is_claimed_as_python_reads_it_or_refused_with_a_reason(cases: int) -> None:
    @tries(cases)
    @given(values)
    def check(key: Any) -> None:
        run = claimed({"key": key})
        if run is None:
            assert "1 to 1,024 bytes" in Run({"key": key}).cause("BadInput")
            return
        assert is_key(key)
        assert run.variables["respool"]["key"] == key_in({"key": key})

    check()


@cases(60, 4000)
def test_an_input_that_is_no_object_is_claimed_by_its_executions_name(cases: int) -> None:
    @tries(cases)
    @given(values.filter(lambda value: not isinstance(value, dict)))
    def check(job: Any) -> None:
        run = claimed(job)
        assert run is not None
        assert run.variables["respool"]["key"] == run.name

    check()


@pytest.mark.parametrize("via", ["lambda", "sqs"])
@cases(60, 4000)
def test_every_input_is_parked_with_a_note_that_replay_reads(cases: int, via: str) -> None:
    @tries(cases)
    @given(inputs)
    def check(job: Any) -> None:
        run = claimed(job, via)
        if run is None:
            return
        run.fail("E", "m")
        parameters = run.parameters("ErrorSpool")
        note = parameters.get("Payload") or parameters["MessageBody"]
        read = decode(json.dumps(note))
        assert (read.execution, read.attempt) == (run.execution, 1)
        assert note.get("input") in (None, job)

    check()


@cases(60, 4000)
def test_every_error_that_a_task_ends_with_is_kept_as_it_came(cases: int) -> None:
    causes = st.none() | texts | values.map(json.dumps) | st.builds(_lambda_error, texts, values)

    @tries(cases)
    @given(st.none() | texts, causes)
    def check(name: str | None, cause: str | None) -> None:
        run = claimed({"key": "k"})
        assert run is not None
        kept = run.fail(name, cause)["error"]

        assert kept == {"Error": name or "", "Cause": (cause or "")[:4000]}

    check()


def _lambda_error(kind: str, message: Any) -> str:
    return json.dumps({"errorType": kind, "errorMessage": message, "stackTrace": []})

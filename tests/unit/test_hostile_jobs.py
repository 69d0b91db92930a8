"""statemachine.json: no input whatever gets past ClaimJob with a key that is none, or stops a job.

Evaluated by the emulator's engine, as in test_statemachine.
"""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.job.key import is_key, key_in
from chalicelib.job.record import ABSENT, decode
from tests.hostile import cases, texts, tries, values
from tests.unit.test_statemachine import (
    ARN,
    FAILURE,
    KEY,
    STATES,
    TOKEN,
    EvaluationError,
    evaluate,
    record_of,
)

inputs = values | st.dictionaries(st.just("key") | texts, values, max_size=4)


@cases(60, 4000)
def test_a_key_is_claimed_as_python_reads_it_or_refused_with_a_reason(cases: int) -> None:
    @tries(cases)
    @given(values)
    def check(key: Any) -> None:
        try:
            claimed = evaluate(KEY, {"key": key})
        except EvaluationError:
            assert "1 to 1,024 bytes" in evaluate(STATES["BadInput"]["Cause"], {"key": key})
            return
        assert is_key(key)
        assert claimed == f"job#{key_in({'key': key})}"

    check()


@cases(60, 4000)
def test_every_input_is_parked_with_a_record_that_replay_reads(cases: int) -> None:
    @tries(cases)
    @given(inputs)
    def check(job: Any) -> None:
        for state in ("ErrorSpool", "SpoolDirectly"):
            record = record_of(job, {"name": "E", "message": "m"})
            arguments = evaluate(STATES[state]["Arguments"], job, record=record)
            body = json.dumps(arguments.get("Payload") or arguments["MessageBody"])
            read = decode(body)
            assert (read.execution, read.token) == (ARN, TOKEN)
            assert read.input is ABSENT or read.input == job

    check()


@cases(60, 4000)
def test_every_error_that_a_task_ends_with_is_noted(cases: int) -> None:
    causes = texts | values.map(json.dumps) | st.builds(_lambda_error, texts, values)

    @tries(cases)
    @given(texts, causes)
    def check(name: str, cause: str) -> None:
        read = evaluate(FAILURE, {}, caught={"Error": name, "Cause": cause})

        assert set(read) == {"name", "message"}
        assert len(read["message"]) <= 1000

    check()


def _lambda_error(kind: str, message: Any) -> str:
    return json.dumps({"errorType": kind, "errorMessage": message, "stackTrace": []})

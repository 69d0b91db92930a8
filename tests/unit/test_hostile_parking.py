"""Whatever the spool Lambda, the rescue and `admit` are given: told or refused, and no leak."""

import json
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import BadRequest, RespoolError
from chalicelib.job.claim import State
from chalicelib.job.execution import Status
from chalicelib.job.record import decode
from chalicelib.parking.error_spool import STATUS_CHANGE
from chalicelib.replaying.requests import Request
from tests.fakes.stage import FakeStage
from tests.hostile import CANARY, cases, json_texts, nested, tries, values

FIELDS = ("key", "execution", "task", "attempt", "error", "startedAt", "failedAt", "input")
error = st.sampled_from([1, "x", {"Error": "E", "Cause": CANARY}, {"Cause": nested(2000)}])
changes = st.fixed_dictionaries(
    {"detail-type": st.just(STATUS_CHANGE)},
    optional={"detail": values | st.fixed_dictionaries({"executionArn": values})},
)
plain = st.builds(lambda key, why: {"key": key, "error-info": why}, values | error, values)
payloads = st.dictionaries(st.sampled_from(FIELDS), values | error).map(
    lambda fields: {"respool": 1, **fields}
)
records = st.builds(
    lambda pk: {"Records": [pk, {"dynamodb": {"Keys": {"pk": {"S": pk}}}}]},
    values | st.sampled_from(["slots#", "slots#A", "job#k"]),
)


def depths(stage: FakeStage) -> tuple[int, int]:
    return stage.spool.depth(), stage.stuck.depth()


@cases(150, 6000)
def test_the_spool_lambda_keeps_or_refuses_whatever_it_is_called_with(cases: int) -> None:
    stage = FakeStage()

    @tries(cases)
    @given(values | changes | plain | payloads)
    def check(event: Any) -> None:
        process = stage.process()
        before = depths(stage)
        try:
            answer = process.engines.spooling.take(event)
        except RespoolError as refused:
            answer = {"result": f"refused: {refused}"}
        assert CANARY not in f"{process.telemetry.lines} {answer}"
        kept = (answer["result"] == "spooled", answer["result"] == "stuck")
        assert depths(stage) == (before[0] + kept[0], before[1] + kept[1])
        if kept[0]:
            decode(stage.spool.bodies[-1])

    check()


@cases(100, 3000)
def test_a_dead_execution_of_any_input_is_dealt_with_once(cases: int) -> None:
    stage = FakeStage()
    numbers = count()

    @tries(cases)
    @given(json_texts.filter(_is_json) | st.integers(0, 5000).map(_with_digits))
    def check(text: str) -> None:
        arn = stage.executions.start(f"dead-{next(numbers)}", '{"key":"k"}')
        run = stage.executions.runs[arn]
        run.input = text
        stage.executions.close(run, Status.FAILED, "States.Runtime", CANARY)
        process = stage.process()

        how = process.engines.rescue.catch(arn)

        assert how in ("parked", "ended")
        assert process.engines.rescue.catch(arn) == "already"
        assert CANARY not in repr(process.telemetry.lines)
        if how == "parked":
            decode(stage.spool.bodies[-1])

    check()


@cases(60, 2000)
def test_a_dead_job_of_any_input_is_restarted_with_it_to_the_letter(cases: int) -> None:
    stage = FakeStage()
    stage.executions.redrives = False
    numbers = count()

    @tries(cases)
    @given(json_texts.filter(_is_json) | st.integers(0, 5000).map(_with_digits))
    def check(text: str) -> None:
        name = f"dead-{next(numbers)}"
        arn = stage.executions.start(name, '{"key":"k"}')
        run = stage.executions.runs[arn]
        run.input = text
        stage.executions.close(run, Status.TIMED_OUT)
        process = stage.process()
        if process.engines.rescue.catch(arn) != "parked":
            return

        report = process.engines.replay(Request(count=1), 60, attended=True)

        assert report.replayed == 1
        (again,) = stage.executions.running()
        assert again.input == text
        stage.executions.close(again, Status.SUCCEEDED)
        claim = next(iter(stage.waiting.values()))
        assert process.engines.rescue.end(claim, State.FINISHED)

    check()


def _with_digits(digits: int) -> str:
    return '{"key": "k", "n": 1%s}' % ("0" * digits)


def _is_json(text: str) -> bool:
    """As AWS's JSON parser has it, which reads deeper than Python's."""
    if text == nested(len(text) // 2):
        return bool(text)
    try:
        json.loads(text, parse_constant=lambda _: 1 / 0, parse_int=float)
        text.encode()
    except (ValueError, RecursionError, ZeroDivisionError):
        return False
    return True


@cases(150, 6000)
def test_no_event_makes_admit_fail_for_ever(cases: int) -> None:
    stage = FakeStage()

    @tries(cases)
    @given(values | records)
    def check(event: Any) -> None:
        try:
            stage.process().engines.admission.take(event, 60)
        except BadRequest:
            assert not (isinstance(event, dict) and "Records" in event)

    check()
    assert list(stage.table.items) == ["slots#UncertainTask"]

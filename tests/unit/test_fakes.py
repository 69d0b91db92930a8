"""The AWS in memory does what the definition and the wire say, for all other tests stand on it."""

import json
from typing import Any

import pytest

from chalicelib.errors import Conflict, Throttled, TokenRefused, Unanswered
from chalicelib.job.claim import State
from chalicelib.job.execution import Status
from chalicelib.job.key import job_key
from chalicelib.job.record import decode
from tests.fakes.conditions import condition
from tests.fakes.definition import read
from tests.fakes.dynamodb import FakeDynamoDb
from tests.fakes.grammar import Invalid
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage
from tests.fakes.table import FakeTable
from tests.fakes.updates import changes
from tests.fakes.wire import Died, Fault, Wire
from tests.unit.test_key import KEYLESS, KEYS, NO_KEYS

JOB = '{"key":"12345"}'
ITEM = {
    "pk": {"S": "slots#T"},
    "owners": {"M": {"a": {"S": "arn"}}},
    "waiting": {"N": "2"},
    "limit": {"N": "10"},
    "text": {"S": "b"},
}


def start(stage: FakeStage, job: str = JOB, name: str = "first") -> str:
    arn = stage.executions.start(name, job)
    stage.machine.run()
    return arn


def states(stage: FakeStage, arn: str) -> list[str]:
    return [state for _, state, _ in stage.executions.runs[arn].history]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("attribute_exists(owners.#a)", True),
        ("attribute_exists(owners.#b)", False),
        ("attribute_not_exists(nothing.#a)", True),
        ("NOT attribute_exists(nothing)", True),
        ("size(owners) < #limit AND size(owners) >= :one", True),
        ("size(nothing) < :one", False),
        ("waiting < #limit", True),
        ("text < :one", False),
        ("text = :b", True),
        ("text <> :b OR nothing <> :b", True),
        ("nothing = :b", False),
        ("waiting BETWEEN :one AND #limit AND text IN (:one, :b)", True),
        ("(waiting = :one OR text = :b) AND waiting = :one", False),
        ("waiting = :one OR text = :b AND waiting <> :one", True),
        ("begins_with(pk, :b)", False),
        ("owners = :map", True),
    ],
)
def test_a_condition_is_judged_as_dynamodb_judges_it(text: str, holds: bool) -> None:
    names = {"#a": "a", "#b": "b", "#limit": "limit"}
    same = {"M": {"a": {"S": "arn"}}}
    assert (
        condition(text).holds(ITEM, names, {":one": {"N": "1"}, ":b": {"S": "b"}, ":map": same})
        is holds
    )


@pytest.mark.parametrize("text", ["", "a =", "a = :b :c", "(a = :b", "frobs(a)", "a ~ :b"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        condition(text)


@pytest.mark.parametrize(
    "text",
    [
        "SET owners.a = :v, owners.a = :v",
        "SET owners = :v REMOVE owners.a",
        "SET nothing.a = :v",
        "REMOVE nothing.a",
        "ADD text :v",
        "SET waiting = nothing",
        "SET a = :v SET b = :v",
        "PUT a = :v",
    ],
)
def test_a_change_that_dynamodb_refuses_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        changes(text).of(ITEM, {}, {":v": {"N": "1"}})


def test_every_change_of_an_update_sees_the_item_as_it_was() -> None:
    update = changes("SET a = waiting + :one, b = if_not_exists(b, waiting) ADD waiting :one")
    new = update.of(ITEM, {}, {":one": {"N": "1"}})
    assert (new["a"], new["b"], new["waiting"]) == ({"N": "3"}, {"N": "2"}, {"N": "3"})
    assert ITEM["waiting"] == {"N": "2"}


def test_a_job_that_works_takes_four_transitions() -> None:
    stage = FakeStage()
    arn = start(stage)
    assert states(stage, arn) == ["ClaimJob", "TakeSlot", TASK, "Finish"]
    assert stage.executions.runs[arn].transitions == 4
    assert stage.claims["job#12345"].state is State.FINISHED
    assert stage.slots.owners == {}


def test_a_job_that_fails_is_tried_again_parks_and_works_takes_nine() -> None:
    stage = FakeStage()
    stage.service.broken = True
    arn = start(stage)
    assert stage.service.visits[JOB] == 2
    stage.service.broken = False
    stage.process().workflow.resume(stage.claims["job#12345"].token)
    stage.machine.run()
    assert stage.executions.describe(arn).status is Status.SUCCEEDED
    assert stage.executions.runs[arn].transitions == 9


@pytest.mark.parametrize(("value", "key"), [pair for pair in KEYS if str(pair[0]) != "-0.0"])
def test_claim_job_reads_the_key_that_python_reads(value: Any, key: str) -> None:
    stage = FakeStage()
    start(stage, json.dumps({"key": value}))
    assert list(stage.claims) == [f"job#{key}"]


@pytest.mark.parametrize("value", NO_KEYS)
def test_claim_job_refuses_what_python_calls_no_key(value: Any) -> None:
    stage = FakeStage()
    arn = start(stage, json.dumps({"key": value}))
    refusals = ("BadInput", "States.QueryEvaluationError")  # the latter where none is a value
    assert stage.executions.describe(arn).error in refusals
    assert not stage.claims


@pytest.mark.parametrize("value", KEYLESS)
def test_claim_job_takes_the_name_where_python_does(value: Any) -> None:
    stage = FakeStage()
    start(stage, text := json.dumps(value))
    assert list(stage.claims) == [f"job#{job_key(text, 'first')}"]


def test_a_job_that_finds_its_task_full_waits_in_line_and_costs_nothing() -> None:
    stage = FakeStage(task_limit=0)
    arn = start(stage)
    stage.clock.pause(30 * 86_400)
    stage.machine.run()
    assert states(stage, arn) == ["ClaimJob", "TakeSlot", "WaitInLine"]
    assert stage.claims["job#12345"].state is State.LINE
    assert stage.slots.waiting == 1


def test_an_execution_ends_after_a_year() -> None:
    stage = FakeStage(task_limit=0)
    arn = start(stage)
    stage.clock.pause(366 * 86_400)
    stage.machine.run()
    assert stage.executions.describe(arn).status is Status.TIMED_OUT


def test_a_retry_comes_as_often_and_as_late_as_the_definition_says() -> None:
    stage = FakeStage()
    stage.machine.wire.break_next("Finish", Fault.THROTTLED, 3)
    before = stage.clock.elapsed()
    arn = start(stage)
    assert stage.machine.wire.calls.count("Finish") == 4
    assert stage.executions.runs[arn].transitions == 7
    assert stage.clock.elapsed() - before == pytest.approx((1 + 2 + 4) / 2, abs=0.1)


def test_when_retries_end_the_catcher_comes() -> None:
    stage = FakeStage()
    stage.machine.wire.break_next("Finish", Fault.THROTTLED, 11)
    arn = start(stage)
    assert states(stage, arn)[-2:] == ["Finish", "FinishClosed"]
    assert stage.executions.describe(arn).status is Status.SUCCEEDED


def test_without_a_catcher_the_execution_fails_with_the_state_s_error() -> None:
    stage = FakeStage()
    stage.service.broken = True
    stage.machine.wire.break_next("Park", Fault.UNANSWERED, 61)
    arn = start(stage)
    run = stage.executions.describe(arn)
    assert (run.status, run.error) == (Status.FAILED, "DynamoDb.SdkClientException")


def test_a_conflict_is_a_cancelled_transaction_to_the_machine() -> None:
    stage = FakeStage()
    stage.machine.wire.break_next("TakeSlot", Fault.CONFLICT)
    assert states(stage, start(stage)) == ["ClaimJob", "TakeSlot", "WaitInLine"]


def test_a_task_that_takes_too_long_times_out_and_is_not_tried_again() -> None:
    stage = FakeStage()
    arn = stage.executions.start("first", JOB)
    stage.machine.run_to(arn, TASK)
    stage.clock.pause(961)
    stage.machine.run()
    claim = stage.claims["job#12345"]
    assert (claim.state, claim.error, claim.cause) == (State.PARKED, "States.Timeout", "")
    assert stage.service.visits[JOB] == 1


def test_a_redriven_execution_goes_on_where_it_stopped_with_its_variables() -> None:
    stage = FakeStage()
    stage.service.broken = True
    arn = start(stage)
    before = stage.claims["job#12345"]
    stage.executions.stop(arn, "Aborted", "by hand")
    stage.process().workflow.redrive(arn)
    stage.machine.run()
    after = stage.claims["job#12345"]
    assert states(stage, arn)[-2:] == ["Park", "Park"]
    assert after.token != before.token
    assert (after.attempt, after.failed_at) == (before.attempt, before.failed_at)


def test_the_write_of_a_dead_execution_may_arrive_late() -> None:
    stage = FakeStage()
    arn = stage.executions.start("first", JOB)
    run = stage.executions.runs[arn]
    stage.machine.step(run)
    stage.executions.stop(arn, "Aborted", "by hand")
    stage.machine.write_late(run)
    assert stage.slots.owners == {"job#12345": arn}


def test_a_lagging_describe_tells_how_things_stood() -> None:
    stage = FakeStage()
    arn = stage.executions.start("first", JOB)
    stage.executions.lag()
    stage.executions.start("second", JOB)
    stage.machine.run()
    workflow = stage.process().workflow
    assert workflow.describe(arn).status is Status.RUNNING
    assert workflow.describe(workflow.arn("second")).status is Status.MISSING
    stage.executions.catch_up()
    assert workflow.describe(arn).status is Status.SUCCEEDED


def test_a_lagging_index_shows_yesterday_s_entries() -> None:
    stage = FakeStage(task_limit=0)
    stage.table.index.lagging = True
    start(stage)
    start(stage, '{"key":"2"}', "second")
    claims = stage.process().claims
    assert list(claims.waiting(State.LINE, TASK)) == []
    stage.table.index.catch_up(1)
    assert [claim.key for claim in claims.waiting(State.LINE, TASK)] == ["12345"]
    stage.table.index.catch_up()
    assert [claim.key for claim in claims.waiting(State.LINE, TASK)] == ["12345", "2"]


def test_the_stream_tells_of_slots_where_somebody_waits_and_of_nothing_else() -> None:
    stage = FakeStage(task_limit=1)
    start(stage)
    assert stage.table.stream == []
    stage.process().line.set_limit(TASK, 0, "me", "", "now")
    start(stage, '{"key":"2"}', "second")
    stage.process().line.set_limit(TASK, 0, "me", "", "now")
    counts = [record["dynamodb"]["NewImage"]["waiting"] for record in stage.table.stream]
    assert counts == [{"N": "1"}]


@pytest.mark.parametrize(
    ("fault", "error", "done"),
    [
        (Fault.DIED_BEFORE, Died, False),
        (Fault.DIED_AFTER, Died, True),
        (Fault.UNANSWERED, Unanswered, True),
        (Fault.THROTTLED, Throttled, False),
    ],
)
def test_a_fault_befalls_the_call_that_it_was_meant_for(
    fault: Fault, error: type[BaseException], done: bool
) -> None:
    stage = FakeStage()
    wire = Wire().break_at(1, fault)
    claims = stage.process(wire).claims
    claims.put_tombstone("a", "ended", 1)
    with pytest.raises(error):
        claims.put_tombstone("b", "ended", 1)
    assert ("dead#b" in stage.table.items) is done


def test_a_conflict_befalls_writes_and_no_reads() -> None:
    stage = FakeStage(task_limit=0)
    start(stage)
    wire = Wire().break_next("TransactWriteItems", Fault.CONFLICT)
    wire.break_next("GetItem", Fault.CONFLICT)
    process = stage.process(wire)
    assert process.line.slots(TASK).waiting == 1
    with pytest.raises(Conflict):
        process.line.admit(stage.claims["job#12345"], "now", by_pass=False)


def test_a_token_of_an_earlier_try_is_refused() -> None:
    stage = FakeStage()
    stage.service.broken = True
    start(stage)
    token = stage.claims["job#12345"].token
    workflow = stage.process().workflow
    workflow.fail(token, "Mistaken", "")
    stage.machine.run()
    with pytest.raises(TokenRefused):
        workflow.resume(token)
    assert stage.claims["job#12345"].token != token


def test_a_placeholder_that_no_expression_uses_is_refused() -> None:
    client = FakeDynamoDb(FakeTable(), Wire())
    with pytest.raises(Exception, match="Placeholders"):
        client.update_item(
            TableName="t",
            Key={"pk": {"S": "a"}},
            UpdateExpression="SET a = :a",
            ExpressionAttributeValues={":a": {"S": ""}, ":b": {"S": ""}},
        )


def test_a_definition_s_functions_are_evaluated() -> None:
    fields = {
        "Type": "Pass",
        "Parameters": {
            "a.$": "States.Format('{}, {}', $.x, States.Format('({})', $v.y))",
            "b.$": "States.StringToJson($v.n)",
            "c.$": "$$.Execution.Id",
            "d": ["{}", 1],
        },
        "End": True,
    }
    state = read({"StartAt": "A", "States": {"A": fields}}).states["A"]
    scope = {
        "input": {"x": "x"},
        "context": {"Execution": {"Id": "arn"}},
        "variables": {"v": {"y": "y", "n": "5"}},
    }
    assert state.arguments is not None
    assert state.arguments(scope) == {"a": "x, (y)", "b": 5, "c": "arn", "d": ["{}", 1]}


@pytest.mark.parametrize("via", ["lambda", "sqs"])
def test_either_way_of_spooling_leaves_one_note_with_the_input(via: str) -> None:
    stage = FakeStage(SPOOL_VIA=via)
    stage.service.broken = True
    arn = start(stage)
    (body,) = stage.spool.bodies
    note = decode(body)
    assert (note.key, note.execution, note.task, note.attempt) == ("12345", arn, TASK, 1)
    assert note.error.message == stage.service.message
    assert note.input == json.loads(JOB)
    assert stage.claims["job#12345"].token not in body
    assert stage.claims["job#12345"].noted_at


@pytest.mark.parametrize("via", ["lambda", "sqs"])
def test_a_note_that_can_not_be_sent_keeps_no_job_from_parking(via: str) -> None:
    stage = FakeStage(SPOOL_VIA=via)
    stage.service.broken = True
    stage.new_wire = lambda: Wire().break_next("SendMessage", Fault.THROTTLED)
    stage.machine.wire.break_next("ErrorSpool", Fault.THROTTLED, 9)
    start(stage)
    claim = stage.claims["job#12345"]
    assert (claim.state, claim.noted_at) == (State.PARKED, "")
    assert stage.spool.bodies == []


def test_all_jobs_of_a_line_go_in_one_after_the_other_and_oldest_first() -> None:
    stage = FakeStage(task_limit=1)
    jobs = [f'{{"key":"{number}"}}' for number in range(6)]
    for number, job in enumerate(jobs):
        stage.executions.start(f"job-{number}", job)
    stage.run()
    assert stage.service.done == dict.fromkeys(jobs, 1)
    assert (stage.slots.waiting, stage.slots.owners, stage.slots.waking) == (0, {}, {})
    assert not stage.waiting

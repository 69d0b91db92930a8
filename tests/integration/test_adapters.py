"""What neither moto nor the local AWS answers, by the SDK's own stubs."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from chalicelib.aws.claims_table import DynamoClaims
from chalicelib.aws.line_table import DynamoLine
from chalicelib.aws.queue import SqsSpool
from chalicelib.aws.step_functions import StepFunctions
from chalicelib.errors import (
    AlreadyStarted,
    AwsError,
    Conflict,
    Lagging,
    NotFound,
    RedriveRefused,
    Refused,
    RespoolError,
    Throttled,
    TokenRefused,
    Unanswered,
)
from chalicelib.job.claim import Claim, State
from chalicelib.job.execution import Status, Tail
from chalicelib.job.message import Message
from chalicelib.job.ports import Count

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:respool-test"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:respool-test:one"
CLAIM = Claim("job#k", "arn:e", State.LINE, "Task", "o", "since")
NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
URL = "https://sqs.us-east-1.amazonaws.com/123456789012/respool-test-spool"


def client(service: str) -> Any:
    """A client that tries once and reaches nobody."""
    session = botocore.session.get_session()
    session.set_credentials("none", "none")
    return session.create_client(service, "us-east-1", config=Config(retries={"max_attempts": 0}))


@contextmanager
def stubbed(service: str) -> Iterator[tuple[Any, Stubber]]:
    """A client and its stub; every answer that was laid out must have been asked for."""
    made = client(service)
    with Stubber(made) as stub:
        yield made, stub
        stub.assert_no_pending_responses()


def described(**more: Any) -> dict[str, Any]:
    return {
        "executionArn": EXECUTION,
        "stateMachineArn": MACHINE,
        "status": "FAILED",
        "startDate": NOW,
        "stopDate": NOW,
        "input": '{"key":  1}',
        **more,
    }


def map_run(arn: str) -> dict[str, Any]:
    counts = ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total")
    zeros = dict.fromkeys((*counts, "resultsWritten"), 0)
    return {
        "mapRunArn": arn,
        "executionArn": EXECUTION,
        "status": "FAILED",
        "startDate": NOW,
        "maxConcurrency": 0,
        "toleratedFailurePercentage": 0.0,
        "toleratedFailureCount": 0,
        "itemCounts": zeros,
        "executionCounts": zeros,
    }


def test_a_redrive_is_asked_for_by_the_execution_s_arn() -> None:
    with stubbed("stepfunctions") as (sdk, stub):
        stub.add_response("redrive_execution", {"redriveDate": NOW})
        StepFunctions(sdk, MACHINE).redrive(EXECUTION)


@pytest.mark.parametrize("refused", ["", "ValidationException"])
def test_to_stop_an_execution_that_has_ended_is_fine_whatever_aws_says(refused: str) -> None:
    with stubbed("stepfunctions") as (sdk, stub):
        if refused:
            stub.add_client_error("stop_execution", refused, "it is closed")
            stub.add_response("describe_execution", described())
        else:
            stub.add_response("stop_execution", {"stopDate": NOW})
        StepFunctions(sdk, MACHINE).stop(EXECUTION, "GivenUp", "")


def test_a_running_execution_that_can_not_be_stopped_is_told() -> None:
    with stubbed("stepfunctions") as (sdk, stub):
        stub.add_client_error("stop_execution", "ValidationException", "no")
        stub.add_response("describe_execution", described(status="RUNNING"))
        with pytest.raises(AwsError, match="StopExecution"):
            StepFunctions(sdk, MACHINE).stop(EXECUTION, "GivenUp", "")


def test_the_sdk_s_own_retry_of_a_redrive_is_the_same_request() -> None:
    shape = client("stepfunctions").meta.service_model.operation_model("RedriveExecution")
    assert shape.input_shape.members["clientToken"].metadata["idempotencyToken"] is True


def test_what_is_known_of_a_redrivable_execution_is_read() -> None:
    with stubbed("stepfunctions") as (sdk, stub):
        answer = described(redriveStatus="REDRIVABLE", redriveCount=2, error="E", cause="c")
        stub.add_response("describe_execution", answer)
        found = StepFunctions(sdk, MACHINE).describe(EXECUTION)
    assert (found.redrivable, found.redrives, found.stopped_at) == (True, 2, NOW)
    assert (found.status, found.error, found.cause) == (Status.FAILED, "E", "c")
    assert found.input == '{"key":  1}'


def test_the_parent_of_a_distributed_map_s_child_is_found_by_its_map_run() -> None:
    run = "arn:aws:states:us-east-1:123456789012:mapRun:orders/Items:1"
    with stubbed("stepfunctions") as (sdk, stub):
        stub.add_response("describe_execution", described(mapRunArn=run))
        stub.add_response("describe_map_run", map_run(run), {"mapRunArn": run})
        stub.add_response("describe_execution", described(redriveStatus="REDRIVABLE"))
        workflow = StepFunctions(sdk, MACHINE)
        parent = workflow.parent(workflow.describe(EXECUTION).map_run)
    assert (parent.arn, parent.redrivable, parent.map_run) == (EXECUTION, True, "")


def test_a_map_run_that_is_forgotten_has_no_parent() -> None:
    with stubbed("stepfunctions") as (sdk, stub):
        stub.add_client_error("describe_map_run", "ResourceNotFound")
        assert StepFunctions(sdk, MACHINE).parent("arn:gone").status is Status.MISSING


@pytest.mark.parametrize(
    ("told", "status", "redrivable"),
    [
        ({"redriveStatus": "NOT_REDRIVABLE"}, Status.FAILED, False),
        ({"redriveStatus": "REDRIVABLE_BY_MAP_RUN"}, Status.FAILED, False),
        ({}, Status.FAILED, False),
        ({"status": "PENDING_REDRIVE"}, Status.RUNNING, False),
    ],
)
def test_an_execution_that_can_not_be_redriven_now_is_told_apart(
    told: dict[str, Any], status: Status, redrivable: bool
) -> None:
    with stubbed("stepfunctions") as (sdk, stub):
        stub.add_response("describe_execution", described(**told))
        found = StepFunctions(sdk, MACHINE).describe(EXECUTION)
    assert (found.status, found.redrivable) == (status, redrivable)


def _entered(id: int, kind: str, name: str) -> dict[str, Any]:
    return {
        "timestamp": NOW,
        "type": f"{kind}StateEntered",
        "id": id,
        "stateEnteredEventDetails": {"name": name},
    }


@pytest.mark.parametrize(
    ("events", "tail"),
    [
        (
            [
                {"timestamp": NOW, "type": "ExecutionAborted", "id": 24_998},
                {"timestamp": NOW, "type": "TaskScheduled", "id": 24_997},
                _entered(24_996, "Task", "UncertainTask"),
                _entered(24_990, "Fail", "HistoryFull"),
            ],
            Tail(24_998, False, "UncertainTask", NOW),
        ),
        (
            [
                {"timestamp": NOW, "type": "ExecutionFailed", "id": 9},
                _entered(8, "Fail", "HistoryFull"),
            ],
            Tail(9, True, "HistoryFull", NOW),
        ),
        ([{"timestamp": NOW, "type": "ExecutionAborted", "id": 2}], Tail(2, False, "")),
    ],
)
def test_a_history_is_read_from_its_end(events: list[dict[str, Any]], tail: Tail) -> None:
    asked = {
        "executionArn": EXECUTION,
        "reverseOrder": True,
        "maxResults": 1000,
        "includeExecutionData": False,
    }
    with stubbed("stepfunctions") as (sdk, stub):
        stub.add_response("get_execution_history", {"events": events}, asked)
        assert StepFunctions(sdk, MACHINE).tail(EXECUTION) == tail


def test_executions_are_listed_to_the_last_page() -> None:
    one = {"stateMachineArn": MACHINE, "name": "n", "status": "FAILED", "startDate": NOW}
    with stubbed("stepfunctions") as (sdk, stub):
        asked = {"stateMachineArn": MACHINE, "statusFilter": "FAILED", "maxResults": 1000}
        first = {"executions": [{**one, "executionArn": "arn:1"}], "nextToken": "more"}
        stub.add_response("list_executions", first, asked)
        second = {"executions": [{**one, "executionArn": "arn:2"}]}
        stub.add_response("list_executions", second, {**asked, "nextToken": "more"})
        assert list(StepFunctions(sdk, MACHINE).list(Status.FAILED)) == ["arn:1", "arn:2"]


def test_listed_executions_tell_how_often_they_were_redriven() -> None:
    one = {"stateMachineArn": MACHINE, "name": "n", "status": "FAILED", "startDate": NOW}
    with stubbed("stepfunctions") as (sdk, stub):
        listed = [{**one, "executionArn": "arn:1", "redriveCount": 2}, {**one, "executionArn": "2"}]
        stub.add_response("list_executions", {"executions": listed})
        assert list(StepFunctions(sdk, MACHINE).deaths(Status.FAILED)) == [("arn:1", 2), ("2", 0)]


Call = Callable[[StepFunctions], object]
RESUME: tuple[str, Call] = ("send_task_success", lambda w: w.resume("token"))
FAIL: tuple[str, Call] = ("send_task_failure", lambda w: w.fail("token", "GivenUp", "c"))
START: tuple[str, Call] = ("start_execution", lambda w: w.start("one", "{}"))
REDRIVE: tuple[str, Call] = ("redrive_execution", lambda w: w.redrive(EXECUTION))
STOP: tuple[str, Call] = ("stop_execution", lambda w: w.stop(EXECUTION, "E", "c"))


@pytest.mark.parametrize(
    ("call", "code", "kind"),
    [
        (RESUME, "TaskTimedOut", TokenRefused),
        (RESUME, "TaskDoesNotExist", TokenRefused),
        (RESUME, "InvalidToken", TokenRefused),
        (RESUME, "ThrottlingException", Throttled),
        (FAIL, "TaskTimedOut", TokenRefused),
        (FAIL, "InvalidToken", TokenRefused),
        (RESUME, "KmsThrottlingException", AwsError),
        (START, "ExecutionAlreadyExists", AlreadyStarted),
        (START, "ExecutionLimitExceeded", AwsError),
        (START, "StateMachineDoesNotExist", AwsError),
        (REDRIVE, "ExecutionNotRedrivable", RedriveRefused),
        (REDRIVE, "UnknownOperationException", RedriveRefused),
        (REDRIVE, "ExecutionLimitExceeded", AwsError),
        (REDRIVE, "ExecutionDoesNotExist", NotFound),
        (STOP, "ExecutionDoesNotExist", NotFound),
    ],
)
def test_each_refusal_is_told_in_our_words_and_aws_s(
    call: tuple[str, Call], code: str, kind: type[RespoolError]
) -> None:
    with stubbed("stepfunctions") as (sdk, stub):
        stub.add_client_error(call[0], code, "AWS says so")
        with pytest.raises(kind, match=f"{code}: AWS says so") as told:
            call[1](StepFunctions(sdk, MACHINE))
    assert type(told.value) is kind


def test_a_call_without_an_answer_is_not_taken_for_a_refusal() -> None:
    sdk = client("stepfunctions")

    def silent(request: AWSRequest, **_: Any) -> None:
        raise ReadTimeoutError(endpoint_url=str(request.url))

    sdk.meta.events.register("before-send", silent)
    with pytest.raises(Unanswered, match="SendTaskSuccess"):
        StepFunctions(sdk, MACHINE).resume("token")


def _messages(count: int) -> list[Message]:
    return [Message(f"id-{n}", f"receipt-{n}", "", NOW) for n in range(count)]


def _receipts(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["ReceiptHandle"] for entry in entries]


@pytest.mark.parametrize("method", ["delete", "make_visible"])
def test_an_entry_that_fails_in_a_batch_is_told_after_all_batches_were_sent(method: str) -> None:
    operation = {
        "delete": "delete_message_batch",
        "make_visible": "change_message_visibility_batch",
    }
    failed = {"Id": "3", "SenderFault": True, "Code": "MessageNotInflight", "Message": "gone"}
    batches: list[list[str]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        if "Entries" in params:
            batches.append(_receipts(params["Entries"]))

    with stubbed("sqs") as (sdk, stub):
        sdk.meta.events.register("provide-client-params.sqs", note)
        stub.add_response("get_queue_url", {"QueueUrl": URL})
        stub.add_response(operation[method], {"Successful": [], "Failed": [failed]})
        stub.add_response(operation[method], {"Successful": [], "Failed": []})
        with pytest.raises(AwsError, match=r"1 failed.*MessageNotInflight"):
            getattr(SqsSpool(sdk, "respool-test-spool"), method)(_messages(13))
    assert [len(batch) for batch in batches] == [10, 3]
    assert [*batches[0], *batches[1]] == [f"receipt-{n}" for n in range(13)]


def test_the_spool_is_read_on_a_long_poll() -> None:
    asked = {
        "QueueUrl": URL,
        "MaxNumberOfMessages": 10,
        "WaitTimeSeconds": 2,
        "VisibilityTimeout": 43_200,
        "MessageSystemAttributeNames": ["SentTimestamp"],
    }
    with stubbed("sqs") as (sdk, stub):
        stub.add_response("get_queue_url", {"QueueUrl": URL})
        stub.add_response("receive_message", {}, asked)
        assert SqsSpool(sdk, "respool-test-spool").receive(100, 90_000) == []


def _entry(id: int) -> dict[str, Any]:
    return {"timestamp": NOW, "type": "TaskStateEntered", "id": id}


def test_the_latest_events_of_a_long_history_come_oldest_first() -> None:
    asked = {"executionArn": EXECUTION, "reverseOrder": True, "includeExecutionData": False}
    with stubbed("stepfunctions") as (sdk, stub):
        first = {"events": [_entry(1500 - n) for n in range(1000)], "nextToken": "more"}
        stub.add_response("get_execution_history", first, {**asked, "maxResults": 1000})
        second = {"events": [_entry(500 - n) for n in range(200)], "nextToken": "more"}
        more = {**asked, "maxResults": 200, "nextToken": "more"}
        stub.add_response("get_execution_history", second, more)
        events = StepFunctions(sdk, MACHINE).history(EXECUTION, 1200)
    assert [event["id"] for event in events] == list(range(301, 1501))


ABORTED = {"timestamp": NOW, "type": "ExecutionAborted", "id": 1002}


def _scheduled(id: int, key: str) -> dict[str, Any]:
    item = {"Update": {"Key": {"pk": {"S": key}}}}
    details = {
        "resourceType": "aws-sdk:dynamodb",
        "resource": "transactWriteItems",
        "region": "us-east-1",
        "parameters": json.dumps({"TransactItems": [item]}),
    }
    event = {"timestamp": NOW, "type": "TaskScheduled", "id": id}
    return {**event, "taskScheduledEventDetails": details}


def test_what_a_dead_execution_asked_for_is_read_to_the_last_page() -> None:
    asked = {"executionArn": EXECUTION, "maxResults": 1000}
    with stubbed("stepfunctions") as (sdk, stub):
        first = {"events": [_scheduled(1, "job#1/0"), _scheduled(2, "job#1/1")], "nextToken": "t"}
        stub.add_response("get_execution_history", first, asked)
        second = {"events": [_scheduled(1001, "job#1/0"), ABORTED]}
        stub.add_response("get_execution_history", second, {**asked, "nextToken": "t"})
        assert StepFunctions(sdk, MACHINE).asked(EXECUTION) == ["job#1/0", "job#1/1"]


def test_a_history_without_its_end_tells_nothing_yet() -> None:
    with stubbed("stepfunctions") as (sdk, stub):
        stub.add_response("get_execution_history", {"events": [_scheduled(1, "job#1/0")]})
        with pytest.raises(Lagging):
            StepFunctions(sdk, MACHINE).asked(EXECUTION)


def test_a_short_history_comes_whole() -> None:
    with stubbed("stepfunctions") as (sdk, stub):
        stub.add_response("get_execution_history", {"events": [_entry(2), _entry(1)]})
        assert len(StepFunctions(sdk, MACHINE).history(EXECUTION, 100)) == 2


class Pauses(list[float]):
    """Remembers how long somebody waited, and does not wait."""

    def claims(self, sdk: Any) -> DynamoClaims:
        return DynamoClaims(sdk, "table", pause=self.append, jitter=lambda: 1.0)

    def line(self, sdk: Any) -> DynamoLine:
        return DynamoLine(sdk, "table", pause=self.append, jitter=lambda: 1.0)


def test_keys_that_dynamodb_did_not_get_to_are_asked_for_again_after_a_while() -> None:
    left = {"table": {"Keys": [{"pk": {"S": "job#b"}}], "ConsistentRead": True}}
    pauses = Pauses()
    with stubbed("dynamodb") as (sdk, stub):
        items = [{"pk": {"S": f"job#{key}"}, "execution": {"S": "arn"}} for key in "ab"]
        first = {"Responses": {"table": items[:1]}, "UnprocessedKeys": left}
        stub.add_response("batch_get_item", first)
        second = {"Responses": {"table": items[1:]}}
        stub.add_response("batch_get_item", second, {"RequestItems": left})
        assert sorted(pauses.claims(sdk).get_many(["job#a", "job#b"])) == ["job#a", "job#b"]
    assert pauses == [0.05]


def test_keys_that_dynamodb_never_gets_to_are_a_throttle() -> None:
    left = {"table": {"Keys": [{"pk": {"S": "job#a"}}], "ConsistentRead": True}}
    with stubbed("dynamodb") as (sdk, stub):
        for _ in range(6):
            stub.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": left})
        with pytest.raises(Throttled, match="try again later"):
            Pauses().claims(sdk).get_many(["job#a"])


def _cancelled(*codes: str) -> dict[str, Any]:
    return {
        "CancellationReasons": [{"Code": code} for code in codes],
        "Message": f"Transaction cancelled [{', '.join(codes)}]",
    }


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        (("None", "TransactionConflict"), Conflict),
        (("ConditionalCheckFailed", "TransactionConflict"), Conflict),
        (("TransactionConflict", "ThrottlingError"), Throttled),
        (("ProvisionedThroughputExceeded", "None"), Throttled),
        (("ValidationError", "None"), AwsError),
    ],
)
def test_a_cancelled_transaction_is_told_by_its_reasons(
    codes: tuple[str, ...], kind: type[RespoolError]
) -> None:
    with stubbed("dynamodb") as (sdk, stub):
        stub.add_client_error(
            "transact_write_items",
            "TransactionCanceledException",
            "cancelled",
            modeled_fields=_cancelled(*codes),
        )
        with pytest.raises(kind) as told:
            DynamoLine(sdk, "table").admit(CLAIM, "2026", by_pass=False)
    assert type(told.value) is kind


def test_a_transaction_whose_condition_does_not_hold_is_a_no() -> None:
    with stubbed("dynamodb") as (sdk, stub):
        stub.add_client_error(
            "transact_write_items",
            "TransactionCanceledException",
            modeled_fields=_cancelled("ConditionalCheckFailed", "None"),
        )
        assert DynamoLine(sdk, "table").admit(CLAIM, "2026", by_pass=False) is False


def test_a_person_s_write_waits_a_transaction_out() -> None:
    pauses = Pauses()
    with stubbed("dynamodb") as (sdk, stub):
        for _ in range(2):
            stub.add_client_error("update_item", "TransactionConflictException")
        item = {"pk": {"S": "slots#Task"}, "limit": {"N": "7"}}
        stub.add_response("update_item", {"Attributes": item})
        assert pauses.line(sdk).set_limit("Task", 7, "me", "why", "now").limit == 7
    assert pauses == [0.05, 0.1]


def test_a_person_s_write_that_never_gets_through_says_so() -> None:
    with stubbed("dynamodb") as (sdk, stub):
        for _ in range(6):
            stub.add_client_error("update_item", "TransactionConflictException")
        with pytest.raises(Conflict, match=r"slots#Task.*try again"):
            Pauses().line(sdk).set_limit("Task", 7, "me", "why", "now")


def test_a_page_of_the_index_is_read_when_it_is_asked_for() -> None:
    key = {"pk": {"S": "job#0"}, "queue": {"S": "parked#Task"}, "order": {"S": "o"}}
    with stubbed("dynamodb") as (sdk, stub):
        stub.add_response("query", {"Items": [key], "LastEvaluatedKey": key})
        claims = DynamoClaims(sdk, "table").waiting(State.PARKED, "Task", limit=1)
        assert next(claims).pk == "job#0"
        stub.add_response("query", {"Items": []})
        assert list(claims) == []


def test_jobs_are_counted_by_as_many_pages_as_are_wanted() -> None:
    key = {"pk": {"S": "job#0"}, "queue": {"S": "parked#Task"}, "order": {"S": "o"}}
    with stubbed("dynamodb") as (sdk, stub):
        for _ in range(2):
            stub.add_response("query", {"Count": 3000, "LastEvaluatedKey": key})
        count = DynamoClaims(sdk, "table").count(State.PARKED, "Task", most=2)
        assert count == Count(6000, whole=False)
        stub.add_response("query", {"Count": 3000, "LastEvaluatedKey": key})
        stub.add_response("query", {"Count": 1})
        assert DynamoClaims(sdk, "table").count(State.PARKED, "Task") == Count(3001)


def test_a_token_is_in_no_text_about_a_claim() -> None:
    assert "secret" not in repr(replace(CLAIM, token="secret"))


def test_a_refusal_of_dynamodb_is_told_with_the_item_s_key() -> None:
    with stubbed("dynamodb") as (sdk, stub):
        stub.add_client_error("update_item", "ProvisionedThroughputExceededException")
        with pytest.raises(Throttled, match="UpdateItem for job#k"):
            DynamoClaims(sdk, "table").mark_noted(CLAIM, "now")
        stub.add_client_error("update_item", "ConditionalCheckFailedException")
        assert DynamoClaims(sdk, "table").mark_noted(CLAIM, "now") is False
    assert issubclass(Refused, AwsError)


def test_dead_executions_are_listed_back_to_a_start_and_no_further() -> None:
    one = {"stateMachineArn": MACHINE, "name": "n", "status": "FAILED"}
    with stubbed("stepfunctions") as (sdk, stub):
        young = {**one, "executionArn": "arn:1", "startDate": NOW}
        old = {**one, "executionArn": "arn:2", "startDate": NOW - timedelta(hours=1)}
        listed = {"executions": [young, old], "nextToken": "more"}
        stub.add_response("list_executions", listed)
        since = NOW - timedelta(minutes=1)
        assert list(StepFunctions(sdk, MACHINE).deaths(Status.FAILED, since)) == [("arn:1", 0)]

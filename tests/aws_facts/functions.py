"""Lambda: as a task, asked at once or later, fed by a queue."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.aws_facts.fact import on_local, recorded
from tests.integration.local_machines import LocalMachines

LIMIT = 262_144
ERRORS = "stepfunctions/v2/error_handling/"
CAUGHT = {"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}
LARGE = "test_task_lambda_catch_state_all_data_limit_exceeded_on_large_utf8_response"


def task(function: str, **more: Any) -> dict[str, Any]:
    """A task that is that Lambda."""
    return {"Type": "Task", "Resource": function, "End": True, **more}


@on_local(
    "exception-is-its-class",
    "A Python exception fails its task with its class as error, and a JSON cause with type, message"
    " and stack.",
    recorded(f"{ERRORS}test_task_lambda", "test_raise_custom_exception", "2024-11-28"),
    held_by=("errors_bear_their_class_name",),
)
def _exception(local: LocalMachines) -> None:
    failing = local.function("down", "raise ConnectionError('service is down')")
    ended = local.run(local.machine("named", Call=task(failing)))
    cause = json.loads(ended["cause"])
    assert ended["error"] == "ConnectionError"
    assert (cause["errorType"], cause["errorMessage"]) == ("ConnectionError", "service is down")
    assert cause["stackTrace"]


@on_local(
    "large-result-is-caught",
    "A task's result over 262,144 bytes is States.DataLimitExceeded, which States.ALL catches.",
    recorded(f"{ERRORS}test_states_errors", LARGE, "2024-03-21"),
)
def _large(local: LocalMachines) -> None:
    large = local.function("large", f"return 'x' * {LIMIT}")
    machine = local.machine("large", Call=task(large, Catch=[CAUGHT]), Caught={"Type": "Succeed"})
    assert json.loads(local.run(machine)["output"])["Error"] == "States.DataLimitExceeded"


@on_local(
    "large-payload-is-not-caught",
    "A payload over 262,144 bytes that a state makes ends the execution, past any Catch.",
    "docs.aws.amazon.com/step-functions, error names",
    sure="documented",
    held_by=("payloads_end_at_256_kib", "some_errors_escape_states_all"),
)
def _payload(local: LocalMachines) -> None:
    twice = "{% {'twice': [$states.input, $states.input]} %}"
    call = task(local.function("echo", "return 1"), Arguments=twice, Catch=[CAUGHT])
    machine = local.machine("payload", Call=call, Caught={"Type": "Succeed"})
    ended = local.run(machine, {"a": "x" * (LIMIT // 2)})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")


@on_local(
    "throttled-lambda-has-a-name",
    "A function without a free environment is Lambda.TooManyRequestsException to its task.",
    recorded("lambda_/test_lambda", "test_lambda_concurrency_block", "2025-11-24"),
    held_by=("throttled_lambdas_have_a_name",),
)
def _throttled(local: LocalMachines) -> None:
    function = local.function("reserved", "return event")
    local.client("lambda").put_function_concurrency(
        FunctionName="reserved", ReservedConcurrentExecutions=0
    )
    ended = local.run(local.machine("throttled", Call=task(function)))
    assert ended["error"] == "Lambda.TooManyRequestsException"


@on_local(
    "lambda-timeout-is-timed-out",
    "A Lambda that outlasts its task's TimeoutSeconds is a LambdaFunctionTimedOut: States.Timeout,"
    " without a cause.",
    recorded("stepfunctions/v2/timeouts/test_timeouts", "test_fixed_timeout_lambda", "2024-03-10"),
    held_by=("timeouts_of_tasks_have_no_words", "task_events_have_their_names"),
)
def _timeout(local: LocalMachines) -> None:
    slow = local.function("slow-task", "time.sleep(3)")
    execution = local.start(local.machine("slow-task", Call=task(slow, TimeoutSeconds=1)))
    ended = local.ended(execution)
    assert (ended["error"], ended.get("cause", "")) == ("States.Timeout", "")
    assert local.events(execution)[-2:] == ["LambdaFunctionTimedOut", "ExecutionFailed"]


@on_local(
    "only-failed-items-come-again",
    "Of a batch from a queue only the messages in batchItemFailures come again.",
    recorded(
        "lambda_/event_source_mapping/test_lambda_integration_sqs",
        "test_report_batch_item_failures",
        "2025-03-03",
    ),
)
def _batch(local: LocalMachines) -> None:
    sqs, source = local.client("sqs"), local.queue("batch")
    seen = local.queue("seen")
    sqs.set_queue_attributes(QueueUrl=source, Attributes={"VisibilityTimeout": "5"})
    for body in ("good", "bad"):
        sqs.send_message(QueueUrl=source, MessageBody=body)
    body = (
        "sqs = boto3.client('sqs')\nfailed = []\n"
        "for one in event['Records']:\n"
        "    told = json.dumps([one['body'], one['attributes']['ApproximateReceiveCount']])\n"
        "    sqs.send_message(QueueUrl=os.environ['SEEN'], MessageBody=told)\n"
        "    first = one['attributes']['ApproximateReceiveCount'] == '1'\n"
        "    if one['body'] == 'bad' and first:\n"
        "        failed.append({'itemIdentifier': one['messageId']})\n"
        "return {'batchItemFailures': failed}"
    )
    local.function("batch", body, SEEN=seen)
    arn = sqs.get_queue_attributes(QueueUrl=source, AttributeNames=["QueueArn"])["Attributes"]
    local.client("lambda").create_event_source_mapping(
        FunctionName="batch",
        EventSourceArn=arn["QueueArn"],
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    told = [local.next_message(seen) for _ in range(3)]
    assert sorted(told) == [["bad", "1"], ["bad", "2"], ["good", "1"]]


@on_local(
    "stream-batch-comes-again",
    "A batch of a table's stream whose function raised comes again, and nothing after it before.",
    recorded(
        "lambda_/event_source_mapping/test_lambda_integration_dynamodbstreams",
        "test_dynamodb_report_batch_item_failure_scenarios[unhandled_exception_in_function]",
        "2025-11-25",
    ),
)
def _stream(local: LocalMachines) -> None:
    table, seen, first = local.client("dynamodb"), local.queue("changes"), local.queue("first")
    made = table.create_table(
        TableName="changes",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    local.client("sqs").send_message(QueueUrl=first, MessageBody="raise")
    body = (
        "sqs = boto3.client('sqs')\n"
        "told = [one['dynamodb']['Keys']['pk']['S'] for one in event['Records']]\n"
        "sqs.send_message(QueueUrl=os.environ['SEEN'], MessageBody=json.dumps(told))\n"
        "for one in sqs.receive_message(QueueUrl=os.environ['FIRST']).get('Messages', []):\n"
        "    handle = one['ReceiptHandle']\n"
        "    sqs.delete_message(QueueUrl=os.environ['FIRST'], ReceiptHandle=handle)\n"
        "    raise RuntimeError('the first time')"
    )
    local.function("changes", body, SEEN=seen, FIRST=first)
    local.client("lambda").create_event_source_mapping(
        FunctionName="changes",
        EventSourceArn=made["TableDescription"]["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
        BatchSize=1,
    )
    for pk in ("a", "b"):
        table.put_item(TableName="changes", Item={"pk": {"S": pk}})
    assert [local.next_message(seen) for _ in range(3)] == [["a"], ["a"], ["b"]]


@on_local(
    "failed-call-has-a-record",
    "An asynchronous call that fails to the last goes to its failure destination with the event and"
    " what the function raised.",
    recorded("lambda_/test_lambda_destinations", "test_retries", "2025-11-25"),
)
def _destination(local: LocalMachines) -> None:
    queue = local.queue("missed")
    arn = local.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    functions = local.client("lambda")
    local.function("fails-later", "raise KeyError('later')")
    functions.put_function_event_invoke_config(
        FunctionName="fails-later",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": arn["Attributes"]["QueueArn"]}},
    )
    functions.invoke(FunctionName="fails-later", InvocationType="Event", Payload=b'{"key": "a"}')
    told = local.next_message(queue)
    assert told["requestPayload"] == {"key": "a"}
    assert told["responsePayload"]["errorType"] == "KeyError"


@on_local(
    "environment-outlives-an-error",
    "An environment serves on after its handler raised.",
    "docs.aws.amazon.com/lambda, the life of an execution environment",
    sure="documented",
    held_by=("errors_bear_their_class_name",),
)
def _environment(local: LocalMachines) -> None:
    local.function("survivor", "raise RuntimeError(os.getpid())")

    def call() -> str:
        answer = local.client("lambda").invoke(FunctionName="survivor")
        return str(json.loads(answer["Payload"].read())["errorMessage"])

    assert len({call() for _ in range(3)}) == 1


@on_local(
    "update-spares-what-runs",
    "A running invocation ends in the environment in which it began, whatever is changed meanwhile;"
    " the next one sees the change.",
    "docs.aws.amazon.com/lambda, UpdateFunctionConfiguration",
    sure="documented",
    held_by=("updates_spare_running_invocations",),
)
def _updated(local: LocalMachines) -> None:
    queue, functions = local.queue("running"), local.client("lambda")
    body = (
        "boto3.client('sqs').send_message(QueueUrl=os.environ['QUEUE'], MessageBody='{}')\n"
        "time.sleep(event.get('seconds', 0))\n"
        "return os.environ['SIDE']"
    )
    local.function("updated", body, QUEUE=queue, SIDE="old")

    def call(**event: int) -> Any:
        answer = functions.invoke(FunctionName="updated", Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read())

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(call, seconds=1)
        local.next_message(queue)
        functions.update_function_configuration(
            FunctionName="updated", Environment={"Variables": {"QUEUE": queue, "SIDE": "new"}}
        )
        assert (call(), running.result()) == ("new", "old")


@on_local(
    "runtime-error-is-caught-by-nothing",
    "States.Runtime, of a variable that nobody assigned, ends the execution, past any Catch.",
    "docs.aws.amazon.com/step-functions, error names",
    sure="documented",
    held_by=("some_errors_escape_states_all",),
)
def _runtime(local: LocalMachines) -> None:
    caught = [
        {"ErrorEquals": ["States.Runtime"], "Next": "Caught"},
        {"ErrorEquals": ["States.ALL"], "Next": "Caught"},
    ]
    asked = {"a.$": "$nobody"}
    call = task(local.function("unasked", "return 1"), Parameters=asked, Catch=caught)
    machine = local.machine("runtime", "JSONPath", Call=call, Caught={"Type": "Succeed"})
    ended = local.run(machine)
    assert (ended["status"], ended.get("error")) == ("FAILED", "States.Runtime")

"""The local AWS runs and updates functions as AWS does."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.local_machines import LocalMachines, local_machines


@pytest.fixture(scope="module")
def local() -> Iterator[LocalMachines]:
    with local_machines() as machines:
        yield machines


def invoke(local: LocalMachines, name: str, event: Any = None) -> dict[str, Any]:
    answer = local.client("lambda").invoke(
        FunctionName=name, Payload=json.dumps(event or {}).encode()
    )
    return {"error": answer.get("FunctionError"), "result": json.loads(answer["Payload"].read())}


def test_an_environment_survives_the_exceptions_of_its_handler(local: LocalMachines) -> None:
    local.function("survivor", "raise RuntimeError(os.getpid())")
    answers = [invoke(local, "survivor") for _ in range(3)]
    assert all(answer["error"] for answer in answers)
    assert len({answer["result"]["errorMessage"] for answer in answers}) == 1


def test_a_running_invocation_outlives_an_update_and_the_next_sees_it(
    local: LocalMachines,
) -> None:
    queue = local.queue("running")
    body = (
        "boto3.client('sqs').send_message(QueueUrl=os.environ['QUEUE'], MessageBody='{}')\n"
        "time.sleep(event.get('seconds', 0))\n"
        "return os.environ['SIDE']"
    )
    local.function("updated", body, QUEUE=queue, SIDE="old")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(invoke, local, "updated", {"seconds": 1})
        local.next_message(queue)
        local.client("lambda").update_function_configuration(
            FunctionName="updated", Environment={"Variables": {"QUEUE": queue, "SIDE": "new"}}
        )
        assert invoke(local, "updated")["result"] == "new"
        assert running.result() == {"error": None, "result": "old"}


def test_a_function_is_active_as_soon_as_it_is_made(local: LocalMachines) -> None:
    local.function("active", "return 1")
    found = local.client("lambda").get_function_configuration(FunctionName="active")
    assert (found["State"], found["LastUpdateStatus"]) == ("Active", "Successful")


def test_functions_see_nothing_of_the_users_environment(local: LocalMachines) -> None:
    local.function("environment", "return dict(os.environ)")
    seen = invoke(local, "environment")["result"]
    assert seen["AWS_ENDPOINT_URL"] == local.endpoint
    assert not {"AWS_PROFILE", "PYTEST_CURRENT_TEST", "BEHAVIOR"} & set(seen)

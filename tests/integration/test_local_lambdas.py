"""The local AWS runs and updates functions as AWS does."""

import json
from collections.abc import Iterator
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


def test_functions_see_nothing_of_the_users_environment(local: LocalMachines) -> None:
    local.function("environment", "return dict(os.environ)")
    seen = invoke(local, "environment")["result"]
    assert seen["AWS_ENDPOINT_URL"] == local.endpoint
    assert not {"AWS_PROFILE", "PYTEST_CURRENT_TEST", "BEHAVIOR"} & set(seen)

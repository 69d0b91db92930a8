"""moto as the tests of one process use it: from several threads, as the Lambdas call AWS."""

from collections.abc import Iterator
from threading import RLock
from typing import Any

import pytest
from moto.dynamodb.responses import DynamoHandler


@pytest.fixture(scope="session", autouse=True)
def one_call_of_dynamodb_at_a_time() -> Iterator[None]:
    """DynamoDB writes an item as a whole; moto's change under the threads that read them."""
    lock, call_action = RLock(), DynamoHandler.call_action

    def one_at_a_time(handler: DynamoHandler) -> Any:
        with lock:
            return call_action(handler)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoHandler, "call_action", one_at_a_time)
        yield

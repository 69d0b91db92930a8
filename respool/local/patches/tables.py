"""DynamoDB: writes that see each other whole or not at all, and share nothing."""

import copy
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

from ministack.services import dynamodb

WRITES = ("_put_item", "_update_item", "_delete_item", "_batch_write_item", "_transact_write_items")


def writes_are_atomic() -> None:
    """AWS: a condition is checked, and its write made, with no other write in between."""
    alone = threading.RLock()
    for name in WRITES:
        setattr(dynamodb, name, _one_by_one(getattr(dynamodb, name), alone))


def attributes_share_no_value() -> None:
    """AWS: two attributes that an expression sets from one value are two values from then on."""
    evaluate = dynamodb._eval_set_value

    def evaluate_apart(*args: Any) -> Any:
        return copy.deepcopy(evaluate(*args))

    dynamodb._eval_set_value = evaluate_apart


def _one_by_one(write: Callable[..., Any], alone: threading.RLock) -> Callable[..., Any]:
    @wraps(write)
    def written(*args: Any, **named: Any) -> Any:
        with alone:
            return write(*args, **named)

    return written

"""How long it takes to adopt a large definition."""

import json
from collections.abc import Iterator
from time import perf_counter

from respool.adopt.definition import Choices, adopt
from respool.adopt.reading import read, write
from tests.bench.figures import Figure

BYTES = 50_000
TASKS = 40
"""As many as fit: each adds some 20,000 bytes to a definition, and AWS takes 1 MiB."""


def adopted() -> Iterator[Figure]:
    """Reading it, adopting every task in it, and writing it."""
    text = _definition()
    choices = Choices({f"T{n}": "" for n in range(TASKS)}, "orders")
    began = perf_counter()
    write(adopt(read(text, "orders.json"), choices))
    name = f"adopting {len(text) // 1000} KB of JSON, all of its {TASKS} tasks"
    yield Figure(name, perf_counter() - began, "s", limit=1)


def _definition() -> str:
    """Tasks in a row; comments make up the size."""
    row = {
        f"T{n}": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "f", "Payload.$": "$"},
            "Comment": "x" * (BYTES // TASKS - 150),
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Handle"}],
            "Next": f"T{n + 1}",
        }
        for n in range(TASKS)
    }
    ends = {f"T{TASKS}": {"Type": "Succeed"}, "Handle": {"Type": "Fail"}}
    return json.dumps({"StartAt": "T0", "States": {**row, **ends}}, indent=1)

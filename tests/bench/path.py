"""What a job costs that just works, and how large the definition is."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.bench.figures import Figure
from tests.fakes.definition import FILE
from tests.fakes.stage import FakeStage
from tests.fakes.table import PROJECTED, Item

LIMIT = 5


def works() -> Iterator[Figure]:
    """Transitions and write units of a job that works at once, while four others are inside."""
    stage = FakeStage(task_limit=LIMIT)
    for n in range(LIMIT - 1):
        inside = stage.executions.start(_name(n), f'{{"key":"{_name(n)}"}}')
        stage.machine.run_to(inside, "Finish")
    meter = Meter()
    stage.table.on_write = meter.written
    arn = stage.executions.start(_name(LIMIT), f'{{"key":"{_name(LIMIT)}"}}')
    stage.machine.run_to(arn, "nowhere")
    run = stage.executions.runs[arn]
    yield Figure("transitions of a job that works at once", run.transitions, limit=4)
    yield Figure("its write units at limit 5, index included", meter.units, limit=8)


def _name(n: int) -> str:
    return f"order-2026-{n:06}"


class Meter:
    """Counts DynamoDB's write units; all writes on this way are in transactions, two a KiB."""

    def __init__(self) -> None:
        self.units = 0

    def written(self, pk: str, old: Item | None, new: Item | None) -> None:
        """One item's change."""
        del pk
        self.units += 2 * _units(max(_size(old), _size(new)))
        entries = [_entry(old), _entry(new)]
        if entries[0] != entries[1]:
            self.units += sum(_units(_size(entry)) for entry in entries if entry)


def _units(size: int) -> int:
    return math.ceil(size / 1024)


def _entry(item: Item | None) -> Item | None:
    """What the index holds of it."""
    if item is None or "queue" not in item:
        return None
    return {name: value for name, value in item.items() if name in PROJECTED}


def _size(item: Item | None) -> int:
    """Bytes as DynamoDB counts them: names and values, three more for each map."""
    return sum(len(name) + _value(value) for name, value in (item or {}).items())


def _value(value: Mapping[str, Any]) -> int:
    ((kind, inner),) = value.items()
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value(each) for name, each in inner.items())
    return len(str(inner).encode())


def definition() -> Iterator[Figure]:
    """States, and the longest JSONata expression."""
    text = FILE.read_text("utf-8")
    longest = max(len(found) for found in re.findall(r"{% (.*?) %}", text))
    yield Figure("states in statemachine.json", len(json.loads(text)["States"]), limit=13)
    yield Figure("its longest JSONata expression, characters", longest, limit=250)

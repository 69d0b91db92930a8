"""The sample task: it fails on command, takes as long as told, and tells who is inside."""

from typing import Any

import pytest

from chalicelib.local.memory.journal import MemoryJournal
from chalicelib.uncertain_task import work


def done(event: Any, **environ: str) -> tuple[Any, list[float], MemoryJournal]:
    pauses: list[float] = []
    journal = MemoryJournal()
    return work(event, environ, journal, pauses.append), pauses, journal


@pytest.mark.parametrize("event", [{"key": "12345"}, [1], "text", None])
def test_it_returns_its_event_after_two_seconds(event: Any) -> None:
    result, pauses, _ = done(event)

    assert result == event
    assert pauses == [2.0]


def test_it_takes_as_long_as_sleep_says() -> None:
    assert done({}, SLEEP="0.5")[1] == [0.5]


def test_it_raises_with_behavior_ng_and_works_with_any_other() -> None:
    with pytest.raises(ConnectionError, match="the neighbour does not answer"):
        done({}, BEHAVIOR="NG")

    assert done({}, BEHAVIOR="OK")[0] == {}


def test_it_says_when_a_job_comes_and_when_it_leaves_also_where_it_fails() -> None:
    journal = MemoryJournal()

    with pytest.raises(ConnectionError):
        work({"key": 7}, {"BEHAVIOR": "NG"}, journal, lambda _: None)

    assert journal.actions == ["task-entered", "task-left"]
    assert {fields["key"] for _, fields in journal.lines} == {"7"}

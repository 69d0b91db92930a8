"""The sample task: it fails on command, takes as long as told, and tells who is inside."""

from typing import Any

import pytest

from chalicelib.uncertain_task import ServiceClosed, work
from tests.fakes.telemetry import FakeTelemetry


def done(event: Any, **environ: str) -> tuple[Any, list[float], FakeTelemetry]:
    pauses: list[float] = []
    telemetry = FakeTelemetry()
    return work(event, environ, telemetry, pauses.append), pauses, telemetry


@pytest.mark.parametrize("event", [{"key": "12345"}, [1], "text", None])
def test_it_returns_its_event_after_two_seconds(event: Any) -> None:
    result, pauses, _ = done(event)

    assert result == event
    assert pauses == [2.0]


def test_it_takes_as_long_as_sleep_says() -> None:
    assert done({}, SLEEP="0.5")[1] == [0.5]


def test_it_raises_with_behavior_ng_and_works_with_any_other() -> None:
    with pytest.raises(ConnectionError, match="the service does not answer"):
        done({}, BEHAVIOR="NG")

    assert done({}, BEHAVIOR="OK")[0] == {}


def test_with_closed_for_its_failure_says_for_how_long_the_service_is_closed() -> None:
    with pytest.raises(ServiceClosed, match=r"closed \(Retry-After: 90\)"):
        done({}, BEHAVIOR="NG", CLOSED_FOR="90")


def test_it_says_when_a_job_comes_and_when_it_leaves_also_where_it_fails() -> None:
    telemetry = FakeTelemetry()

    with pytest.raises(ConnectionError):
        work({"key": 7}, {"BEHAVIOR": "NG"}, telemetry, lambda _: None)

    assert telemetry.actions == ["task-entered", "task-left"]
    assert {fields["key"] for _, fields in telemetry.lines} == {"7"}

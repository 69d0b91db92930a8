"""Jobs as a person wants to see them: where each is, how often it was tried, what came of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

TASK = "UncertainTask"
Event = Mapping[str, Any]


class Executions(Protocol):
    """Where executions can be looked at."""

    def describe(self, execution: str, /) -> Mapping[str, Any]:
        """What Step Functions says of an execution."""

    def history(self, execution: str, /) -> list[Event]:
        """All its events."""


@dataclass(frozen=True)
class JobView:
    """One job at one moment."""

    job: Any
    status: str
    state: str
    tries: int
    finished: int
    output: Any

    @property
    def done_once(self) -> bool:
        """Whether it finished, its task exactly once, with its own output."""
        return (self.status, self.finished, self.output) == ("SUCCEEDED", 1, self.job)


def look(executions: Executions, execution: str) -> JobView:
    """How a job stands now."""
    about = executions.describe(execution)
    events = executions.history(execution)
    entered = [state for _, state in _states(events)]
    in_task = [event for event, state in _states(events, every=True) if state == TASK]
    return JobView(
        job=json.loads(about["input"]),
        status=about["status"],
        state=entered[-1] if entered else "",
        tries=_count(in_task, "LambdaFunctionScheduled"),
        finished=_count(in_task, "LambdaFunctionSucceeded"),
        output=json.loads(about["output"]) if about["status"] == "SUCCEEDED" else None,
    )


def _states(events: list[Event], every: bool = False) -> list[tuple[Event, str]]:
    """The events that enter a state (or every event), each with the state that it belongs to."""
    pairs, state = [], ""
    for event in events:
        entering = event.get("stateEnteredEventDetails")
        if entering:
            state = entering["name"]
        if entering or every:
            pairs.append((event, state))
    return pairs


def _count(events: list[Event], kind: str) -> int:
    return sum(event["type"] == kind for event in events)

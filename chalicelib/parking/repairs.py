"""What a sweep has found and set right, and what AWS refused it."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from chalicelib.job.execution import Execution
from chalicelib.job.ports import Workflow
from chalicelib.moments import iso

MOST_TOLD = 1000
"""Names in each list of a result; a Lambda's answer ends at 6 MB."""
PACE = 0.15
"""Seconds between two DescribeExecution calls: under 10 per second, the smallest quota."""


@dataclass
class Repairs:
    """What a sweep set right; each list names keys, executions or tasks.

    `rescued`: executions whose death nobody had heard of; `ended`: keys of jobs that had ended
    while their claims did not say so; `freed`: executions whose slots were taken back; `revived`:
    keys of dead jobs that run again; `parked_again`: keys of jobs whose redrive was begun and
    never came; `restarted`: keys of jobs whose executions Step Functions ended after a year;
    `noted`: keys whose notes were sent again; `recounted`: tasks whose line had another length;
    `admitted`: how many were let in; `near_year`: keys of jobs that Step Functions ends or forgets
    soon; `unclaimed`: executions that wait or work while no claim tells of them; `unadopted`:
    tasks of listed machines whose definitions no longer have our states around them; `refused`:
    what could not be done; `more`: time ran out first.
    """

    rescued: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    freed: list[str] = field(default_factory=list)
    revived: list[str] = field(default_factory=list)
    parked_again: list[str] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)
    recounted: list[str] = field(default_factory=list)
    admitted: int = 0
    near_year: list[str] = field(default_factory=list)
    unclaimed: list[str] = field(default_factory=list)
    unadopted: list[str] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    more: bool = False

    @property
    def count(self) -> int:
        """How many things were set right."""
        lists = (self.rescued, self.ended, self.freed, self.revived, self.parked_again)
        return sum(map(len, (*lists, self.restarted, self.noted, self.recounted)))

    def counts(self) -> dict[str, Any]:
        """The sweep in numbers, without those that are nought."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        numbers = {n: len(v) if isinstance(v, list) else v for n, v in values.items()}
        return {name: value for name, value in numbers.items() if value}

    def as_json(self) -> dict[str, Any]:
        """The result as callers get it."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {n: v[:MOST_TOLD] if isinstance(v, list) else v for n, v in values.items()}


class Looks:
    """DescribeExecution, paced, and asked once for each execution."""

    def __init__(self, workflow: Workflow, pause: Callable[[float], None]) -> None:
        self._workflow = workflow
        self._pause = pause
        self._seen: dict[str, Execution] = {}
        self._parents: dict[str, Execution] = {}
        self._scopes: dict[str, str] = {}

    def at(self, execution: str) -> Execution:
        """How it stands, or stood a moment ago."""
        if execution not in self._seen:
            self._seen[execution] = self.afresh(execution)
        return self._seen[execution]

    def parent(self, map_run: str) -> Execution:
        """How the execution stands, or stood, whose distributed Map that is."""
        if map_run not in self._parents:
            self._pause(2 * PACE)
            self._parents[map_run] = self._workflow.parent(map_run)
        return self._parents[map_run]

    def scope_failed_at(self, execution: str) -> str:
        """When a Parallel or a Map in it failed last, in ISO 8601; empty where none has."""
        if execution not in self._scopes:
            self._pause(PACE)
            failed = self._workflow.tail(execution).scope_failed_at
            self._scopes[execution] = iso(failed) if failed else ""
        return self._scopes[execution]

    def afresh(self, execution: str) -> Execution:
        """How it stands now."""
        self._pause(PACE)
        return self._workflow.describe(execution)

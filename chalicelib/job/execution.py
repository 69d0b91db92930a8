"""Executions, as Step Functions tells of them."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.words import Word


class Status(Word):
    """How an execution stands; MISSING: Step Functions does not know it (any more)."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"
    MISSING = "MISSING"


def machine_of(execution: str) -> str:
    """The name of an execution's state machine, by its ARN; empty where that is none."""
    parts = execution.split(":")
    return parts[6].partition("/")[0] if len(parts) > 7 else ""


def is_child(execution: str) -> bool:
    """Whether a distributed Map has started it, by its ARN."""
    return "/" in execution.rpartition(":")[0]


def is_of(execution: str, machine: str) -> bool:
    """Whether it is an execution of a state machine or of one of its Maps; `machine` is any ARN
    that an execution of that machine might have."""
    return execution.rpartition(":")[0].partition("/")[0] == machine.rpartition(":")[0]


def same_machine(one: str, other: str) -> bool:
    """Whether two executions, by their ARNs, are of one state machine."""
    return one.rpartition(":")[0] == other.rpartition(":")[0]


DEAD = (Status.FAILED, Status.TIMED_OUT, Status.ABORTED)
"""How executions end that did not succeed."""


@dataclass(frozen=True)
class Execution:
    """An execution as Step Functions describes it; `input` is its exact JSON text.

    `map_run` is the ARN of the Map Run that has started it; empty where none has.
    """

    arn: str
    status: Status
    input: str = ""
    error: str = ""
    cause: str = ""
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    redrives: int = 0
    redrivable: bool = False
    map_run: str = ""


@dataclass(frozen=True)
class Tail:
    """The end of an execution's history: how many events, the state entered last, and when, and
    when a Parallel or a Map failed last."""

    events: int
    in_fail_state: bool
    state: str = ""
    entered_at: datetime | None = None
    scope_failed_at: datetime | None = None

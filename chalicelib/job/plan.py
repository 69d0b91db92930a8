"""Decides what to do with a spooled job. Pure: it touches nothing and asks nobody."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chalicelib import moments
from chalicelib.job.execution import Status
from chalicelib.job.record import Record
from chalicelib.limits import EVENTS, REDRIVABLE

ENDS = frozenset({"AlreadyRunning", "BadInput", "GivenUp"})
"""The errors of executions that were meant to end: nobody restarts those."""

REDRIVE_EVENTS = EVENTS - 1
"""A redrive adds an event of its own."""

RESTARTED = "was restarted already"
GONE_ON = "has gone on already, or waits on a newer token"


class Action(StrEnum):
    """What becomes of a spooled job."""

    RESUME = "resume"
    REDRIVE = "redrive"
    RESTART = "restart"
    STALE = "stale"
    STUCK = "stuck"
    LEAVE = "leave"


@dataclass(frozen=True)
class Facts:
    """What is known of a record's execution, where somebody looked."""

    status: Status
    error: str = ""
    stopped_at: datetime | None = None
    redrives: int = 0
    redrivable: bool = False
    events: int = 0
    failed_in_fail_state: bool = False
    failed_in: str = ""
    given_up: bool = False
    successor: bool = False
    token_refused: bool = False
    input: str = ""


@dataclass(frozen=True)
class Choice:
    """Which jobs a replay is about; an empty field narrows nothing."""

    task: str = ""
    error: str = ""
    key: str = ""
    older_than: int = 0
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rules:
    """What holds for one replay. `cool_down` is seconds since the failure; 0 for people.

    `service_failures` says, by key, how many failures were the service's: those don't make a job
    stuck.
    """

    began: datetime
    max_attempts: int = 5
    cool_down: int = 0
    take_stuck: bool = False
    choice: Choice = field(default_factory=Choice)
    service_failures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """An action, why, and for LEAVE after how many seconds it is worth another look."""

    action: Action
    reason: str
    wait: int = 0


def admit(record: Record, spooled_at: datetime, now: datetime, rules: Rules) -> Decision | None:
    """Turn away what this replay must not take; None lets the job through."""
    if spooled_at > rules.began:
        return Decision(Action.LEAVE, "was spooled after this replay began")
    if not _chosen(record, spooled_at, now, rules.choice):
        return Decision(Action.LEAVE, "is not among the jobs that were chosen")
    if (cooling := _cooling(record, spooled_at, now, rules.cool_down)) > 0:
        return Decision(Action.LEAVE, "failed only a moment ago", cooling)
    own = record.attempt - rules.service_failures.get(record.key, 0)
    if own >= rules.max_attempts and not rules.take_stuck:
        return Decision(Action.STUCK, f"has failed {record.attempt} times")
    return None


def needs_facts(record: Record) -> bool:
    """Whether somebody must look at the execution before anything can be decided."""
    return bool(record.execution) and not record.token


def decide(record: Record, facts: Facts | None, now: datetime) -> Decision:
    """The cheapest recovery that the facts allow. Without facts a token is taken on trust."""
    if facts is None:
        if record.token:
            return Decision(Action.RESUME, "waits on its token")
        return Decision(Action.RESTART, "has no execution that could go on")
    if facts.status is Status.SUCCEEDED:
        return Decision(Action.STALE, "has finished already")
    if facts.given_up or facts.error in ENDS:
        return Decision(Action.STALE, f"has ended for good ({facts.error or 'GivenUp'})")
    if facts.status is Status.RUNNING:
        return _of_running(record, facts)
    if facts.successor:
        return Decision(Action.STALE, RESTARTED)
    if facts.status is not Status.MISSING and _may_redrive(facts, now):
        return Decision(Action.REDRIVE, f"is {facts.status} and can go on where it failed")
    return Decision(Action.RESTART, f"its execution is {facts.status}")


def _of_running(record: Record, facts: Facts) -> Decision:
    if record.token and not facts.token_refused:
        return Decision(Action.RESUME, "waits on its token")
    return Decision(Action.STALE, GONE_ON)


def _may_redrive(facts: Facts, now: datetime) -> bool:
    return (
        facts.redrivable
        and facts.events < REDRIVE_EVENTS
        and not facts.failed_in_fail_state
        and facts.stopped_at is not None
        and now - facts.stopped_at < REDRIVABLE
    )


def _chosen(record: Record, spooled_at: datetime, now: datetime, choice: Choice) -> bool:
    age = (now - failed_at(record, spooled_at)).total_seconds()
    return (
        choice.task in ("", record.task)
        and choice.error in ("", record.error.name)
        and choice.key in ("", record.key)
        and (not choice.keys or record.key in choice.keys)
        and age >= choice.older_than
    )


def _cooling(record: Record, spooled_at: datetime, now: datetime, cool_down: int) -> int:
    """Seconds until the job has cooled down; zero or less when it has."""
    age = (now - failed_at(record, spooled_at)).total_seconds()
    return int(cool_down - age + 1) if age < cool_down else 0


def failed_at(record: Record, spooled_at: datetime) -> datetime:
    """When the job last failed, as far as the record says; never after it was spooled."""
    failed = moments.read(record.failed_at)
    return min(failed, spooled_at) if failed else spooled_at

"""One execution of the state machine, as far as it has come."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from chalicelib.job.execution import Execution, Status
from chalicelib.job.json_text import whole
from chalicelib.job.key import flat
from chalicelib.moments import iso


@dataclass(frozen=True)
class Answer:
    """What somebody sent for a task's token; without an error it is success."""

    error: str | None = None
    cause: str = ""
    failed: bool = False


@dataclass
class Run:
    """An execution. Waits on `token` until there is an `answer`; `due` is when a retry may come.

    `state` is empty until its first state begins; `inside`: the uncertain task has begun; `asked`:
    the keys of the claims that its states have asked for; `left_behind`: those of them whose branch
    was stopped as another one failed, the last time at `scope_failed_at`.
    """

    arn: str
    input: str
    started_at: datetime
    status: Status = Status.RUNNING
    state: str = ""
    fail_state: bool = False
    error: str = ""
    cause: str = ""
    stopped_at: datetime | None = None
    redrives: int = 0
    events: int = 2
    transitions: int = 0
    value: Any = None
    variables: dict[str, Any] = field(default_factory=dict)
    entered_at: str = ""
    entered: float = 0
    tries: Counter[int] = field(default_factory=Counter)
    due: float = 0
    inside: bool = False
    token: str = ""
    waits: bool = False
    answer: Answer | None = None
    history: list[tuple[str, str, datetime]] = field(default_factory=list)
    asked: dict[str, None] = field(default_factory=dict)
    scope_failed_at: datetime | None = None
    left_behind: set[str] = field(default_factory=set)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.status is Status.RUNNING

    @property
    def name(self) -> str:
        """The execution's name."""
        return self.arn.rpartition(":")[2]

    @property
    def pk(self) -> str:
        """The key of its claim; empty before ClaimJob has read it."""
        return str(self.variables.get("respool", {}).get("pk", ""))

    @property
    def attempt(self) -> int:
        """How often the job has failed, as the execution knows it."""
        return int(self.variables.get("respoolFailure", {}).get("attempt", 0))

    @cached_property
    def parsed(self) -> Any:
        """The input as a value; what lies too deep for Python is left out."""
        try:
            return json.loads(self.input, parse_int=whole)
        except RecursionError:
            return json.loads(flat(self.input), parse_int=whole)

    @cached_property
    def execution(self) -> dict[str, Any]:
        """What the context object says of the execution; it never changes."""
        return {
            "Id": self.arn,
            "Name": self.name,
            "Input": self.parsed,
            "StartTime": iso(self.started_at),
        }

    def enter(self, state: str, elapsed: float, now: datetime) -> None:
        """Go on to a state."""
        self.state, self.entered, self.entered_at = state, elapsed, iso(now)
        self.tries, self.due, self.inside = Counter(), 0, False
        self.token, self.waits, self.answer = "", False, None
        self.transitions += 1
        self.history.append(("StateEntered", state, now))

    def described(self, redrivable: bool) -> Execution:
        """As DescribeExecution tells it."""
        return Execution(
            arn=self.arn,
            status=self.status,
            input=self.input,
            error=self.error,
            cause=self.cause,
            started_at=self.started_at,
            stopped_at=self.stopped_at,
            redrives=self.redrives,
            redrivable=redrivable,
        )

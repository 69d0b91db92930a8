"""A claim says who owns a key and how its job stands; slots say who is inside a task. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.job.failure import Failure, read_failure
from chalicelib.moments import iso
from chalicelib.words import Word

JOB = "job#"
RAMP, FAILURES, SERVICE, WINDOW = "ramp", "failures", "service", "window"
"""Who closes a gate, where it is not a person."""
FOR_EVER = "9999-12-31T00:00:00.000Z"
"""When a gate opens that a person has to open."""


def job_pk(key: str, machine: str = "") -> str:
    """The claim's own key in the table, of a job of that machine; empty: the stage's own."""
    return f"job@{machine}#{key}" if machine else JOB + key


def machine_in(pk: str) -> str:
    """Whose job a claim of that own key is; empty: the stage's own."""
    return pk.partition("#")[0].removeprefix("job").removeprefix("@")


class State(Word):
    """How a job stands. RUNNING to STUCK are stored; the others tell how it ended."""

    RUNNING = "running"
    LINE = "line"
    PARKED = "parked"
    STUCK = "stuck"
    FINISHED = "finished"
    FAILED = "failed"
    GIVEN_UP = "given-up"
    ABORTED = "aborted"


WAITING = (State.LINE, State.PARKED, State.STUCK)
"""The states that the index lists."""


@dataclass(frozen=True)
class Claim:
    """A key, the execution that owns it, and how its job stands.

    `pk` is the claim's own key in the table. Times are ISO 8601, UTC, to the millisecond; empty:
    never, or not now. `order` is the start of the job's first execution and the key: the one
    order in which jobs are served. `token` is filled only by consistent reads, never in lists.
    `entered_at` is when it last got into its task; of a dead one only if it died there. `dead_at`
    is set while the owner is dead and the job waits for a redrive or a restart. `watched`: its
    machine has none of our states; the whole execution is the job, and it is redriven or nothing.
    `left_line`: it was taken out of line to be given up, and its token would let it in without a
    slot. `fail_state`: the owner died in a Fail state that was not meant; a redrive only enters it
    again.
    """

    pk: str
    execution: str
    state: State = State.RUNNING
    task: str = ""
    order: str = ""
    since: str = ""
    attempt: int = 0
    error: str = ""
    cause: str = ""
    failed_at: str = ""
    first_failed_at: str = ""
    noted_at: str = ""
    claimed_at: str = ""
    entered_at: str = ""
    dead_at: str = ""
    predecessor: str = ""
    ended_at: str = ""
    expires_at: int = 0
    watched: bool = False
    fail_state: bool = False
    left_line: bool = False
    token: str = field(default="", repr=False)

    @property
    def key(self) -> str:
        """The job's key, without the machine."""
        return self.pk.partition("#")[2]

    @property
    def machine(self) -> str:
        """The state machine whose job it is; empty: the stage's own."""
        return machine_in(self.pk)

    @property
    def may_have_siblings(self) -> bool:
        """Whether its execution may be about more than this job."""
        return bool(self.machine or "/" in self.key) and not self.watched

    @property
    def may_be_in_scope(self) -> bool:
        """Whether it may wait inside a Parallel or a Map: its key then ends in its state's name."""
        return "/" in self.key and not self.watched

    @property
    def may_be_watched(self) -> bool:
        """What the index lets one think, which has not whether it is; the claim itself says."""
        return bool(self.machine) and self.task == self.machine

    @property
    def waits(self) -> bool:
        """Whether it is in line, parked or stuck."""
        return not self.ended_at and self.state in WAITING

    @property
    def started_at(self) -> str:
        """When the job's first execution started."""
        return self.order.partition("#")[0]

    @property
    def failure(self) -> Failure:
        """Why it failed last, read out of what Step Functions said; empty where it never failed."""
        return (
            read_failure({"Error": self.error, "Cause": self.cause}) if self.attempt else Failure()
        )


@dataclass(frozen=True)
class Gate:
    """Whether a task takes jobs; for a closed one by whom, why, since when and until when.

    Where the service itself closed it, `until` is the time that it named.
    """

    open: bool
    by: str = ""
    why: str = ""
    since: str = ""
    until: str = ""


@dataclass(frozen=True)
class Slots:
    """Who is inside a task, how many stand in line, its limit and its gate.

    The maps are keyed by the claim's own key: `owners` to the execution, `waking` to the `since`
    of the wait that `admit` ended and whose token it has yet to answer, `passes` to the time until
    which the pass is good, `failed` to when it failed, since the last success. `close_after`
    failures in a row close the gate. `named_until` is the time that the service named;
    `told` is whether people were last told that the gate is `open` or `closed`.
    """

    task: str
    owners: Mapping[str, str] = field(default_factory=dict)
    waking: Mapping[str, str] = field(default_factory=dict)
    passes: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    waiting: int = 0
    limit: int = 0
    close_after: int = 1_000_000
    closed_until: str = ""
    closed_at: str = ""
    closed_by: str = ""
    closed_why: str = ""
    named_until: str = ""
    opened_at: str = ""
    told: str = ""
    window_from: str = ""
    window_until: str = ""
    window_why: str = ""
    limit_set: int | None = None
    limit_by: str = ""
    limit_why: str = ""
    limit_at: str = ""
    complete: bool = True
    """Whether the item has all that TakeSlot reads; `admit` completes one that has not."""

    @property
    def free(self) -> int:
        """Slots that nobody has."""
        return max(0, self.limit - len(self.owners))

    def gate(self, now: datetime) -> Gate:
        """Whether the task takes jobs now; judged as TakeSlot judges it."""
        at = iso(now)
        if self.closed_until > at:
            until = "" if self.closed_until == FOR_EVER else self.closed_until
            until = self.named_until or until
            return Gate(False, self.closed_by, self.closed_why, self.closed_at, until)
        if self.window_from and self.window_from <= at < self.window_until:
            return Gate(False, WINDOW, self.window_why, self.window_from, self.window_until)
        if len(self.failed) >= self.close_after:
            why = f"the last {len(self.failed)} jobs failed"
            return Gate(False, FAILURES, why, max(self.failed.values()), "")
        return Gate(True)

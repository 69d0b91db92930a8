"""The ports: all that the engines need of the world, which `aws` and the tests' fakes provide.

Times are seconds unless said otherwise; errors are those of `chalicelib.errors`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.job.claim import Claim, Slots, State
from chalicelib.job.execution import Execution, Status, Tail
from chalicelib.job.message import Message

if TYPE_CHECKING:  # the Lambdas that need neither start without them
    from chalicelib.job.frames import Frames
    from chalicelib.job.incident import Incident
    from chalicelib.job.ramp_state import State as RampState
    from chalicelib.job.replay import ChosenJob, Replay

Clock = Callable[[], datetime]
"""Tells the time of day, with its zone."""
THREADS = 24
"""Calls that an engine may have under way at once; adapters are ready for as many."""


@dataclass(frozen=True)
class Count:
    """A number of jobs; not `whole`: there are more, which nobody counted."""

    number: int
    whole: bool = True


@dataclass(frozen=True)
class Switched:
    """The last change of the trigger: to what, by whom, why, and when (ISO 8601)."""

    enabled: bool
    by: str
    why: str
    at: str


class Workflow(Protocol):
    """What the engines need of Step Functions."""

    def resume(self, token: str) -> None:
        """Let the job go on that waits on this token. Raises TokenRefused."""

    def start(self, name: str, input: str) -> str:
        """Start an execution; returns its ARN. Raises AlreadyStarted."""

    def fail(self, token: str, error: str, cause: str) -> None:
        """End the wait on this token with an error. Raises TokenRefused."""

    def redrive(self, execution: str) -> None:
        """Let a dead execution go on at its failed state. Raises RedriveRefused."""

    def stop(self, execution: str, error: str, cause: str) -> None:
        """End a running execution; one that has ended already stays as it is."""

    def describe(self, execution: str) -> Execution:
        """Look at one; its status is MISSING where there is none."""

    def parent(self, map_run: str) -> Execution:
        """Look at the execution that a Map Run belongs to; MISSING where that is forgotten."""

    def tail(self, execution: str) -> Tail:
        """Look at the end of its history. Raises NotFound."""

    def history(self, execution: str, most: int) -> list[Mapping[str, Any]]:
        """The latest `most` events of an execution, the oldest of them first; without payloads."""

    def asked(self, execution: str) -> list[str]:
        """The keys of all claims that a dead execution's states have asked for, in that order.

        Raises NotFound, and Lagging where its history does not show its end yet.
        """

    def left_behind(self, execution: str) -> set[str]:
        """The keys of all claims whose branch or item was stopped as another one failed.

        Raises NotFound.
        """

    def frames(self) -> "Frames":
        """What respool has put into the machine's definition."""

    def frames_of(self, execution: str) -> "Frames":
        """What respool had put into the definition that an execution has run by."""

    def list(self, status: Status) -> Iterator[str]:
        """The ARNs of all executions of that status, youngest first."""

    def deaths(self, status: Status, since: datetime | None = None) -> Iterator[tuple[str, int]]:
        """Executions of a status, with how often each was redriven; youngest first.

        With `since` only those that started then or later.
        """

    def arn(self, name: str) -> str:
        """The ARN that an execution of that name has."""

    def of(self, machine: str) -> "Workflow":
        """The workflow of another state machine, by its name; empty: the stage's own."""


class Spool(Protocol):
    """What the engines need of a queue; times are seconds."""

    def receive(self, limit: int, hidden: int) -> list[Message]:
        """Take up to `limit` messages, at most ten, which are hidden then; waits for one."""

    def delete(self, messages: Sequence[Message]) -> None:
        """Remove them for good."""

    def make_visible(self, messages: Sequence[Message], after: int = 0) -> None:
        """Let others see them, after that time in seconds."""

    def send(self, body: str) -> None:
        """Add a message."""

    def depth(self) -> int:
        """How many messages there are, about: visible, hidden and delayed ones."""


class Claims(Protocol):
    """What the engines need of the table's claims. Every write is conditional and atomic.

    A write answers False where the claim does not stand as the caller saw it; doing it twice
    changes nothing more. `Conflict` is raised where DynamoDB met another transaction: ask again.
    """

    def get(self, pk: str) -> Claim | None:
        """The claim with its token, read consistently."""

    def get_many(self, pks: Sequence[str]) -> dict[str, Claim]:
        """Claims by their keys with their tokens, read consistently, a hundred a call."""

    def look(self, pks: Sequence[str], consistent: bool = False) -> dict[str, Claim]:
        """Claims by their keys without their tokens, a hundred a call, for people."""

    def waiting(self, state: State, task: str, after: str = "", limit: int = 0) -> Iterator[Claim]:
        """The jobs that wait so for that task, oldest first, behind the order `after`; no tokens.

        Reads the index page by page as it is asked, `limit` entries a page (0: as many as fit);
        the index may lag behind the claims.
        """

    def count(self, state: State, task: str, after: str = "", most: int = 0) -> Count:
        """How many wait so behind the order `after`, by at most `most` pages (0: all)."""

    def mark_stuck(self, claim: Claim, at: str) -> bool:
        """Mark a job stuck that is parked with this execution and attempt."""

    def mark_noted(self, claim: Claim, at: str) -> bool:
        """Say that its note was sent (again), where it still waits as it did."""

    def park_dead(self, claim: Claim, at: str, over: str = "") -> bool:
        """Park a job whose execution died: in one transaction its slot, or its place in line, is
        free, and the claim says why, with no token. `claim` is as it shall be; its `since` is `at`.

        False where another execution owns the key, or this very death is written already; with
        `over` also where its `since` is another one and it is not dead: it was redriven meanwhile;
        or where another execution has used the key since: it was restarted.
        """

    def take_slot(self, claim: Claim, at: str) -> bool:
        """Let a dead job in before its redrive, by TakeSlot's own rules; False where it can't."""

    def join_line(self, claim: Claim, at: str) -> bool:
        """Put a dead job that finds no slot in line; `admit` redrives or restarts it."""

    def rejoin_line(self, claim: Claim, at: str) -> bool:
        """Put a job back in line that had left it; it waits there on its token, as before."""

    def leave_again(self, claim: Claim, at: str) -> bool:
        """Take back `take_slot` where the redrive was refused: parked and dead as `claim` says."""

    def leave_line(self, claim: Claim, at: str) -> bool:
        """Park a job that is in line, by the token that it waits on; `at` is its new `since`.

        False where it is not in line any more.
        """

    def begin_redrive(self, claim: Claim, at: str) -> bool:
        """Say that a dead job is about to be redriven where it needs no slot: its `since` is `at`.

        It stays parked and dead; whoever saw it before can neither redrive it nor hand it over.
        """

    def mark_running(self, claim: Claim) -> bool:
        """Say that a dead job's execution runs again: running, and no longer dead or parked."""

    def hand_over(self, claim: Claim, successor: str, pk: str) -> bool:
        """Let the restart own what the dead execution owned, before it starts.

        `pk` is the successor's own key: another one where the key was the execution's name; then
        one transaction ends the old claim and makes the new. Conditional on `dead_at`, so that
        two who saw the same death hand over once, and to the same successor.
        """

    def end(self, claim: Claim, how: State, at: str, expires: int, as_seen: bool = False) -> bool:
        """End a job: in one transaction its slot or its place in line is free and the claim says
        how it ended, where that execution still owns it, and `as_seen` where it still waits as the
        caller saw it. `expires` is seconds since 1970."""

    def tombstones(self, deaths: Sequence[str]) -> dict[str, str]:
        """Which of these deaths were dealt with, and how (`parked`, `ended`, `given up`)."""

    def put_tombstone(self, death: str, how: str, expires: int) -> None:
        """Remember until then (seconds since 1970) that this death was dealt with."""


class Line(Protocol):
    """What `admit`, the gate and the sweep need of a task's slots."""

    def tasks(self) -> list[str]:
        """Every task that has a slots item, in order of name."""

    def slots(self, task: str) -> Slots:
        """A task's slots, read consistently; incomplete ones where no item is."""

    def complete(self, task: str, limit: int, close_after: int) -> Slots:
        """Make what the item lacks; what is there stays."""

    def apply_settings(self, task: str, limit: int, close_after: int) -> Slots:
        """Make the item whole, and take over a limit that changed since it was last applied."""

    def admit(self, claim: Claim, now: str, by_pass: bool) -> bool:
        """Hand a free slot to a job in line and end its wait, in one transaction.

        False where the job does not wait so any more, or the task has no free slot, or the gate is
        closed and the job has no pass. Raises Conflict.
        """

    def woken(self, task: str, pk: str, since: str) -> bool:
        """Count one less in line, whose token was answered or is void; its slot stays as it is.

        False where another has said so already.
        """

    def free_slot(self, task: str, pk: str, execution: str) -> bool:
        """Take a slot from that execution; False where it has none."""

    def recount(self, slots: Slots, waiting: int) -> bool:
        """Set the line's length, where it is still what it was and nobody is being woken."""

    def set_limit(self, task: str, limit: int, by: str, why: str, at: str) -> Slots:
        """Let at most `limit` jobs in at once, from now on, for all."""

    def close(
        self,
        task: str,
        until: str,
        by: str,
        why: str,
        at: str,
        over: Slots | None = None,
        named: str = "",
    ) -> Slots:
        """Close the gate until then (ISO 8601; FOR_EVER: until somebody opens it).

        With `over`, only where it was neither closed nor opened since it was seen so. `named` is
        the time that the service named.
        """

    def open(self, task: str, by: str, why: str, at: str, over: Slots | None = None) -> Slots:
        """Open the gate and forget the failures in a row; `over` as in `close`."""

    def note_told(self, slots: Slots, word: str) -> bool:
        """Note what people are told of the gate; False where somebody has noted it already."""

    def set_window(self, task: str, begins: str, ends: str, why: str) -> None:
        """Write down the maintenance window under way or next; empty: there is none."""

    def give_pass(self, task: str, pks: Sequence[str], until: str) -> None:
        """Let these jobs through a closed gate until then, within the limit."""

    def drop_passes(self, task: str, pks: Sequence[str]) -> None:
        """Take passes back."""


class Ramps(Protocol):
    """What a tick needs of the table."""

    def get(self, task: str) -> "RampState":
        """The task's state, read consistently; a new one where there is none."""

    def put(self, state: "RampState") -> "RampState | None":
        """Write it over the version that it came from; None where that is not there any more."""


class Replays(Protocol):
    """Where replays are kept. A list, once written, only grows."""

    def get(self, id: str) -> "Replay | None":
        """The replay of that id, read consistently."""

    def put(
        self, replay: "Replay", jobs: "Sequence[ChosenJob]" = (), keys: Sequence[str] = ()
    ) -> "Replay | None":
        """Write it over the version that it came from; None where that is not there any more.

        `jobs` are added to the end of its list, and `jobs` of the replay counts them already.
        """

    def jobs(self, replay: "Replay") -> "list[ChosenJob]":
        """A replay's jobs, in the order in which it chose them."""

    def keys(self, replay: "Replay") -> list[str]:
        """The claims of the jobs that it was asked for by name."""

    def open(self) -> "list[Replay]":
        """Replays under way, and those whose jobs' outcomes may still change; the newest first."""

    def newest(self, most: int, after: str = "") -> "list[Replay]":
        """Replays behind that order, `most` of them at most, the newest first."""


class Incidents(Protocol):
    """What is kept of each task's trouble."""

    def current(self, tasks: Sequence[str]) -> "dict[str, Incident]":
        """Each task's latest incident, read consistently; none where there never was one."""

    def put(self, incident: "Incident", over: "Incident | None") -> "Incident | None":
        """Write it over the one that it follows; None where that is not there any more.

        One that is over and is replaced by a new one is kept beside it.
        """

    def list(self, most: int, before: str = "") -> "list[Incident]":
        """The latest ones, the newest first, of those whose ids are below `before`."""

    def find(self, id: str) -> "Incident | None":
        """The incident of that id, or None."""

    def page(self) -> str:
        """The address of the stage's page, as the last deploy noted it; empty where none has."""

    def note_page(self, url: str) -> None:
        """Note the page's address."""


class Listing(Protocol):
    """What is kept of the state machines that a stage serves besides its own."""

    def since(self, machines: Sequence[str], now: datetime) -> dict[str, datetime]:
        """Since when each is listed: one that was not is from now on; any other is forgotten."""


class Posts(Protocol):
    """The ways by which people are told. Each gives up after some seconds, and raises NotSent."""

    def mail(self, subject: str, text: str) -> None:
        """Publish to the stage's topic, from which mail goes out."""

    def hook(self, url: str, body: str, headers: Mapping[str, str], at: int) -> None:
        """Send JSON to an address, signed with the stage's secret and the time."""


class Telemetry(Protocol):
    """Where the engines report to."""

    def event(self, action: str, **fields: Any) -> None:
        """One line: what happened, to which job."""

    def warning(self, action: str, **fields: Any) -> None:
        """One line about something that somebody should look at."""

    def metric(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Add to a metric."""


class Trigger(Protocol):
    """What people need of the event-source mapping from the spool to the replay Lambda."""

    def state(self) -> str:
        """`enabled`, `disabled`, on the way there `enabling` or `disabling`, or `missing`."""

    def switch(self, enabled: bool) -> str:
        """Let SQS call the function, or no longer; returns the state. Raises NotFound."""

    def note(self, switched: Switched) -> None:
        """Write down who switched it last."""

    def switched(self) -> Switched | None:
        """Who switched it last, as far as it was written down."""

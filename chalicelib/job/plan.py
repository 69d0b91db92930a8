"""Decides what to do with a job that waits. Pure: it touches nothing and asks nobody."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.job.claim import Claim, State
from chalicelib.job.execution import DEAD, Execution, Status
from chalicelib.limits import EVENTS, REDRIVABLE
from chalicelib.moments import iso, read
from chalicelib.words import Word

GIVEN_UP = "GivenUp"
ENDS = frozenset({"AlreadyRunning", "BadInput", GIVEN_UP})
"""The errors of executions that were meant to end: nobody restarts those."""
TOO_LARGE = "States.DataLimitExceeded"
"""What a task's work ends with whose result is too large: done again, it ends so again."""

FRAME = (
    *("ClaimJob", "TakeSlot", "WaitInLine", "Rejoin", "ConfirmClaim"),
    *("NoteFailure", "ErrorSpool", "Park", "Finish", "FinishClosed", "Leave"),
)
"""The states around a task; an adopted task's name stands behind theirs."""
REDRIVE_EVENTS = EVENTS - 1
"""A redrive adds an event of its own."""

GONE_ON = "has gone on already"
RESTARTED = "was restarted already"
FOREIGN = "its execution is another state machine's"
UNLISTED = "its state machine is none of those that MACHINES names"


class Action(Word):
    """What becomes of a job that waits."""

    RESUME = "resume"
    REDRIVE = "redrive"
    RESTART = "restart"
    LINE = "line"
    LET_IN = "pass"
    STALE = "stale"
    STUCK = "stuck"
    LEAVE = "leave"


PUT_BACK = (Action.RESUME, Action.REDRIVE, Action.RESTART, Action.LINE, Action.LET_IN)
"""What a replay counts: the job goes on, now or when its turn comes."""


@dataclass(frozen=True)
class Facts:
    """What is known of a dead job's execution, where somebody looked.

    `failed_in` is the state in which it ended; `input` the exact text of its input, or of its
    predecessor's where it never started; both are empty where nobody can tell. `parent` is the
    execution that has started it by a distributed Map, and that alone can be redriven.
    """

    status: Status
    error: str = ""
    stopped_at: datetime | None = None
    redrives: int = 0
    redrivable: bool = False
    events: int = 0
    in_fail_state: bool = False
    failed_in: str = ""
    input: str = ""
    parent: Execution | None = None


@dataclass(frozen=True)
class Choice:
    """Which jobs a replay is about; an empty field narrows nothing. `older_than` is seconds.

    `machine` as claims name it: empty is the stage's own, None any; with `key` None is the stage's
    own. `pks` are claims.
    """

    task: str = ""
    error: str = ""
    key: str = ""
    machine: str | None = None
    older_than: int = 0
    pks: frozenset[str] = frozenset()

    @property
    def narrow(self) -> bool:
        """Whether it passes over jobs of the tasks that it is about."""
        machine = self.machine is not None
        return bool(self.error or self.key or machine or self.older_than or self.pks)

    @property
    def by_queue(self) -> bool:
        """Whether it may take jobs that only the queue knows: those have no task and no error."""
        return not (self.task or self.error or self.machine or self.pks)

    @property
    def _machine(self) -> str | None:
        return self.machine or "" if self.key else self.machine

    def takes(self, claim: Claim, now: datetime) -> bool:
        """Whether the job is among the chosen."""
        return (
            self.task in ("", claim.task)
            and self.error in ("", claim.error or claim.failure.name)
            and self.key in ("", claim.key)
            and self._machine in (None, claim.machine)
            and (not self.pks or claim.pk in self.pks)
            and (not self.older_than or _age(claim, now) >= self.older_than)
        )


@dataclass(frozen=True)
class Rules:
    """What holds for one replay.

    `attended`: a person has asked for it; `max_attempts` and `cool_down` (seconds since the
    failure) stop only the others. `stuck` takes stuck jobs in place of parked ones. `restart`: what
    is only watched starts again from its beginning where it can't be redriven any more.
    `service_failures` says, by claim, how many failures were the service's own: those don't make a
    job stuck.
    """

    attended: bool = False
    max_attempts: int = 5
    cool_down: int = 0
    stuck: bool = False
    restart: bool = False
    choice: Choice = field(default_factory=Choice)
    service_failures: Mapping[str, int] = field(default_factory=dict)

    @property
    def states(self) -> tuple[State, ...]:
        """How a job stands that this replay may take; whoever names one takes it stuck, too."""
        if self.attended and (self.choice.key or self.choice.pks):
            return (State.PARKED, State.STUCK)
        return (State.STUCK,) if self.stuck and self.attended else (State.PARKED,)


@dataclass(frozen=True)
class Decision:
    """An action, why, and for LEAVE after how many seconds it is worth another look.

    `ends` is how a STALE job has ended, where its claim does not say so yet.
    """

    action: Action
    reason: str
    wait: int = 0
    ends: State | None = None


def screen(claim: Claim, now: datetime, rules: Rules) -> Decision | None:
    """Turn away what this replay must not take; None lets the job through."""
    if not claim.waits or claim.state not in rules.states:
        return Decision(Action.STALE, standing(claim))
    if rules.attended:
        return None
    if is_out_of_reach(claim, now):
        return Decision(Action.STUCK, ONLY_REDRIVEN)
    if claim.error == TOO_LARGE:
        return Decision(Action.STUCK, "made a result too large for Step Functions")
    if claim.attempt - rules.service_failures.get(claim.pk, 0) >= rules.max_attempts:
        return Decision(Action.STUCK, f"has failed {claim.attempt} times")
    cooling = rules.cool_down - _age(claim, now)
    if cooling > 0:
        return Decision(Action.LEAVE, "failed only a moment ago", int(cooling) + 1)
    return None


def is_unlisted(claim: Claim, machines: Collection[str]) -> bool:
    """Whether its machine is one that the stage does not serve: AWS lets nobody wake its jobs."""
    return bool(claim.machine) and claim.machine not in machines


def is_out_of_reach(claim: Claim, now: datetime) -> bool:
    """Whether it is a watched machine's job that Step Functions will not redrive any more."""
    dead_at = read(claim.dead_at)
    return claim.watched and dead_at is not None and now - dead_at >= REDRIVABLE


def standing(claim: Claim) -> str:
    """How a job stands, in words that end a sentence about it."""
    if claim.ended_at:
        return f"has ended ({claim.state.value}) at {claim.ended_at}"
    if claim.state is State.LINE:
        return f"stands in line for {claim.task} since {claim.since}"
    if claim.waits:
        return f"is {claim.state.value} since {claim.since}"
    return "is running: it does not wait for anybody"


def decide(claim: Claim, facts: Facts | None, now: datetime, restart: bool = False) -> Decision:
    """The cheapest recovery that the facts allow. Without facts a token is taken on trust.

    `restart`: a watched machine's job may start again from its beginning, where nothing else is
    left.
    """
    if facts is None:
        return Decision(Action.RESUME, "waits on its token")
    if claim.watched and claim.predecessor and facts.status is not Status.MISSING:
        return Decision(Action.STALE, RESTARTED, ends=State.FAILED)  # that one is its own job
    if facts.status is Status.RUNNING:
        return Decision(Action.STALE, GONE_ON)
    if facts.status is Status.SUCCEEDED and outlasts(claim):
        return Decision(Action.STALE, WENT_ON, ends=State.FAILED)
    if facts.status is Status.SUCCEEDED:
        return Decision(Action.STALE, "has finished already", ends=State.FINISHED)
    if claim.watched and facts.in_fail_state and iso(facts.stopped_at or now) != claim.dead_at:
        return Decision(Action.LEAVE, DEAD_AGAIN, 60)
    if facts.status in DEAD and (is_meant(claim, facts.error) or _is_intended(claim, facts)):
        how = State.GIVEN_UP if facts.error == GIVEN_UP else State.FAILED
        return Decision(Action.STALE, f"has ended for good ({facts.error})", ends=how)
    return _decide_dead(claim, facts, now, restart)


def _decide_dead(claim: Claim, facts: Facts, now: datetime, restart: bool) -> Decision:
    if facts.parent is not None:
        return _decide_child(claim, facts, facts.parent, now)
    if facts.status in DEAD and _may_redrive(facts, now) and not claim.fail_state:
        return Decision(Action.REDRIVE, f"is {facts.status} and can go on where it failed")
    lacks_successor = facts.status is Status.MISSING and bool(claim.predecessor)
    if claim.watched and not (restart or lacks_successor):
        return Decision(Action.LEAVE, ONLY_RESTARTED if claim.fail_state else ONLY_REDRIVEN)
    if not facts.input:
        return Decision(Action.LEAVE, NO_INPUT)
    if lacks_successor:
        return Decision(Action.RESTART, "was to be restarted, and never was")
    return Decision(Action.RESTART, f"its execution is {facts.status}")


def _decide_child(claim: Claim, facts: Facts, parent: Execution, now: datetime) -> Decision:
    """What becomes of an item of a distributed Map: it never starts again without its Map."""
    if parent.status is Status.RUNNING:
        return Decision(Action.LEAVE, MAP_GOES_ON)
    if parent.status is Status.SUCCEEDED:
        return Decision(Action.STALE, MAP_IS_OVER, ends=State.FAILED)
    if _may_redrive(facts, now) and not claim.fail_state:
        return Decision(Action.REDRIVE, f"its Map is {parent.status} and can go on")
    return Decision(Action.LEAVE, MAP_IS_GONE)


def is_meant(claim: Claim, error: str) -> bool:
    """Whether an execution with that error was meant to end; a watched one has no errors of ours,
    but that it was given up."""
    return error == GIVEN_UP if claim.watched else error in ENDS


def _is_intended(claim: Claim, facts: Facts) -> bool:
    """Whether it ended in a Fail state, and the rescue did not park it all the same."""
    return facts.in_fail_state and not claim.fail_state


def outlasts(claim: Claim) -> bool:
    """Whether an execution that has succeeded has done so without this job, which still waits."""
    return claim.may_have_siblings and claim.waits and bool(claim.token)


WENT_ON = "has failed with others of its Parallel or Map, and its execution went on without it"
ONLY_REDRIVEN = (
    "its execution can't be redriven any more, and what is only watched is restarted only if asked:"
    " restart=true does all its steps again"
)
ONLY_RESTARTED = (
    "its execution ended in a Fail state, which a redrive only enters again: restart=true does all"
    " its steps again"
)
DEAD_AGAIN = (
    "its execution has ended again, in a Fail state: the rescue or the next sweep tells how"
)
MAP_GOES_ON = "its execution is dead, and the Map that started it goes on without it"
MAP_IS_OVER = "has failed, and the Map that had started it went on to the end without it"
MAP_IS_GONE = (
    "the Map that started it can't be redriven any more: start the whole execution again, and give"
    " this job up"
)
NO_INPUT = "its execution is gone, and its input with it; only a note on the spool may have it"


def needs_slot(claim: Claim, failed_in: str = "") -> bool:
    """Whether a redrive goes on inside the task; elsewhere the job itself asks for a slot.

    It had a slot when it died, and was not in a state of its frame, where that is known.
    """
    if claim.watched:
        return True
    in_frame = failed_in.partition(": ")[0] in FRAME and failed_in != claim.task.rpartition("/")[2]
    return bool(claim.task and claim.entered_at) and not in_frame


def after(at: datetime, claim: Claim) -> str:
    """The time for a claim's next `since`: never the one that it has, for that tells two apart."""
    moment = iso(at)
    if moment > claim.since:
        return moment
    last = read(claim.since)
    return iso(last + timedelta(milliseconds=1)) if last else moment


def _may_redrive(facts: Facts, now: datetime) -> bool:
    return (
        facts.redrivable
        and facts.events < REDRIVE_EVENTS
        and facts.stopped_at is not None
        and now - facts.stopped_at < REDRIVABLE
    )


def _age(claim: Claim, now: datetime) -> float:
    """Seconds since the job failed last, or began to wait."""
    moment = read(claim.failed_at) or read(claim.dead_at) or read(claim.since)
    return (now - moment).total_seconds() if moment else 0

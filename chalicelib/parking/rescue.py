"""The rescue: parks a job whose execution died outside every Catch, so that it can be restarted.

A death may be announced many times, by events and by the sweep; it is dealt with once. The order
matters: one transaction frees the slot or the place in line and says in the claim why the job
waits; then its note is sent; the tombstone comes last, so that a crash before it leads to another
look, which finds the rest done.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

from chalicelib import metrics
from chalicelib.errors import Lagging
from chalicelib.job.asked import claims_asked
from chalicelib.job.claim import JOB, Claim, State, job_pk
from chalicelib.job.deaths import death
from chalicelib.job.execution import DEAD, Execution, Status, is_child, is_of, machine_of
from chalicelib.job.failure import MOST_CAUSE
from chalicelib.job.key import job_key
from chalicelib.job.plan import ENDS, GIVEN_UP, TOO_LARGE, after, is_meant
from chalicelib.job.ports import Claims, Clock, Line, Spool, Telemetry, Workflow
from chalicelib.job.restarts import Origin, read_restart_name
from chalicelib.moments import iso
from chalicelib.names import UNCERTAIN_TASK
from chalicelib.parking.note import note_of

PARKED, ENDED, ALREADY, ALIVE, FOREIGN = "parked", "ended", "already", "alive", "foreign"
"""How an announced death is dealt with; ALREADY and ALIVE stand on no tombstone."""
LAG = timedelta(minutes=10)
"""Far longer than DescribeExecution shows an execution as it was."""
REMEMBERED = timedelta(days=100)
"""Longer than Step Functions keeps a closed execution (90 days)."""
OF_TABLE = "DynamoDb."
"""How the errors begin of what our states ask of the claims table."""
_NAMES = {Status.FAILED: "Failed", Status.TIMED_OUT: "TimedOut", Status.ABORTED: "Aborted"}
"""Errors of executions that have none of their own."""


class End(Enum):
    """How an execution ended that is dead.

    MEANT: by an error of ours that is one, or in a Fail state, whose writer meant it. CUT_OFF: in
    a Fail state as well, but only because our own states could not reach the table.
    """

    MEANT = "meant"
    CUT_OFF = "cut off"
    DIED = "died"


@dataclass(frozen=True)
class Rescue:
    """Deals with dead executions; safe to call again at any time.

    `history` is how long the claim of an ended job is kept; `machines` are those that the stage
    serves besides its own; `fail_states` those of them where an end in a Fail state is a failure
    like any other while they are watched. `prepare` makes the slots of a task that nobody has heard
    of yet.
    """

    workflow: Workflow
    claims: Claims
    line: Line
    spool: Spool
    telemetry: Telemetry
    clock: Clock
    prepare: Callable[[str], object]
    history: timedelta = timedelta(days=30)
    machines: tuple[str, ...] = ()
    fail_states: tuple[str, ...] = ()

    def catch(self, arn: str, redrives: int | None = None) -> str:
        """Deal with one execution's end; returns how. `redrives` says which end was announced.

        `parked`: its job waits for a redrive or a restart; `ended`: it was meant to end, or its
        job is another execution's; `already`: this death was dealt with; `alive`: it is not dead,
        as far as Step Functions says; `foreign`: it belongs to another state machine, or to a
        listed one, or to a distributed Map, and has no claim of its own.
        Raises Lagging where Step Functions does not show the announced end yet.
        """
        machine = self._machine_of(arn)
        if machine is None:
            return FOREIGN
        execution = self.workflow.describe(arn)
        if execution.status is Status.SUCCEEDED and self._finish_watched(execution, machine):
            return ENDED
        if execution.status not in DEAD:
            return _alive(execution, redrives)
        if self.is_known(execution):
            return ALREADY
        if machine or is_child(arn):
            how = self._settle_listed(execution, machine)
        else:
            how = self._settle(execution)
        if how == ALIVE:
            return how
        expires = int((self.clock() + REMEMBERED).timestamp())
        self.claims.put_tombstone(death(arn, execution.redrives), how, expires)
        if how != FOREIGN:
            self.telemetry.event(f"death-{how}", execution=arn, status=execution.status.value)
            self.telemetry.metric(metrics.CAUGHT)
        return how

    def _machine_of(self, execution: str) -> str | None:
        """The machine that it is of, as claims name it; None: one that the stage does not serve."""
        if is_of(execution, self.workflow.arn("any")):
            return ""
        machine = machine_of(execution)
        if machine not in self.machines:
            return None
        return machine if is_of(execution, self.workflow.of(machine).arn("any")) else None

    def is_known(self, execution: Execution) -> bool:
        """Whether the end of this run of an execution was dealt with."""
        return bool(self.claims.tombstones([death(execution.arn, execution.redrives)]))

    def end(self, claim: Claim, how: State) -> bool:
        """Say in a claim that its job has ended; what it has of its task is free again."""
        now = self.clock()
        expires = int((now + self.history).timestamp())
        return self.claims.end(claim, how, after(now, claim), expires)

    def park(self, execution: Execution, claim: Claim) -> bool:
        """Park a dead execution's job, then send its note; says whether it waits now."""
        dead = self._dead(execution, claim)
        if not self.claims.park_dead(dead, dead.since, over=claim.since):
            current = self.claims.get(claim.pk)
            if current is None or not _is_this_death(current, dead):
                return False
            dead = current
        else:
            self.telemetry.event(
                "job-parked",
                key=dead.key,
                execution=execution.arn,
                task=dead.task,
                error=dead.error,
            )
        self._send_note(dead, execution)
        return True

    def _settle(self, execution: Execution) -> str:
        name = execution.arn.rpartition(":")[2]
        key = job_key(execution.input, name)
        if key is None:  # it ended as BadInput, or before it could claim anything
            return ENDED
        claim = self.claims.get(JOB + key)
        own = claim if claim is not None and claim.execution == execution.arn else None
        if own is not None and not own.predecessor:
            return self._settle_all(execution, [own])
        if others := self._claims_of(execution, ""):
            return self._settle_all(execution, others)
        end = self._end_of(execution)
        asked = end is not End.CUT_OFF or JOB + key in self._asked(execution, "")
        if end is End.MEANT or not asked:  # a step of theirs may fail by the same name
            return ENDED
        new = _unclaimed(execution, JOB + key, self._first_task())
        new = replace(new, fail_state=end is End.CUT_OFF)
        if claim is not None and not _is_free_for(claim, new):
            self.telemetry.warning("death-superseded", key=key, execution=execution.arn)
            return ENDED
        return PARKED if self.park(execution, new) else ENDED

    def _settle_listed(self, execution: Execution, machine: str) -> str:
        """Settle a listed machine's execution, whose jobs are known by claims alone.

        Without any it is watched, or ended as if respool were not there. A job of the usual key is
        the only one of its execution.
        """
        key = job_key(execution.input, execution.arn.rpartition(":")[2])
        claim = self.claims.get(job_pk(key, machine)) if key is not None else None
        own = claim is not None and claim.execution == execution.arn and not claim.watched
        if claim is not None and own and not claim.predecessor:
            return self._settle_all(execution, [claim])
        if not is_child(execution.arn) and not self._frames_of(execution, machine):
            return self._settle_watched(execution, machine)
        claims = self._claims_of(execution, machine)
        if not claims and _may_be_cut_off(execution) and self._end_of(execution) is End.CUT_OFF:
            claims = list(self._never_claimed(execution, machine))
        return self._settle_all(execution, claims) if claims else FOREIGN

    def _never_claimed(self, execution: Execution, machine: str) -> Iterator[Claim]:
        """The jobs whose claims it asked for and never got: the table was out of reach.

        Its own definition says which tasks there are; a key that is about one of several ends in
        its state's name.
        """
        tasks = sorted(self._frames_of(execution, machine))
        for pk, claim in self._asked(execution, machine).items() if tasks else ():
            if claim is None or claim.ended_at:
                name = pk.rpartition("/")[2]
                task = next((each for each in tasks if each.endswith(f"/{name}")), tasks[0])
                yield _unclaimed(execution, pk, task)

    def _frames_of(self, execution: Execution, machine: str) -> Collection[str]:
        """The tasks around which the definition that it ran by has our states."""
        return self.workflow.of(machine).frames_of(execution.arn).tasks

    def _settle_watched(self, execution: Execution, machine: str) -> str:
        """An execution without any of our states is itself the job, by its own name.

        One that ended in a Fail state was meant to, unless the stage says otherwise.
        """
        claim = self.claims.get(job_pk(execution.arn.rpartition(":")[2], machine))
        own = claim is not None and claim.execution == execution.arn and claim.watched
        if claim is None or not own:
            if claim is not None and not claim.ended_at:
                self.telemetry.warning("death-superseded", key=claim.key, execution=execution.arn)
                return FOREIGN
            claim = _watched(execution, machine)
        elif claim.ended_at:
            return ENDED
        meant = is_meant(claim, execution.error)
        fail_state = not meant and self._ended_in_fail_state(execution)
        if meant or (fail_state and machine not in self.fail_states):
            return self._end(execution, claim) if own else FOREIGN
        if own and self._lives_on(execution, claim):
            return ALIVE
        self.prepare(claim.task)
        return PARKED if self.park(execution, replace(claim, fail_state=fail_state)) else ENDED

    def _finish_watched(self, execution: Execution, machine: str) -> bool:
        """Whether a watched execution that was redriven has succeeded; then its job says so."""
        if not machine:
            return False
        claim = self.claims.get(job_pk(execution.arn.rpartition(":")[2], machine))
        if claim is None or claim.execution != execution.arn or not claim.watched:
            return False
        return bool(claim.ended_at) or self.end(claim, State.FINISHED)

    def _claims_of(self, execution: Execution, machine: str) -> list[Claim]:
        """All claims that it has, ended or not."""
        claims = self._asked(execution, machine).values()
        return [claim for claim in claims if claim and claim.execution == execution.arn]

    def _asked(self, execution: Execution, machine: str) -> Mapping[str, Claim | None]:
        """Every key that it asked for, and whoever's claim that is."""
        usual = job_key(execution.input, execution.arn.rpartition(":")[2])
        return claims_asked(self.workflow.of(machine), self.claims, execution.arn, machine, usual)

    def _settle_all(self, execution: Execution, claims: Sequence[Claim]) -> str:
        """All jobs of one execution have died with it."""
        open_claims = [claim for claim in claims if not claim.ended_at]
        if not open_claims:
            return ENDED
        end = self._end_of(execution)
        if end is End.MEANT:
            for claim in open_claims:
                self._end(execution, claim)
            return ENDED
        if any(self._lives_on(execution, claim) for claim in open_claims):
            return ALIVE
        dead = [replace(claim, fail_state=end is End.CUT_OFF) for claim in open_claims]
        return PARKED if any([self.park(execution, claim) for claim in dead]) else ENDED

    def _end_of(self, execution: Execution) -> End:
        if execution.error in ENDS:
            return End.MEANT
        if not self._ended_in_fail_state(execution):
            return End.DIED
        return End.CUT_OFF if _may_be_cut_off(execution) else End.MEANT

    def _ended_in_fail_state(self, execution: Execution) -> bool:
        return execution.status is Status.FAILED and self.workflow.tail(execution.arn).in_fail_state

    def _lives_on(self, execution: Execution, claim: Claim) -> bool:
        """Whether the job has done something since: then it was redriven, and the look lags.

        No look lags for long. A stuck job's `since` may be when somebody marked it.
        """
        if claim.dead_at or execution.stopped_at is None:
            return False
        moment = claim.failed_at if claim.state is State.STUCK else claim.since
        return moment > iso(max(execution.stopped_at, self.clock() - LAG))

    def _end(self, execution: Execution, claim: Claim | None) -> str:
        """What it owned is free again, and its claim says how it ended."""
        if claim is not None:
            self.end(claim, State.GIVEN_UP if execution.error == GIVEN_UP else State.FAILED)
        return ENDED

    def _dead(self, execution: Execution, claim: Claim) -> Claim:
        """The claim as it shall be. Its `dead_at` names this very death."""
        now = self.clock()
        at = iso(execution.stopped_at or now)
        error = execution.error or _NAMES[execution.status]
        only_asked = claim.watched and claim.fail_state
        stuck = claim.state is State.STUCK or only_asked or error == TOO_LARGE
        return replace(
            claim,
            state=State.STUCK if stuck else State.PARKED,
            task=claim.task or self._first_task(),
            since=after(now, claim),
            attempt=claim.attempt + 1,
            error=error,
            cause=execution.cause[:MOST_CAUSE],
            failed_at=at,
            first_failed_at=claim.first_failed_at or at,
            dead_at=at,
            noted_at="",
            token="",
        )

    def _send_note(self, claim: Claim, execution: Execution) -> None:
        if claim.noted_at:
            return
        self.spool.send(note_of(claim, execution.redrives, execution.input))
        self.claims.mark_noted(claim, iso(self.clock()))
        self.telemetry.event(
            "job-spooled",
            key=claim.key,
            execution=claim.execution,
            task=claim.task,
            error_name=claim.failure.name,
        )
        self.telemetry.metric(metrics.SPOOLED, task=claim.task)

    def _first_task(self) -> str:
        """Where a job waits that died before its claim could name a task."""
        tasks = self.line.tasks()
        return UNCERTAIN_TASK if UNCERTAIN_TASK in tasks or not tasks else tasks[0]


def _may_be_cut_off(execution: Execution) -> bool:
    return execution.error.startswith(OF_TABLE)


def _alive(execution: Execution, redrives: int | None) -> str:
    """An execution that has been redriven since is alive; one that has not must be dead."""
    if (
        redrives is not None
        and execution.status is not Status.SUCCEEDED
        and execution.redrives <= redrives
    ):
        raise Lagging(
            f"DescribeExecution for {execution.arn} shows {execution.status.value}, and not the"
            " end that was announced: call again in a minute"
        )
    return ALIVE


def _unclaimed(execution: Execution, pk: str, task: str) -> Claim:
    """The claim of a job that died before it could make one."""
    key = pk.partition("#")[2]
    start = iso(execution.started_at) if execution.started_at else ""
    origin = read_restart_name(execution.arn.rpartition(":")[2]) or Origin(start, 0)
    return Claim(
        pk=pk,
        execution=execution.arn,
        task=task,
        order=f"{origin.started_at}#{key[:200]}",
        attempt=origin.attempt,
        claimed_at=start,
    )


def _watched(execution: Execution, machine: str) -> Claim:
    """The claim of a whole execution; its machine's name is its task, which it is inside of."""
    name = execution.arn.rpartition(":")[2]
    start = iso(execution.started_at) if execution.started_at else ""
    return Claim(
        pk=job_pk(name, machine),
        execution=execution.arn,
        task=machine,
        order=f"{start}#{name[:200]}",
        claimed_at=start,
        entered_at=start,
        watched=True,
    )


def _is_free_for(claim: Claim, new: Claim) -> bool:
    """Whether a key's claim is an ended one of another job; a job keeps its first start."""
    return bool(claim.ended_at) and claim.started_at != new.started_at


def _is_this_death(current: Claim, dead: Claim) -> bool:
    return current.waits and current.execution == dead.execution and current.dead_at == dead.dead_at

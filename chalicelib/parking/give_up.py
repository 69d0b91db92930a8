"""Ends a job that nobody wants any more: a handful of calls, whatever else waits."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib import metrics
from chalicelib.errors import BadRequest, Conflict, NotFound, TokenRefused
from chalicelib.job.claim import Claim, State, job_pk
from chalicelib.job.deaths import death
from chalicelib.job.execution import Execution, Status
from chalicelib.job.plan import GIVEN_UP, UNLISTED, after, is_unlisted
from chalicelib.job.ports import Claims, Clock, Telemetry, Workflow
from chalicelib.parking.rescue import REMEMBERED
from chalicelib.replaying.left_behind import LeftBehind
from chalicelib.replaying.patience import Patience

MOST_REASON = 1000
SECONDS = 20.0
"""Seconds for all of it, where AWS asks to slow down."""
_PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0)
"""Seconds between looks whether an execution has ended: DescribeExecution lags."""


@dataclass(frozen=True)
class Ending:
    """How a job ended that was to be given up: by that, or before it by itself."""

    key: str
    state: State
    ended_at: str

    @property
    def given_up(self) -> bool:
        """Whether it is given up, now or earlier."""
        return self.state is State.GIVEN_UP


@dataclass(frozen=True)
class GiveUp:
    """Gives jobs up; doing it twice changes nothing more.

    First comes what is final: the execution's own end, or of a dead one its claim's. The token
    decides between this and a replay: only one of the two can use it. A job of an adopted machine
    gets its last failure by the token, so that its task's own catchers choose what comes next.
    """

    workflow: Workflow
    claims: Claims
    telemetry: Telemetry
    clock: Clock
    elapsed: Callable[[], float]
    pause: Callable[[float], None]
    left_behind: LeftBehind
    history: timedelta = timedelta(days=30)
    machines: tuple[str, ...] = ()

    def end(self, key: str, reason: str, machine: str = "") -> Ending:
        """End the job of that machine for good; says how it ended, which may be otherwise.

        Raises BadRequest without a reason, NotFound where no claim has that key, and Conflict
        where the job no longer waits and its execution may be about something else.
        """
        if not reason.strip() or len(reason) > MOST_REASON:
            raise BadRequest(
                f"a reason of 1 to {MOST_REASON} characters is needed to give up {key}"
            )
        calm = Patience(self.telemetry, self.elapsed, self.pause, self.elapsed() + SECONDS)
        claim = calm(lambda: self.claims.get(job_pk(key, machine)))
        if claim is None:
            where = f" of {machine}" if machine else ""
            raise NotFound(
                f"no job{where} has the key {key!r}: it ended long ago, or was never started"
            )
        if is_unlisted(claim, self.machines):
            raise Conflict(
                f"{key} can't be given up: {UNLISTED}. Name {machine} there, deploy, and try again"
            )
        if claim.ended_at:
            if not _is_caught(claim):  # a caught one goes on, to whatever makes up for it
                self._stop_for_good(claim, reason, calm)
            return _ending(claim)
        claim = self._out_of_line(claim, calm)
        if self._answers(claim, reason, calm):  # nobody else can use the token any more
            return self._conclude(claim, State.GIVEN_UP, calm)
        if _shares(claim):
            claim = self._look_again(claim, calm)
            if claim.ended_at:
                return _ending(claim)
        execution = self._end_execution(claim, reason, calm)
        has_finished = execution.status is Status.SUCCEEDED
        ending = self._conclude(claim, State.FINISHED if has_finished else State.GIVEN_UP, calm)
        self._remember(execution, claim, calm)
        self._stop_for_good(replace(claim, state=ending.state), reason, calm)
        return ending

    def _out_of_line(self, claim: Claim, calm: Patience) -> Claim:
        """Take a job out of line whose end will be caught, since its frame knows of no line.

        It is parked then, by its token: should this process die now, a second press ends it.
        """
        if not (_is_caught(claim) and claim.state is State.LINE and claim.token):
            return claim
        at = after(self.clock(), claim)
        has_left = calm(lambda: self.claims.leave_line(claim, at))
        if has_left:
            return replace(claim, state=State.PARKED, since=at)
        return calm(lambda: self.claims.get(claim.pk)) or claim

    def _answers(self, claim: Claim, reason: str, calm: Patience) -> bool:
        """End the execution by the token on which it waits, where it does."""
        if claim.dead_at or not claim.token or not claim.waits:
            return False
        error, cause = GIVEN_UP, reason
        if _is_caught(claim) and claim.attempt and claim.error:
            error, cause = claim.error, claim.cause
        try:
            calm(lambda: self.workflow.fail(claim.token, error, cause))
        except TokenRefused:
            return False
        return True

    def _look_again(self, claim: Claim, calm: Patience) -> Claim:
        """How a job stands whose token was refused, once its frame had the time to say so.

        Raises Conflict where it waits by its claim alone: then its execution is about something
        else by now, and is not to be stopped for it.
        """
        latest: Claim | None = claim
        for seconds in _PAUSES:
            latest = calm(lambda: self.claims.get(claim.pk))
            if latest is None or not _waits_on(latest, claim.token) or not calm.wait(seconds):
                break
        if latest is None or not _waits_on(latest, claim.token):
            if latest is not None and latest.state is State.GIVEN_UP:
                self._tell(latest)  # its frame has caught an answer of ours that was lost
            return latest or claim
        if calm(lambda: self.workflow.describe(claim.execution)).status is not Status.RUNNING:
            return claim
        if calm(lambda: self.left_behind.end(claim)):
            return calm(lambda: self.claims.get(claim.pk)) or claim
        raise Conflict(
            f"the wait of {claim.key} is over and its execution goes on: it was given up or"
            " replayed a moment ago. Nothing was stopped; look again in a few minutes"
        )

    def _stop_for_good(self, claim: Claim, reason: str, calm: Patience) -> None:
        """Whoever redrove its execution meanwhile finds its claim ended; so nobody would end it."""
        if claim.state is State.GIVEN_UP:
            with suppress(NotFound):
                calm(lambda: self.workflow.stop(claim.execution, GIVEN_UP, reason))

    def _end_execution(self, claim: Claim, reason: str, calm: Patience) -> Execution:
        """Stop it, and look how it ended: it may have finished in the same moment.

        A dead job ends by its claim alone, unless its execution runs again, or never did.
        """
        if claim.dead_at:
            execution = calm(lambda: self.workflow.describe(claim.execution))
            if execution.status is not Status.RUNNING:
                return execution
        with suppress(NotFound):  # it was never started, or Step Functions has forgotten it
            calm(lambda: self.workflow.stop(claim.execution, GIVEN_UP, reason))
        execution = calm(lambda: self.workflow.describe(claim.execution))
        for seconds in _PAUSES:
            if execution.status is not Status.RUNNING or not calm.wait(seconds):
                break
            execution = calm(lambda: self.workflow.describe(claim.execution))
        return execution

    def _remember(self, execution: Execution, claim: Claim, calm: Patience) -> None:
        """Nobody rescues this death, which may not have been heard of yet.

        This comes after the claim's end: till then the rescue shall see to it, should nobody else.
        An adopted machine's execution may hold other jobs, which the rescue has to look at.
        """
        if execution.status in (Status.SUCCEEDED, Status.MISSING) or _is_caught(claim):
            return
        expires = int((self.clock() + REMEMBERED).timestamp())
        name = death(execution.arn, execution.redrives)
        calm(lambda: self.claims.put_tombstone(name, "given up", expires))

    def _conclude(self, claim: Claim, how: State, calm: Patience) -> Ending:
        """Free what the job has, in one transaction, and say how it stands now."""
        now = self.clock()
        at, expires = after(now, claim), int((now + self.history).timestamp())
        if calm(lambda: self.claims.end(claim, how, at, expires)):
            if how is State.GIVEN_UP:
                self._tell(claim)
            return Ending(claim.key, how, at)
        current = calm(lambda: self.claims.get(claim.pk)) or claim
        if _is_caught(claim) and current.state is State.GIVEN_UP is how:
            self._tell(claim)  # its own frame was quicker to say so
        return _ending(current)

    def _tell(self, claim: Claim) -> None:
        self.telemetry.event("job-given-up", key=claim.key, execution=claim.execution)
        self.telemetry.metric(metrics.GIVEN_UP, task=claim.task)


def _is_caught(claim: Claim) -> bool:
    """Whether its frame catches the end of its wait, and says in the claim how it ended."""
    return bool(claim.machine)


def _shares(claim: Claim) -> bool:
    """Whether a job waits on its token in an execution that may be about more than this job."""
    return _waits_on(claim, claim.token) and claim.may_have_siblings


def _waits_on(claim: Claim, token: str) -> bool:
    return bool(token) and claim.token == token and claim.waits and not claim.dead_at


def _ending(claim: Claim) -> Ending:
    return Ending(claim.key, claim.state, claim.ended_at)

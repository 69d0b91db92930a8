"""Step Functions' bookkeeping in memory: names, tokens, ends, redrives and their events."""

import re
from collections.abc import Iterator
from itertools import count
from threading import RLock

from chalicelib.errors import AlreadyStarted, AwsError, NotFound, RedriveRefused, TokenRefused
from chalicelib.job.execution import DEAD, Execution, Status, Tail
from chalicelib.job.key import key_in_text
from chalicelib.job.plan import REDRIVE_EVENTS
from chalicelib.limits import NAME, PAYLOAD, REDRIVABLE, REMEMBERS
from tests.fakes.clock import SteppedClock
from tests.fakes.run import FAIL_STATES, Run

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:respool-memory"
_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]+")


class Executions:
    """All executions of one state machine.

    `redrives` False: a Step Functions without Redrive; `refuses`: with one that never works.
    """

    def __init__(self, clock: SteppedClock, redrives: bool = True) -> None:
        self.runs: dict[str, Run] = {}
        self.ended: list[str] = []
        self.redrives = redrives
        self.refuses = False
        self._clock = clock
        self._lock = RLock()
        self._live: dict[str, Run] = {}
        self._tokens: dict[str, Run] = {}
        self._numbers = count(1)

    def running(self) -> list[Run]:
        """Those that have not ended."""
        with self._lock:
            return list(self._live.values())

    def arn(self, name: str) -> str:
        """The ARN that an execution of that name has."""
        return MACHINE.replace(":stateMachine:", ":execution:") + f":{name}"

    def _known(self, arn: str) -> Run | None:
        """An execution, until 90 days after its end."""
        run = self.runs.get(arn)
        if run and run.stopped_at and self._clock.now() - run.stopped_at > REMEMBERS:
            return None
        return run

    def start(self, name: str, input: str) -> str:
        """Start one; a running one of that name and input is returned. Raises AlreadyStarted."""
        if not _NAME.fullmatch(name) or len(name) > NAME:
            raise AwsError(f"StartExecution: InvalidName: {name}")
        key_in_text(input)  # any JSON will do, also what `parse` refuses
        if len(input.encode()) > PAYLOAD:
            raise AwsError(f"StartExecution: ValidationException: {len(input)} characters")
        with self._lock:
            arn = self.arn(name)
            if (old := self._known(arn)) is not None:
                if old.running and old.input == input:
                    return arn
                raise AlreadyStarted(f"StartExecution: ExecutionAlreadyExists: {name}")
            self.runs[arn] = self._live[arn] = Run(arn, input, self._clock.now())
            return arn

    def new_token(self, run: Run) -> str:
        """Each try of a waiting state has a token of its own."""
        with self._lock:
            run.token = f"token-{next(self._numbers)}"
            run.parked_since = self._clock.elapsed()
            self._tokens[run.token] = run
            return run.token

    def resume(self, token: str) -> None:
        """Use a token, once. Raises TokenRefused for a spent, outdated or unknown one."""
        with self._lock:
            run = self._tokens.get(token)
            if run is None:
                raise TokenRefused("SendTaskSuccess: InvalidToken")
            if run.token != token or not run.running:
                raise TokenRefused("SendTaskSuccess: TaskTimedOut")
            run.token = ""
            run.enter("ResumeJob")

    def close(self, run: Run, status: Status, error: str, cause: str) -> None:
        """End one, and announce it."""
        with self._lock:
            run.status, run.error, run.cause = status, error, cause
            run.stopped_at, run.token = self._clock.now(), ""
            self._live.pop(run.arn, None)
            self.ended.append(run.arn)

    def stop(self, arn: str, error: str, cause: str) -> None:
        """Abort one; one that has ended stays as it is. Raises NotFound."""
        with self._lock:
            run = self._known(arn)
            if run is None:
                raise NotFound(f"StopExecution: ExecutionDoesNotExist: {arn}")
            if run.running:
                self.close(run, Status.ABORTED, error, cause)

    def redrive(self, arn: str) -> None:
        """Let one go on at the state where it stopped. Raises RedriveRefused."""
        with self._lock:
            run = self._known(arn)
            able = self.redrives and not self.refuses
            if not able or run is None or not self._redrivable(run):
                raise RedriveRefused(f"RedriveExecution: ExecutionNotRedrivable: {arn}")
            run.status, run.error, run.cause, run.stopped_at = Status.RUNNING, "", "", None
            run.redrives += 1
            run.enter(run.state)
            self._live[arn] = run

    def _redrivable(self, run: Run) -> bool:
        return (
            run.status in DEAD
            and run.stopped_at is not None
            and self._clock.now() - run.stopped_at < REDRIVABLE
            and run.events < REDRIVE_EVENTS
        )

    def describe(self, arn: str) -> Execution:
        """Look at one; its status is MISSING where there is none."""
        with self._lock:
            run = self._known(arn)
            if run is None:
                return Execution(arn, Status.MISSING)
            return Execution(
                arn=arn,
                status=run.status,
                input=run.input,
                error=run.error,
                cause=run.cause,
                started_at=run.started_at,
                stopped_at=run.stopped_at,
                redrives=run.redrives,
                redrivable=self.redrives and self._redrivable(run),
            )

    def tail(self, arn: str) -> Tail:
        """The end of one's history. Raises NotFound."""
        run = self._known(arn)
        if run is None:
            raise NotFound(f"GetExecutionHistory: ExecutionDoesNotExist: {arn}")
        return Tail(run.events, run.state in FAIL_STATES, run.state)

    def pages(self, status: Status, size: int) -> Iterator[list[str]]:
        """The ARNs of all of a status, youngest first."""
        with self._lock:
            known = [run for arn, run in self.runs.items() if self._known(arn)]
            found = [run.arn for run in reversed(known) if run.status is status]
        for start in range(0, max(1, len(found)), size):
            yield found[start : start + size]

"""Step Functions' bookkeeping in memory: names, tokens, ends, redrives and their events."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from threading import RLock

from chalicelib.errors import AlreadyStarted, AwsError, NotFound, RedriveRefused, TokenRefused
from chalicelib.job.execution import DEAD, Execution, Status, Tail
from chalicelib.job.plan import REDRIVE_EVENTS
from chalicelib.limits import NAME, PAYLOAD, REDRIVABLE, REMEMBERS, RUNS
from tests.fakes.clock import SteppedClock
from tests.fakes.definition import Definition
from tests.fakes.run import Answer, Run

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:respool-memory"
_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]+")


def _map_run(arn: str) -> str:
    """Its Map Run, where it is the child of a distributed Map."""
    machine = arn.split(":")[6]
    return machine if "/" in machine else ""


class Executions:
    """All executions of the state machines.

    `redrives` False: a Step Functions without Redrive; `refuses`: with one that never works;
    `explains`: a refused redrive says where the execution runs, as AWS gives its reasons.
    `unfinished`: a history does not show an execution's end yet. `map_runs` names the parents of
    distributed Maps; the name of a child's own machine is that of its Map Run. `definitions` are
    those of other machines, by their names; one that is not there runs by the stage's own.
    """

    def __init__(self, clock: SteppedClock, redrives: bool = True) -> None:
        self.runs: dict[str, Run] = {}
        self.ended: list[str] = []
        self.redrives = redrives
        self.refuses = False
        self.explains = False
        self.unfinished = False
        self.map_runs: dict[str, str] = {}
        self.definitions: dict[str, Definition] = {}
        self._clock = clock
        self._lock = RLock()
        self._live: dict[str, Run] = {}
        self._tokens: dict[str, Run] = {}
        self._numbers = count(1)
        self._seen: dict[str, Execution] | None = None

    def running(self) -> list[Run]:
        """Those that have not ended."""
        with self._lock:
            return list(self._live.values())

    def arn(self, name: str, machine: str = "") -> str:
        """The ARN that an execution of that name has; of another machine, by its name."""
        own = MACHINE.replace(":stateMachine:", ":execution:")
        return f"{own.rpartition(':')[0]}:{machine}:{name}" if machine else f"{own}:{name}"

    def lag(self) -> None:
        """From now on DescribeExecution tells how things stood at this moment."""
        with self._lock:
            self._seen = {arn: self._describe(run) for arn, run in self.runs.items()}

    def catch_up(self) -> None:
        """DescribeExecution tells again how things stand."""
        self._seen = None

    def _known(self, arn: str) -> Run | None:
        """An execution, until 90 days after its end."""
        run = self.runs.get(arn)
        if run and run.stopped_at and self._clock.now() - run.stopped_at > REMEMBERS:
            return None
        return run

    def start(self, name: str, input: str, machine: str = "") -> str:
        """Start one; a running one of that name and input is returned. Raises AlreadyStarted."""
        if not _NAME.fullmatch(name) or len(name) > NAME:
            raise AwsError(f"StartExecution: InvalidName: {name}")
        if len(input.encode()) > PAYLOAD:
            raise AwsError(f"StartExecution: ValidationException: {len(input)} characters")
        with self._lock:
            arn = self.arn(name, machine)
            if (old := self._known(arn)) is not None:
                if old.running and old.input == input:
                    return arn
                raise AlreadyStarted(f"StartExecution: ExecutionAlreadyExists: {name}")
            run = Run(arn, input, self._clock.tick())
            run.value = run.parsed
            self.runs[arn] = self._live[arn] = run
            return arn

    def put(self, run: Run) -> None:
        """Take over one that waits on its token, made from another one's copy."""
        with self._lock:
            self.runs[run.arn] = self._live[run.arn] = self._tokens[run.token] = run

    def new_token(self, run: Run) -> str:
        """Each try of a waiting state has a token of its own."""
        with self._lock:
            run.token, run.answer = f"token-{next(self._numbers)}", None
            self._tokens[run.token] = run
            return run.token

    def answer(self, token: str, answer: Answer) -> None:
        """Use a token, once. Raises TokenRefused for a spent, outdated or unknown one."""
        with self._lock:
            run = self._tokens.get(token)
            if run is None:
                raise TokenRefused("SendTaskSuccess: InvalidToken")
            if run.token != token or not run.running or run.answer is not None:
                raise TokenRefused("SendTaskSuccess: TaskTimedOut")
            run.answer = answer

    def close(self, run: Run, status: Status, error: str = "", cause: str = "") -> None:
        """End one, and announce it."""
        with self._lock:
            run.status, run.error, run.cause = status, error, cause
            run.stopped_at, run.token, run.waits, run.answer = self._clock.tick(), "", False, None
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
            if self.explains and run is not None and run.running:
                raise RedriveRefused(
                    "RedriveExecution: ExecutionNotRedrivable: Execution is RUNNING and cannot be"
                    " redriven."
                )
            if not able or run is None or _map_run(arn) or not self._redrivable(run):
                raise RedriveRefused(f"RedriveExecution: ExecutionNotRedrivable: {arn}")
            self._go_on(run)
            for child in self.runs.values():
                if self.map_runs.get(_map_run(child.arn)) == arn and child.status in DEAD:
                    self._go_on(child)

    def _go_on(self, run: Run) -> None:
        run.status, run.error, run.cause, run.stopped_at = Status.RUNNING, "", "", None
        run.redrives += 1
        if run.state:
            run.enter(run.state, self._clock.elapsed(), self._clock.tick())
        self._live[run.arn] = run

    def _redrivable(self, run: Run) -> bool:
        return (
            run.status in DEAD
            and run.stopped_at is not None
            and self._clock.now() - run.stopped_at < REDRIVABLE
            and self._clock.now() - run.started_at < RUNS
            and run.events < REDRIVE_EVENTS
        )

    def describe(self, arn: str) -> Execution:
        """Look at one; its status is MISSING where there is none."""
        with self._lock:
            run = self._known(arn)
            if run is None:
                return Execution(arn, Status.MISSING)
            if self._seen is not None:
                return self._seen.get(arn, Execution(arn, Status.MISSING))
            return self._describe(run)

    def _describe(self, run: Run) -> Execution:
        map_run = _map_run(run.arn)
        able = self.redrives and self._redrivable(run) and not map_run
        return replace(run.described(able), map_run=map_run)

    def tail(self, arn: str) -> Tail:
        """The end of one's history. Raises NotFound."""
        run = self.known(arn)
        at = run.history[-1][2] if run.history else None
        return Tail(run.events, run.fail_state, run.state, at, run.scope_failed_at)

    def known(self, arn: str) -> Run:
        """One that Step Functions still knows. Raises NotFound."""
        run = self._known(arn)
        if run is None:
            raise NotFound(f"GetExecutionHistory: ExecutionDoesNotExist: {arn}")
        return run

    def pages(
        self, status: Status, size: int, machine: str = ""
    ) -> Iterator[list[tuple[str, int]]]:
        """The ARNs of a machine's of a status and their redrives, youngest first."""
        home = self.arn("", machine)
        with self._lock:
            known = [self.describe(arn) for arn in reversed(self.runs) if arn.startswith(home)]
            found = [(each.arn, each.redrives) for each in known if each.status is status]
        for start in range(0, max(1, len(found)), size):
            yield found[start : start + size]

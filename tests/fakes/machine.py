"""A little model of statemachine.json: the way of a job, state by state, over the claims table.

What a state does on AWS may fail there; like Step Functions, the machine then tries it again.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.errors import AwsError, Refused, RespoolError
from chalicelib.job.claim import Claim
from chalicelib.job.execution import Status
from chalicelib.job.record import Failure, compact
from tests.fakes.claims import Table
from tests.fakes.clock import SteppedClock
from tests.fakes.executions import Executions
from tests.fakes.run import TASK, Run, Service, TaskFailed
from tests.fakes.spool import Queue
from tests.fakes.wire import Died, Wire

RETRIES = 30
LAMBDA_RETRIES = 4
TOKEN_SECONDS = 1_036_800


class Machine:
    """Carries executions from state to state; nothing moves unless it is told to.

    `upstream` are steps of the pipeline that come before its uncertain task.
    """

    def __init__(
        self,
        clock: SteppedClock,
        executions: Executions,
        table: Table,
        spool: Queue,
        service: Service,
        spool_lambda: Callable[[dict[str, Any]], Any],
        task_limit: int,
    ) -> None:
        self.wire = Wire()
        self.via_sqs = False
        self.upstream: tuple[str, ...] = ()
        self._clock = clock
        self._executions = executions
        self._table = table
        self._spool = spool
        self._service = service
        self._spool_lambda = spool_lambda
        self._task_limit = task_limit
        self._states: dict[str, Callable[[Run], bool]] = {
            "ClaimJob": self._claim_job,
            "TakeSlot": self._take_slot,
            TASK: self._uncertain_task,
            "ParkJob": self._park_job,
            "ErrorSpool": self._error_spool,
            "SpoolDirectly": self._spool_directly,
            "ResumeJob": self._resume_job,
            "Finish": self._finish,
        }

    def run(self) -> None:
        """Let every execution go on until it ends, or waits for something."""
        moved = True
        while moved:
            moved = False
            for run in self._executions.running():
                moved |= self.step(run)

    def run_to(self, arn: str, state: str) -> None:
        """Let one execution go on until it is about to do a state's work."""
        run = self._executions.runs[arn]
        while run.running and run.state != state and self.step(run):
            pass
        if run.state == TASK:
            self.step(run)

    def step(self, run: Run) -> bool:
        """Do one state's work, once; False where the execution can only wait."""
        if not run.running:
            return False
        try:
            moved = self._states[run.state](run)
        except (RespoolError, Died) as problem:
            moved = self._again(run, problem)
        run.events += 5 if moved or run.state == "TakeSlot" else 0
        return moved

    def _again(self, run: Run, problem: BaseException) -> bool:
        """What a state's Retry and Catch say."""
        run.tries += 1
        if run.state == "ErrorSpool" and run.tries > LAMBDA_RETRIES:
            run.enter("SpoolDirectly")
        elif run.state in ("ResumeJob", "Finish") and run.tries > RETRIES:
            run.enter("TakeSlot") if run.state == "ResumeJob" else self._succeed(run)
        elif run.tries > RETRIES:
            self._executions.close(run, Status.FAILED, "States.TaskFailed", str(problem))
        return True

    def _claim_job(self, run: Run) -> bool:
        key = run.read_key()
        if key is None:
            return self._end(run, "BadInput", "no key can be read in this input")
        claim = self.wire.call("ClaimJob", lambda: self._claim(key, run.arn))
        if claim is None:
            return self._end(run, "AlreadyRunning", f"The key {key} is held by another")
        run.key, run.attempt = key, claim.attempt
        run.first_failed_at = claim.first_failed_at
        for step in self.upstream:
            self._service.steps[step] += 1
        run.enter("TakeSlot")
        return True

    def _claim(self, key: str, arn: str) -> Claim | None:
        with self._table.hold:
            old = self._table.jobs.setdefault(key, Claim(key, arn))
            now = self._clock.iso()
            fresh: dict[str, Any] = {
                "claimed_at": now,
                "parked_at": "",
                "stuck_at": "",
                "spooled_at": "",
            }
            if self._table.change(key, arn, lambda c: replace(c, **fresh)):
                return old
            return None

    def _end(self, run: Run, state: str, cause: str) -> bool:
        run.state = state
        self._executions.close(run, Status.FAILED, state, cause)
        return True

    def _take_slot(self, run: Run) -> bool:
        enter = lambda: self._table.enter(TASK, run.arn, self._task_limit)  # noqa: E731
        if not self.wire.call("TakeSlot", enter):
            return False
        run.enter(TASK)
        return True

    def _uncertain_task(self, run: Run) -> bool:
        if not run.inside:
            run.inside = True
            self._service.visits[run.input] += 1
            return True
        try:
            self._service.serve(run.input)
        except TaskFailed as problem:
            run.attempt += 1
            run.failed_at = self._clock.iso()
            run.first_failed_at = run.first_failed_at or run.failed_at
            run.failure = Failure("ConnectionError", str(problem))
            run.enter("ParkJob")
        else:
            run.enter("Finish")
        return True

    def _park_job(self, run: Run) -> bool:
        self.wire.call("ParkJob", lambda: self._park(run))
        run.enter("ErrorSpool")
        return True

    def _park(self, run: Run) -> None:
        why: dict[str, Any] = {
            "parked_at": run.failed_at,
            "first_failed_at": run.first_failed_at,
            "task": TASK,
            "attempt": run.attempt,
            "failure": run.failure,
        }
        with self._table.hold:
            if not self._table.change(run.key, run.arn, lambda c: replace(c, **why)):
                raise Refused("TransactionCanceledException: ConditionalCheckFailed")
            self._table.leave(TASK, run.arn)

    def _error_spool(self, run: Run) -> bool:
        if self.via_sqs:
            return self._spool_directly(run)
        return self._wait_or(run, lambda: self._spool_lambda(run.record()))

    def _spool_directly(self, run: Run) -> bool:
        body = lambda: self._spool.send(compact(run.record()))  # noqa: E731
        return self._wait_or(run, lambda: self.wire.call("SpoolDirectly", body))

    def _wait_or(self, run: Run, spool: Callable[[], object]) -> bool:
        """Wait on the token; with none, or one that has timed out, get one and spool the job."""
        if run.token:
            if self._clock.elapsed() - run.parked_since < TOKEN_SECONDS:
                return False
            run.token = ""
            run.enter("ErrorSpool")
            return True
        state = run.state
        token = self._executions.new_token(run)
        try:
            spool()
        except (AwsError, Died):
            if run.token != token or run.state != state:
                return True  # somebody was quicker: the token has been used
            run.token = ""
            raise
        return True

    def _resume_job(self, run: Run) -> bool:
        why: dict[str, Any] = {
            "resumed_at": self._clock.iso(),
            "parked_at": "",
            "stuck_at": "",
            "spooled_at": "",
        }
        self.wire.call(
            "ResumeJob",
            lambda: self._table.change(run.key, run.arn, lambda c: replace(c, **why)),
        )
        run.enter("TakeSlot")
        return True

    def _finish(self, run: Run) -> bool:
        self.wire.call("Finish", lambda: self._give_back(run))
        self._succeed(run)
        return True

    def _give_back(self, run: Run) -> None:
        with self._table.hold:
            claim = self._table.jobs.get(run.key)
            if claim is not None and not self._table.change(run.key, run.arn, lambda _: None):
                raise Refused("TransactionCanceledException: ConditionalCheckFailed")
            self._table.leave(TASK, run.arn)

    def _succeed(self, run: Run) -> None:
        self._executions.close(run, Status.SUCCEEDED, "", "")

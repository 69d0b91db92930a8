"""The parked jobs: the queues and the table that outlive the stack while they hold any."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from chalicelib.aws.calling import LONG_POLL, calling
from chalicelib.aws.claims_table import DynamoClaims
from chalicelib.aws.queue import SqsSpool
from chalicelib.aws.step_functions import StepFunctions
from chalicelib.errors import NotFound, RespoolError, Unreadable
from chalicelib.job.deaths import death
from chalicelib.job.execution import Status
from chalicelib.job.message import Message
from chalicelib.job.record import ABSENT, Record, decode, encode, parse
from chalicelib.limits import BATCH
from chalicelib.names import Names
from chalicelib.parking.rescue import REMEMBERED, Rescue

HIDDEN = 300
"""Seconds that a message is out of sight while it is looked at."""
ERROR = "StageDeleted"
CAUSE = "The stage was deleted. A replay starts the job anew once it is deployed again."


class Retained:
    """What a stage keeps of its jobs; `client` makes clients, `wait` is a long poll's seconds."""

    def __init__(self, client: Callable[[str], Any], names: Names, wait: int = LONG_POLL) -> None:
        self._sqs = client("sqs")
        self._dynamodb = client("dynamodb")
        self._names = names
        self._wait = wait
        self._workflow = StepFunctions(client("stepfunctions"), names.state_machine_arn)
        self._claims = DynamoClaims(self._dynamodb, names.table)

    def existing(self) -> dict[str, dict[str, str]]:
        """The queues and the table that are there, as CloudFormation identifies them, by name."""
        queues = (self._names.spool, self._names.stuck)
        found = {name: {"QueueUrl": url} for name in queues if (url := self._url(name))}
        if self._has_table():
            found[self._names.table] = {"TableName": self._names.table}
        return found

    def jobs(self) -> int:
        """How many jobs are parked, about; 0 only where a long poll found none either."""
        return sum(_depth(queue) for queue in self._queues())

    def stop_executions(self) -> list[str]:
        """End every execution of the stage, and spool the jobs that were not yet; says which.

        Step Functions deletes a machine only when its last execution has ended, and what was
        in the executions is gone with it. So each job's input has to be on the spool before.
        """
        try:
            running = list(self._workflow.list(Status.RUNNING))
        except RespoolError as refused:
            if "StateMachineDoesNotExist" in str(refused):
                return []  # no machine, so nothing runs
            raise
        queues = self._queues()
        if not running and not any(queue.depth() for queue in queues):
            return []
        spooled = {one for queue in queues for one in self._complete(queue)}
        for execution in running:
            self._workflow.stop(execution, ERROR, CAUSE)
            if execution in spooled:
                self._put_tombstone(execution)
            else:
                self._rescue().catch(execution)
        return running

    def remove(self) -> None:
        """Delete the queues and the table for good."""
        for name, about in self.existing().items():
            if "QueueUrl" in about:
                with calling("DeleteQueue", name):
                    self._sqs.delete_queue(QueueUrl=about["QueueUrl"])
        if self._has_table():
            with calling("DeleteTable", self._names.table):
                self._dynamodb.delete_table(TableName=self._names.table)
                gone = self._dynamodb.get_waiter("table_not_exists")
                gone.wait(TableName=self._names.table, WaiterConfig={"Delay": 1})

    def _queues(self) -> list[SqsSpool]:
        names = (self._names.spool, self._names.stuck)
        return [SqsSpool(self._sqs, name, self._wait) for name in names if self._url(name)]

    def _url(self, name: str) -> str:
        try:
            with calling("GetQueueUrl", name):
                return str(self._sqs.get_queue_url(QueueName=name)["QueueUrl"])
        except NotFound:
            return ""

    def _has_table(self) -> bool:
        try:
            with calling("DescribeTable", self._names.table):
                self._dynamodb.describe_table(TableName=self._names.table)
        except NotFound:
            return False
        return True

    def _rescue(self) -> Rescue:
        spool = SqsSpool(self._sqs, self._names.spool)
        return Rescue(self._workflow, self._claims, spool, _Silence(), _now)

    def _put_tombstone(self, execution: str) -> None:
        """Its message says all; no sweep has to find it again."""
        name = death(execution, self._workflow.describe(execution).redrives)
        self._claims.put_tombstone(name, "spooled", int((_now() + REMEMBERED).timestamp()))

    def _complete(self, queue: SqsSpool) -> list[str]:
        """Put their input into the records that only refer to it; returns all executions named.

        Reads the whole queue once. A message goes only when its fuller copy is on the queue.
        """
        executions: list[str] = []
        others: list[Message] = []
        try:
            while messages := queue.receive(BATCH, HIDDEN):
                for message in messages:
                    record = _record(message)
                    executions.append(record.execution)
                    if body := self._with_input(record):
                        queue.send(body)
                        queue.delete([message])
                    else:
                        others.append(message)
        finally:
            queue.release(others)
        return executions

    def _with_input(self, record: Record) -> str:
        """The body with the input in it; empty where it has one already or none can be had."""
        if record.input is not ABSENT or not record.execution:
            return ""
        try:
            text = self._workflow.describe(record.execution).input
            return encode(record.with_input(parse(text))) if text else ""
        except (RespoolError, ValueError):
            return ""


def _depth(queue: SqsSpool) -> int:
    # The counts lag by up to a minute; a poll that waits asks every server of SQS.
    return queue.depth() or len(queue.receive(BATCH, hidden=0))


def _record(message: Message) -> Record:
    try:
        return decode(message.body)
    except Unreadable:
        return Record()


def _now() -> datetime:
    return datetime.now(UTC)


class _Silence:
    """A telemetry for a terminal, where the report at the end says enough."""

    def event(self, action: str, **fields: Any) -> None:
        """Nothing."""

    def warning(self, action: str, **fields: Any) -> None:
        """Nothing."""

    def metric(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Nothing."""

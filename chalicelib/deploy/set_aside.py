"""The jobs set aside: the queues and the table that outlive the stack while they hold any."""

from collections.abc import Callable
from typing import Any

from chalicelib.aws import calling
from chalicelib.errors import NotFound, RespoolError, Unreadable
from chalicelib.names import Names
from chalicelib.plan import Status
from chalicelib.record import ABSENT, Record, decode, encode, parse
from chalicelib.spool import BATCH, Message, SqsSpool
from chalicelib.workflow import StepFunctions

HIDDEN = 300
"""Seconds that a message is out of sight while its input is fetched."""
ERROR = "StageDeleted"
CAUSE = "The stage was deleted. A job that is on the spool is started anew by a replay."


class SetAside:
    """What a stage keeps of its jobs; `client` makes a client of a service."""

    def __init__(self, client: Callable[[str], Any], names: Names) -> None:
        self._sqs = client("sqs")
        self._dynamodb = client("dynamodb")
        self._names = names
        self._workflow = StepFunctions(client("stepfunctions"), names.state_machine_arn)

    def exists(self) -> bool:
        """Whether any queue or the table is there."""
        return bool(self._urls()) or self._has_table()

    def jobs(self) -> int:
        """How many jobs are set aside, about; 0 only where a long poll found none either."""
        return sum(_depth(queue) for queue in self._queues())

    def stop_executions(self) -> list[str]:
        """End every execution of the stage; returns their ARNs.

        Step Functions deletes a machine only when its last execution has ended.
        """
        stopped: list[str] = []
        try:
            for execution in self._workflow.list(Status.RUNNING):
                self._workflow.stop(execution, ERROR, CAUSE)
                stopped.append(execution)
        except NotFound:
            pass  # no machine, so nothing runs
        return stopped

    def fetch_inputs(self) -> int:
        """Put their input into the records that only refer to it; returns how many.

        With the state machine its executions go, and with those would go the jobs' inputs.
        """
        return sum(self._fetch(queue) for queue in self._queues())

    def remove(self) -> None:
        """Delete the queues and the table for good."""
        for url in self._urls():
            with calling("DeleteQueue", url):
                self._sqs.delete_queue(QueueUrl=url)
        if self._has_table():
            with calling("DeleteTable", self._names.table):
                self._dynamodb.delete_table(TableName=self._names.table)

    def _queues(self) -> list[SqsSpool]:
        names = (self._names.spool, self._names.stuck)
        return [SqsSpool(self._sqs, name) for name in names if self._url(name)]

    def _urls(self) -> list[str]:
        return [url for name in (self._names.spool, self._names.stuck) if (url := self._url(name))]

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

    def _fetch(self, queue: SqsSpool) -> int:
        """Read the whole queue once; a message goes only when its fuller copy is on the queue."""
        fetched, others = 0, list[Message]()
        try:
            while messages := queue.receive(BATCH, HIDDEN):
                for message in messages:
                    if body := self._with_input(message):
                        queue.send(body)
                        queue.delete([message])
                        fetched += 1
                    else:
                        others.append(message)
        finally:
            queue.release(others)
        return fetched

    def _with_input(self, message: Message) -> str:
        """The message's body with its input; empty where it needs none or none can be had."""
        try:
            record: Record = decode(message.body)
        except Unreadable:
            return ""
        if record.input is not ABSENT:
            return ""
        try:
            text = self._workflow.describe(record.execution).input
            return encode(record.with_input(parse(text))) if text else ""
        except (RespoolError, ValueError):
            return ""


def _depth(queue: SqsSpool) -> int:
    # The counts lag by up to a minute; a poll that waits asks every server of SQS.
    return queue.depth() or len(queue.receive(BATCH, hidden=0))

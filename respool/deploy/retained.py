"""What outlives a deleted stage while jobs wait in it: the queues and the table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.aws.calling import LONG_POLL, calling
from chalicelib.aws.queue import SqsSpool
from chalicelib.engines import Engines
from chalicelib.errors import NotFound, Unreadable
from chalicelib.job.claim import JOB
from chalicelib.job.message import Message
from chalicelib.job.record import decode
from chalicelib.limits import BATCH
from chalicelib.names import Names
from respool.deploy.patience import Patience
from respool.deploy.stopping import Stopping

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients

HIDDEN = 300
"""Seconds for which a message is hidden while it is looked at."""


@dataclass(frozen=True)
class Kept:
    """What a stage holds: jobs that wait, by the table, and messages that only a queue has."""

    jobs: int = 0
    messages: int = 0
    protected: bool = False
    """The table can't be deleted until somebody takes its protection away."""

    def __bool__(self) -> bool:
        return bool(self.jobs or self.messages)


class Retained:
    """A stage's queues and table; `client` makes clients, `wait` is a long poll's seconds."""

    def __init__(
        self,
        client: "Clients",
        names: Names,
        engines: Engines,
        patience: Patience,
        wait: int = LONG_POLL,
    ) -> None:
        self._sqs = client("sqs")
        self._dynamodb = client("dynamodb")
        self._names = names
        self._wait = wait
        self._patience = patience
        self._engines = engines

    def existing(self) -> dict[str, dict[str, str]]:
        """The queues and the table that are there, as CloudFormation identifies them, by name."""
        queues = (self._names.spool, self._names.stuck)
        resources = {name: {"QueueUrl": url} for name in queues if (url := self._url(name))}
        if self._table():
            resources[self._names.table] = {"TableName": self._names.table}
        return resources

    def stop_executions(self) -> list[str]:
        """End every execution of the stage, and keep its job; returns which."""
        if not self._table() or not self._url(self._names.spool):
            return []
        world = self._engines.world
        return Stopping(
            workflow=world.workflow,
            claims=world.claims,
            line=world.line,
            spool=world.spool,
            rescue=self._engines.rescue.catch,
            sweep=self._engines.sweep.run,
            patience=self._patience,
        ).run()

    def kept(self) -> Kept:
        """What a delete must leave. Nothing only where neither table nor queues know a job.

        A queue's count lags behind the queue, so the queue itself is read where the table is empty.
        """
        jobs = self._waiting()
        messages = sum(self._own(queue) for queue in self._queues()) if not jobs else 0
        return Kept(jobs, messages, bool(self._table().get("DeletionProtectionEnabled")))

    def remove(self) -> None:
        """Delete the queues for good, and the table unless it is protected."""
        for name, about in self.existing().items():
            if "QueueUrl" in about:
                with calling("DeleteQueue", name):
                    self._sqs.delete_queue(QueueUrl=about["QueueUrl"])
        table = self._table()
        if table and not table.get("DeletionProtectionEnabled"):
            with calling("DeleteTable", self._names.table):
                self._dynamodb.delete_table(TableName=self._names.table)
                waiter = self._dynamodb.get_waiter("table_not_exists")
                waiter.wait(TableName=self._names.table, WaiterConfig={"Delay": 1})

    def _waiting(self) -> int:
        """How many jobs have not ended, by the table itself: an index would show them later, and
        none of those whose execution went with a machine that was deleted by hand."""
        if not self._table():
            return 0
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._names.table,
            ConsistentRead=True,
            Select="COUNT",
            FilterExpression="begins_with(pk, :job) AND attribute_not_exists(endedAt)",
            ExpressionAttributeValues={":job": {"S": "job"}},
        )
        with calling("Scan", self._names.table):
            return sum(int(page["Count"]) for page in pages)

    def _own(self, queue: SqsSpool) -> int:
        """How many messages say something that no claim says; reads the queue once."""
        own = 0
        seen: list[Message] = []
        try:
            while messages := queue.receive(BATCH, HIDDEN):
                seen += messages
                own += sum(self._says_something(message) for message in messages)
        finally:
            queue.make_visible(seen)
        return own

    def _says_something(self, message: Message) -> bool:
        """Whether it is a bare job, not to be read, or the note of a job that has not ended."""
        try:
            record = decode(message.body)
        except Unreadable:
            return True
        if record.bare or not self._table():
            return True
        pk = JOB + record.key
        claim = self._engines.world.claims.look([pk], consistent=True).get(pk)
        return claim is not None and not claim.ended_at and claim.execution == record.execution

    def _queues(self) -> list[SqsSpool]:
        names = (self._names.spool, self._names.stuck)
        return [SqsSpool(self._sqs, name, self._wait) for name in names if self._url(name)]

    def _url(self, name: str) -> str:
        try:
            with calling("GetQueueUrl", name):
                return str(self._sqs.get_queue_url(QueueName=name)["QueueUrl"])
        except NotFound:
            return ""

    def _table(self) -> Mapping[str, Any]:
        """The table as DynamoDB describes it; empty where there is none."""
        try:
            with calling("DescribeTable", self._names.table):
                answer = self._dynamodb.describe_table(TableName=self._names.table)
        except NotFound:
            return {}
        return answer["Table"]

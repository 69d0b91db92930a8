"""The spool: an SQS queue of parked jobs, read in batches and never emptied by accident."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.calling import LONG_POLL, calling
from chalicelib.errors import AwsError
from chalicelib.job.message import Message
from chalicelib.limits import BATCH, MAX_DELAY, MAX_HIDDEN

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import MessageTypeDef


class SqsSpool:
    """The spool on SQS. Its address is looked up at the first call."""

    def __init__(self, client: "SQSClient", name: str, wait: int = LONG_POLL) -> None:
        self._client = client
        self._name = name
        self._wait = wait
        self._url = ""

    def _queue(self) -> str:
        if not self._url:
            with calling("GetQueueUrl", self._name):
                self._url = self._client.get_queue_url(QueueName=self._name)["QueueUrl"]
        return self._url

    def receive(self, limit: int, hidden: int) -> list[Message]:
        """Take up to `limit` messages on a long poll; hides them for `hidden` seconds."""
        url = self._queue()
        with calling("ReceiveMessage", self._name):
            answer = self._client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(limit, BATCH),
                WaitTimeSeconds=self._wait,
                VisibilityTimeout=min(hidden, MAX_HIDDEN),
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        return [_read(message) for message in answer.get("Messages", [])]

    def delete(self, messages: Sequence[Message]) -> None:
        """Remove them. Raises AwsError where some stay; those come again and prove stale."""
        self._each_ten("DeleteMessageBatch", self._client.delete_message_batch, messages, {})

    def make_visible(self, messages: Sequence[Message], after: int = 0) -> None:
        """Let others see them, after that time in seconds (11 hours and 45 minutes at most)."""
        change = self._client.change_message_visibility_batch
        extra = {"VisibilityTimeout": min(after, MAX_DELAY)}
        self._each_ten("ChangeMessageVisibilityBatch", change, messages, extra)

    def _each_ten(
        self, call: str, send: Any, messages: Sequence[Message], extra: dict[str, int]
    ) -> None:
        url = self._queue()
        failed = []
        for start in range(0, len(messages), BATCH):
            entries = [
                {"Id": str(n), "ReceiptHandle": message.receipt, **extra}
                for n, message in enumerate(messages[start : start + BATCH])
            ]
            with calling(call, self._name):
                failed += send(QueueUrl=url, Entries=entries).get("Failed", [])
        if failed:
            raise AwsError(f"{call} for {self._name}: {len(failed)} failed: {failed[0]}")

    def send(self, body: str) -> None:
        """Add a message (1 MiB at most)."""
        url = self._queue()
        with calling("SendMessage", self._name):
            self._client.send_message(QueueUrl=url, MessageBody=body)

    def depth(self) -> int:
        """How many messages there are, about: visible, hidden and delayed ones."""
        url = self._queue()
        with calling("GetQueueAttributes", self._name):
            answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=_COUNTS)
        return sum(int(answer["Attributes"].get(name, 0)) for name in _COUNTS)


_COUNTS: "tuple[QueueAttributeNameType, ...]" = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


def _read(message: "MessageTypeDef") -> Message:
    seconds = int(message.get("Attributes", {}).get("SentTimestamp", 0)) / 1000
    return Message(
        message["MessageId"],
        message["ReceiptHandle"],
        message["Body"],
        datetime.fromtimestamp(seconds, UTC),
    )

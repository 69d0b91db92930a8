"""Continuous replay: settles what SQS itself delivers, once the trigger is enabled."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib.errors import AwsError, BadRequest
from chalicelib.job.message import Message
from chalicelib.job.ports import Spool
from chalicelib.replaying.replay import Order, Replayer


@dataclass(frozen=True)
class Trigger:
    """Settles a batch; SQS deletes what is not reported back as failed."""

    replayer: Replayer
    spool: Spool

    def take(self, event: dict[str, Any], order: Order) -> dict[str, Any]:
        """Settle each message; returns `batchItemFailures`, the ones that stay on the spool.

        Raises BadRequest, before anything is done, for what is no event of SQS.
        """
        deadline = self.replayer.elapsed() + order.seconds
        kept = []
        for message in _messages(event):
            outcome = self.replayer.settle(message, order, deadline)
            if not outcome.settled:
                kept.append({"itemIdentifier": message.id})
                self._let_cool(message, outcome.wait)
        return {"batchItemFailures": kept}

    def _let_cool(self, message: Message, seconds: int) -> None:
        """Keep a job out of sight until it has cooled down, so that it is not tried in a loop."""
        if not seconds:
            return
        try:
            self.spool.release([message], seconds)
        except AwsError as refused:
            self.replayer.telemetry.warning("messages-not-released", reason=str(refused))


def _messages(event: dict[str, Any]) -> list[Message]:
    try:
        return [_read(record) for record in event["Records"]]
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError) as wrong:
        kind = type(wrong).__name__  # its text might repeat what a message holds
        raise BadRequest(f"these Records are none that SQS delivers ({kind})") from None


def _read(record: dict[str, Any]) -> Message:
    sent = int(record.get("attributes", {}).get("SentTimestamp", 0)) / 1000
    return Message(
        record["messageId"],
        record["receiptHandle"],
        record["body"],
        datetime.fromtimestamp(sent, UTC),
    )

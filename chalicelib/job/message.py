"""A message, as a queue delivers it."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.errors import Unreadable
from chalicelib.job.record import decode


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of one message. `receipt` is good for this delivery only."""

    id: str
    receipt: str
    body: str
    sent_at: datetime


def key_of(message: Message) -> str:
    """The key of the job in a message, or the message's id where that can't be read."""
    try:
        return decode(message.body).key or message.id
    except Unreadable:
        return message.id

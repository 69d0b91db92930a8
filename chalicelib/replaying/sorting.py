"""Tells what each message from the spool is: the note of a job, or a job that only it knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from chalicelib.errors import Unreadable
from chalicelib.job.claim import JOB, Claim
from chalicelib.job.json_text import compact
from chalicelib.job.key import is_key
from chalicelib.job.message import Message
from chalicelib.job.ports import Claims
from chalicelib.job.record import ABSENT, Record, decode
from chalicelib.limits import PAYLOAD
from chalicelib.replaying.fate import Fate, fate
from chalicelib.replaying.patience import Patience

MOST_NOTE = PAYLOAD + 16_384
"""Bytes of a note: an input and what stands around it. Nothing longer is read."""


@dataclass(frozen=True)
class Told:
    """A message, what it tells, and how its job stands; `fate` is None for a bare job.

    The record is without its input, which `input_in` reads again where it is needed: there may be
    many, and large ones. Where the message can't be read `refused` says why.
    """

    message: Message
    record: Record = field(default_factory=Record)
    has_input: bool = False
    claim: Claim | None = None
    fate: Fate | None = None
    refused: str = ""

    @property
    def pk(self) -> str:
        """The claim's own key of the job that it tells of."""
        return JOB + self.record.key

    def without_body(self) -> Message:
        """The message with what is needed to delete it, or to give it back."""
        return replace(self.message, body="")


def read(message: Message) -> Told:
    """Read a message. What is too long for any job is refused without a look into it."""
    size = len(message.body.encode("utf-8", "surrogatepass"))
    if size > MOST_NOTE:
        return Told(message, refused=f"it has {size:,} bytes: no job's input is as long")
    try:
        record = decode(message.body)
    except Unreadable as unreadable:
        return Told(message, refused=f"can't be read: {unreadable}")
    if record.bare and size > PAYLOAD:
        return Told(message, refused=f"no execution takes an input of {size:,} bytes")
    if not record.bare and not is_key(record.key):
        return Told(message, refused="can't be read: no job has a key like its key")
    return Told(message, record.with_input(ABSENT), record.input is not ABSENT)


def input_in(told: Told) -> str:
    """The input in a message as text, of a bare job to the letter; empty where there is none."""
    if told.record.bare:
        return told.message.body
    return compact(decode(told.message.body).input) if told.has_input else ""


def sort(
    messages: Sequence[Message], claims: Claims, calm: Patience, spent: Mapping[str, int]
) -> list[Told]:
    """Read a batch and judge it by the claims on its keys: one call, none where nothing is open.

    `spent`: executions that have just been put back, and after how many failures.
    """
    told = [read(message) for message in messages]
    asked = {each.pk for each in told if _is_open(each, spent)}
    found = calm(lambda: claims.get_many(sorted(asked))) if asked else {}
    return [_judge(each, found, spent) for each in told]


def _is_open(told: Told, spent: Mapping[str, int]) -> bool:
    if told.refused or not told.record.key:
        return False
    return told.record.bare or not _is_spent(told.record, spent)


def _judge(told: Told, found: Mapping[str, Claim], spent: Mapping[str, int]) -> Told:
    if told.refused:
        return told
    claim = found.get(told.pk)
    if told.record.bare:
        return replace(told, claim=claim)
    if _is_spent(told.record, spent):
        return replace(told, fate=Fate.VOID)
    return replace(told, claim=claim, fate=fate(told.record, claim))


def _is_spent(record: Record, spent: Mapping[str, int]) -> bool:
    return record.attempt <= spent.get(record.execution, -1)

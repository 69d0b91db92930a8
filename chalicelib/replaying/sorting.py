"""Tells what each message from the spool is: the note of a job, or a job that only it knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from chalicelib.errors import Unreadable
from chalicelib.job.claim import Claim, job_pk
from chalicelib.job.execution import is_of, machine_of
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
class Delivery:
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
    machine: str = ""

    @property
    def pk(self) -> str:
        """The claim's own key of the job that it tells of."""
        return job_pk(self.record.key, self.machine)

    def without_body(self) -> Message:
        """The message with what is needed to delete it, or to give it back."""
        return replace(self.message, body="")


def read(message: Message) -> Delivery:
    """Read a message. What is too long for any job is refused without a look into it."""
    size = len(message.body.encode("utf-8", "surrogatepass"))
    if size > MOST_NOTE:
        return Delivery(message, refused=f"it has {size:,} bytes: no job's input is as long")
    try:
        record = decode(message.body)
    except Unreadable as unreadable:
        return Delivery(message, refused=f"can't be read: {unreadable}")
    if record.bare and size > PAYLOAD:
        return Delivery(message, refused=f"no execution takes an input of {size:,} bytes")
    if not record.bare and not is_key(record.key):
        return Delivery(message, refused="can't be read: no job has a key like its key")
    return Delivery(message, record.with_input(ABSENT), record.input is not ABSENT)


def input_in(delivery: Delivery) -> str:
    """The input in a message as text, of a bare job to the letter; empty where there is none."""
    if delivery.record.bare:
        return delivery.message.body
    return compact(decode(delivery.message.body).input) if delivery.has_input else ""


def sort(
    messages: Sequence[Message],
    claims: Claims,
    calm: Patience,
    spent: Mapping[str, int],
    own: str,
) -> list[Delivery]:
    """Read a batch and judge it by the claims on its keys: one call, none where nothing is open.

    `spent`: executions that have just been put back, and after how many failures. `own` is the
    ARN of any execution of the stage's own machine: the keys of others are theirs.
    """
    deliveries = [_of_its_machine(read(message), own) for message in messages]
    pks = {each.pk for each in deliveries if _is_open(each, spent)}
    claims_by_pk = calm(lambda: claims.get_many(sorted(pks))) if pks else {}
    return [_judge(each, claims_by_pk, spent) for each in deliveries]


def _of_its_machine(delivery: Delivery, own: str) -> Delivery:
    """A note names the machine by its execution; where it names none, it is the stage's own."""
    execution = delivery.record.execution
    theirs = bool(execution) and not is_of(execution, own)
    return replace(delivery, machine=machine_of(execution)) if theirs else delivery


def _is_open(delivery: Delivery, spent: Mapping[str, int]) -> bool:
    if delivery.refused or not delivery.record.key:
        return False
    return delivery.record.bare or not _is_spent(delivery.record, spent)


def _judge(delivery: Delivery, claims: Mapping[str, Claim], spent: Mapping[str, int]) -> Delivery:
    if delivery.refused:
        return delivery
    claim = claims.get(delivery.pk)
    if delivery.record.bare:
        return replace(delivery, claim=claim)
    if _is_spent(delivery.record, spent):
        return replace(delivery, fate=Fate.VOID)
    return replace(delivery, claim=claim, fate=fate(delivery.record, claim))


def _is_spent(record: Record, spent: Mapping[str, int]) -> bool:
    return record.attempt <= spent.get(record.execution, -1)

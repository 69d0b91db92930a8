"""The note on the spool that a job waits, with its input as far as that can be had. Pure."""

from chalicelib.job.claim import Claim
from chalicelib.job.json_text import parse
from chalicelib.job.record import Record, encode
from chalicelib.limits import PAYLOAD

MOST_NOTE = PAYLOAD + 16_384
"""Bytes of a note; a longer one is not read."""


def note_of(claim: Claim, redrives: int, text: str) -> str:
    """The note of a waiting job; `text` is its execution's input, empty where nobody knows it."""
    record = Record(
        key=claim.key,
        execution=claim.execution,
        redrives=redrives,
        started_at=claim.started_at,
        task=claim.task,
        attempt=claim.attempt,
        error=claim.failure,
        failed_at=claim.failed_at,
        first_failed_at=claim.first_failed_at,
    )
    return with_input(record, text)


def with_input(record: Record, text: str) -> str:
    """The note of a record with this input, to the letter.

    It is left out where it could not be read again, or the note would be too long to be read: then
    whoever restarts the job asks Step Functions for it.
    """
    body = encode(record)
    if not text or not _readable(text):
        return body
    # SQS refuses these two characters, which only ever stand inside JSON strings.
    exact = text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
    whole = f'{body[:-1]},"input":{exact}}}'
    return whole if len(whole.encode("utf-8", "surrogatepass")) <= MOST_NOTE else body


def _readable(text: str) -> bool:
    try:
        parse(text)
    except (ValueError, RecursionError):
        return False
    return True

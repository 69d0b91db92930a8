"""The note on the spool that a job waits: what one message says, and how it is written and read."""

from dataclasses import dataclass, field, fields, replace
from typing import Any

from chalicelib.errors import Unreadable
from chalicelib.job.failure import Failure, read_failure
from chalicelib.job.json_text import compact, parse_loosely, portable
from chalicelib.job.key import MOST_BYTES, is_startable, key_in

VERSION = 1
MOST_COUNTED = 1_000_000
"""Most attempts, or redrives, of a note; one that names more is not ours."""


class Absent:
    """Stands for an input that is not in the record (None is a legal input)."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


@dataclass(frozen=True)
class Record:
    """A job as its note tells of it; its claim is the truth. Nobody gets any power by a note.

    Times are ISO 8601, UTC; what a job never had is empty. `input` is the original input, or
    ABSENT where it is kept by reference: then the execution's own description still has it.
    """

    key: str = ""
    execution: str = ""
    redrives: int = 0
    started_at: str = ""
    task: str = ""
    attempt: int = 0
    error: Failure = field(default_factory=Failure)
    failed_at: str = ""
    first_failed_at: str = ""
    input: Any = ABSENT

    @property
    def bare(self) -> bool:
        """Whether only the queue knows the job: it is an input that no execution ever had."""
        return not self.execution

    def with_input(self, value: Any) -> "Record":
        """A copy of the record with the input in it."""
        return replace(self, input=value)


_WIRE = {
    "key": "key",
    "execution": "execution",
    "redrives": "redrives",
    "startedAt": "started_at",
    "task": "task",
    "attempt": "attempt",
    "failedAt": "failed_at",
    "firstFailedAt": "first_failed_at",
}
_ALWAYS = ("key", "execution", "task", "attempt")
_MOST_TEXT = 256
"""Characters that AWS allows for an ARN; times and names are shorter."""
_TYPES = {f.name: type(f.default) for f in fields(Record) if f.name in _WIRE.values()}


def encode(record: Record) -> str:
    """The message body: compact JSON, never longer than it need be; of a bare job its input."""
    if record.bare:
        return compact(record.input)
    body: dict[str, Any] = {"respool": VERSION}
    for wire, name in _WIRE.items():
        if (value := getattr(record, name)) or wire in _ALWAYS:
            body[wire] = value
    body["error"] = {"name": record.error.name, "message": record.error.message}
    if record.input is not ABSENT:
        body["input"] = record.input
    return compact(body)


def decode(body: str) -> Record:
    """Read a message body; one without our mark is a bare input, as older spools hold it.

    Raises Unreadable, which says what is wrong; the caller still has the body.
    """
    try:
        data = parse_loosely(body)
    except (ValueError, RecursionError) as wrong:
        raise Unreadable(f"the body is not JSON: {wrong}") from wrong
    if not isinstance(data, dict) or not data:
        raise Unreadable("the body is not a JSON object with something in it")
    return read(data) if "respool" in data else read_bare(data)


def read_bare(data: dict[str, Any]) -> Record:
    """A job by its input alone. Raises Unreadable for what no execution could read or claim."""
    if not portable(data):
        raise Unreadable("the body is too deep, or has a number too large, to be read")
    if not is_startable(data):
        raise Unreadable(
            f"its key is none: a text of 1 to {MOST_BYTES:,} bytes, a number of at most 15 digits,"
            " true or false"
        )
    return Record(key=key_in(data) or "", input=data)


def read(data: dict[str, Any]) -> Record:
    """Read the JSON object that `encode`, or the state machine, wrote. Raises Unreadable."""
    if data.get("respool") != VERSION:
        raise Unreadable(f"its version is not {VERSION}: deploy again")
    values: dict[str, Any] = {}
    for wire, name in _WIRE.items():
        if wire in data:
            values[name] = _typed(wire, data[wire], _TYPES[name])
    values["error"] = read_failure(data.get("error"))
    # Null stands for an input that the state machine left out; the execution has it.
    if data.get("input") is not None and portable(data["input"]):
        values["input"] = data["input"]
    record = Record(**values)
    if not record.execution or not record.key:
        raise Unreadable("it names no key, or no execution: it is not a job's note")
    return record


def _typed(wire: str, value: Any, kind: type) -> Any:
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Unreadable(f"its {wire} is not of type {kind.__name__}")
    if isinstance(value, int) and not 0 <= value <= MOST_COUNTED:
        raise Unreadable(f"its {wire} is not a number from 0 to {MOST_COUNTED}")
    if isinstance(value, str) and len(value) > (most := _most(wire)):
        raise Unreadable(f"its {wire} is longer than {most} characters")
    return value


def _most(wire: str) -> int:
    return MOST_BYTES if wire == "key" else _MOST_TEXT

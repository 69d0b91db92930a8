"""A spooled job: what one message on the spool says, and how it is written and read."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from chalicelib.errors import Unreadable
from chalicelib.job.deaths import death
from chalicelib.job.key import is_key, key_in
from chalicelib.limits import NAME

Pairs = Callable[[list[tuple[str, Any]]], Any]
VERSION = 1
MOST_DEEP = 500
"""Levels of a value that is read here; Python's JSON writes and reads not many more than that."""
MOST_COUNTED = 1_000_000
"""Of attempts and redrives; what is more is not ours."""


class Absent:
    """Stands for an input that is not in the record (None is a legal input)."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


@dataclass(frozen=True)
class Failure:
    """Why the job failed: the error's name (`ConnectionError`) and its message."""

    name: str = ""
    message: str = ""


@dataclass(frozen=True)
class Record:
    """One parked job. Times are ISO 8601, UTC; what a job never had is empty or None.

    `input` is the original input, or ABSENT where it is kept by reference: then the execution's
    own description still has it.
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
    token: str = ""
    input: Any = ABSENT

    def with_input(self, value: Any) -> "Record":
        """The same record with the input in it."""
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
    "token": "token",
}
_MOST = {"key": 1024, "token": 2048}
_MOST_TEXT = 256
"""Characters that AWS allows for an ARN; times and names are shorter."""
_RESTARTED = re.compile(r"-respool-[0-9a-f]{15}$")
_TYPES = {f.name: type(f.default) for f in fields(Record) if f.name in _WIRE.values()}


def encode(record: Record) -> str:
    """The message body: compact JSON, never longer than it need be."""
    body: dict[str, Any] = {"respool": VERSION}
    for wire, name in _WIRE.items():
        if value := getattr(record, name):
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
        data = _loosely(body)
    except (ValueError, RecursionError) as wrong:
        raise Unreadable(f"the body is not JSON: {wrong}") from wrong
    if not isinstance(data, dict) or not data:
        raise Unreadable("the body is not a JSON object with something in it")
    return read(data) if "respool" in data else _bare(data)


def _bare(data: dict[str, Any]) -> Record:
    """A job by its input alone; what no execution could claim or read is not started."""
    if not portable(data):
        raise Unreadable("the body is too deep, or has a number too large, to be read")
    if "key" in data and not is_key(data["key"]):
        raise Unreadable("its key is none that ClaimJob takes: 1 to 1,024 bytes, or a number")
    return Record(key=key_in(data) or "", input=data)


def read(data: dict[str, Any]) -> Record:
    """Read the JSON object that `encode`, or the state machine, wrote. Raises Unreadable."""
    if data.get("respool") != VERSION:
        raise Unreadable(f"its version is not {VERSION}: deploy anew")
    values: dict[str, Any] = {}
    for wire, name in _WIRE.items():
        if wire in data:
            values[name] = _typed(wire, data[wire], _TYPES[name])
    values["error"] = read_failure(data.get("error"))
    if "input" in data and portable(data["input"]):
        values["input"] = data["input"]
    record = Record(**values)
    if not record.execution and record.input is ABSENT:
        raise Unreadable("it has neither an input nor an execution that would have one")
    return record


def _typed(wire: str, value: Any, kind: type) -> Any:
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Unreadable(f"its {wire} is not of type {kind.__name__}")
    if isinstance(value, int) and not 0 <= value <= MOST_COUNTED:
        raise Unreadable(f"its {wire} is not a number from 0 to {MOST_COUNTED}")
    if isinstance(value, str) and len(value) > (most := _MOST.get(wire, _MOST_TEXT)):
        raise Unreadable(f"its {wire} is longer than {most} characters")
    return value


def read_failure(error: Any) -> Failure:
    """Read an error in our own shape, Step Functions' (`Error`, `Cause`), or any other.

    Name and message come out of a `Cause` that is a Lambda's JSON; else they stay as they came.
    """
    if not isinstance(error, dict):
        return Failure(message="" if error is None else _text(error))
    if "name" in error or "message" in error:
        return Failure(_text(error.get("name", "")), _text(error.get("message", "")))
    name, cause = _text(error.get("Error", "")), _text(error.get("Cause", ""))
    told = _lambda_cause(cause)
    return Failure(_text(told.get("errorType") or name), _text(told.get("errorMessage", cause)))


def _lambda_cause(cause: str) -> dict[str, Any]:
    try:
        told = parse(cause)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) and "errorMessage" in told else {}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return compact(value) if portable(value) else "(no text, and too deep or too large)"


def parse(text: str, pairs: Pairs | None = None) -> Any:
    """JSON as the standard has it: no NaN, no number too large for a double, not too deep.

    Raises ValueError, which repeats nothing of the text. `pairs` makes an object of its members;
    without it the last of several of one name counts.
    """
    value = _loosely(text, pairs)
    if not portable(value):
        raise ValueError(f"over {MOST_DEEP} levels deep, or with a number too large for a double")
    return value


def _loosely(text: str, pairs: Pairs | None = None) -> Any:
    """The same, with an infinite number for each that is too large."""
    return json.loads(text, parse_int=_whole, object_pairs_hook=pairs)


def _whole(text: str) -> int | float:
    return int(text) if math.isfinite(number := float(text)) else number


def portable(value: Any) -> bool:
    """Whether a value can be written as JSON that everybody reads: not too deep, all finite."""
    level = [value]
    for _ in range(MOST_DEEP):
        if not level:
            return True
        if any(isinstance(each, float) and not math.isfinite(each) for each in level):
            return False
        level = [inner for each in level for inner in _inside(each)]
    return not level


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def compact(value: Any) -> str:
    """JSON without spaces or needless escapes, so that no legal input grows over its limit."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates have no UTF-8; escaped they pass
        return json.dumps(value, separators=(",", ":"))
    # SQS refuses these two characters, which only ever stand inside JSON strings.
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def restart_name(record: Record, message_id: str) -> str:
    """The name under which this job is started anew: the same however often it is derived.

    From the execution's end where there was one, else from the message (at most 80 characters).
    """
    origin = death(record.execution, record.redrives) if record.execution else message_id
    digest = hashlib.sha256(origin.encode("utf-8", "surrogatepass")).hexdigest()[:15]
    name = record.execution.rpartition(":")[2] or "respool"
    stem = _RESTARTED.sub("", name)[: NAME - 24]
    return f"{stem}-respool-{digest}"

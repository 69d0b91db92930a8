"""A spooled job: what one message on the spool says, and how it is written and read."""

import hashlib
import json
import math
import re
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any

from chalicelib.errors import Unreadable

VERSION = 1
MAX_NAME = 80


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
    """One job set aside. Times are ISO 8601, UTC; what a job never had is empty or None.

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

    @property
    def death(self) -> str:
        """Names one end of one execution: a redriven execution may die again."""
        return f"{self.execution}#{self.redrives}"

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
        data = parse(body)
    except (ValueError, RecursionError) as wrong:
        raise Unreadable(f"the body is not JSON: {wrong}") from wrong
    if not isinstance(data, dict) or not data:
        raise Unreadable("the body is not a JSON object with something in it")
    if "respool" not in data:
        return Record(key=key_in(data) or "", input=data)
    return read(data)


def read(data: dict[str, Any]) -> Record:
    """Read the JSON object that `encode`, or the state machine, wrote. Raises Unreadable."""
    if data.get("respool") != VERSION:
        raise Unreadable(f"its version {data.get('respool')!r} is not {VERSION}: deploy anew")
    values: dict[str, Any] = {}
    for wire, name in _WIRE.items():
        if wire in data:
            values[name] = _typed(wire, data[wire], _TYPES[name])
    values["error"] = read_failure(data.get("error"))
    if "input" in data:
        values["input"] = data["input"]
    record = Record(**values)
    if not record.execution and record.input is ABSENT:
        raise Unreadable("it has neither an input nor an execution that would have one")
    return record


def _typed(wire: str, value: Any, kind: type) -> Any:
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Unreadable(f"its {wire} is not of type {kind.__name__}")
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
    return value if isinstance(value, str) else compact(value)


def parse(text: str) -> Any:
    """JSON as the standard has it: no NaN, no number too large for a double. Raises ValueError."""
    return json.loads(text, parse_constant=_finite, parse_float=_finite)


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is not a JSON number")
    return number


def compact(value: Any) -> str:
    """JSON without spaces or needless escapes, so that no legal input grows over its limit."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates have no UTF-8; escaped they pass
        return json.dumps(value, separators=(",", ":"))
    # SQS refuses these two characters, which only ever stand inside JSON strings.
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def key_in(value: Any) -> str | None:
    """The key that `ClaimJob` would read in this input; None where it has none.

    Numbers are written as JSONata's `$string` writes them.
    """
    given = value.get("key") if isinstance(value, dict) else None
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, (int, float)):
        return _number(float(f"{given:.15g}"))
    return given if isinstance(given, str) else None


def key_in_text(text: str) -> str | None:
    """The same for an execution's input as text, which may hold numbers that `parse` refuses."""
    return key_in(json.loads(text))


def _number(value: float) -> str:
    """As JavaScript writes it, for the numbers that ClaimJob lets pass."""
    return f"{Decimal(repr(value)):f}".removesuffix(".0")


def restart_name(record: Record, message_id: str) -> str:
    """The name under which this job is started anew: the same however often it is derived.

    From the execution's end where there was one, else from the message (at most 80 characters).
    """
    origin = record.death if record.execution else message_id
    digest = hashlib.sha256(origin.encode("utf-8", "surrogatepass")).hexdigest()[:15]
    name = record.execution.rpartition(":")[2] or "respool"
    stem = _RESTARTED.sub("", name)[: MAX_NAME - 24]
    return f"{stem}-respool-{digest}"

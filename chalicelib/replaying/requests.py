"""What callers may ask for, checked: the reprocess Lambda's event and the API's parameters."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.errors import BadRequest
from chalicelib.job.plan import Choice
from chalicelib.settings import MAX_REPLAY, is_machine

MOST_TEXT = 1024
YEAR = 31_622_400
_MAX = f"a whole number from 1 to {MAX_REPLAY}"


@dataclass(frozen=True)
class Request:
    """One replay as asked for; `count` None means the stage's default."""

    count: int | None = None
    choice: Choice = field(default_factory=Choice)
    rate: float = 0
    dry_run: bool = False
    stuck: bool = False
    by_pass: bool = False
    restart: bool = False
    reason: str = ""


UNATTENDED = "unattended"
"""What schedules add to their events."""
FIELDS = (
    "max",
    "task",
    "error",
    "key",
    "machine",
    "older_than",
    "rate",
    "dry_run",
    "stuck",
    "pass",
    "restart",
    "reason",
)


def read_query(query: Mapping[str, list[str]]) -> Request:
    """Read `?max=2&task=...`. Raises BadRequest, naming the value and what would do."""
    return read_request(single(query, FIELDS))


def single(query: Mapping[str, list[str]], names: Collection[str]) -> dict[str, str]:
    """A query whose parameters are all known and given once. Raises BadRequest."""
    fields = {name: once(name, values) for name, values in query.items()}
    only(fields, names)
    return fields


def once(name: str, values: Sequence[str]) -> str:
    """The value of a parameter. Raises BadRequest where there are several, naming them."""
    if len(values) > 1:
        what = f", {_MAX}" if name == "max" else ""
        raise BadRequest(
            f"{shown(name)} is given {len(values)} times ({shown(', '.join(values))});"
            f" give it once{what}"
        )
    return values[0]


def only(fields: Mapping[str, Any], names: Collection[str]) -> None:
    """Check that no other fields are given than these. Raises BadRequest."""
    if unknown := sorted(set(fields) - set(names)):
        hint = f"this call takes {', '.join(names)}" if names else "this call takes none"
        raise BadRequest(f"unknown parameter {shown(unknown[0])!r}; {hint}")


def read_event(fields: Mapping[str, Any]) -> tuple[Request, bool]:
    """Read an event of the reprocess Lambda; the second says whether a person has asked for it.

    Schedules say that they are unattended; they leave stuck jobs to people. Raises BadRequest.
    """
    parameters = {name: value for name, value in fields.items() if name != UNATTENDED}
    if not _flag(fields, UNATTENDED):
        return check_pass(read_request(parameters)), True
    only(parameters, [name for name in FIELDS if name not in ("stuck", "pass", "restart")])
    return read_request(parameters), False


def read_request(fields: Mapping[str, Any]) -> Request:
    """Read an event or a query; numbers may be text. Raises BadRequest for what it can't use."""
    only(fields, FIELDS)
    return Request(
        count=read_whole(fields, "max", 1, MAX_REPLAY),
        choice=Choice(
            task=read_text(fields, "task"),
            error=read_text(fields, "error"),
            key=read_text(fields, "key"),
            machine=read_machine(fields) or None,
            older_than=read_whole(fields, "older_than", 0, YEAR) or 0,
        ),
        rate=_rate(fields),
        dry_run=_flag(fields, "dry_run"),
        stuck=_flag(fields, "stuck"),
        by_pass=_flag(fields, "pass"),
        restart=_flag(fields, "restart"),
        reason=read_text(fields, "reason"),
    )


def read_machine(fields: Mapping[str, Any]) -> str:
    """A state machine's name, empty only where it is not given. Raises BadRequest."""
    machine = read_text(fields, "machine")
    if machine and not is_machine(machine):
        raise BadRequest(
            f"machine={shown(machine)} must be a state machine's name, such as orders: letters,"
            " digits, - and _, at most 80 characters"
        )
    return machine


def check_pass(request: Request) -> Request:
    """The request; a pass is for jobs that somebody names, or for one, and a restart that was
    asked for for named ones alone. Raises BadRequest."""
    names_jobs = request.choice.key or request.choice.pks or request.count == 1
    if request.by_pass and not names_jobs:
        raise BadRequest(
            "pass=true lets jobs through a closed gate, so name them: give key, keys or"
            " ids, or max=1 to try one first"
        )
    if request.restart and not (request.choice.key or request.choice.pks):
        raise BadRequest(
            "restart=true does all steps of jobs again, so name them: give key, or ids"
        )
    return request


def read_whole(fields: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    """A whole number, or its digits; None where it is not given. Raises BadRequest."""
    if name not in fields:
        return None
    value = fields[name]
    text = str(value)
    digits = text.isascii() and text.isdigit() and len(text) <= 12
    if isinstance(value, bool) or not digits or not low <= int(text) <= high:
        raise BadRequest(f"{name}={shown(value)} must be a whole number from {low} to {high}")
    return int(text)


def _rate(fields: Mapping[str, Any]) -> float:
    if "rate" not in fields:
        return 0
    value = fields["rate"]
    try:
        rate = float(str(value)[:40])
    except ValueError:
        rate = -1
    if isinstance(value, bool) or not 0.01 <= rate <= 1000:
        raise BadRequest(
            f"rate={shown(value)} must be a number of jobs per second, from 0.01 to 1000"
        )
    return rate


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise BadRequest(f"{name}={shown(value)} must be true or false")


def read_text(fields: Mapping[str, Any], name: str) -> str:
    """Text, empty only where it is not given. Raises BadRequest."""
    value = fields.get(name, "")
    if not isinstance(value, str) or len(value.encode("utf-8", "surrogatepass")) > MOST_TEXT:
        raise BadRequest(f"{name}={shown(value)} must be text of at most {MOST_TEXT} bytes")
    if name in fields and not value:
        raise BadRequest(f"{name} is empty; leave it out instead")
    return value


def shown(value: Any) -> str:
    """The value as far as it fits into a message."""
    text = str(value)
    return text if len(text) <= 40 else f"{text[:40]}..."

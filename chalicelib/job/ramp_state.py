"""What the ramp remembers of one task between two ticks, and how that is written down. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from functools import lru_cache
from typing import Any


class Verdict(StrEnum):
    """What a step has told of the service."""

    NONE = ""
    HEALTHY = "healthy"
    ALONE = "alone"
    OWN = "own"
    REFUSED = "refused"


@dataclass(frozen=True)
class Released:
    """A job that the last step released, as it stood then. Times are ISO 8601, UTC.

    `took` is how many seconds it had needed to fail; `inside_at` is when it was in the task for
    certain; `from_start`: it starts from the beginning, since its execution was gone.
    """

    key: str
    execution: str
    attempt: int
    error: str
    parked_at: str
    took: float = 0
    from_start: bool = False
    inside_at: str = ""


@dataclass(frozen=True)
class State:
    """One task's ramp. `wait` is seconds; `due` is when it acts next, empty: at the next tick.

    Jobs are named by the digests of their keys: `service_failures` counts failures that were the
    service's and not the job's own; `suspects` failed while others came through; the messages of
    `absent` ones were not on the spool, and until then they are left alone. `had_free_slots`: the
    task had one for each job of the step. `unlike_error_seen`: one error unlike the others was let
    pass.
    """

    task: str
    version: int = 0
    step: int = 1
    wait: int = 0
    due: str = ""
    released_at: str = ""
    had_free_slots: bool = False
    released: tuple[Released, ...] = ()
    service_failures: Mapping[str, int] = field(default_factory=dict)
    suspects: frozenset[str] = field(default_factory=frozenset)
    absent: Mapping[str, str] = field(default_factory=dict)
    unlike_error_seen: bool = False
    refusals: int = 0
    last: Verdict = Verdict.NONE
    last_at: str = ""
    last_key: str = ""
    last_size: int = 0
    waiting: int = 0
    held: str = ""
    held_until: str = ""
    by: str = ""


@lru_cache(maxsize=4096)
def digest(key: str) -> str:
    """A short name for a key, which may be 1,024 bytes long while an item ends at 400 KB."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


_STORED = {
    "had_free_slots": "roomy",
    "released": "out",
    "service_failures": "excused",
    "unlike_error_seen": "odd",
    "from_start": "anew",
}
"""What is stored under another name than it has here."""


def encode(state: State) -> str:
    """The state as JSON text, in which no letter takes more bytes than in its key."""
    data = _stored(asdict(state)) | {"suspects": sorted(state.suspects)}
    data["out"] = [_stored(each) for each in data["out"]]
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def decode(text: str) -> State:
    """Read what `encode` wrote; what this version does not know is left out."""
    data: dict[str, Any] = json.loads(text)
    known = _known(State, data)
    known["released"] = tuple(Released(**_known(Released, one)) for one in data.get("out", ()))
    known["suspects"] = frozenset(data.get("suspects", ()))
    known["last"] = Verdict(data.get("last", ""))
    return State(**known)


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    return {_STORED.get(name, name): value for name, value in values.items()}


def _known(kind: type[State | Released], data: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name: _STORED.get(field.name, field.name) for field in fields(kind)}
    return {name: data[stored] for name, stored in names.items() if stored in data}

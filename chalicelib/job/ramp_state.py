"""What the ramp remembers of one task between two ticks, and how that is written down. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any


class Verdict(StrEnum):
    """What a step has told of the neighbour."""

    NONE = ""
    HEALTHY = "healthy"
    ALONE = "alone"
    OWN = "own"
    REFUSED = "refused"


@dataclass(frozen=True)
class Out:
    """A job that the last step released, as it stood then. Times are ISO 8601, UTC.

    `took` is how many seconds it had needed to fail; `inside_at` is when it was in the task for
    certain; `anew`: it starts from the beginning, since its execution was gone.
    """

    key: str
    execution: str
    attempt: int
    error: str
    parked_at: str
    took: float = 0
    anew: bool = False
    inside_at: str = ""


@dataclass(frozen=True)
class State:
    """One task's ramp. `wait` is seconds; `due` is when it acts next, empty: at the next tick.

    `excused` counts, by a job's mark, failures that were the neighbour's and not the job's own;
    `suspects` are jobs that failed while others came through; `absent` are jobs whose message was
    not on the spool, and until when they are left alone. `odd`: an unlike error has been let pass.
    """

    task: str
    version: int = 0
    step: int = 1
    wait: int = 0
    due: str = ""
    released_at: str = ""
    roomy: bool = False
    out: tuple[Out, ...] = ()
    excused: Mapping[str, int] = field(default_factory=dict)
    suspects: frozenset[str] = field(default_factory=frozenset)
    absent: Mapping[str, str] = field(default_factory=dict)
    odd: bool = False
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
def mark(key: str) -> str:
    """A short name for a key, which may be 1,024 bytes long while an item ends at 400 KB."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def encode(state: State) -> str:
    """The state as JSON text, in which no letter takes more bytes than in its key."""
    data = asdict(state) | {"suspects": sorted(state.suspects)}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def decode(text: str) -> State:
    """Read what `encode` wrote; what this version does not know is left out."""
    data: dict[str, Any] = json.loads(text)
    known = {name: data[name] for name in State.__dataclass_fields__ if name in data}
    known["out"] = tuple(Out(**_known_out(one)) for one in data.get("out", ()))
    known["suspects"] = frozenset(data.get("suspects", ()))
    known["last"] = Verdict(data.get("last", ""))
    return State(**known)


def _known_out(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in Out.__dataclass_fields__ if name in data}


def moment(text: str) -> datetime | None:
    """An ISO 8601 time that was written by us or by the state machine; None where there is none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None

"""What the ramp remembers of one task between two ticks, and how that is written down. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Any

from chalicelib.words import Word


class Verdict(Word):
    """What a step has told of the service."""

    NONE = ""
    HEALTHY = "healthy"
    ALONE = "alone"
    OWN = "own"
    REFUSED = "refused"


@dataclass(frozen=True)
class ReleasedJob:
    """A job that the last step released, as it stood then. Times are ISO 8601, UTC.

    `since` is when the wait began that the step ended; `took` is how many seconds the job had
    needed to fail.
    """

    pk: str
    attempt: int
    error: str
    since: str
    took: float = 0

    @property
    def key(self) -> str:
        """The job's key, for people."""
        return self.pk.partition("#")[2]


@dataclass(frozen=True)
class JudgedStep:
    """A step that was judged: when it went out, how many jobs it was, and what it has told."""

    at: str
    jobs: int
    verdict: str


@dataclass(frozen=True)
class State:
    """One task's ramp. `wait` is seconds; `due` is when it acts next, empty: at the next tick.

    Jobs are named by the digests of their claims' keys: `service_failures` counts failures that
    were the service's and not the job's own; `suspects` failed while others came through.
    `unlike_error_seen`: one error unlike the others was let pass. `closed`: the ramp wants the
    gate closed, so that only its steps go in; `why` says it to people, `closed_at`
    is since when. `named`: the service
    asked to wait until then. `past` are the last steps that were judged, for reports.
    """

    task: str
    version: int = 0
    step: int = 1
    wait: int = 0
    due: str = ""
    released_at: str = ""
    released: tuple[ReleasedJob, ...] = ()
    service_failures: Mapping[str, int] = field(default_factory=dict)
    suspects: frozenset[str] = field(default_factory=frozenset)
    unlike_error_seen: bool = False
    refusals: int = 0
    last: Verdict = Verdict.NONE
    last_at: str = ""
    last_key: str = ""
    last_size: int = 0
    waiting: int = 0
    held: str = ""
    held_until: str = ""
    named: str = ""
    closed: bool = False
    closed_at: str = ""
    why: str = ""
    by: str = ""
    past: tuple[JudgedStep, ...] = ()


MOST_PAST = 20
"""Steps that were judged are kept for whoever looks every few minutes."""


@lru_cache(maxsize=4096)
def digest(key: str) -> str:
    """A short name for a key, which may be 1,024 bytes long while an item ends at 400 KB."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def encode(state: State) -> str:
    """The state as JSON text, in which no letter takes more bytes than in its key."""
    data = asdict(state) | {"suspects": sorted(state.suspects)}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def decode(text: str) -> State:
    """Read what `encode` wrote; what this version does not know is left out."""
    data: dict[str, Any] = json.loads(text)
    members = _known(State, data)
    members["released"] = tuple(ReleasedJob(**_known(ReleasedJob, one)) for one in data["released"])
    members["past"] = tuple(JudgedStep(**_known(JudgedStep, one)) for one in data.get("past", ()))
    members["suspects"] = frozenset(data["suspects"])
    members["last"] = _verdict(data["last"])
    return State(**members)


def _known(kind: type[State | ReleasedJob | JudgedStep], data: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: data[field.name] for field in fields(kind) if field.name in data}


def _verdict(text: str) -> Verdict:
    """A verdict; NONE for one that only another version knows."""
    try:
        return Verdict(text)
    except ValueError:
        return Verdict.NONE

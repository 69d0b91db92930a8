"""An incident: one task's trouble from the first failure to the last end, and how it is kept. Pure.

Its text in the table is JSON. Times are ISO 8601, UTC. Nothing in it is a job's input or key.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from chalicelib.moments import read
from chalicelib.words import Word


class What(Word):
    """What people are told of."""

    BEGUN = "begun"
    CLOSED = "gate-closed"
    STUCK = "stuck"
    NEAR_LOSS = "near-loss"
    AGAIN = "failing-again"
    OVER = "over"


@dataclass(frozen=True)
class News:
    """Something that people are told of, and when it was seen."""

    at: str
    what: What


@dataclass(frozen=True)
class Said:
    """An error that the task failed with: its name, one message as it came, of how many jobs."""

    name: str
    message: str
    jobs: int


@dataclass(frozen=True)
class Change:
    """A gate that closed or opened (`by`, `why`), or a probe (`what` is its verdict, `jobs`)."""

    at: str
    what: str
    by: str = ""
    why: str = ""
    jobs: int = 0


@dataclass(frozen=True)
class Point:
    """How many jobs waited at a moment, failed and untried ones, and what had happened by then.

    `failures` and `ended` are counted from the incident's begin.
    """

    at: str
    failed: int
    untried: int
    failures: int
    ended: int


@dataclass(frozen=True)
class Post:
    """How far one way of telling people has come.

    `told` news have gone out; of the next message `tries` were made, and the next one is `due`.
    """

    told: int = 0
    tries: int = 0
    due: str = ""


@dataclass(frozen=True)
class Incident:
    """One task's trouble.

    `since` is the first failure, `over_at` the moment at which no failed job was left, while
    `calm_since` has nobody failing and is not sure yet. Of the jobs, as counted last: `parked`,
    `stuck`, `failed_in_line`, `untried` in line, `inside` again after a failure, `near` their
    executions' end. `whole` is false where there were more than could be read. `jobs` failed,
    `failures` times together; `job_seconds` is how long jobs waited, all of them added up.
    `machines` are the state machines whose jobs they are, each with the most of them that waited at
    once; empty is the stage's own.
    `seen_until` is the moment up to which failures are counted, `news` tells people, and
    `posts` says who has been told how much of it. `step` is how many seconds apart the curve's
    points are at least.
    """

    task: str
    id: str
    since: str
    noticed_at: str
    version: int = 0
    over_at: str = ""
    calm_since: str = ""
    seen_until: str = ""
    last_failure_at: str = ""
    counted_at: str = ""
    parked: int = 0
    stuck: int = 0
    failed_in_line: int = 0
    untried: int = 0
    inside: int = 0
    near: int = 0
    whole: bool = True
    most_failed: int = 0
    most_untried: int = 0
    jobs: int = 0
    failures: int = 0
    job_seconds: int = 0
    gate_closed: bool = False
    gate_by: str = ""
    gate_why: str = ""
    gate_since: str = ""
    gate_until: str = ""
    probed_at: str = ""
    machines: Mapping[str, int] = field(default_factory=dict)
    said: tuple[Said, ...] = ()
    news: tuple[News, ...] = ()
    changes: tuple[Change, ...] = ()
    changes_left_out: int = 0
    curve: tuple[Point, ...] = ()
    step: int = 0
    posts: Mapping[str, Post] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Jobs that have failed and wait."""
        return self.parked + self.stuck + self.failed_in_line

    @property
    def ended(self) -> int:
        """Jobs that failed, and neither wait nor are inside any more: finished or given up."""
        return max(0, self.jobs - self.failed - self.inside)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return bool(self.over_at)

    def post(self, way: str) -> Post:
        """How far that way of telling people has come."""
        return self.posts.get(way, Post())

    def has_told(self, what: What) -> bool:
        """Whether it is among the news."""
        return any(each.what is what for each in self.news)


def name_of(task: str, since: str) -> str:
    """An incident's id, the same for all who see it begin: its first failure and its task."""
    moment = read(since)
    at = f"{moment:%Y%m%dT%H%M%S}" if moment else "unknown"
    return f"{at}-{hashlib.sha256(task.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def encode(incident: Incident) -> str:
    """The incident as JSON text; points are lists, for there are many."""
    data = asdict(incident) | {
        "posts": {way: asdict(post) for way, post in incident.posts.items()},
        "curve": [
            [each.at, each.failed, each.untried, each.failures, each.ended]
            for each in incident.curve
        ],
    }
    return json.dumps(data, ensure_ascii=True, separators=(",", ":"))


def decode(text: str) -> Incident:
    """Read what `encode` wrote; what this version does not know is left out."""
    data: dict[str, Any] = json.loads(text)
    members = _known(Incident, data)
    members["said"] = tuple(Said(**_known(Said, each)) for each in data.get("said", ()))
    members["changes"] = tuple(Change(**_known(Change, each)) for each in data.get("changes", ()))
    members["curve"] = tuple(Point(*each) for each in data.get("curve", ()))
    members["posts"] = {
        way: Post(**_known(Post, one)) for way, one in data.get("posts", {}).items()
    }
    members["news"] = tuple(
        News(each["at"], What(each["what"]))
        for each in data.get("news", ())
        if each["what"] in set(What)
    )
    return Incident(**members)


def _known(kind: type, data: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: data[each.name] for each in fields(kind) if each.name in data}

"""A replay as it is kept: who asked for it, what it chose, how far it is. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from chalicelib.job.claim import Claim, State
from chalicelib.moments import iso, read
from chalicelib.words import Word

REPLAY = "replay#"
KEPT_DAYS = 90
"""Days for which a replay's counts are kept."""
MOST_FAILED = 20
MOST_WHY = 300
"""Jobs that a replay names of those that could not be put back, and the length of each reason."""
_LAST = 9_999_999_999_999
"""A time in milliseconds that never comes: what is counted down from it is newest first."""


class Kind(Word):
    """Who puts jobs back: a person, the schedule, the trigger on the spool, or the ramp."""

    PRESS = "press"
    SCHEDULE = "schedule"
    TRIGGER = "trigger"
    RAMP = "ramp"


class Course(Word):
    """How far a replay is: the server goes on with it, it is through, or it was stopped."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


class Outcome(Word):
    """What became of a job that a replay chose.

    LEFT: it was not put back. UNKNOWN: its claim is kept no longer.
    """

    FINISHED = "finished"
    FAILED = "failed"
    GIVEN_UP = "given-up"
    ABORTED = "aborted"
    LINE = "line"
    RUNNING = "running"
    WAITING = "waiting"
    LEFT = "left"
    UNKNOWN = "unknown"


OPEN = (Outcome.LINE, Outcome.RUNNING)
"""What may still change by itself."""


@dataclass(frozen=True)
class ChosenJob:
    """A job as it stood when a replay chose it; `started_at` tells it from a later one's.

    Both times are empty for a job that only the queue knew.
    """

    pk: str
    since: str
    attempt: int
    started_at: str

    @classmethod
    def of(cls, claim: Claim) -> "ChosenJob":
        """The job that a claim tells of."""
        return cls(claim.pk, claim.since, claim.attempt, claim.started_at)

    def stands(self, claim: Claim | None) -> bool:
        """Whether it still waits as it did: it has not been put back since."""
        return claim is not None and claim.waits and claim.since == self.since


def outcome_of(job: ChosenJob, claim: Claim | None) -> Outcome:
    """What became of a job by its claim; a failure counts, whatever followed it."""
    if claim is None or job.started_at not in ("", claim.started_at):
        return Outcome.UNKNOWN
    if claim.attempt > job.attempt:
        return Outcome.FAILED
    if claim.ended_at:
        return Outcome(claim.state.value)
    if claim.state is State.LINE:
        return Outcome.LINE
    return Outcome.RUNNING if claim.state is State.RUNNING else Outcome.WAITING


@dataclass(frozen=True)
class Replay:
    """One replay. Times are ISO 8601; empty: not yet.

    `asked` is the request but for the jobs that it names, of whose claims `keys` counts the kept
    ones. `failed` holds claims, too, each with why. `run` names who works on it until
    `leased_until`. Of the jobs on its list, by their numbers: `pending` are those begun with whose
    end is not written down yet, `left` those that were not put back. `counts` are by the plan's
    action; `outcomes` what had become at `counted_at` of the jobs that it put back.
    """

    id: str
    kind: Kind
    by: str = ""
    reason: str = ""
    asked: Mapping[str, Any] = field(default_factory=dict)
    wanted: int = 0
    started_at: str = ""
    ended_at: str = ""
    course: Course = Course.RUNNING
    stopped_by: str = ""
    stopped_at: str = ""
    stopped_why: str = ""
    run: str = ""
    leased_until: str = ""
    keys: int = 0
    jobs: int = 0
    pending: tuple[int, ...] = ()
    left: tuple[int, ...] = ()
    put_back: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0
    failed: tuple[tuple[str, str], ...] = ()
    outcomes: Mapping[str, int] = field(default_factory=dict)
    counted_at: str = ""
    version: int = 0

    @property
    def order(self) -> str:
        """The replay's place among all, the newest first."""
        start = read(self.started_at)
        countdown = _LAST - int(start.timestamp() * 1000) if start else _LAST
        return f"{countdown:013d}#{self.id}"

    @property
    def settled(self) -> bool:
        """Whether it is over, and nothing more becomes of its jobs by itself."""
        over = self.course is not Course.RUNNING and bool(self.counted_at)
        return over and not any(self.outcomes.get(each) for each in OPEN)

    def is_idle(self, now: datetime) -> bool:
        """Whether it is to go on, and nobody works on it."""
        return self.course is Course.RUNNING and self.leased_until <= iso(now)


def id_of(who: str, key: str) -> str:
    """The id of the one replay that a caller asks for under an idempotency key."""
    return hashlib.sha256(f"{who}\n{key}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def daily(kind: Kind, task: str, now: datetime) -> str:
    """The id of what the trigger, or the ramp of a task, puts back within a day."""
    day = iso(now)[:10]
    return f"{kind.value}-{day}" + (f"-{id_of(task, '')[:8]}" if task else "")


def encode(replay: Replay) -> str:
    """The replay as JSON text; its version stands beside it."""
    data = asdict(replay)
    del data["version"]
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def decode(text: str, version: int) -> Replay:
    """Read what `encode` wrote; what this release does not know is left out."""
    data: dict[str, Any] = json.loads(text)
    members = {each.name: data[each.name] for each in fields(Replay) if each.name in data}
    members |= {"kind": Kind(data["kind"]), "course": Course(data["course"])}
    members |= {name: tuple(data.get(name, ())) for name in ("pending", "left")}
    members["failed"] = tuple((key, why) for key, why in data.get("failed", ()))
    return Replay(**members | {"version": version})


def outcomes(
    replay: Replay, jobs: Sequence[ChosenJob], claims: Mapping[str, Claim]
) -> list[tuple[ChosenJob, Outcome]]:
    """What became of each job on its list, in order."""
    numbers = {*replay.left, *replay.pending}
    return [
        (job, Outcome.LEFT if n in numbers else _outcome(replay, job, claims.get(job.pk)))
        for n, job in enumerate(jobs)
    ]


def _outcome(replay: Replay, job: ChosenJob, claim: Claim | None) -> Outcome:
    """What became of a job that was put back, though its claim may not say so yet.

    Of the ramp nobody knows: it writes jobs down before it lets them go.
    """
    on_its_way = replay.kind is not Kind.RAMP and job.stands(claim)
    outcome = outcome_of(job, claim)
    return Outcome.RUNNING if on_its_way and outcome is Outcome.WAITING else outcome


def count(replay: Replay, outcomes: Sequence[tuple[ChosenJob, Outcome]]) -> dict[str, int]:
    """How many of those that were put back came to what; without a claim that is unknown."""
    counts: dict[str, int] = {}
    for _, outcome in outcomes:
        if outcome is not Outcome.LEFT:
            counts[outcome.value] = counts.get(outcome.value, 0) + 1
    if (unlisted := replay.put_back - sum(counts.values())) > 0:
        unknown = Outcome.UNKNOWN.value
        counts[unknown] = counts.get(unknown, 0) + unlisted
    return counts

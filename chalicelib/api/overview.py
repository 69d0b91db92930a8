"""How a stage stands, from a bounded number of reads that all who ask share for some seconds."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from chalicelib.cached import KEPT, Cached
from chalicelib.job.claim import Claim, Slots, State
from chalicelib.job.ports import Claims, Count, Line
from chalicelib.job.world import Time

MOST_READ = 4_000
"""Waiting jobs that one look reads, the oldest of each task; more of them are only counted."""
MOST_PAGES = 24
"""Pages of the index that a look counts behind those; then it says `more than`."""
HELD = (State.STUCK, State.PARKED)
"""The states of jobs that wait for somebody to put them back."""


@dataclass(frozen=True)
class View:
    """How the stage stood: its tasks, how many jobs wait and run, and the oldest that wait.

    `counts` is by state and task; `untried` is by task how many of those in line have never failed,
    where its gate is closed and the line could be read. `oldest` has parked and stuck jobs in the
    one order, all of them where `whole` says so; `first_in_line` is by task. `revision` changes
    whenever anything in the view does.
    """

    at: datetime
    tasks: tuple[Slots, ...] = ()
    counts: Mapping[tuple[State, str], Count] = field(default_factory=dict)
    oldest: tuple[Claim, ...] = ()
    whole: bool = True
    first_in_line: Mapping[str, Claim] = field(default_factory=dict)
    untried: Mapping[str, int] = field(default_factory=dict)
    revision: str = ""

    def count(self, state: State, task: str = "") -> Count:
        """How many jobs are in that state, at one task or at all."""
        counts = [each for (s, t), each in self.counts.items() if s is state and task in ("", t)]
        return Count(sum(each.number for each in counts), all(each.whole for each in counts))


class Overview:
    """Looks at the tasks and the index at most once every few seconds, and never at all jobs."""

    def __init__(self, *, claims: Claims, line: Line, clock: Time) -> None:
        self._claims = claims
        self._line = line
        self._clock = clock
        self._view = Cached(self._look, KEPT, clock.elapsed)

    def read(self) -> View:
        """How the stage stands, or stood a moment ago."""
        return self._view.get()

    def forget(self) -> None:
        """Read again next time: something has just been changed."""
        self._view.forget()

    def _look(self) -> View:
        at = self._clock.now()
        tasks = tuple(self._line.slots(task) for task in self._line.tasks())
        share = MOST_READ // max(1, len(tasks))
        counts: dict[tuple[State, str], Count] = {}
        claims: list[Claim] = []
        first: dict[str, Claim] = {}
        untried: dict[str, int] = {}
        for slots in tasks:
            counts[State.RUNNING, slots.task] = Count(len(slots.owners))
            counts[State.LINE, slots.task] = Count(in_line(slots))
            if in_line(slots) and (job := self._first_in_line(slots.task)):
                first[slots.task] = job
            if not slots.gate(at).open and in_line(slots) <= share:
                untried[slots.task] = in_line(slots) - self._failed_in_line(slots.task, share)
            for state in HELD:
                oldest, count = self._held(state, slots.task, share)
                counts[state, slots.task] = count
                claims += oldest
        claims.sort(key=position)
        whole = sum(counts[each].number for each in counts if each[0] in HELD) == len(claims)
        revision = _revision(tasks, counts, claims, at)
        return View(at, tasks, counts, tuple(claims), whole, first, untried, revision)

    def _first_in_line(self, task: str) -> Claim | None:
        """The oldest in line; None where the index does not show it yet."""
        return next(self._claims.waiting(State.LINE, task, limit=1), None)

    def _failed_in_line(self, task: str, most: int) -> int:
        """How many in line have failed before: they are older than what came to a closed gate."""
        claims = islice(self._claims.waiting(State.LINE, task), most)
        return sum(1 for claim in claims if claim.attempt)

    def _held(self, state: State, task: str, most: int) -> tuple[list[Claim], Count]:
        """The oldest that wait so, and how many there are, counted a bounded way further."""
        oldest = list(islice(self._claims.waiting(state, task), most))
        if len(oldest) < most:
            return oldest, Count(len(oldest))
        more = self._claims.count(state, task, after=oldest[-1].order, most=MOST_PAGES)
        return oldest, Count(len(oldest) + more.number, more.whole)


def in_line(slots: Slots) -> int:
    """How many stand in line, without those that have a slot already and are being woken."""
    return max(0, slots.waiting - len(slots.waking))


def position(claim: Claim) -> tuple[str, str]:
    """A job's place in lists: by its order, and by its key among equals."""
    return claim.order, claim.pk


def _revision(
    tasks: Iterable[Slots],
    counts: Mapping[tuple[State, str], Count],
    claims: Iterable[Claim],
    at: datetime,
) -> str:
    """Names a view by what is in it; a gate that opens or closes by the clock makes another one."""
    content = repr(
        (
            [(_values(each), each.gate(at)) for each in tasks],
            sorted((state.value, task, count.number) for (state, task), count in counts.items()),
            [(each.pk, each.state, each.since, each.attempt) for each in claims],
        )
    )
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _values(slots: Slots) -> list[object]:
    """What the slots hold, maps in one order."""
    values = vars(slots).values()
    return [sorted(each.items()) if isinstance(each, Mapping) else each for each in values]

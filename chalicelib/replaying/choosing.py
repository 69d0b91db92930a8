"""Finds the jobs that a replay is about: the oldest first over all tasks, in as few pages."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice

from chalicelib.errors import RespoolError
from chalicelib.job.claim import Claim, State, job_pk
from chalicelib.job.plan import Choice, Rules
from chalicelib.job.ports import Claims, Line
from chalicelib.replaying.gates import Gates
from chalicelib.replaying.patience import Patience

CHUNK = 100
"""Claims that one BatchGetItem reads."""
LEAST, MOST = 10, 250
"""Entries of a page of the index where all are wanted: as many as are asked for, within these."""
MOST_SEARCHED = 1000
"""Entries of a page of the index where only some of them are wanted."""


@dataclass
class Candidates:
    """The jobs that the index, or whoever chose, names; `take` gives them as they stand now.

    The index lags: what no longer waits so by a consistent read is left out, and counted in
    `gone`. `whole`: there are no more behind those that were taken.
    """

    claims: Claims
    rules: Rules
    now: datetime
    calm: Patience
    found: Iterator[Claim]
    consistent: bool
    gone: int = 0
    whole: bool = False

    def take(self, count: int) -> list[Claim]:
        """The next of them, at most that many, with their tokens."""
        page = list(islice(self.found, min(count, CHUNK)))
        self.whole = len(page) < min(count, CHUNK)
        if self.consistent or not page:
            return page
        by_pk = self.calm(lambda: self.claims.get_many([claim.pk for claim in page]))
        still = [by_pk[each.pk] for each in page if each.pk in by_pk]
        waiting = [claim for claim in still if self._waits(claim)]
        self.gone += len(page) - len(waiting)
        return waiting

    def rest(self) -> int:
        """How many more the index names; reads it to its end."""
        return sum(1 for _ in self.found)

    def _waits(self, claim: Claim) -> bool:
        return (
            claim.waits
            and claim.state in self.rules.states
            and self.rules.choice.takes(claim, self.now)
        )


@dataclass
class Choosing:
    """Reads keys consistently, and else the index, page by page as jobs are asked for.

    An unattended replay passes over the tasks whose gates are shut; `held` says why.
    """

    claims: Claims
    line: Line
    gates: Gates
    calm: Patience
    held: dict[str, str] = field(default_factory=dict)
    _known: list[str] = field(default_factory=list)

    def candidates(self, rules: Rules, now: datetime, count: int) -> Candidates:
        """The jobs that match; of named ones their claims however they stand.

        One key is a single call. `count`: how many are wanted; nobody reads larger pages.
        """
        if rules.choice.key or rules.choice.pks:
            claims = iter(self._named(rules.choice, now))
            return Candidates(self.claims, rules, now, self.calm, claims, consistent=True)
        matches = (one for one in self._listed(rules, count) if rules.choice.takes(one, now))
        return Candidates(self.claims, rules, now, self.calm, matches, consistent=False)

    def count(self, rules: Rules) -> int:
        """How many wait that a replay may take which chooses nothing but a task."""
        pairs = [(s, task) for task in self._tasks(rules.choice) for s in rules.states]
        counts = [self.calm(partial(self.claims.count, state, task)) for state, task in pairs]
        return sum(count.number for count in counts)

    def _named(self, choice: Choice, now: datetime) -> list[Claim]:
        if choice.key:
            claim = self.calm(lambda: self.claims.get(job_pk(choice.key, choice.machine or "")))
            claims = [claim] if claim else []
        else:
            pks = sorted(choice.pks)
            claims = list(self.calm(lambda: self.claims.get_many(pks)).values())
        return sorted(
            (claim for claim in claims if choice.takes(claim, now)), key=lambda claim: claim.order
        )

    def _listed(self, rules: Rules, count: int) -> Iterator[Claim]:
        size = MOST_SEARCHED if rules.choice.narrow else min(max(count, LEAST), MOST)
        lists = [self._list(state, task, size) for state, task in self._pairs(rules)]
        return heapq.merge(*lists, key=lambda claim: claim.order)

    def _list(self, state: State, task: str, size: int) -> Iterator[Claim]:
        """The claims of one list of the index; a refused page is read again from the last one."""
        last = ""
        rows = self.claims.waiting(state, task, limit=size)

        def step() -> Claim | None:
            nonlocal rows
            try:
                return next(rows, None)
            except RespoolError:
                rows = self.claims.waiting(state, task, last, size)
                raise

        while (claim := self.calm(step)) is not None:
            last = claim.order
            yield claim

    def _pairs(self, rules: Rules) -> list[tuple[State, str]]:
        open_tasks = [task for task in self._tasks(rules.choice) if self._may(rules, task)]
        return [(state, task) for task in open_tasks for state in rules.states]

    def _tasks(self, choice: Choice) -> list[str]:
        if choice.task:
            return [choice.task]
        if not self._known:
            self._known = self.calm(self.line.tasks)
        return self._known

    def _may(self, rules: Rules, task: str) -> bool:
        if rules.attended or not self.calm(partial(self.gates.shut, task)):
            return True
        self.held[task] = self.gates.why(task)
        return False

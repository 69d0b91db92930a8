"""The line: hands each free slot of a task to the oldest job that waits for it.

Whatever woke it, it acts on what the table says now. The order of its writes makes a crash
harmless: one transaction gives the slot, ends the wait and notes it in `waking`, of one job after
the other; then the tokens are answered, side by side; only then each note goes.
Whoever comes next finishes first what is noted there.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from chalicelib.errors import Conflict, LineStalled
from chalicelib.gate.gate import Gates
from chalicelib.gate.turn import Turn, in_line, tasks_in, turn
from chalicelib.gate.waking import Waking
from chalicelib.job.claim import Claim, Slots, State
from chalicelib.job.ports import Claims, Clock, Line, Telemetry
from chalicelib.limits import BATCH_GET
from chalicelib.moments import iso

SPARE = 5
"""Entries of the index that a turn reads besides, for jobs that are listed after they left."""
LOOK = BATCH_GET - SPARE
"""A line no longer than this is looked through as a whole, in as many calls as its head alone."""
TRIES = 4
"""Turns without success, because the index lags or others write, before the batch is repeated."""
PAUSE = 0.2
"""Seconds between two such turns; an index is seldom further behind."""
Wake = tuple[str, str, str]
"""The claim's own key of a job, when its wait began, and its execution."""
STILL = 5.0
"""Seconds for which nothing may move before a line is counted again."""


@dataclass(frozen=True)
class Admission:
    """Serves lines; safe to call again at any time, and twice at the same time.

    `hear` closes gates by what the event's failures say, before anybody is let in.
    """

    claims: Claims
    line: Line
    gates: Gates
    hear: Callable[[Any], None]
    waking: Waking
    telemetry: Telemetry
    clock: Clock
    elapsed: Callable[[], float]
    pause: Callable[[float], None]
    workers: Callable[[], Executor]

    def take(self, event: Any, seconds: float) -> dict[str, Any]:
        """Serve each task that the stream's records name, one by name, or all that there are.

        A task that can't be served never keeps the others from it: what it raised is raised when
        all have been served, so that the caller comes again. Raises BadRequest for other events.
        """
        deadline = self.elapsed() + seconds
        tasks = tasks_in(event)
        self.hear(event)
        serve = self.serve if "Records" in event else self.tend
        admitted: dict[str, int] = {}
        refusals: list[Exception] = []
        for task in self.line.tasks() if tasks is None else tasks:
            try:
                admitted[task] = serve(task, deadline)
            except Exception as refused:
                self.telemetry.warning("line-not-served", task=task, reason=str(refused))
                refusals.append(refused)
        if len(refusals) == 1:
            raise refusals[0]
        if refusals:
            raise ExceptionGroup(f"{len(refusals)} lines were not served", refusals)
        return {"admitted": admitted}

    def serve(self, task: str, deadline: float) -> int:
        """Let jobs into the free slots of one task; returns how many.

        Raises LineStalled where somebody waits who can't be let in, or time is up, and whatever
        AWS answered to a wake-up, once all the others have had theirs.
        """
        run = _Run(self, task, deadline)
        run.serve()
        if run.refusals:
            raise run.refusals[0]
        return run.admitted

    def tend(self, task: str, deadline: float) -> int:
        """Serve a line unasked, and set its length right where it stands still."""
        try:
            return self.serve(task, deadline)
        except LineStalled:
            if not self.recount(task):
                raise
            return self.serve(task, deadline)

    def complete(self, task: str) -> Slots:
        """Make whatever the task's item lacks; what is there stays."""
        return self.gates.complete(task)

    def recount(self, task: str) -> bool:
        """Set the line's length right where nothing has moved for a while; False: it was right.

        The index may lag, so it has to show the same again after a while, while the slots stay as
        they were.
        """
        before = self.line.slots(task)
        count = self._count(task)
        if count == in_line(before):
            return False
        self.pause(STILL)
        if self.line.slots(task) != before or self._count(task) != count:
            return False
        done = self.line.recount(before, count + len(before.waking))
        if done:
            was = in_line(before)
            self.telemetry.warning("line-recounted", task=task, was=was, counted=count)
        return done

    def _count(self, task: str) -> int:
        """How many claims say that they are in line, of those that the index lists."""
        count = 0
        rows = self.claims.waiting(State.LINE, task)
        while page := [claim.pk for claim in islice(rows, BATCH_GET)]:
            claims = self.claims.look(page, consistent=True).values()
            count += sum(_stands_in(task, claim) for claim in claims)
        return count


@dataclass
class _Run:
    """One task being served."""

    engine: Admission
    task: str
    deadline: float
    admitted: int = 0
    tries: int = 0
    refusals: list[Exception] = field(default_factory=list)
    _failed: set[str] = field(default_factory=set)

    def serve(self) -> None:
        """Take turns until no slot is free, or nobody waits."""
        while True:
            slots = self.engine.gates.prepare(self.task)
            self._finish_waking(slots)
            now = turn(slots, self.engine.clock())
            if not now.count:
                return
            if self.engine.elapsed() >= self.deadline:
                raise LineStalled(f"time is up and {slots.waiting} jobs are in line of {self.task}")
            before = self.admitted
            try:
                if self._let_in(slots, now):
                    return
            except Conflict as other:
                self._try_again(str(other), other)
            else:
                if self.admitted == before:
                    reason = f"of {slots.waiting} jobs in line of {self.task} none was let in"
                    self._try_again(reason)
                else:
                    self.tries = 0

    def _try_again(self, reason: str, cause: Exception | None = None) -> None:
        self.tries += 1
        if self.tries >= TRIES:
            raise LineStalled(f"{reason}: call again") from cause
        self.engine.pause(PAUSE)

    def _let_in(self, slots: Slots, now: Turn) -> bool:
        """Let in the oldest, one after another; True: of those who may, nobody waits."""
        by_pass = now.passes is not None
        claims = self._of(now.passes or ()) if by_pass else self._oldest(slots, now.count)
        if by_pass and not claims:
            return True
        at = iso(self.engine.clock())
        inside: list[Wake] = []
        try:
            for claim in claims[: now.count]:
                if self.engine.line.admit(claim, at, by_pass):
                    self.admitted += 1
                    inside.append((claim.pk, claim.since, claim.execution))
                elif self._of([claim.pk]):
                    break  # it still waits: the slots are not as they were, and nobody passes it
        finally:
            self._wake_all(inside)
        return False

    def _oldest(self, slots: Slots, count: int) -> list[Claim]:
        """The oldest in line; none while the index lags, unless it goes on for too long.

        An index that shows fewer than are in line may lack the oldest of them. A longer line is not
        read to its end: who joins it as one of its oldest may be passed while the index lags.
        """
        length = in_line(slots)
        needed = length if length <= LOOK else count
        most = needed + SPARE
        claims = self.engine.claims.waiting(State.LINE, self.task, limit=most)
        waits = self._of([claim.pk for claim in islice(claims, most)])
        if len(waits) < needed and self.tries < TRIES - 1:
            return []
        return waits[:count]

    def _of(self, pks: Sequence[str]) -> list[Claim]:
        """The claims with these keys that are in line, the oldest first."""
        claims = self.engine.claims.get_many(pks).values() if pks else ()
        waits = (claim for claim in claims if _stands_in(self.task, claim))
        return sorted(waits, key=lambda claim: (claim.order, claim.pk))

    def _finish_waking(self, slots: Slots) -> None:
        """What an earlier run left half done comes first."""
        waking = sorted(slots.waking.items())
        self._wake_all(
            [
                (pk, since, slots.owners.get(pk, ""))
                for pk, since in waking
                if pk not in self._failed
            ]
        )

    def _wake_all(self, jobs: Sequence[Wake]) -> None:
        """All at the same time: they have their slots, and none waits for another one's calls."""
        if jobs:
            with self.engine.workers() as pool:
                list(pool.map(self._wake, jobs))

    def _wake(self, job: Wake) -> None:
        """Wake a job; one that can't be woken now keeps nobody else waiting, and is tried again."""
        pk, since, execution = job
        try:
            self.engine.waking.wake(self.task, pk, since, execution)
        except Exception as refused:
            self._failed.add(pk)
            self.refusals.append(refused)


def _stands_in(task: str, claim: Claim) -> bool:
    return claim.state is State.LINE and claim.task == task

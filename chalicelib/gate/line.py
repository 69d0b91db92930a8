"""The line: hands each free slot of a task to the oldest job that waits for it.

Whatever woke it, it acts on what the table says now. The order of its writes makes a crash
harmless: one transaction gives the slot, ends the wait and notes it in `waking`; then the token is
answered; only then the note goes. Whoever comes next finishes first what is noted there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from chalicelib import metrics
from chalicelib.errors import BadRequest, Conflict, LineStalled, TokenRefused
from chalicelib.gate.gate import Gates
from chalicelib.job.claim import Claim, Slots, State
from chalicelib.job.execution import DEAD
from chalicelib.job.ports import Claims, Clock, Line, Telemetry, Workflow
from chalicelib.limits import BATCH_GET
from chalicelib.moments import iso

SLOTS = "slots#"
LOOK = 10
"""Jobs that a turn lets in at most; a line no longer than this is looked through as a whole."""
SPARE = 5
"""Entries that a turn reads besides, for those that have left the line and are listed still."""
TRIES = 4
"""Turns without success, because the index lags or others write, before the batch is repeated."""
PAUSE = 0.2
"""Seconds between two such turns; an index is seldom further behind."""
STILL = 5.0
"""Seconds for which nothing may move before a line is counted anew."""


@dataclass(frozen=True)
class Turn:
    """How many jobs a task can take now, and where its gate is closed, only which of them."""

    count: int
    passes: tuple[str, ...] | None = None


def turn(slots: Slots, now: datetime) -> Turn:
    """Decide how many of those in line have room, and who may go in."""
    in_line = slots.waiting - len(slots.waking)
    count = max(0, min(in_line, slots.free, LOOK))
    if slots.gate(now).open:
        return Turn(count)
    at = iso(now)
    good = tuple(sorted(pk for pk, until in slots.passes.items() if until > at))
    return Turn(min(count, len(good)), good)


@dataclass(frozen=True)
class Admission:
    """Serves lines; safe to call again at any time, and twice at the same time.

    `go_on` redrives or restarts a dead job whose turn has come; `rescue` deals with an execution
    that turns out to be dead.
    """

    claims: Claims
    line: Line
    workflow: Workflow
    gates: Gates
    telemetry: Telemetry
    clock: Clock
    elapsed: Callable[[], float]
    pause: Callable[[float], None]
    go_on: Callable[[Claim], bool]
    rescue: Callable[[str], str]

    def take(self, event: Any, seconds: float) -> dict[str, Any]:
        """Serve each task that the stream's records name, one by name, or all that there are.

        A task that can't be served never keeps the others from it: what it raised is raised when
        all have been served, so that the caller comes again. Raises BadRequest for other events.
        """
        deadline = self.elapsed() + seconds
        asked = tasks_in(event)
        tasks = self.line.tasks() if asked is None else asked
        admitted: dict[str, int] = {}
        refusals: list[Exception] = []
        serve = self.serve if "Records" in event else self.tend
        for task in tasks:
            try:
                admitted[task] = serve(task, deadline)
            except Exception as refused:
                self.telemetry.warning("line-not-served", task=task, reason=str(refused))
                refusals.append(refused)
        if len(refusals) == 1:
            raise refusals[0]
        if refusals:
            raise ExceptionGroup(f"{len(refusals)} of {len(tasks)} lines not served", refusals)
        return {"admitted": admitted}

    def serve(self, task: str, deadline: float) -> int:
        """Let in whom one task has room for; returns how many.

        Raises LineStalled where somebody waits who can't be found, or time is up, and whatever
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
        they were. Newcomers keep out while the length is more than nought.
        """
        before = self.line.slots(task)
        counted = self._in_line(task)
        if counted == before.waiting - len(before.waking):
            return False
        self.pause(STILL)
        if self.line.slots(task) != before or self._in_line(task) != counted:
            return False
        done = self.line.recount(before, counted + len(before.waking))
        if done:
            told = {"was": before.waiting, "is": counted}
            self.telemetry.warning("line-recounted", task=task, **told)
        return done

    def _in_line(self, task: str) -> int:
        """How many claims say that they are in line, of those that the index lists."""
        count = 0
        listed = self.claims.waiting(State.LINE, task)
        while page := [claim.pk for claim in islice(listed, BATCH_GET)]:
            claims = self.claims.look(page, consistent=True).values()
            count += sum(one.state is State.LINE and one.task == task for one in claims)
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
        """Take turns until nobody has room, or nobody waits."""
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
                    self._try_again(
                        f"of {slots.waiting} jobs in line of {self.task} none was let in"
                    )
                else:
                    self.tries = 0

    def _try_again(self, reason: str, cause: Exception | None = None) -> None:
        self.tries += 1
        if self.tries >= TRIES:
            raise LineStalled(f"{reason}; the call is to be repeated") from cause
        self.engine.pause(PAUSE)

    def _let_in(self, slots: Slots, now: Turn) -> bool:
        """Let in the oldest, one after another; True: of those who may, nobody waits."""
        if now.passes is not None:
            chosen = self._of(now.passes)
            if not chosen:
                return True
        else:
            chosen = self._oldest(slots, now.count)
        at = iso(self.engine.clock())
        for claim in chosen[: now.count]:
            if self.engine.line.admit(claim, at, by_pass=now.passes is not None):
                self.admitted += 1
                self._wake(claim.pk, claim.since, claim.execution)
            elif self._waits(self.engine.claims.get(claim.pk)):
                break  # it still waits: the slots are not as they were, and nobody passes it
        return False

    def _oldest(self, slots: Slots, count: int) -> list[Claim]:
        """The oldest in line; none while the index lags, unless it goes on for too long.

        An index that shows fewer than are in line may lack the oldest of them. A long line is not
        read to its end.
        """
        in_line = slots.waiting - len(slots.waking)
        needed = in_line if in_line <= LOOK else count
        most = needed + SPARE
        listed = self.engine.claims.waiting(State.LINE, self.task, limit=most)
        waits = self._of([claim.pk for claim in islice(listed, most)])
        if len(waits) < needed and self.tries < TRIES - 1:
            return []
        return waits[:count]

    def _of(self, pks: Sequence[str]) -> list[Claim]:
        """Those of them that are in line, the oldest first."""
        claims = self.engine.claims.get_many(pks).values()
        return sorted((one for one in claims if self._waits(one)), key=lambda one: one.order)

    def _waits(self, claim: Claim | None) -> bool:
        return claim is not None and claim.state is State.LINE and claim.task == self.task

    def _finish_waking(self, slots: Slots) -> None:
        """What an earlier run left half done comes first."""
        for pk, since in sorted(slots.waking.items()):
            if pk not in self._failed:
                self._wake(pk, since, slots.owners.get(pk, ""))

    def _wake(self, pk: str, since: str, execution: str) -> None:
        """Let the job go on, then say so; what fails is tried again by whoever comes next."""
        try:
            self._rouse(pk, execution)
            self.engine.line.woken(self.task, pk, since, inside=True)
        except Exception as refused:
            self._failed.add(pk)
            self.refusals.append(refused)

    def _rouse(self, pk: str, execution: str) -> None:
        """Answer its token; of a dead job, go on in another way; of one that went on, nothing.

        Its claim is read after the transaction that gave it the slot, never before: until then it
        may get another token.
        """
        claim = self.engine.claims.get(pk)
        execution = execution or (claim.execution if claim else "")
        if claim is None or claim.ended_at or execution not in (claim.execution, claim.predecessor):
            self.engine.line.free_slot(self.task, pk, execution)
        elif claim.state is not State.RUNNING:
            return  # it went on, and waits again
        elif claim.token:  # also of a dead job that somebody has redriven in the console
            self._answer(claim)
        elif claim.dead_at:
            self._tell(claim, "dead-job-admitted", inside=self.engine.go_on(claim))

    def _answer(self, claim: Claim) -> None:
        try:
            self.engine.workflow.resume(claim.token)
        except TokenRefused:
            self._refused(claim)
        else:
            self._tell(claim, "job-admitted")

    def _refused(self, claim: Claim) -> None:
        """It went on already, or it is dead: then the rescue takes its slot back.

        A look that still shows it running leaves it the slot, until the sweep looks again.
        """
        found = self.engine.workflow.describe(claim.execution)
        if found.status in DEAD:
            self.engine.rescue(claim.execution)

    def _tell(self, claim: Claim, action: str, **more: Any) -> None:
        told = {"key": claim.key, "execution": claim.execution, "task": self.task}
        self.engine.telemetry.event(action, **told, **more)
        self.engine.telemetry.metric(metrics.ADMITTED, task=self.task)


def tasks_in(event: Any) -> list[str] | None:
    """The tasks that an event names, each once; None where it names none, for they all count.

    A record of anything else is passed over: nothing that is read here can make a batch fail.
    """
    if not isinstance(event, dict):
        raise BadRequest(f"{SHAPES}, not {type(event).__name__}")
    if "Records" in event:
        records = event["Records"] if isinstance(event["Records"], list) else []
        return sorted({task for record in records if (task := _task(record))})
    task = event.get("task")
    if task is not None and (not isinstance(task, str) or not task):
        raise BadRequest(f'{SHAPES}; this "task" is no name')
    return None if task is None else [task]


def _task(record: Any) -> str:
    found: Any = record
    for name in ("dynamodb", "Keys", "pk", "S"):
        found = found.get(name) if isinstance(found, dict) else None
    named = isinstance(found, str) and found.startswith(SLOTS)
    return str(found).removeprefix(SLOTS) if named else ""


SHAPES = 'admit takes records of the table\'s stream, {"task": ...}, or {} for all tasks'

"""The sweep: compares slots, claims and executions, and sets right what events missed.

Status-change events are best effort, an aborted execution may still take a slot, and a lost record
of the stream leaves a line standing; so from time to time somebody looks. Nothing is scanned: it
reads the tasks, their slots, the jobs that wait, and the lists of executions.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Protocol

from chalicelib import metrics
from chalicelib.errors import LineStalled
from chalicelib.job.deaths import death
from chalicelib.job.execution import DEAD, Status, same_machine
from chalicelib.job.ports import Claims, Clock, Line, Listing, Spool, Telemetry, Workflow
from chalicelib.limits import BATCH_GET, REDRIVABLE
from chalicelib.moments import iso
from chalicelib.parking.lapses import Lapses
from chalicelib.parking.repairs import PACE, Looks, Repairs
from chalicelib.parking.rescue import PARKED, Rescue
from chalicelib.parking.unclaimed import Unclaimed
from chalicelib.parking.waiting import Step, Waiting
from chalicelib.replaying.recovery import Recovery


class LineKeeper(Protocol):
    """What the sweep needs of whoever serves the lines."""

    def complete(self, task: str) -> object:
        """Make whatever the task's item lacks."""

    def serve(self, task: str, deadline: float) -> int:
        """Let jobs into the task's free slots. Raises LineStalled."""

    def recount(self, task: str) -> bool:
        """Set the line's length right; says whether it was wrong."""


@dataclass(frozen=True)
class Sweep:
    """Looks and sets right; idempotent, paced within Step Functions' quotas, ends by its deadline.

    Whatever one step is refused never ends the sweep: the others still have their turn.
    """

    workflow: Workflow
    claims: Claims
    line: Line
    spool: Spool
    rescue: Rescue
    recovery: Recovery
    keeper: LineKeeper
    listing: Listing
    settling: Callable[[], Iterator[Step]]
    telemetry: Telemetry
    clock: Clock
    elapsed: Callable[[], float]
    pause: Callable[[float], None]
    machines: tuple[str, ...] = ()

    def run(self, seconds: float) -> Repairs:
        """Sweep for at most that many seconds; the result's `more` says that time ran out.

        Raises what AWS answered first where it refused every single step.
        """
        run = _Run(self, self.elapsed() + seconds)
        run.finish()
        self._tell(run.repairs)
        if run.first is not None and not run.done:
            raise run.first
        return run.repairs

    def _tell(self, repairs: Repairs) -> None:
        self.telemetry.event("sweep-ended", **repairs.counts())
        if repairs.count:
            self.telemetry.metric(metrics.SWEPT, repairs.count)
        if repairs.refused:
            self.telemetry.metric(metrics.REFUSED, len(repairs.refused))


class _Run:
    """One sweep under way."""

    def __init__(self, engine: Sweep, deadline: float) -> None:
        self.repairs = Repairs()
        self.first: Exception | None = None
        self.done = 0
        self._engine = engine
        self._deadline = deadline
        looks = Looks(engine.workflow, engine.pause)
        self._lapses = Lapses(
            engine.claims,
            engine.line,
            engine.rescue,
            engine.clock,
            engine.pause,
            looks,
            self.repairs,
            engine.recovery.left_behind,
        )
        self._unclaimed = Unclaimed(
            engine.workflow,
            engine.claims,
            engine.telemetry,
            engine.clock,
            engine.pause,
            looks,
            self.repairs,
        )
        self._waiting = Waiting(
            engine.claims,
            engine.spool,
            engine.telemetry,
            engine.clock,
            engine.recovery,
            self._lapses,
            looks,
            self.repairs,
            self._unclaimed.seen,
        )

    def finish(self) -> None:
        """Take every part in turn; one that can't even begin leaves the others alone."""
        tasks = self._tasks()
        self._all("lines", self._lines(tasks))
        self._all("deaths", self._deaths(self._engine.workflow, None))
        for machine, since in self._listed().items():
            theirs = self._engine.workflow.of(machine)
            self._all(f"deaths in {machine}", self._deaths(theirs, since))
        running = self._running()
        for task in tasks:
            self._all(f"slots of {task}", self._slots(task, running))
            self._all(f"jobs of {task}", self._waiting.steps(task, running))
        if running and not self.repairs.refused and not self.repairs.more:
            self._all("jobs without a claim", self._unclaimed.steps(self._own(running)))
        self._all("replays", self._engine.settling())

    def _all(self, part: str, steps: Iterator[Step]) -> None:
        try:
            for step in steps:
                if self._late():
                    return
                self._guarded(part, step)
        except Exception as refused:
            self._refuse(part, refused)

    def _guarded(self, part: str, step: Step) -> None:
        try:
            step()
            self.done += 1
        except Exception as refused:
            self._refuse(part, refused)

    def _refuse(self, part: str, refused: Exception) -> None:
        """Nothing is swallowed: it is told at once, and again at the end."""
        self.first = self.first or refused
        reason = f"{type(refused).__name__}: {refused}"
        self.repairs.refused.append({"part": part, "reason": reason})
        self._engine.telemetry.warning("sweep-refused", part=part, reason=reason)

    def _late(self) -> bool:
        if self._engine.elapsed() >= self._deadline:
            self.repairs.more = True
        return self.repairs.more

    def _tasks(self) -> list[str]:
        """The tasks of the index, and those that jobs wait for while their item is not complete."""
        tasks: list[str] = []
        self._guarded("tasks", lambda: tasks.extend(self._engine.line.tasks()))
        for machine in ("", *self._engine.machines):
            self._guarded(
                f"tasks {machine}".rstrip(), partial(self._add_incomplete, machine, tasks)
            )
        return tasks

    def _add_incomplete(self, machine: str, tasks: list[str]) -> None:
        names = self._engine.workflow.of(machine).frames().tasks
        if machine:
            self._tell_unadopted([one for one in tasks if one.startswith(f"{machine}/")], names)
        lacking = sorted(names - set(tasks))
        tasks += [task for task in lacking if self._engine.line.slots(task).waiting]

    def _tell_unadopted(self, tasks: list[str], names: Collection[str]) -> None:
        """A machine's own deploy has put a definition back that was never adopted."""
        for task in sorted(set(tasks) - set(names)):
            self.repairs.unadopted.append(task)
            self._engine.telemetry.warning("task-not-adopted", task=task)
            self._engine.telemetry.metric(metrics.UNADOPTED)

    def _lines(self, tasks: list[str]) -> Iterator[Step]:
        for task in tasks:
            yield partial(self._complete, task)
            yield partial(self._serve, task)
            yield partial(self._drop_passes, task)

    def _complete(self, task: str) -> None:
        if not self._engine.line.slots(task).complete:
            self._engine.keeper.complete(task)

    def _serve(self, task: str) -> None:
        """A line that stands still has another length than its item says, as a rule."""
        keeper = self._engine.keeper
        stalled: LineStalled | None = None
        try:
            self.repairs.admitted += keeper.serve(task, self._deadline)
        except LineStalled as standing:
            stalled = standing
        if keeper.recount(task):
            self.repairs.recounted.append(task)
            self.repairs.admitted += keeper.serve(task, self._deadline)
        elif stalled is not None:
            raise stalled

    def _drop_passes(self, task: str) -> None:
        at = iso(self._engine.clock())
        passes = self._engine.line.slots(task).passes
        stale = sorted(pk for pk, until in passes.items() if until <= at)
        if stale:
            self._engine.line.drop_passes(task, stale)

    def _listed(self) -> dict[str, datetime]:
        """From when on each listed machine's dead are looked through; longer ago, none can be."""
        starts: dict[str, datetime] = {}
        if machines := self._engine.machines:
            now = self._engine.clock()
            since = self._engine.listing.since
            self._guarded("machines", lambda: starts.update(since(machines, now)))
            starts = {name: max(at, now - REDRIVABLE) for name, at in starts.items()}
        return starts

    def _deaths(self, workflow: Workflow, since: datetime | None) -> Iterator[Step]:
        """Dead executions that nobody has dealt with: an event was lost."""
        for status in DEAD:
            deaths = workflow.deaths(status, since)
            while page := list(islice(deaths, BATCH_GET)):
                names = {death(execution, redrives): execution for execution, redrives in page}
                tombstones = self._engine.claims.tombstones(list(names))
                for name in names.keys() - tombstones.keys():
                    yield partial(self._catch, names[name])

    def _catch(self, execution: str) -> None:
        self._engine.pause(2 * PACE)  # it looks at the execution, and may look at its history
        if self._engine.rescue.catch(execution) == PARKED:
            self.repairs.rescued.append(execution)

    def _running(self) -> frozenset[str] | None:
        executions: list[str] = []
        before = len(self.repairs.refused)
        self._guarded(
            "running", lambda: executions.extend(self._engine.workflow.list(Status.RUNNING))
        )
        if len(self.repairs.refused) > before:
            return None
        for machine in self._engine.machines:
            self._guarded(f"running in {machine}", partial(self._add_running, machine, executions))
        return frozenset(executions)

    def _add_running(self, machine: str, executions: list[str]) -> None:
        """Add a listed machine's running executions; a machine that is gone stops nobody."""
        executions.extend(self._engine.workflow.of(machine).list(Status.RUNNING))

    def _own(self, running: frozenset[str]) -> frozenset[str]:
        own = self._engine.workflow.arn("any")
        return frozenset(one for one in running if same_machine(one, own))

    def _slots(self, task: str, running: frozenset[str] | None) -> Iterator[Step]:
        """Who is inside, but for those whom `admit` is just letting in."""
        slots = self._engine.line.slots(task)
        self._unclaimed.seen.update(slots.owners.values())
        for pk, execution in sorted(slots.owners.items()):
            if pk not in slots.waking:
                runs = running is not None and execution in running
                yield partial(self._lapses.owner, task, pk, execution, runs)

"""Replays that are kept: begun under an id, carried on until they are done or stopped.

A run that has no time left hands over to the next Lambda. Where a handover is lost, or a Lambda
died, `relay` finds the replay once its lease has lapsed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from chalicelib.errors import AwsError, Conflict, NotFound, RespoolError
from chalicelib.job.claim import Claim
from chalicelib.job.plan import Action
from chalicelib.job.ports import Claims, Clock, Replays, Telemetry
from chalicelib.job.replay import (
    ChosenJob,
    Course,
    Kind,
    Outcome,
    Replay,
    count,
    daily,
    id_of,
    outcomes,
)
from chalicelib.limits import BATCH_GET
from chalicelib.moments import iso
from chalicelib.replaying.kept_run import LEASE, KeptRun
from chalicelib.replaying.replay import Order, Replayer
from chalicelib.replaying.report import Report, job_as_json

TRIES = 5
"""How often something is written again that others write, too."""
MOST_LOOKED_AT = 100
"""Replays in which a job is looked for, the newest first."""
Step = Callable[[], None]


@dataclass(frozen=True)
class Provenance:
    """Who asks for a replay, why, and for what.

    `parameters` are those of the request, without the jobs that it names; `keys` are their claims.

    Two requests of one person under one `idempotency_key` are one replay.
    """

    kind: Kind
    by: str
    reason: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    keys: Sequence[str] = ()
    idempotency_key: str = ""


@dataclass(frozen=True)
class Keeping:
    """The engine. `order_of` makes the order of a replay from its keys and the seconds for it;
    `hand_over` lets another Lambda carry it on; `workers` read claims side by side.
    """

    replays: Replays
    claims: Claims
    replayer: Callable[[], Replayer]
    telemetry: Telemetry
    clock: Clock
    new_id: Callable[[], str]
    order_of: Callable[[Replay, Sequence[str], float], Order]
    hand_over: Callable[[str], None]
    workers: Callable[[], Executor]

    def run(self, order: Order, provenance: Provenance) -> tuple[Report, Replay]:
        """Begin a replay and work on it as long as the order says; it goes on by itself.

        Raises Conflict where the idempotency key was used for something else.
        """
        id = (
            id_of(provenance.by, provenance.idempotency_key)
            if provenance.idempotency_key
            else self.new_id()
        )
        replay = self._new(id, order, provenance)
        if provenance.idempotency_key and (there := self.replays.get(id)) is not None:
            return _same(there, replay)
        kept_run = KeptRun(self.replays, replay, self.clock, keys=provenance.keys)
        report = self._work(order, kept_run)
        if kept_run.overtaken is not None:
            return _same(kept_run.overtaken, replay)
        return report, kept_run.replay

    def carry_on(self, id: str, seconds: float) -> dict[str, Any]:
        """Go on with a replay that nobody works on; says how it stands then."""
        now = self.clock()
        there = self.replays.get(id)
        if there is None or not there.is_idle(now):
            return {"replay": id, "carried_on": False}
        if there.stopped_at:  # the run that was to end it has died
            over = self._over(replace(there, course=Course.STOPPED, ended_at=iso(now)))
            return {"replay": id, "carried_on": self.replays.put(over) is not None}
        run = replace(there, run=self.new_id(), leased_until=iso(now + LEASE))
        mine = self.replays.put(run)
        if mine is None:
            return {"replay": id, "carried_on": False}
        jobs = self.replays.jobs(mine)
        first = self._still_waiting(mine, jobs)
        mine = _put_back(mine, len(mine.pending) - len(first))
        pks = [job.pk for job in jobs]
        kept_run = KeptRun(self.replays, mine, self.clock, first, pks)
        order = self.order_of(mine, self.replays.keys(mine), seconds)
        report = self._work(replace(order, count=mine.wanted - mine.put_back), kept_run)
        return report.as_json() | {"replay": id, "carried_on": True}

    def stop(self, id: str, by: str, why: str) -> Replay:
        """Let a replay put no more jobs back. Raises NotFound, and Conflict where it is over."""
        for _ in range(TRIES):
            there = self.find(id)
            if there.course is not Course.RUNNING:
                raise Conflict(
                    f"the replay {id} ended at {there.ended_at}: it can't be stopped any more"
                )
            if there.stopped_at:
                return there
            at = iso(self.clock())
            new = replace(there, stopped_by=by, stopped_at=at, stopped_why=why)
            if there.is_idle(self.clock()):
                new = self._over(replace(new, course=Course.STOPPED, ended_at=at))
            if (stopped := self.replays.put(new)) is not None:
                return stopped
        raise Conflict(
            f"the replay {id} was not stopped, as others changed it at the same time: try again"
        )

    def find(self, id: str) -> Replay:
        """The replay of that id. Raises NotFound."""
        there = self.replays.get(id)
        if there is None:
            raise NotFound(
                f"there is no replay {id[:80]}, or it is no longer kept: GET /replays lists them"
            )
        return there

    def look(self, replay: Replay) -> tuple[Replay, list[tuple[ChosenJob, Outcome]]]:
        """What became of each of its jobs, and the replay with their counts as they are now."""
        jobs = self.replays.jobs(replay)
        at = iso(self.clock())
        pks = [job.pk for job in jobs]
        parts = [pks[n : n + BATCH_GET] for n in range(0, len(pks), BATCH_GET)]
        claims: dict[str, Claim] = {}
        with self.workers() as pool:
            for part in pool.map(self.claims.look, parts):
                claims |= part
        pairs = outcomes(replay, jobs, claims)
        return replace(replay, outcomes=count(replay, pairs), counted_at=at), pairs

    def note(self, kind: Kind, task: str, jobs: Sequence[ChosenJob]) -> None:
        """Add jobs to what the trigger, or the ramp of a task, puts back today.

        That this can't be written down keeps no job waiting; it is told.
        """
        try:
            for _ in range(TRIES if jobs else 0):
                if self._note(kind, task, jobs):
                    return
            reason = "others wrote it meanwhile" if jobs else ""
        except (AwsError, Conflict) as refused:
            reason = str(refused)
        if reason:
            self.telemetry.warning("replay-not-noted", by=kind.value, task=task, reason=reason)

    def relay(self) -> int:
        """Hand over every replay that is to go on and that nobody works on; returns how many."""
        idle = [each for each in self.replays.open() if each.is_idle(self.clock())]
        for each in idle:
            self._hand_over(each)
        return len(idle)

    def settling(self) -> Iterator[Step]:
        """One step for each replay that is over: count again what became of its jobs."""
        for each in self.replays.open():
            if each.course is not Course.RUNNING:
                yield partial(self._settle, each)

    def of_job(self, claim: Claim) -> tuple[list[Replay], bool]:
        """The replays that put this job back, newest first; False: there are older ones."""
        start = claim.first_failed_at or claim.started_at
        newest = self.replays.newest(MOST_LOOKED_AT)
        since = [each for each in newest if (each.ended_at or each.leased_until or "9") >= start]
        mine = [each for each in since if self._has(each, claim)]
        return mine, len(newest) < MOST_LOOKED_AT or len(since) < len(newest)

    def _still_waiting(self, replay: Replay, jobs: Sequence[ChosenJob]) -> dict[int, Claim]:
        """The jobs that a run had begun with when it ended, and had not put back."""
        pending = {n: jobs[n] for n in replay.pending}
        claims = self.claims.get_many([job.pk for job in pending.values()])
        return {n: claims[job.pk] for n, job in pending.items() if job.stands(claims.get(job.pk))}

    def _over(self, replay: Replay) -> Replay:
        """A replay that nobody goes on with, with what its last run had put back."""
        if not replay.pending:
            return replay
        waiting = self._still_waiting(replay, self.replays.jobs(replay))
        settled = _put_back(replay, len(replay.pending) - len(waiting))
        return replace(settled, pending=(), left=(*replay.left, *sorted(waiting)))

    def _new(self, id: str, order: Order, provenance: Provenance) -> Replay:
        now = self.clock()
        return Replay(
            id=id,
            kind=provenance.kind,
            by=provenance.by,
            reason=provenance.reason,
            asked=dict(provenance.parameters),
            wanted=order.count,
            started_at=iso(now),
            run=self.new_id(),
            leased_until=iso(now + LEASE),
            keys=len(provenance.keys),
        )

    def _work(self, order: Order, kept: KeptRun) -> Report:
        """Run a replay once; it is handed over where it is to go on and has come any further."""
        replayer = self.replayer()
        report = Report()
        if order.count > 0:
            report = replayer.replay(replace(order, kept=kept))
        stopped_by = kept.replay.by if replayer.stopped() and report.more else ""
        if kept.overtaken is not None or _is_nothing(kept, report):
            return report
        after = kept.close(report, stopped_by)
        report.more = after.course is Course.RUNNING
        if report.more and kept.heard:
            self._hand_over(after)
        return report

    def _hand_over(self, replay: Replay) -> None:
        try:
            self.hand_over(replay.id)
        except RespoolError as refused:  # within five minutes `relay` tries again
            self.telemetry.warning("replay-not-handed-over", replay=replay.id, reason=str(refused))

    def _note(self, kind: Kind, task: str, jobs: Sequence[ChosenJob]) -> bool:
        now = self.clock()
        id = daily(kind, task, now)
        there = self.replays.get(id) or Replay(
            id=id,
            kind=kind,
            by=kind.value,
            asked={"task": task} if task else {},
            started_at=iso(now),
            course=Course.DONE,
        )
        number = len(jobs)
        new = replace(
            there,
            jobs=there.jobs + number,
            put_back=there.put_back + number,
            wanted=there.wanted + number,
            ended_at=iso(now),
            counted_at="",
        )
        return self.replays.put(new, jobs) is not None

    def _settle(self, replay: Replay) -> None:
        latest, _ = self.look(replay)
        self.replays.put(latest)  # in vain where somebody wrote it meanwhile: the next one counts

    def _has(self, replay: Replay, claim: Claim) -> bool:
        numbers = {*replay.left, *replay.pending}
        return any(
            job.pk == claim.pk and job.started_at in ("", claim.started_at) and n not in numbers
            for n, job in enumerate(self.replays.jobs(replay))
        )


def report_of(replay: Replay) -> Report:
    """The report of a kept replay, as far as it is."""
    report = Report(more=replay.course is Course.RUNNING)
    report.counts |= {Action(action): number for action, number in replay.counts.items()}
    report.failed = [job_as_json(pk, why) for pk, why in replay.failed]
    report.unnamed = replay.refused - len(replay.failed)
    return report


def _same(there: Replay, replay: Replay) -> tuple[Report, Replay]:
    """What a second request under the same idempotency key is answered. Raises Conflict."""
    if (there.asked, there.wanted, there.keys) != (replay.asked, replay.wanted, replay.keys):
        raise Conflict(
            f"this idempotency key was used for another replay, {there.id}: give a new one"
        )
    return report_of(there), there


def _is_nothing(kept: KeptRun, report: Report) -> bool:
    """Whether a schedule has found nothing to do: nobody needs to know."""
    scheduled = kept.replay.kind is Kind.SCHEDULE
    did = any(report.counts.values()) or report.failed or report.more
    return scheduled and not kept.replay.version and not did


def _put_back(replay: Replay, number: int) -> Replay:
    """The replay with that many jobs more, which a run put back before it died."""
    resumed = Action.RESUME.value
    counts = {**replay.counts, resumed: replay.counts.get(resumed, 0) + number}
    return replace(replay, put_back=replay.put_back + number, counts=counts) if number else replay

"""Writes down which jobs a kept replay is about to put back, before it does, and how it ended.

Whoever goes on after a crash finds the jobs that were begun: those that still wait as they did
are put back, the others have been. A run that another one has overtaken can write nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from chalicelib.job.claim import Claim, job_pk
from chalicelib.job.plan import Action
from chalicelib.job.ports import Clock, Replays
from chalicelib.job.replay import MOST_FAILED, MOST_WHY, ChosenJob, Course, Replay
from chalicelib.moments import iso
from chalicelib.replaying.outcome import Outcome
from chalicelib.replaying.patience import Patience
from chalicelib.replaying.report import Report

LEASE = timedelta(minutes=5)
"""How long a run is left alone after it has written last; it writes before each hundred jobs."""


class KeptRun:
    """One run of a kept replay.

    `met` are the jobs on its list already; of those, by number, `first` are still to be put back.
    `keys` are kept with a new one.
    """

    def __init__(
        self,
        replays: Replays,
        replay: Replay,
        clock: Clock,
        first: Mapping[int, Claim] = MappingProxyType({}),
        met: Collection[str] = (),
        keys: Sequence[str] = (),
    ) -> None:
        self.replay = replay
        self.first = list(first.values())
        self.met = frozenset(met)
        self.overtaken: Replay | None = None
        self._replays = replays
        self._clock = clock
        self._keys = keys
        self._numbers = {claim.pk: n for n, claim in first.items()}
        self._begun_before = frozenset(self._numbers)
        self._left = set(replay.left)
        self._unlisted: list[ChosenJob] = []
        """Jobs that only the queue knew: nobody could write them down before they had begun."""
        self.heard = 0

    @property
    def stopped(self) -> bool:
        """Whether somebody has stopped the replay."""
        return bool(self.replay.stopped_at)

    def begin(self, claims: Sequence[Claim], calm: Patience) -> bool:
        """Write down the jobs that come next; False where the run is to end here."""
        jobs = [ChosenJob.of(claim) for claim in claims]
        begins = self.replay.jobs
        numbers = {job.pk: n for n, job in enumerate(jobs, begins)}
        pending = tuple(sorted({*self._numbers.values(), *numbers.values()}))
        ends = iso(self._clock() + LEASE)
        changes = {"jobs": begins + len(jobs), "pending": pending, "leased_until": ends}
        if not calm(lambda: self._write(changes, jobs)) or self.stopped:
            return False
        self._numbers |= numbers
        return True

    def hear(self, outcome: Outcome) -> Outcome:
        """Note that a job is dealt with, unless AWS asked to slow down; returns what became of it.

        One that an earlier run had begun with, and that has gone on, was put back by that run.
        """
        if outcome.late:
            return outcome
        self.heard += 1
        number = self._numbers.pop(outcome.pk, None)
        if outcome.action is Action.STALE and outcome.pk in self._begun_before:
            outcome = replace(outcome, action=Action.RESUME, problem=False)
        if number is not None and not outcome.put_back:
            self._left.add(number)
        if outcome.put_back and outcome.pk and number is None:
            self._unlisted.append(ChosenJob(outcome.pk, "", outcome.attempt, ""))
        return outcome

    def close(self, report: Report, stopped_by: str = "") -> Replay:
        """Write down how the run ended: the replay is done, stopped, or to be carried on."""
        before, at = self.replay, iso(self._clock())
        failures = [
            (job_pk(each["key"], each.get("machine", "")), each["reason"][:MOST_WHY])
            for each in report.failed
        ]
        changes: dict[str, Any] = {
            "put_back": before.put_back + report.replayed,
            "counts": _sum(before, report),
            "refused": before.refused + len(report.failed) + report.unnamed,
            "failed": (*before.failed, *failures)[:MOST_FAILED],
            "left": tuple(sorted(self._left)),
            "pending": tuple(sorted(self._numbers.values())),
            "leased_until": "",
        }
        if stopped_by:
            changes |= {"stopped_by": stopped_by, "stopped_at": at}
        if not report.more or stopped_by or self.stopped:
            changes |= _over(at, stopped=bool(stopped_by) or self.stopped)
            nothing = not changes["put_back"]
            changes |= {"counted_at": at, "outcomes": {}} if nothing else {}
        if self.overtaken is None:
            changes["jobs"] = self.replay.jobs + len(self._unlisted)
            self._write(changes, self._unlisted)
        return self.replay

    def _write(self, changes: dict[str, Any], jobs: Sequence[ChosenJob] = ()) -> bool:
        """Write over what is there; a stop that came between is kept. False: another run has it."""
        while True:
            keys = () if self.replay.version else self._keys
            replay = self._replays.put(replace(self.replay, **changes), jobs, keys)
            if replay is not None:
                self.replay = replay
                return True
            there = self._replays.get(self.replay.id)
            if (
                there is None
                or there.run != self.replay.run
                or there.version == self.replay.version
            ):
                self.overtaken = there or self.replay
                return False
            stop = {name: getattr(there, name) for name in _STOP}
            self.replay = replace(self.replay, version=there.version, **stop)
            if "course" in changes and self.stopped:
                changes |= {"course": Course.STOPPED}


_STOP = ("stopped_by", "stopped_at", "stopped_why")


def _over(at: str, stopped: bool) -> dict[str, Any]:
    return {"course": Course.STOPPED if stopped else Course.DONE, "ended_at": at}


def _sum(replay: Replay, report: Report) -> dict[str, int]:
    both = {
        action.value: replay.counts.get(action.value, 0) + number
        for action, number in report.counts.items()
    }
    return {action: number for action, number in both.items() if number}

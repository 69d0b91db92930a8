"""What became of the jobs of replays: looked at for all who ask, the larger the less often."""

from dataclasses import dataclass, field, replace

from chalicelib.cached import KEPT
from chalicelib.job.replay import ChosenJob, Outcome, Replay
from chalicelib.job.world import Time
from chalicelib.replaying.keeping import Keeping

JOBS_PER_SECOND = 100
"""Claims read for those who look, at most: each costs half a read unit or more."""
MOST = 50
"""Looks that are remembered."""
Became = list[tuple[ChosenJob, Outcome]]


@dataclass
class Looks:
    """The last look at each replay, as long as it is good."""

    keeping: Keeping
    clock: Time
    _held: dict[str, tuple[float, Replay, Became]] = field(default_factory=dict)

    def look(self, replay: Replay) -> tuple[Replay, Became]:
        """The replay as it is, with the counts of a look that is a few seconds old at most."""
        now = self.clock.elapsed()
        at, latest, pairs = self._held.get(replay.id, (now, None, []))
        over = latest is not None and latest.course is not replay.course
        if latest is None or over or now - at > max(KEPT, replay.jobs / JOBS_PER_SECOND):
            latest, pairs = self.keeping.look(replay)
            if len(self._held) >= MOST:
                self._held.clear()
            self._held[replay.id] = (now, latest, pairs)
        return replace(replay, outcomes=latest.outcomes, counted_at=latest.counted_at), pairs

    def forget(self) -> None:
        """Read the claims again next time."""
        self._held.clear()

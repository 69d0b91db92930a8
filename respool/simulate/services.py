"""Services and their troubles. Time is seconds since Friday 22:00, when the jobs had failed."""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

MINUTE, HOUR = 60, 3600
DOWN = "ConnectionError"
WEEKEND = "down over a weekend"


@dataclass(frozen=True)
class Answer:
    """How a call ends: with that error, or well where it is empty; and after how long.

    `until` is when the service says that it is back; 0: it does not say.
    """

    error: str = ""
    seconds: float = 600
    until: float = 0


@dataclass
class Service:
    """Down at first; from `recovery` on it answers for good. `up` says when it answers before.

    `work` is how long a job takes there, `failing` how long it takes to refuse one; `an_hour`:
    how many calls it takes in any hour; `broken` are the jobs that it never takes; `says`: its
    failures name the time at which it recovers.
    """

    name: str
    recovery: float
    up: Callable[[float], bool] = lambda _: False
    work: float = 10 * MINUTE
    failing: float = 10
    an_hour: int = 0
    broken: Callable[[int], bool] = lambda _: False
    says: bool = False
    _taken: deque[float] = field(default_factory=deque)

    def down(self, at: float) -> bool:
        """Whether every call made then fails."""
        return at < self.recovery and not self.up(at)

    def answer(self, at: float, job: int) -> Answer:
        """Take one call."""
        if self.down(at):
            return Answer(DOWN, self.failing, self.recovery if self.says else 0)
        if self.broken(job):
            return Answer("BadKey", self.failing)
        if self.an_hour and self._too_many(at):
            return Answer("TooManyRequests", 1)
        return Answer("", self.work)

    def _too_many(self, at: float) -> bool:
        """A call that is refused does not count."""
        while self._taken and self._taken[0] <= at - HOUR:
            self._taken.popleft()
        if len(self._taken) >= self.an_hour:
            return True
        self._taken.append(at)
        return False


def services() -> list[Service]:
    """A fresh service of each kind. None recovers at a moment when somebody happens to retry."""
    night, weekend = 9 * HOUR + 47 * MINUTE, 57 * HOUR + 47 * MINUTE
    return [
        Service("down for 6 hours", 6 * HOUR + 7 * MINUTE),
        Service(WEEKEND, weekend),
        Service("flapping over a weekend", weekend, up=flapping(weekend)),
        Service("slow when it is back", night, work=30 * MINUTE, failing=120),
        Service("takes 15 jobs an hour", night, an_hour=15),
        Service("broken for each tenth key", night, broken=lambda job: job % 10 == 3),
    ]


def flapping(until: float, seed: int = 7) -> Callable[[float], bool]:
    """Up for 10 to 40 minutes now and then, 1 to 5 hours apart, by chance but always alike."""
    chance = Random(seed)
    edges = [0.0]
    while edges[-1] < until:
        edges.append(edges[-1] + chance.uniform(HOUR, 5 * HOUR))
        edges.append(edges[-1] + chance.uniform(10 * MINUTE, 40 * MINUTE))
    return lambda at: bisect_right(edges, at) % 2 == 0

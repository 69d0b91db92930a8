"""The scenario: many jobs fail at once, parts of AWS go down, and everything is replayed."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from chalicelib.aws.incident_table import DynamoIncidents
from chalicelib.errors import RespoolError
from chalicelib.incidents.decide import LAG
from chalicelib.job.replay import Kind
from chalicelib.moments import iso
from chalicelib.replaying.keeping import Provenance
from chalicelib.replaying.requests import Request
from respool.local.waiting import NotInTime, wait_until
from tests.soak.faults import Fault
from tests.soak.stage import UnsafeStage

TASK = "UncertainTask"
LIMIT = 5
"""Jobs inside the task at once while they are replayed."""
CROWD = 1000
"""The same while they fail."""
PORTION = 60
"""Jobs that one replay puts back; three replays run at once."""
ENOUGH = 60
"""No further portions while so many jobs are on their way."""
FAILING = {"dynamodb": 0.02, "error_spool": 0.3, "sqs": 0.6}
"""What goes down when so large a part of the jobs is spooled."""
REPLAYING = {"dynamodb": 0.3, "sqs": 0.6}
"""What goes down when so many of them are done."""
OUTAGE = 8
"""Seconds that a part is down; 400 on AWS, longer than a claim is tried for."""
KILLS = 6
ABORTED = 0.05
"""The part of the jobs that somebody ends by hand while they wait."""
ADMIT_EVERY = 6
"""Seconds between two ticks of `admit`: five minutes on AWS."""
PATIENCE = 1800
"""Seconds that each half of the scenario may take on a busy machine."""


@dataclass
class Course:
    """What happened on the way, in seconds and counts."""

    began: float = 0
    failed_within: float = 0
    parked_within: float = 0
    healed: float = 0
    replayed_within: float = 0
    aborted: int = 0
    replays: int = 0
    kills: int = 0
    told: tuple[int, ...] = ()
    truth: tuple[int, ...] = ()
    """What an incident says, and what is so: jobs that failed, that wait, and failures."""
    outages: list[str] = field(default_factory=list)


@dataclass
class Load:
    """One run with that many jobs."""

    stage: UnsafeStage
    jobs: int
    seed: int
    say: Callable[[str], None] = print
    course: Course = field(default_factory=Course)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    @property
    def keys(self) -> list[str]:
        """The jobs' keys."""
        return [f"soak-{n:04}" for n in range(self.jobs)]

    def fail(self) -> None:
        """Start all jobs while the service is down, until each is parked, or dead."""
        self.stage.sure.set_behavior("NG")
        self._let_in(CROWD)
        self.course.began = time.time()
        with (
            Ticks(self.stage),
            Outages(self, FAILING, self._parked),
            ThreadPoolExecutor(4) as pool,
        ):
            list(pool.map(lambda key: self.stage.sure.start({"key": key}, key), self.keys))
            self.say(f"{self.jobs} jobs are started after {self._age():.0f} s")
            wait_until(
                self._all_parked,
                "every job to be parked",
                PATIENCE,
                seen=self._depths,
                each=lambda: time.sleep(1),
            )
        self.course.parked_within = self._age()
        self.course.failed_within = self._last_failure() - self.course.began

    def report(self) -> None:
        """Compare an incident's figures with the claims that they are about, while all wait."""
        time.sleep(LAG.total_seconds() + 1)  # what failed a moment ago is counted next time
        wait_until(self.stage.admit, "a tick that comes to its end", PATIENCE)
        table = DynamoIncidents(self.stage.sure.client("dynamodb"), self.stage.sure.names.table)
        told = table.current([TASK])[TASK]
        held = ("parked#", "stuck#")
        claims = self.stage.sure.claims()
        waits = [item for item in claims if item.get("queue", {}).get("S", "").startswith(held)]
        failures = sum(max(1, int(item.get("attempt", {"N": "0"})["N"])) for item in waits)
        self.course.told = told.jobs, told.failed, told.failures
        self.course.truth = len(waits), len(waits), failures

    def _let_in(self, limit: int) -> None:
        self.stage.line.set_limit(TASK, limit, "soak", "", iso(datetime.now(UTC)))

    def abort(self) -> None:
        """End some of the jobs by hand where they wait, so that they can only be restarted."""
        sure = self.stage.sure
        parked = sorted(one["executionArn"] for one in sure.executions("RUNNING"))
        for execution in self._random.sample(parked, int(ABORTED * len(parked))):
            sure.client("stepfunctions").stop_execution(executionArn=execution, error="Aborted")
            self.course.aborted += 1

    def replay(self) -> None:
        """Put everything back, with few at once inside the task, until nothing is left to do."""
        self._let_in(LIMIT)
        self.stage.sure.set_behavior("OK")
        self.course.healed = time.time()
        ways = (self._by_lambda, self._killed, self._by_person)
        with (
            Ticks(self.stage),
            Outages(self, REPLAYING, self.done),
            ThreadPoolExecutor(len(ways)) as pool,
        ):
            while not self.quiet():
                if self._on_their_way() < ENOUGH:
                    list(pool.map(lambda way: way(), ways))
                    self.course.replays += len(ways)
                else:
                    time.sleep(1)
                if self._age() > self.course.parked_within + PATIENCE:
                    raise NotInTime(f"{self.done()} of {self.jobs} jobs are done; {self._depths()}")
        self.course.replayed_within = time.time() - self.course.healed

    def done(self) -> int:
        """How many executions have succeeded."""
        return len(self.stage.sure.executions("SUCCEEDED"))

    def quiet(self) -> bool:
        """Nothing runs, nothing is on a queue, and a sweep finds nothing any more."""
        sure = self.stage.sure
        if any(self._depths()) or sure.executions("RUNNING"):
            return False
        if self.done() >= self.jobs and not any(map(bound, sure.claims())):
            return True
        self._act(lambda: self.stage.person().sweep.run(30))
        return False

    def _depths(self) -> tuple[int, int]:
        names = self.stage.sure.names
        return self.stage.sure.depth(names.spool), self.stage.sure.depth(names.stuck)

    def _all_parked(self) -> bool:
        """Whoever is not parked is dead."""
        dead = {one["executionArn"] for one in self.stage.sure.executions("FAILED")}
        return len(self._held() | dead) >= self.jobs

    def _parked(self) -> int:
        return len(self._held())

    def _held(self) -> set[str]:
        """The executions whose jobs wait for somebody to put them back."""
        return {
            item["execution"]["S"]
            for item in self.stage.sure.claims()
            if item.get("queue", {}).get("S", "").startswith(("parked#", "stuck#"))
            and "execution" in item
        }

    def _on_their_way(self) -> int:
        running = {one["executionArn"] for one in self.stage.sure.executions("RUNNING")}
        return len(running - self._held())

    def _last_failure(self) -> float:
        found = [item.get("firstFailedAt", {}).get("S", "") for item in self.stage.sure.claims()]
        moments = [datetime.fromisoformat(text) for text in found if text]
        return max(moments, default=datetime.now(UTC)).timestamp()

    def _by_lambda(self) -> None:
        self.stage.replay_lambda({"max": PORTION})

    def _killed(self) -> None:
        """The replay Lambda, and at a moment of chance all its processes are killed."""
        if self.course.kills >= KILLS:
            self._by_lambda()
            return
        running = threading.Thread(target=self._by_lambda)
        running.start()
        running.join(self._random.uniform(1, 10))
        if running.is_alive():
            self.course.kills += self.stage.kill_replay_lambdas()
        running.join()

    def _by_person(self) -> None:
        """The command line's replay, of what is stuck too."""
        person = self.stage.person()
        for stuck in (False, True):
            asked = Request(count=PORTION, stuck=stuck)
            given = {"max": PORTION, **({"stuck": True} if stuck else {})}
            self._act(
                partial(person.put_back, asked, 20, Provenance(Kind.PRESS, "soak", "", given))
            )

    def _act(self, act: Callable[[], object]) -> None:
        """A person tries again when AWS does not answer."""
        try:
            act()
        except RespoolError as refused:
            self.say(f"refused: {refused}")

    def _age(self) -> float:
        return time.time() - self.course.began


class Ticks:
    """The schedule of `admit`, which the emulator stores and does not run; a tick may fail."""

    def __init__(self, stage: UnsafeStage) -> None:
        self._stage = stage
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(ADMIT_EVERY):
            self._stage.admit()


class Outages:
    """Takes one part after the other down for a while, as the work makes progress."""

    def __init__(self, load: Load, parts: dict[str, float], progress: Callable[[], int]) -> None:
        self._load = load
        self._parts = parts
        self._progress = progress
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        for part, share in self._parts.items():
            enough = share * self._load.jobs
            if self._until(lambda enough=enough: self._progress() >= enough):  # type: ignore[misc]
                self._take_down(part)

    def _take_down(self, part: str) -> None:
        ground = self._load.stage.ground
        before = self._refused()
        ground.take_down(part)
        try:
            self._over.wait(OUTAGE)
        finally:
            ground.bring_up(part)
        count = self._refused() - before
        self._load.course.outages.append(f"{part}: {count} calls")
        self._load.say(f"{part} was down for {OUTAGE} s, {count} calls were refused")

    def _refused(self) -> int:
        noted = self._load.stage.ground.noted()
        return sum(count for (_, _, fault), count in noted.items() if fault is Fault.DOWN)

    def _until(self, condition: Callable[[], bool]) -> bool:
        """Wait for it; False where the work was over before."""
        while not condition():
            if self._over.wait(0.5):
                return False
        return True


def bound(item: dict[str, Any]) -> bool:
    """Whether it is a claim that has not ended, or a task that somebody is in, or waits for."""
    if item["pk"]["S"].startswith("slots#"):
        waits = item.get("waiting", {}).get("N", "0") != "0"
        return waits or bool(item.get("owners", {}).get("M"))
    return item["pk"]["S"].startswith("job#") and "endedAt" not in item

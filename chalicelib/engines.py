"""Builds every engine, from the ports, the settings and a clock, each when first asked for.

AWS's adapters and the tests' fakes are handed to the same class. Imports stand where they are
used: each of the Lambdas loads only what it needs, so that a cold start stays short.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from chalicelib.errors import RespoolError
from chalicelib.job import ports
from chalicelib.job.world import Time, World
from chalicelib.settings import OFF, RAMP, Settings

if TYPE_CHECKING:
    from chalicelib.gate.gate import Gates
    from chalicelib.gate.gauges import Gauges
    from chalicelib.gate.hearing import Hearing
    from chalicelib.gate.line import Admission
    from chalicelib.gate.ramp.tick import Tick
    from chalicelib.incidents.outlook import Arrangements
    from chalicelib.incidents.telling import Teller
    from chalicelib.incidents.watch import Watch
    from chalicelib.job.plan import Choice
    from chalicelib.job.replay import Replay
    from chalicelib.parking.error_spool import Spooling
    from chalicelib.parking.give_up import GiveUp
    from chalicelib.parking.rescue import Rescue
    from chalicelib.parking.sweep import Sweep
    from chalicelib.replaying.continuous import ContinuousReplay
    from chalicelib.replaying.estimate import Estimate
    from chalicelib.replaying.keeping import Keeping, Provenance
    from chalicelib.replaying.outcome import Outcome
    from chalicelib.replaying.past import Past
    from chalicelib.replaying.recovery import Recovery
    from chalicelib.replaying.replay import Order, Replayer
    from chalicelib.replaying.report import Report
    from chalicelib.replaying.requests import Request


LATE = timedelta(minutes=5)
"""A schedule is never so late, or early."""


def threads() -> Executor:
    """A pool of as many threads as an engine may have calls under way."""
    return ThreadPoolExecutor(ports.THREADS)


class Engines:
    """Every engine of one stage. `workers` does an engine's calls that run side by side."""

    def __init__(
        self,
        *,
        world: World,
        settings: Settings,
        clock: Time,
        workers: Callable[[], Executor] = threads,
    ) -> None:
        self.world = world
        self.settings = settings
        self.clock = clock
        self._workers = workers

    @cached_property
    def rescue(self) -> "Rescue":
        """What catches a job whose execution died."""
        from chalicelib.parking.rescue import Rescue

        return Rescue(
            workflow=self.world.workflow,
            claims=self.world.claims,
            line=self.world.line,
            spool=self.world.spool,
            telemetry=self.world.telemetry,
            clock=self.clock.now,
            prepare=lambda task: self.gates.complete(task),  # it is seldom needed
            history=self._history,
            machines=self.settings.machines,
            fail_states=self.settings.rescue_fail_states,
        )

    def machine(self, name: str) -> str:
        """A state machine as claims name it: empty is the stage's own, however it was named."""
        return "" if name == self.world.prefix else name

    def _of_machine(self, choice: "Choice") -> "Choice":
        named = choice.machine
        return choice if named is None else replace(choice, machine=self.machine(named))

    @property
    def _history(self) -> timedelta:
        return timedelta(days=self.settings.history_days)

    @cached_property
    def spooling(self) -> "Spooling":
        """What the spool Lambda does."""
        from chalicelib.parking.error_spool import Spooling

        return Spooling(
            workflow=self.world.workflow,
            spool=self.world.spool,
            stuck=self.world.stuck,
            rescue=self.rescue.catch,
            hear=lambda event: self.hearing.take(event),  # loaded when it is needed
            telemetry=self.world.telemetry,
        )

    @cached_property
    def gates(self) -> "Gates":
        """What sets a task's limit, and closes and opens its gate."""
        from chalicelib.gate.gate import Gates

        return Gates(
            line=self.world.line,
            telemetry=self.world.telemetry,
            clock=self.clock.now,
            windows=self.settings.hold_windows,
            limit=self.settings.task_limit,
            close_after=self.settings.close_after,
        )

    @cached_property
    def hearing(self) -> "Hearing":
        """What closes a gate by the service's own word."""
        from chalicelib.gate.hearing import Hearing

        settings = self.settings
        return Hearing(
            line=self.world.line,
            tell=self.gates.tell,
            clock=self.clock.now,
            text=settings.closed_until,
            most=settings.closed_until_max,
            grace=settings.ramp_max_interval if settings.recovery == RAMP else 0,
        )

    @cached_property
    def admission(self) -> "Admission":
        """What hands a free slot to the oldest job in line."""
        from chalicelib.gate.line import Admission
        from chalicelib.gate.waking import Waking

        return Admission(
            claims=self.world.claims,
            line=self.world.line,
            gates=self.gates,
            hear=lambda event: self.hearing.take(event),  # loaded when it is needed
            waking=Waking(
                claims=self.world.claims,
                line=self.world.line,
                workflow=self.world.workflow,
                telemetry=self.world.telemetry,
                clock=self.clock.now,
                go_on=lambda claim: self.recovery.go_on(claim),  # these are seldom needed
                rescue=lambda execution: self.rescue.catch(execution),
                leave=lambda claim: self.recovery.left_behind.end(claim),
            ),
            telemetry=self.world.telemetry,
            clock=self.clock.now,
            elapsed=self.clock.elapsed,
            pause=self.clock.pause,
            workers=self._workers,
        )

    @cached_property
    def gauges(self) -> "Gauges":
        """What counts the jobs that wait."""
        from chalicelib.gate.gauges import Gauges

        return Gauges(
            claims=self.world.claims,
            line=self.world.line,
            stuck=self.world.stuck,
            telemetry=self.world.telemetry,
            clock=self.clock.now,
        )

    @cached_property
    def watch(self) -> "Watch":
        """What sees each task's trouble begin, change and end, and tells people."""
        from chalicelib.incidents.watch import Watch

        return Watch(
            claims=self.world.claims,
            ramps=self.world.ramps if self.settings.recovery == RAMP else None,
            incidents=self.world.incidents,
            teller=self.teller,
            telemetry=self.world.telemetry,
            clock=self.clock.now,
            elapsed=self.clock.elapsed,
        )

    @cached_property
    def teller(self) -> "Teller":
        """What writes and sends the messages to people."""
        from chalicelib.gate.windows import zone_of
        from chalicelib.incidents.telling import Teller

        return Teller(
            posts=self.world.posts,
            incidents=self.world.incidents,
            clock=self.clock.now,
            stage=self.world.prefix,
            url=self.settings.webhook_url,
            language=self.settings.language,
            zone=lambda: zone_of(self.settings.replay_timezone),
            arranged=self._arranged,
        )

    def _arranged(self, task: str) -> "Arrangements":
        """What the stage does by itself for a task."""
        from chalicelib.incidents.outlook import Arrangements

        settings = self.settings
        try:
            trigger: bool | None = self.world.mapping.state() in ("enabled", "enabling")
        except RespoolError:  # that it can't be told is no reason to tell nothing
            trigger = None
        return Arrangements(
            ramp=self.world.ramps.get(task) if settings.recovery == RAMP else None,
            trigger=trigger,
            schedule=settings.replay_schedule,
            schedule_zone=settings.replay_timezone,
            schedule_max=settings.replay_max,
        )

    @cached_property
    def sweep(self) -> "Sweep":
        """What looks for everything that events missed."""
        from chalicelib.parking.sweep import Sweep

        return Sweep(
            workflow=self.world.workflow,
            claims=self.world.claims,
            line=self.world.line,
            spool=self.world.spool,
            rescue=self.rescue,
            recovery=self.recovery,
            keeper=self.admission,
            listing=self.world.listing,
            settling=lambda: self.keeping.settling(),  # loaded when it is needed
            telemetry=self.world.telemetry,
            clock=self.clock.now,
            elapsed=self.clock.elapsed,
            pause=self.clock.pause,
            machines=self.settings.machines,
        )

    @cached_property
    def recovery(self) -> "Recovery":
        """What resumes, redrives or restarts one job."""
        from chalicelib.replaying.recovery import Recovery

        return Recovery(
            workflow=self.world.workflow,
            claims=self.world.claims,
            telemetry=self.world.telemetry,
            clock=self.clock.now,
            elapsed=self.clock.elapsed,
            pause=self.clock.pause,
            rescue=lambda execution: self.rescue.catch(execution),
            history=self._history,
            machines=self.settings.machines,
        )

    @cached_property
    def replayer(self) -> "Replayer":
        """What puts jobs back."""
        from chalicelib.replaying.replay import Replayer

        return Replayer(
            recovery=self.recovery,
            workflow=self.world.workflow,
            claims=self.world.claims,
            line=self.world.line,
            spool=self.world.spool,
            stuck=self.world.stuck,
            telemetry=self.world.telemetry,
            clock=self.clock.now,
            elapsed=self.clock.elapsed,
            pause=self.clock.pause,
            workers=self._workers,
        )

    @cached_property
    def continuous_replay(self) -> "ContinuousReplay":
        """What settles the messages that SQS itself delivers."""
        from chalicelib.job.replay import Kind
        from chalicelib.replaying.continuous import ContinuousReplay

        return ContinuousReplay(
            recovery=self.recovery,
            workflow=self.world.workflow,
            claims=self.world.claims,
            line=self.world.line,
            spool=self.world.spool,
            stuck=self.world.stuck,
            telemetry=self.world.telemetry,
            clock=self.clock.now,
            note=lambda jobs: self.keeping.note(Kind.TRIGGER, "", jobs),
        )

    @cached_property
    def give_up(self) -> "GiveUp":
        """What ends jobs for good."""
        from chalicelib.parking.give_up import GiveUp

        return GiveUp(
            workflow=self.world.workflow,
            claims=self.world.claims,
            telemetry=self.world.telemetry,
            clock=self.clock.now,
            elapsed=self.clock.elapsed,
            pause=self.clock.pause,
            left_behind=self.recovery.left_behind,
            history=self._history,
            machines=self.settings.machines,
        )

    @cached_property
    def ramp(self) -> "Tick":
        """What drains the backlog by itself; acts only where RECOVERY says so."""
        from chalicelib.gate.ramp.decide import Policy
        from chalicelib.gate.ramp.tick import Tick
        from chalicelib.job.replay import Kind

        return Tick(
            claims=self.world.claims,
            line=self.world.line,
            ramps=self.world.ramps,
            replayer=self.replayer,
            telemetry=self.world.telemetry,
            clock=self.clock.now,
            new_id=lambda: token_hex(16),
            policy=Policy.of(self.settings),
            tell_gate=self.gates.tell,
            max_attempts=self.settings.max_attempts,
            is_well=self._is_well,
            note=lambda task, jobs: self.keeping.note(Kind.RAMP, task, jobs),
        )

    def _is_well(self) -> bool | None:
        """What HEALTH_URL says of the service; None: there is none to ask."""
        url = self.settings.health_url
        return self.world.is_well(url) if url else None

    def admit(self, event: Any, seconds: float) -> dict[str, Any]:
        """What `admit` does: serve the lines; when it was called for all, also count, relay and
        tell people, the jobs first."""
        from chalicelib.gate.turn import tasks_in

        ends = self.clock.elapsed() + seconds
        try:
            return self.admission.take(event, seconds)
        finally:
            if isinstance(event, dict) and tasks_in(event) is None:
                try:
                    self.keeping.relay()
                finally:
                    self.watch.look(self.gauges.tell(), ends - self.clock.elapsed())

    @cached_property
    def keeping(self) -> "Keeping":
        """What keeps replays, and carries them on."""
        from chalicelib.replaying.keeping import Keeping

        return Keeping(
            replays=self.world.replays,
            claims=self.world.claims,
            replayer=lambda: self.replayer,
            telemetry=self.world.telemetry,
            clock=self.clock.now,
            new_id=lambda: token_hex(8),
            order_of=self._order_of,
            hand_over=self.world.hand_over,
            workers=self._workers,
        )

    def put_back(
        self,
        request: "Request",
        seconds: float,
        provenance: "Provenance",
        look_on: "Callable[[Outcome], None] | None" = None,
    ) -> "tuple[Report, Replay]":
        """Begin a replay that is kept: what it came to within that many seconds.

        It goes on by itself. `look_on` hears what becomes of each job.
        """
        from chalicelib.job.replay import Kind

        keeping = self.keeping
        if look_on is not None:
            watched = replace(self.replayer, look_on=look_on)
            keeping = replace(keeping, replayer=lambda: watched)
        order = self._order(request, seconds, attended=provenance.kind is Kind.PRESS)
        return keeping.run(order, provenance)

    def preview(
        self, request: "Request", seconds: float, attended: bool = False
    ) -> "tuple[Report, Estimate]":
        """What a replay would do, from reads alone, and what that would come to."""
        from chalicelib.replaying.estimate import estimate

        plan: list[Outcome] = []
        report = self.replay(replace(request, dry_run=True), seconds, attended, plan.append)
        tasks = {each.task for each in plan if each.put_back and each.task}
        return report, estimate(
            plan,
            {task: self.world.line.slots(task) for task in tasks},
            {task: self.past.pace(task) for task in tasks},
            self.clock.now(),
            request.rate,
            self.settings.max_attempts,
        )

    @cached_property
    def past(self) -> "Past":
        """How long jobs took lately."""
        from chalicelib.replaying.past import Past

        return Past(self.world.workflow, self.world.telemetry, self.clock.elapsed)

    def _order_of(self, replay: "Replay", keys: "Sequence[str]", seconds: float) -> "Order":
        """What a kept replay asks for, as on the day when it began."""
        from chalicelib.job.plan import Choice
        from chalicelib.job.replay import Kind
        from chalicelib.replaying.requests import FIELDS, read_request

        values = {name: value for name, value in replay.asked.items() if name in FIELDS}
        request = read_request(values)
        if replay.keys:
            request = replace(request, choice=Choice(pks=frozenset(keys)))
        return self._order(request, seconds, attended=replay.kind is Kind.PRESS)

    def replay(
        self,
        request: "Request",
        seconds: float,
        attended: bool = False,
        look_on: "Callable[[Outcome], None] | None" = None,
    ) -> "Report":
        """Put back what was asked for, within that many seconds; `attended`: by a person.

        `look_on` hears what becomes of each job.
        """
        replayer = replace(self.replayer, look_on=look_on) if look_on else self.replayer
        return replayer.replay(self._order(request, seconds, attended))

    def take_batch(self, event: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Settle the messages of an SQS event; what is left goes back to SQS."""
        from chalicelib.job.plan import Rules

        rules = Rules(max_attempts=self.settings.max_attempts, cool_down=self.settings.cool_down)
        return self.continuous_replay.take(event, rules, seconds)

    def tick(self, seconds: float, minute: datetime | None = None) -> dict[str, Any]:
        """One tick of the ramp, where RECOVERY has it; says what it did.

        `minute` is when it was to be called: between two intervals it looks only at the tasks
        whose service named a time that has come.
        """
        if self.settings.recovery != RAMP:
            return {"ramp": OFF}
        return {
            "ramp": self.ramp.run(seconds, only_named=minute is not None and self._idle(minute))
        }

    def _idle(self, minute: datetime) -> bool:
        """Whether a minute lies between two intervals; one that can't be is told by the clock."""
        now = self.clock.now()
        moment = minute if abs(now - minute) < LATE else now
        interval = -(-self.settings.ramp_interval // 60)
        return int(moment.timestamp()) // 60 % interval != 0

    def _order(self, request: "Request", seconds: float, attended: bool) -> "Order":
        """What a request asks for, with the stage's own choices where it names none."""
        from chalicelib.job.plan import Rules
        from chalicelib.replaying.replay import Order

        return Order(
            count=request.count or self.settings.max_reprocess,
            rules=Rules(
                attended=attended,
                max_attempts=self.settings.max_attempts,
                stuck=request.stuck,
                restart=request.restart,
                choice=self._of_machine(request.choice),
            ),
            seconds=seconds,
            rate=request.rate,
            dry_run=request.dry_run,
            by_pass=request.by_pass,
        )

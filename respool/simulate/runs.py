"""Runs every strategy against every service, and puts the outcomes side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.gate.ramp.decide import Policy
from respool.simulate.bound import most_probes
from respool.simulate.services import HOUR, WEEKEND, Service, services
from respool.simulate.strategies import everything, hourly, ramp
from respool.simulate.world import Place, World

JOBS = 300
LIMIT = 5
HORIZON = 14 * 24 * HOUR
MANY = 1000
"""Jobs a day from which on only the outage is run: the limit never lets them all through."""
STRATEGIES = ("every hour", "all at recovery", "ramp")
AWARE = "ramp, HEALTH_URL"
NAMED = "ramp, time named"
"""The service's failures say when it is back."""
RAMPS = ("ramp", AWARE, NAMED)
ARRIVALS = (100, 300, 10_000)
"""Jobs that are started every day of the outage."""


@dataclass(frozen=True)
class Run:
    """One strategy against one service.

    `emptied` is seconds from recovery until no job was left, None: never; `last` until the last
    job was done that is done at all.
    """

    service: str
    strategy: str
    calls_down: int
    calls: int
    done: int
    stuck: int
    last: float
    emptied: float | None
    recovery: float
    probes_down: int
    announced: int
    started: int
    track: tuple[tuple[float, int, int], ...]


def run(
    service: Service,
    strategy: str,
    jobs: int = JOBS,
    limit: int = LIMIT,
    policy: Policy | None = None,
    a_day: float = 0,
    until: float = HORIZON,
    window: tuple[float, float] | None = None,
) -> Run:
    """Simulate one; the service has to be a fresh one. `a_day` jobs start until its recovery.

    `window` is a maintenance that was announced: from when until when.
    """
    service.says = strategy == NAMED
    world = World.of(service, jobs, limit, a_day)
    if window:
        world.announce(*window)
    if strategy in RAMPS:
        ramp(world, policy, aware=strategy == AWARE)
    else:
        {"every hour": hourly, "all at recovery": everything}[strategy](world)
    world.run(until)
    ended = world.emptied_at
    return Run(
        service.name,
        strategy,
        world.calls_down,
        world.calls,
        world.count(Place.DONE),
        world.count(Place.STUCK),
        world.done_at - service.recovery,
        None if ended is None else ended - service.recovery,
        service.recovery,
        world.probes_down,
        world.calls_announced,
        len(world.jobs) - jobs,
        tuple(world.track),
    )


def compare() -> list[Run]:
    """Every strategy against a fresh service of every kind."""
    kinds = range(len(services()))
    return [run(services()[kind], strategy) for kind in kinds for strategy in STRATEGIES]


def with_arrivals() -> list[Run]:
    """A weekend's outage during which new jobs are started at a daily rate."""
    weekend = next(n for n, each in enumerate(services()) if each.name == WEEKEND)
    runs = []
    for a_day in ARRIVALS:
        until = HORIZON if a_day < MANY else services()[weekend].recovery
        for strategy in (*STRATEGIES, AWARE, NAMED):
            service = services()[weekend]
            service.name = f"{a_day:,} jobs a day"
            runs.append(run(service, strategy, jobs=0, a_day=a_day, until=until))
    return runs


def other_troubles() -> list[Run]:
    """Every other kind of service, with jobs that wait and such that are started all the while."""
    kinds = [n for n, each in enumerate(services()) if each.name != WEEKEND]
    return [
        run(services()[kind], strategy, a_day=300)
        for kind in kinds
        for strategy in ("all at recovery", "ramp")
    ]


def announced() -> Run:
    """A maintenance of ten hours, announced as a window, at 300 new jobs a day."""
    begins, ends = 24 * HOUR, 34 * HOUR
    service = Service("announced", ends, up=lambda at: at < begins)
    return run(service, "ramp", jobs=0, a_day=300, window=(begins, ends))


def arrivals_table(runs: Sequence[Run]) -> str:
    """What the service gets during an outage into which jobs are started."""
    heads = ("started", "put back", "calls of probes", "other calls", "done", "empty")
    rows = [heads]
    for n, each in enumerate(runs):
        name = each.service if not n or runs[n - 1].service != each.service else ""
        other = each.calls_down - each.probes_down
        emptied = "not run" if each.emptied is None else hours(each.emptied)
        rows.append(
            (name, each.strategy, f"{each.probes_down:,}", f"{other:,}", f"{each.done:,}", emptied)
        )
    return lines(rows)


def found(runs: Sequence[Run], service: str, strategy: str) -> Run:
    """The run of that service and strategy."""
    return next(r for r in runs if (r.service, r.strategy) == (service, strategy))


def table(runs: Sequence[Run]) -> str:
    """The comparison for people."""
    heads = ("service", "put back", "calls while down", "done", "stuck", "last done", "empty")
    rows = [heads]
    before = ""
    for each in runs:
        name = each.service if each.service != before else ""
        before = each.service
        cells = (name, each.strategy, f"{each.calls_down:,}", f"{each.done}", f"{each.stuck}")
        emptied = "never" if each.emptied is None else hours(each.emptied)
        rows.append((*cells, hours(each.last), emptied))
    return lines(rows)


def lines(rows: Sequence[Sequence[str]]) -> str:
    """A table of text: two columns to the left, all others to the right."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.ljust(width) if n < 2 else cell.rjust(width)
        for n, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def hours(seconds: float) -> str:
    """A time since the recovery; one before it has a minus."""
    minutes = round(abs(seconds) / 60)
    return f"{'-' if seconds < 0 else ''}{minutes // 60} h {minutes % 60:02} min"


def remarks(runs: Sequence[Run]) -> Iterator[str]:
    """What the issue of a weekend comes down to."""
    blind, all_, ours = (found(runs, WEEKEND, strategy) for strategy in STRATEGIES)
    yield (
        f"Over the weekend the ramp called {blind.calls_down / ours.calls_down:,.0f} times less"
        f" often than a retry every hour ({ours.calls_down} calls, not {blind.calls_down:,}): at"
        f" most {most_probes(ours.recovery, Policy())} probes of one job, each with the state"
        " machine's own retry."
    )
    if ours.emptied and all_.emptied:
        yield (
            f"It was empty after {ours.emptied / all_.emptied:.2f} times the time of replaying"
            " everything at the moment of recovery."
        )

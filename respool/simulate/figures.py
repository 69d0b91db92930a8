"""The figures that the ramp and the gate are held to, each with what it must reach."""

from collections.abc import Sequence
from dataclasses import dataclass

from respool.simulate.runs import (
    AWARE,
    LIMIT,
    NAMED,
    Run,
    announced,
    found,
    lines,
)

TRIES = 2
"""Calls of one job: the state machine tries once more."""
DECIDING = 5
"""The failures in a row that close the gate."""
TRANSITION = 0.025 / 1000
TABLE_WRITE = 0.625 / 10**6
HELD_TRANSITIONS = 3
"""ClaimJob, TakeSlot and WaitInLine: a job that is held, from its start until it is let in."""
HELD_WRITES = 19
"""Write units of TakeSlot and the line, as docs/costs.md counts them."""
HELD_CALLS = 3 * (0.2 / 10**6 + 0.2 * 0.25 * 0.0000166667)
"""Dollars for what `admit` is called for it."""


@dataclass(frozen=True)
class Figure:
    """What was reached, and what must be; `met`: whether it is."""

    name: str
    got: str
    must: str
    met: bool


def figures(arrivals: Sequence[Run]) -> list[Figure]:
    """All figures, from runs with arrivals and one more with an announced window."""
    ramps = {a_day: found(arrivals, f"{a_day} jobs a day", "ramp") for a_day in _DAYS}
    weekend = ramps["300"]
    most = TRIES * (DECIDING + LIMIT)
    other = weekend.calls_down - weekend.probes_down
    spread = max(abs(each.calls_down / weekend.calls_down - 1) for each in ramps.values())
    in_window = announced().announced
    dollars = HELD_TRANSITIONS * TRANSITION + HELD_WRITES * TABLE_WRITE + HELD_CALLS
    return [
        _at_most("calls of probes during the weekend's outage", weekend.probes_down, 62),
        _at_most("all other calls during it", other, most),
        Figure(
            "all calls at 100, 300 and 10,000 jobs a day",
            ", ".join(str(each.calls_down) for each in ramps.values()),
            "within 10 % of those at 300",
            spread <= 0.1,
        ),
        _times("empty, where the service names a time", arrivals, NAMED, 1.05),
        _times("empty, where HEALTH_URL tells", arrivals, AWARE, 1.05),
        _times("empty, otherwise", arrivals, "ramp", 1.14),
        _at_most("calls in an announced window by jobs that enter in it", in_window, 0),
        _at_most("transitions of a job held over a weekend", HELD_TRANSITIONS, 3),
        Figure("what they cost", f"${dollars:.6f}", "under $0.0001", dollars < 0.0001),
    ]


def figures_table(of: Sequence[Figure]) -> str:
    """The figures for people."""
    rows = [("figure", "must", "got")]
    rows += [(each.name, each.must, each.got if each.met else f"{each.got} (no)") for each in of]
    return lines(rows)


_DAYS = ("100", "300", "10,000")


def _at_most(name: str, got: int, most: int) -> Figure:
    return Figure(name, str(got), f"at most {most}" if most else "0", got <= most)


def _times(name: str, arrivals: Sequence[Run], strategy: str, most: float) -> Figure:
    """How long it takes until nobody is left, against letting all in at the very recovery."""
    ours = found(arrivals, "300 jobs a day", strategy)
    best = found(arrivals, "300 jobs a day", "all at recovery")
    if not ours.emptied or not best.emptied or ours.done != best.done:
        return Figure(name, "never", f"at most {most} times", False)
    times = ours.emptied / best.emptied
    return Figure(name, f"{times:.2f} times", f"at most {most} times", times <= most)

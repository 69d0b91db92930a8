"""docs/mutants.md: the score, and each mutant that lives."""

from collections.abc import Mapping

from tests.mutants.mutations import ROOMS, ROOT, Mutant
from tests.mutants.running import BUDGET, Fate

PAGE = ROOT / "docs" / "mutants.md"
DEAD = {Fate.KILLED, Fate.ENDLESS}
PAGE_TEXT = """# Mutants

`make mutants` changes the code of `chalicelib/{{job,replaying,parking,gate}}` one place at a time
and runs the unit tests. A mutant is killed when a test fails or never ends, or its import fails.
The changes are all those that cosmic-ray knows, type hints left out (it changes no texts).
A mutant that does the same as the code counts as alive.

There are {every:,} mutants. This run tried {count:,} of them, chosen by the seed {seed};
the score of all differs from theirs by about {margin:.1%} at most (95 in 100 times).
To try the same again, or all:

    python -m tests.mutants --share {share:g} --seed {seed}
    python -m tests.mutants --share 1

One process imports everything and notes which test runs which line. For each mutant it forks, puts
the changed function in, and runs the tests that reach the line until one fails. What runs while a
module is imported is imported again, changed. A mutant that {budget:.0f} seconds of its tests, the
quickest first, do not notice counts as alive: on a busy machine fewer tests fit, and more live.

**{score:.1%} are killed**: {dead:,} of {count:,}, in {seconds:,.0f} s. The aim is 90 %.

| room | mutants | killed | |
| --- | --- | --- | --- |
{rooms}

## Alive

{alive}
"""


def page(fates: Mapping[Mutant, Fate], every: int, seed: int, seconds: float) -> tuple[str, float]:
    """The page, and the share of mutants that were killed."""
    dead = sum(fate in DEAD for fate in fates.values())
    score = dead / max(len(fates), 1)
    remaining = 1 - len(fates) / every  # what is not in the sample alone can differ
    margin = 1.96 * (score * (1 - score) / max(len(fates), 1) * remaining) ** 0.5
    text = PAGE_TEXT.format(
        every=every,
        count=len(fates),
        seed=seed,
        share=round(len(fates) / every, 4),
        margin=margin,
        budget=BUDGET,
        score=score,
        dead=dead,
        seconds=seconds,
        rooms="\n".join(_room(room, fates) for room in ROOMS),
        alive=_alive(fates),
    )
    return text, score


def _alive(fates: Mapping[Mutant, Fate]) -> str:
    lines = [_line(mutant, fate) for mutant, fate in fates.items() if fate not in DEAD]
    return "\n".join(sorted(lines))


def _room(room: str, fates: Mapping[Mutant, Fate]) -> str:
    here = [fate for mutant, fate in fates.items() if mutant.path.split("/")[1] == room]
    dead = sum(fate in DEAD for fate in here)
    return f"| {room} | {len(here)} | {dead} | {dead / max(len(here), 1):.1%} |"


def _line(mutant: Mutant, fate: Fate) -> str:
    reason = " (no test reaches it)" if fate is Fate.UNREACHED else ""
    return f"- `{mutant.path}:{mutant.start[0]}`{reason}: `{mutant.change()}`"

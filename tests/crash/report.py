"""The outcome of the matrix as a table, and the page that holds it."""

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash import article
from tests.crash.matrix import cases_of, try_out
from tests.crash.scenarios import SCENARIOS

PAGE = Path(__file__).parents[2] / "docs" / "crash-matrix.md"
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"
WORKERS = 2


@dataclass
class Counts:
    """Counts for each part: of ours and of the loop's; `wrong` tells each case that went wrong."""

    tried: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    doubled: Counter[str] = field(default_factory=Counter)
    leaked: Counter[str] = field(default_factory=Counter)
    crowded: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Counts") -> None:
        """Count what another run has found."""
        for name in ("tried", "lost", "doubled", "leaked", "crowded"):
            getattr(self, name).update(getattr(other, name))
        self.wrong += other.wrong


def ours(workers: int = WORKERS) -> Counts:
    """Try out every case of ours, several scenarios at once."""
    counts = Counts()
    with ProcessPoolExecutor(workers) as pool:
        for found in pool.map(try_all, range(len(SCENARIOS))):
            counts.add(found)
    return counts


def try_all(number: int) -> Counts:
    """Try out every case of one scenario."""
    part, counts = SCENARIOS[number].part, Counts()
    for case in cases_of(SCENARIOS[number]):
        verdict = try_out(case)
        counts.tried[part] += case.fault is not None
        counts.lost[part] += verdict.lost
        counts.doubled[part] += verdict.doubled
        counts.leaked[part] += bool(verdict.leaks)
        counts.crowded[part] += bool(verdict.crowded)
        if not verdict.good:
            counts.wrong.append(f"{case}: {verdict}")
    return counts


def theirs() -> Counts:
    """Try out every case of the article's loop."""
    counts = Counts()
    for result in article.results():
        counts.tried[result.part] += 1
        counts.lost[result.part] += result.lost
        counts.doubled[result.part] += result.doubled
    return counts


def parts() -> list[str]:
    """The parts in their order."""
    return list(dict.fromkeys(scenario.part for scenario in SCENARIOS))


def table(ours: Counts, theirs: Counts) -> str:
    """Both side by side, in Markdown."""
    lines = [
        "| part | faults tried | jobs lost | doubled | something left | too many inside"
        " | the loop: faults tried | lost | doubled |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    figures = [ours.tried, ours.lost, ours.doubled, ours.leaked, ours.crowded]
    loop = [theirs.tried, theirs.lost, theirs.doubled]
    for part in parts():
        cells = [f"{figure[part]:,}" for figure in figures]
        cells += [f"{figure[part]:,}" if theirs.tried[part] else "–" for figure in loop]
        lines.append(f"| {part} | " + " | ".join(cells) + " |")
    cells = [f"**{each.total():,}**" for each in (*figures, *loop)]
    lines.append("| **all** | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def told(text: str, part: str) -> list[int]:
    """What the page says of a part of ours: faults tried, and how many went wrong in which way."""
    rows = (line.split("|") for line in text.splitlines() if line.startswith(f"| {part} |"))
    return [int(cell.replace(",", "")) for cell in next(rows)[2:7]]


def page(text: str, figures: Iterable[str]) -> str:
    """The page's text with these figures in it."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}{''.join(figures)}{END}{tail}"

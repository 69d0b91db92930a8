"""The outcome of the matrix as a table, and the page that holds it."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash import article
from tests.crash.matrix import cases_of, try_out
from tests.crash.scenarios import SCENARIOS

PAGE = Path(__file__).parents[2] / "docs" / "crash-matrix.md"
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"


@dataclass
class Counts:
    """Counts for one part: of ours and of the loop's."""

    scenarios: int = 0
    tried: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    doubled: Counter[str] = field(default_factory=Counter)
    leaked: Counter[str] = field(default_factory=Counter)


def ours() -> Counts:
    """Try out every case of ours."""
    counts = Counts()
    for scenario in SCENARIOS:
        for case in cases_of(scenario):
            if case.fault is None:
                continue
            verdict = try_out(case)
            counts.tried[scenario.part] += 1
            counts.lost[scenario.part] += verdict.lost
            counts.doubled[scenario.part] += verdict.doubled
            counts.leaked[scenario.part] += bool(verdict.leaks)
    return counts


def theirs() -> Counts:
    """Try out every case of the article's loop."""
    counts = Counts()
    for result in article.results():
        counts.tried[result.part] += 1
        counts.lost[result.part] += result.lost
        counts.doubled[result.part] += result.doubled
    return counts


def table(ours: Counts, theirs: Counts) -> str:
    """Both side by side, in Markdown."""
    lines = [
        "| part | faults tried | jobs lost | doubled | claims, slots or messages left"
        " | the loop: faults tried | lost | doubled |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for part in ours.tried:
        figures = [ours.tried, ours.lost, ours.doubled, ours.leaked]
        loop = [theirs.tried, theirs.lost, theirs.doubled]
        cells = [f"{figure[part]:,}" for figure in figures]
        cells += [f"{figure[part]:,}" if theirs.tried[part] else "–" for figure in loop]
        lines.append(f"| {part} | " + " | ".join(cells) + " |")
    sums = [ours.tried, ours.lost, ours.doubled, ours.leaked]
    sums += [theirs.tried, theirs.lost, theirs.doubled]
    lines.append("| **all** | " + " | ".join(f"**{each.total():,}**" for each in sums) + " |")
    return "\n".join(lines) + "\n"


def page(text: str, figures: str) -> str:
    """The page's text with these figures in it."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}{figures}{END}{tail}"

"""`python -m tests.bench` measures everything, prints it, and writes build/bench.json."""

import json
import platform
import sys
from collections.abc import Callable, Iterator

from respool.local.emulator import PROJECT
from tests.bench import (
    adopting,
    browser,
    deployed,
    line,
    looks,
    memory,
    path,
    speed,
    start,
    waiting,
)
from tests.bench.figures import Figure

FILE = PROJECT / "build" / "bench.json"
MEASURES: tuple[Callable[[], Iterator[Figure]], ...] = (
    speed.calls,
    speed.jobs_a_second,
    deployed.deployed,
    speed.one_of_many,
    looks.page,
    browser.page,
    speed.growth,
    memory.memory,
    start.cold_start,
    start.package_size,
    waiting.repeated_work,
    waiting.parked_week,
    line.many_long_jobs,
    line.short_jobs,
    line.heavy_load,
    path.works,
    path.definition,
    adopting.adopted,
)


def main() -> int:
    """Measure; returns 1 where a target is missed."""
    figures = []
    for measure in MEASURES:
        for figure in measure():
            figures.append(figure)
            print(figure.line(), flush=True)
    imports = start.profile()
    print("\nSlowest imports, boto3 and botocore aside:", *imports, sep="\n")
    FILE.parent.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "machine": platform.platform()}
    told = [figure.as_json() for figure in figures]
    FILE.write_text(json.dumps({**machine, "figures": told, "imports": imports}, indent=2))
    print(f"\n{FILE.relative_to(PROJECT)} has these figures.")
    return 0 if all(figure.met for figure in figures) else 1


sys.exit(main())

"""`python -m tests.soak [jobs]` runs the scenario, and writes docs/soak.md after a full run."""

import sys
import tempfile
from pathlib import Path

from tests.soak.run import JOBS, run
from tests.soak.verdict import write


def main() -> int:
    """Run it; returns 1 where a job was lost or doubled or something was left."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else JOBS
    with tempfile.TemporaryDirectory(prefix="respool-soak-") as folder:
        verdict, figures = run(Path(folder), jobs)
    if jobs == JOBS:
        write(figures)
    return 1 if verdict.problems else 0


sys.exit(main())

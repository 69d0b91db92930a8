"""One run from the start to its verdict."""

import time
from pathlib import Path

from tests.soak.load import Load
from tests.soak.stage import unsafe_stage
from tests.soak.verdict import Verdict, judge, table

JOBS = 1000
SEED = 20261124


def run(folder: Path, jobs: int = JOBS, seed: int = SEED) -> tuple[Verdict, str]:
    """Run the scenario, print what happens, and return its verdict and its figures."""
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {text}", flush=True)

    with unsafe_stage(folder, seed) as stage:
        say("The stage is deployed.")
        load = Load(stage, jobs, seed, say)
        load.fail()
        say("Every job is parked, or dead and to be found; the service is well again.")
        load.report()
        say(f"The incident tells of {load.course.told}, the claims of {load.course.truth}.")
        load.abort()
        say(f"{load.course.aborted} of them are ended by hand.")
        load.replay()
        say("Nothing is left to do.")
        verdict = judge(load)
        figures = table(load, verdict)
    print(figures)
    return verdict, figures

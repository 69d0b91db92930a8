"""`make mutants`: change our code a little, see whether the unit tests notice, write the page."""

import argparse
import random
import sys
import time

from tests.mutants.mutations import Mutant, modules
from tests.mutants.report import DEAD, PAGE, page
from tests.mutants.running import Fate, Run

SEED = 20261126
SHARE = 0.15  # of all mutants: what fits into 20 minutes on two cores


def main() -> int:
    """Run a share of all mutants; 1 when fewer than nine in ten are killed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="chooses the mutants (%(default)s)")
    parser.add_argument("--share", type=float, default=SHARE, help="how many of all (%(default)s)")
    parser.add_argument("--only", default="", help="modules whose path holds this; no page then")
    options = parser.parse_args()
    everything = [
        mutant for module in modules() if options.only in module.path for mutant in module.mutants()
    ]
    chance = random.Random(options.seed)
    sample = chance.sample(everything, round(len(everything) * options.share))
    print(
        f"{len(sample)} of {len(everything)} mutants, chosen by the seed {options.seed}", flush=True
    )
    begin = time.monotonic()

    def told(mutant: Mutant, fate: Fate, test: str | None) -> None:
        change = "" if fate in DEAD else mutant.change()
        print(f"{time.monotonic() - begin:6.1f} s  {fate}: {mutant} {test or change}", flush=True)

    run = Run(sample, told)
    run.run()
    text, score = page(run.fates, len(everything), options.seed, time.monotonic() - begin)
    if not options.only:
        PAGE.write_text(text, "utf-8")
    print(f"{score:.1%} killed")
    return int(score < 0.9)


if __name__ == "__main__":
    sys.exit(main())

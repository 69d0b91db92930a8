"""`make simulate`: prints the comparison and draws docs/img/ramp.svg."""

import sys
import time
from pathlib import Path

from respool.simulate.figures import figures, figures_table
from respool.simulate.runs import (
    JOBS,
    LIMIT,
    arrivals_table,
    compare,
    other_troubles,
    remarks,
    table,
    with_arrivals,
)
from respool.simulate.services import WEEKEND

PLOT = Path(__file__).resolve().parents[2] / "docs" / "img" / "ramp.svg"


def main() -> None:
    """Simulate, print and draw; `--no-plot` leaves the picture as it is."""
    start = time.perf_counter()
    runs = compare()
    print(f"{JOBS} jobs wait since Friday 22:00; at most {LIMIT} at once in the task.")
    print("The last two columns count from the service's recovery.\n")
    print(table(runs))
    print("\nThe weekend's outage with jobs that are started all the while, none before:\n")
    arrivals = with_arrivals()
    print(arrivals_table(arrivals))
    print(f"\nThe other services, with {JOBS} jobs that wait and {JOBS} more a day:\n")
    print(table(other_troubles()))
    print("\nWhat must be reached:\n")
    print(figures_table(figures(arrivals)))
    for remark in remarks(runs):
        print(f"\n{remark}", end="")
    print(f"\n\nSimulated in {time.perf_counter() - start:.1f} s.")
    if "--no-plot" not in sys.argv:
        from respool.simulate.plot import drawn  # the library is needed here alone

        PLOT.parent.mkdir(parents=True, exist_ok=True)
        PLOT.write_text(drawn(runs, WEEKEND))
        print(f"Drew {PLOT}.")


if __name__ == "__main__":
    main()

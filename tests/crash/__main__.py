"""`python -m tests.crash` tries everything out and writes the figures into docs/crash-matrix.md."""

import sys

from tests.crash.report import PAGE, ours, page, table, theirs

if __name__ == "__main__":
    found = ours()
    figures = table(found, theirs())
    PAGE.write_text(page(PAGE.read_text("utf-8"), figures), "utf-8")
    print(figures, *found.wrong, sep="\n")
    sys.exit(bool(found.wrong))

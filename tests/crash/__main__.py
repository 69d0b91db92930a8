"""`python -m tests.crash` tries everything out and writes the figures into docs/crash-matrix.md."""

from tests.crash.report import PAGE, ours, page, table, theirs

figures = table(ours(), theirs())
PAGE.write_text(page(PAGE.read_text("utf-8"), figures), "utf-8")
print(figures)

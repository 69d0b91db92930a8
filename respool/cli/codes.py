"""The exit codes, as docs/cli.md explains them."""

DONE = 0
NOT_ALL = 1
USAGE = 2
REFUSED = 3
INTERRUPTED = 130

"""The command line, for people with AWS credentials. Never imported inside Lambda."""

import sys


def main() -> None:
    """Run `respool` with the words that the shell gave, and end with its exit code."""
    from respool.cli.run import run

    sys.exit(run(sys.argv[1:]))

"""How tests run: the same cases each time, no hurry, and processes enough for the cores."""

import os

import pytest
from _pytest.terminal import TerminalReporter
from hypothesis import settings

NO_CHROMIUM = "there is no Chromium here"
WITHOUT = pytest.StashKey[int]()

# On a busy machine a case may take long for no reason of its own; a test must not fail for that.
settings.register_profile("respool", deadline=None, derandomize=True)
settings.load_profile("respool")


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: end to end much time is waiting."""
    return (os.cpu_count() or 1) + 1


def pytest_terminal_summary(
    terminalreporter: TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Count the tests of the page that did not run for want of a browser."""
    skipped = terminalreporter.stats.get("skipped", [])
    config.stash[WITHOUT] = sum(NO_CHROMIUM in str(report.longrepr) for report in skipped)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say so in the last line, below pytest's own."""
    if without := config.stash.get(WITHOUT, 0):
        print(
            f"{without} tests of the page did not run: {NO_CHROMIUM}. Install Debian's package"
            " chromium, or Google Chrome."
        )

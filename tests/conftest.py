"""How tests run: the same cases each time, no hurry, and processes enough for the cores."""

import os

from hypothesis import settings

# On a busy machine a case may take long for no reason of its own; a test must not fail for that.
settings.register_profile("respool", deadline=None, derandomize=True)
settings.load_profile("respool")


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: end to end much time is waiting."""
    return (os.cpu_count() or 1) + 1

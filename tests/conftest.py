"""How property tests run where they do not say otherwise: the same cases each time, no hurry."""

from hypothesis import settings

# On a busy machine a case may take long for no reason of its own; a test must not fail for that.
settings.register_profile("respool", deadline=None, derandomize=True)
settings.load_profile("respool")

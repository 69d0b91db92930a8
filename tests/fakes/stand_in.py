"""Fakes in the place of the SDK's clients, whose types nothing but the SDK has."""

from typing import Any


def stand_in(fake: object) -> Any:
    """The fake itself, for a parameter that is typed as a client or a session of the SDK."""
    return fake

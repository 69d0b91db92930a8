"""What was fetched is believed for some seconds, so that many who ask cost one call."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
KEPT = 3
"""Seconds that a look is good for, so that many pages which poll cost no more than one."""


class Cached(Generic[T]):
    """A value that is fetched when somebody asks, and again when it is too old."""

    def __init__(
        self, fetch: Callable[[], T], seconds: float, elapsed: Callable[[], float]
    ) -> None:
        self._fetch = fetch
        self._seconds = seconds
        self._elapsed = elapsed
        self._held: tuple[float, T] | None = None

    def get(self) -> T:
        """The value, no older than the cache allows. What `fetch` raises passes through."""
        if self._held is None or self._elapsed() - self._held[0] > self._seconds:
            self._held = (self._elapsed(), self._fetch())
        return self._held[1]

    def forget(self) -> None:
        """Fetch again next time."""
        self._held = None

"""The ways by which people are told, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.errors import NotSent
from tests.fakes.wire import Wire


@dataclass
class Posted:
    """What has arrived. While a way is `dead`, nothing does."""

    mails: list[tuple[str, str]] = field(default_factory=list)
    hooks: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)
    tries: int = 0


class FakePosts:
    """One process's way to them."""

    def __init__(self, posted: Posted, wire: Wire) -> None:
        self._posted = posted
        self._wire = wire

    def mail(self, subject: str, text: str) -> None:
        """Send a mail."""
        self._wire.call("Publish", lambda: self._arrive("mail"))
        self._posted.mails.append((subject, text))

    def hook(self, url: str, body: str, headers: Mapping[str, str], at: int) -> None:
        """Send JSON."""
        del url, at
        self._wire.call("PostHook", lambda: self._arrive("webhook"))
        self._posted.hooks.append((body, headers))

    def _arrive(self, way: str) -> None:
        self._posted.tries += 1
        if way in self._posted.dead:
            raise NotSent(f"the {way} answered 500")

"""Asks the downstream service's own health check, over HTTP."""

import urllib.error
import urllib.request

PATIENCE = 5
"""Seconds that an answer may take."""


class _Still(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: only what HEALTH_URL names is asked."""

    def redirect_request(self, *_: object) -> None:
        """Leave the answer as it is."""


def is_well(url: str) -> bool:
    """Whether the address answers with success (200 to 299) in time; whatever else is a no."""
    asker = urllib.request.build_opener(_Still)
    try:
        with asker.open(url, timeout=PATIENCE) as answer:
            return 200 <= int(answer.status) < 300
    except (OSError, ValueError):  # refused, too late, an error's status, no HTTP at all
        return False

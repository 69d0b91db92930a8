"""Who may talk to the local AWS: programs, and its own pages. Requests to it are not signed.

A browser carries any page's requests to loopback, and whoever may make a Lambda runs code here.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_HERE = re.compile(r"(?:127\.0\.0\.1|\[::1\]|(?:[a-z0-9-]+\.)*localhost)(?::\d+)?", re.IGNORECASE)
"""Names that nobody else can have: another one that leads here was made to lead here."""
_OWN = ("same-origin", "none")
"""What a browser says of a request that its own page, or the person, has made."""
_SHARING = b"access-control-"


def refusal(headers: Mapping[str, list[str]]) -> str:
    """Why a request with these headers (small letters) is not served; empty where it is."""
    hosts = headers.get("host", [])
    if len(hosts) != 1 or not _HERE.fullmatch(hosts[0]):
        return f"the Host {', '.join(hosts)[:200]!r} is not this machine's own name"
    for origin in headers.get("origin", []):
        if origin.lower() not in (f"http://{hosts[0]}".lower(), f"https://{hosts[0]}".lower()):
            return f"the page {origin[:200]!r} is not its own"
    for site in headers.get("sec-fetch-site", []):
        if site not in _OWN:
            return f"a page of another site sent it ({site[:40]})"
    return ""


def guarded(app: App) -> App:
    """The ASGI application, for programs and its own pages alone: 403 for all others.

    Nothing that it answers is shared with other pages.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        why = refusal(_headers(scope)) if scope["type"] in ("http", "websocket") else ""
        if why and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif why:
            await _forbid(send, f"The local AWS refuses this request: {why}.\n")
        else:
            await app(scope, receive, _unshared(send))

    return serve


def _headers(scope: Scope) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in scope.get("headers", []):
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return headers


async def _forbid(send: Send, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


def _unshared(send: Send) -> Send:
    async def tell(message: Any) -> None:
        if "headers" in message:
            kept = [(n, v) for n, v in message["headers"] if not n.lower().startswith(_SHARING)]
            message = {**message, "headers": kept}
        await send(message)

    return tell


def apply() -> None:
    """Guard the emulator in this process; call it once, before it serves."""
    from ministack import app as emulator

    emulator.app = guarded(emulator.app)

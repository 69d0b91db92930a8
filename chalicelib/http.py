"""HTTP's side of things: results and errors as responses, with headers that browsers respect."""

from collections.abc import Callable
from typing import Any

from chalice.app import Chalice, Response

from chalicelib.errors import AwsError, BadRequest, NotFound, RespoolError, Throttled

HEADERS: dict[str, str | list[str]] = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=31536000",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}

_STATUS: tuple[tuple[type[RespoolError], int], ...] = (
    (BadRequest, 400),
    (NotFound, 404),
    (Throttled, 503),
    (AwsError, 502),
    (RespoolError, 500),
)


def query(app: Chalice) -> dict[str, list[str]]:
    """The query of the request being answered; a name may be given more than once."""
    given = app.current_request.query_params if app.current_request else None
    return {name: given.getlist(name) for name in given} if given else {}


def answer(act: Callable[[], Any]) -> Response:
    """Run what a route does; its result or its error as JSON."""
    try:
        return Response(act(), status_code=200, headers=HEADERS)
    except RespoolError as problem:
        status = next(code for kind, code in _STATUS if isinstance(problem, kind))
        return Response({"error": str(problem)}, status_code=status, headers=HEADERS)

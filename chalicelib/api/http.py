"""HTTP's side of things: what a request says, and results, errors and files as responses."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalice.app import AuthRequest, AuthResponse, Chalice, Request, Response

from chalicelib.errors import AwsError, BadRequest, Conflict, NotFound, RespoolError, Throttled
from chalicelib.job.json_text import parse
from chalicelib.metrics import CALLERS_REFUSED
from chalicelib.replaying.requests import once, shown

if TYPE_CHECKING:
    from chalicelib.api.actions import Press
    from chalicelib.api.stage import Stage
    from chalicelib.job.ports import Telemetry

Headers = dict[str, str | list[str]]

SECURE: Headers = {
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=31536000",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
KEPT = "public, max-age=31536000, immutable"
"""Header of a file that is asked for by its version, whose content never changes."""
HEADERS: Headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}

_STATUS: tuple[tuple[type[RespoolError], int], ...] = (
    (BadRequest, 400),
    (NotFound, 404),
    (Conflict, 409),
    (Throttled, 503),
    (AwsError, 502),
    (RespoolError, 500),
)


def refused(telemetry: "Telemetry") -> AuthResponse:
    """The authorizer's answer to a caller that nobody knows, who leaves a trace."""
    telemetry.warning("caller-refused")
    telemetry.metric(CALLERS_REFUSED)
    return Refusal("nobody")


class Refusal(AuthResponse):
    """An authorizer's no, to every route: API Gateway takes no policy that names no resource."""

    def __init__(self, name: str) -> None:
        super().__init__([], name)

    def to_dict(self, request: AuthRequest) -> dict[str, Any]:
        """The refusal as Lambda hands it to API Gateway."""
        stage = "/".join(request.method_arn.split("/")[:2])
        denied = {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": [f"{stage}/*"]}
        policy = {"Version": "2012-10-17", "Statement": [denied]}
        return {"context": {}, "principalId": self.principal_id, "policyDocument": policy}


@dataclass(frozen=True)
class Call:
    """One request to the API: at which stage, by whom (a token's name), and what it says."""

    stage: "Stage"
    who: str
    kind: str
    query: dict[str, list[str]]
    fields: dict[str, Any]
    idempotency_key: str = ""

    @property
    def press(self) -> "Press":
        """Who asks for a replay, and how."""
        from chalicelib.api.actions import Press

        return Press(self.who, self.fields, self.idempotency_key)


def answer(app: Chalice, act: Callable[[Call], Any]) -> Response:
    """Do what a route does; its result or its error as JSON. Here errors become statuses."""
    try:
        return Response(act(_call(app)), status_code=200, headers=HEADERS)
    except RespoolError as problem:
        status = status_of(problem)
        wait: Headers = {"Retry-After": "5"} if status == 503 else {}
        return Response({"error": str(problem)}, status_code=status, headers=HEADERS | wait)


def status_of(problem: RespoolError) -> int:
    """The status by which a refusal is told."""
    return next(code for kind, code in _STATUS if isinstance(problem, kind))


def page(app: Chalice, name: str = "") -> Response:
    """The page itself or one of its files; a browser that has it already is told so."""

    from chalicelib.api import page_files  # a cold start is shorter without what only looks

    request = app.current_request
    assert request is not None
    try:
        file = page_files.file(name or page_files.INDEX)
    except NotFound as missing:
        return Response({"error": str(missing)}, status_code=404, headers=HEADERS)
    headers: Headers = {
        "Content-Type": file.type,
        "Content-Security-Policy": page_files.POLICY,
        "Cache-Control": KEPT if _asked_for(request) == file.version else "no-cache",
        "ETag": f'"{file.version}"',
    }
    if request.headers.get("if-none-match") == f'"{file.version}"':
        return Response("", status_code=304, headers=headers)
    return Response(file.text, status_code=200, headers=headers)


def _asked_for(request: Request) -> str:
    """The version that the page's own link names; empty where there is none."""
    return _query(request).get("v", [""])[0]


def index(app: Chalice) -> Response:
    """The page itself. Its files are named relative to it, so its own path must end in a slash."""
    request = app.current_request
    assert request is not None
    path = str(request.context.get("path") or "/")
    if not path.endswith("/"):
        last = path.rpartition("/")[2]
        return Response("", status_code=308, headers={"Location": f"{last}/"})
    return page(app)


def secured(response: Response) -> Response:
    """The response with headers that browsers respect, also where Chalice itself answered."""
    for name, value in SECURE.items():
        response.headers.setdefault(name, value)
    return response


def _call(app: Chalice) -> Call:
    from chalicelib.api.stage import stage_of  # a cold start is shorter without what only looks

    request = app.current_request
    assert request is not None  # a route is only called for a request
    caller = request.context.get("authorizer") or {}
    query = _query(request)
    return Call(
        stage=stage_of(app.lambda_context.invoked_function_arn),
        who=str(caller.get("principalId", "")),
        kind=str(caller.get("kind", "")),
        query=query,
        fields=_fields(request, query),
        idempotency_key=_idempotency_key(request),
    )


def _idempotency_key(request: Request) -> str:
    """What makes a request and its repetitions one; empty where it is not given."""
    key = str(request.headers.get("idempotency-key", ""))
    if "idempotency-key" in request.headers and not 1 <= len(key) <= 255:
        raise BadRequest(
            f"the header Idempotency-Key has {len(key)} characters: give 1 to 255, or leave it out"
        )
    return key


def _query(request: Request) -> dict[str, list[str]]:
    values = request.query_params
    return {name: values.getlist(name) for name in values} if values else {}


def _fields(request: Request, query: dict[str, list[str]]) -> dict[str, Any]:
    """Query and JSON body together; what stands in both, or twice, is refused."""
    fields: dict[str, Any] = {}
    if request.method == "GET":
        return fields
    for name, values in query.items():
        fields[name] = once(name, values)
    body = _body(request)
    if both := sorted(fields.keys() & body.keys()):
        raise BadRequest(f"{shown(both[0])} stands in the query and in the body; give it once")
    return fields | body


def _body(request: Request) -> dict[str, Any]:
    try:
        raw = request.raw_body
        text = raw if isinstance(raw, str) else raw.decode()
        body = parse(text, _each_name_once) if text.strip() else {}
        json.dumps(body, ensure_ascii=False).encode()  # half a character can't be logged or stored
    except (ValueError, RecursionError) as wrong:
        raise BadRequest(f"the body is not JSON: {shown(wrong)}") from wrong
    if not isinstance(body, dict):
        raise BadRequest(f"the body must be a JSON object, not {type(body).__name__}")
    for name, value in body.items():
        if isinstance(value, (dict, list)) and not _is_list_of_text(name, value):
            raise BadRequest(f"{shown(name)} must be a single value, not {type(value).__name__}")
    return body


def _is_list_of_text(name: str, value: Any) -> bool:
    """Whether it is a list of text in `keys` or `ids`; every other field has a single value."""
    is_list = name in ("keys", "ids") and isinstance(value, list)
    return is_list and all(isinstance(each, str) for each in value)


def _each_name_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(members)
    if len(result) < len(members):
        raise ValueError("a name stands in it more than once")
    return result

"""What `chalice deploy` deploys: the Lambdas, the API and who may call it."""

import os
import time
from collections.abc import Callable
from typing import Any

from chalice.app import AuthRequest, AuthResponse, AuthRoute, Chalice, Response

from chalicelib.api import actions, http, paths
from chalicelib.aws.tokens import Kind
from chalicelib.errors import BadRequest
from chalicelib.names import APP
from chalicelib.replaying.requests import read_unattended
from chalicelib.stage import stage_of
from chalicelib.uncertain_task import work

GATEWAY_SECONDS = 25
"""API Gateway cuts a request off after 29 s."""
SPARE_SECONDS = 45
"""What reprocess keeps of its time, to finish what it has taken."""

app = Chalice(app_name=APP)


@app.lambda_function(name="uncertain_task")
def uncertain_task(event: Any, context: Any) -> Any:
    """Stands for the task that calls the downstream service: put your own work here."""
    telemetry = stage_of(context.invoked_function_arn).telemetry
    return work(event, os.environ, telemetry, time.sleep)


@app.lambda_function(name="error_spool")
def error_spool(event: Any, context: Any) -> dict[str, str]:
    """Parks a job; raises whatever goes wrong, so that its caller tries again."""
    return stage_of(context.invoked_function_arn).spooling.take(event)


@app.lambda_function(name="reprocess")
def reprocess(event: Any, context: Any) -> dict[str, Any]:
    """Puts jobs back unattended: `{}`, `{"max": 2}`, `{"sweep": true}`, `{"ramp": true}`, SQS."""
    seconds = context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS
    here = stage_of(context.invoked_function_arn)
    if not isinstance(event, dict):
        raise BadRequest(f"reprocess takes a JSON object, not {type(event).__name__}")
    if "Records" in event:
        return here.trigger(event, seconds)
    if event.get("sweep") is True:
        return vars(here.sweep(seconds))
    if event.get("ramp") is True:
        return here.ramp(seconds)
    request = read_unattended(event)
    result = here.replay(request, seconds).as_json()
    here.sweep(context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS)
    return result


@app.authorizer(ttl_seconds=60)
def authorizer(request: AuthRequest) -> AuthResponse:
    """Lets a known bearer token call every route, or every GET route if it is for looking only."""
    caller = stage_of(request.method_arn).tokens.caller(request.token)
    if caller is None:
        return AuthResponse(routes=[], principal_id="nobody")
    # The answer is cached and then serves other routes too, so it names all that the token may.
    allowed = AuthRoute("/*", ["*"] if caller.kind is Kind.FULL else ["GET"])
    return AuthResponse([allowed], caller.name, {"kind": caller.kind.value})


@app.middleware("http")
def secured(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Adds the security headers to every answer."""
    return http.secured(get_response(event))


@app.route("/")
def page() -> Response:
    """The page for the person who presses the button."""
    return http.index(app)


@app.route("/console/{file}")
def page_file(file: str) -> Response:
    """The page's style, scripts and texts."""
    return http.page(app, file)


@app.route("/openapi.json")
def openapi() -> Response:
    """What this API is, for programs."""
    from chalicelib.api.openapi import document  # the other Lambdas start without it

    return http.answer(app, lambda _: document())


@app.route("/status", authorizer=authorizer)
def status() -> Response:
    """How the stage stands."""
    from chalicelib.api.status import status as stage_status  # the same

    return http.answer(
        app,
        lambda call: {
            **stage_status(call.stage, call.query),
            "caller": {"name": call.who, "kind": call.kind},
        },
    )


@app.route("/jobs", authorizer=authorizer)
def jobs() -> Response:
    """The jobs that run, wait or are stuck."""
    from chalicelib.api.jobs import list_jobs  # the same

    return http.answer(app, lambda call: list_jobs(call.stage.overview, call.query))


@app.route("/jobs/groups", authorizer=authorizer)
def groups() -> Response:
    """Waiting jobs counted by task and error."""
    from chalicelib.api.jobs import group_jobs  # the same

    return http.answer(app, lambda call: group_jobs(call.stage.overview, call.query))


@app.route("/replay", methods=["POST"], authorizer=authorizer)
def replay() -> Response:
    """Puts back as many jobs as `max` says."""
    return http.answer(
        app, lambda call: actions.replay(call.stage, call.given, call.who, GATEWAY_SECONDS)
    )


@app.route("/jobs/{key}/replay", methods=["POST"], authorizer=authorizer)
def replay_job(key: str) -> Response:
    """Puts one job back, also one that is stuck."""
    return http.answer(
        app,
        lambda call: actions.replay_job(
            call.stage, paths.read(key), call.given, call.who, GATEWAY_SECONDS
        ),
    )


@app.route("/jobs/{key}/give-up", methods=["POST"], authorizer=authorizer)
def give_up(key: str) -> Response:
    """Ends a job for good."""
    return http.answer(
        app, lambda call: actions.give_up(call.stage, paths.read(key), call.given, call.who)
    )


@app.route("/tasks/{task}/limit", methods=["PUT"], authorizer=authorizer)
def limit(task: str) -> Response:
    """Says how many jobs may be in a task at once; 0 holds it."""
    return http.answer(
        app, lambda call: actions.set_limit(call.stage, paths.read(task), call.given, call.who)
    )


if os.environ.get("AWS_CHALICE_CLI_MODE"):
    from respool.deploy import hook

    hook.attach(app)

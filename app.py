"""What `chalice deploy` deploys: the Lambdas, the API and who may call it."""

import os
import time
from typing import Any

from chalice.app import AuthRequest, AuthResponse, Chalice, Response

from chalicelib import http
from chalicelib.names import APP
from chalicelib.requests import read_query, read_request
from chalicelib.stage import stage_of
from chalicelib.uncertain_task import work

GATEWAY_SECONDS = 25
"""API Gateway cuts a request off after 29 s."""
SPARE_SECONDS = 45
"""What reprocess keeps of its time, to finish what it has taken."""

app = Chalice(app_name=APP)


@app.lambda_function(name="uncertain_task")
def uncertain_task(event: Any, context: Any) -> Any:
    """Stands for the task that calls the neighbour: put your own work here."""
    journal = stage_of(context.invoked_function_arn).journal
    return work(event, os.environ, journal, time.sleep)


@app.lambda_function(name="error_spool")
def error_spool(event: Any, context: Any) -> dict[str, str]:
    """Sets a job aside; raises whatever goes wrong, so that its caller tries again."""
    return stage_of(context.invoked_function_arn).spooling.take(event)


@app.lambda_function(name="reprocess")
def reprocess(event: Any, context: Any) -> dict[str, Any]:
    """Puts jobs back unattended: `{}`, `{"max": 2}`, `{"sweep": true}` or an SQS event."""
    seconds = context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS
    here = stage_of(context.invoked_function_arn)
    if "Records" in event:
        return here.trigger(event, seconds)
    if event.get("sweep") is True:
        return vars(here.sweep(seconds))
    request = read_request(event)
    result = here.replay(request, seconds).as_json()
    here.sweep(context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS)
    return result


@app.authorizer(ttl_seconds=60)
def authorizer(request: AuthRequest) -> AuthResponse:
    """Lets a known bearer token call every route."""
    caller = stage_of(request.method_arn).tokens.caller(request.token)
    if caller is None:
        return AuthResponse(routes=[], principal_id="nobody")
    return AuthResponse(routes=["*"], principal_id=caller.name)


@app.route("/replay", methods=["POST"], authorizer=authorizer)
def replay() -> Response:
    """Puts back as many jobs as `max` says."""
    return http.answer(_replay)


def _replay() -> dict[str, Any]:
    here = stage_of(app.lambda_context.invoked_function_arn)
    return here.replay(read_query(http.query(app)), GATEWAY_SECONDS).as_json()


if os.environ.get("AWS_CHALICE_CLI_MODE"):
    from chalicelib.deploy import hook

    hook.attach(app)

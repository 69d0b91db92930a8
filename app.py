"""What `chalice deploy` deploys: the Lambdas, the API and who may call it."""

import os
import time
from collections.abc import Callable
from typing import Any

from chalice.app import AuthRequest, AuthResponse, AuthRoute, Chalice, Response

from chalicelib.api import http, paths
from chalicelib.deployed import engines_of
from chalicelib.limits import GATEWAY
from chalicelib.names import APP
from chalicelib.uncertain_task import work

GATEWAY_SECONDS = GATEWAY - 4
"""What a request may take, with some seconds to finish what it has taken."""
SPARE_SECONDS = 45
"""What reprocess keeps of its time, to finish what it has taken."""
ADMIT_SPARE_SECONDS = 10
"""What admit keeps of its minute, to finish what it has taken."""

app = Chalice(app_name=APP)


@app.lambda_function(name="uncertain_task")
def uncertain_task(event: Any, context: Any) -> Any:
    """Stands for the task that calls the downstream service: put your own work here."""
    telemetry = engines_of(context.invoked_function_arn).world.telemetry
    return work(event, os.environ, telemetry, time.sleep)


@app.lambda_function(name="error_spool")
def error_spool(event: Any, context: Any) -> dict[str, str]:
    """Sends a job's note to the spool; raises whatever goes wrong, so that its caller retries."""
    return engines_of(context.invoked_function_arn).spooling.take(event)


@app.lambda_function(name="reprocess")
def reprocess(event: Any, context: Any) -> dict[str, Any]:
    """Puts jobs back unattended: `{}`, `{"max": 2}`, `{"sweep": true}`, `{"ramp": true}`, SQS."""
    from chalicelib.reprocess import take  # the other Lambdas start without it

    return take(
        engines_of(context.invoked_function_arn), event, lambda: _left(context, SPARE_SECONDS)
    )


@app.lambda_function(name="admit")
def admit(event: Any, context: Any) -> dict[str, Any]:
    """Hands free slots to the oldest jobs in line: woken by the table's stream and a schedule."""
    engines = engines_of(context.invoked_function_arn)
    return engines.admit(event, _left(context, ADMIT_SPARE_SECONDS))


@app.authorizer(ttl_seconds=45)
def authorizer(request: AuthRequest) -> AuthResponse:
    """Lets a known bearer token call every route, or every GET route if it is for looking only."""
    from chalicelib.aws.tokens import Kind  # the other Lambdas start without it

    world = engines_of(request.method_arn).world
    caller = world.tokens.caller(request.token)
    if caller is None:
        return http.refused(world.telemetry)
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
    from chalicelib.api.openapi import document  # a cold start is shorter without it

    return http.answer(app, lambda _: document())


@app.route("/status", authorizer=authorizer)
def status() -> Response:
    """How the stage stands."""
    from chalicelib.api.status import status as stage_status

    return http.answer(
        app,
        lambda call: {
            **stage_status(call.stage, call.query),
            "caller": {"name": call.who, "kind": call.kind},
        },
    )


@app.route("/jobs", authorizer=authorizer)
def jobs() -> Response:
    """The jobs that wait or are in a task, the oldest first."""
    from chalicelib.api.jobs import list_jobs

    return http.answer(app, lambda call: list_jobs(call.stage, call.query))


@app.route("/jobs/groups", authorizer=authorizer)
def groups() -> Response:
    """Parked and stuck jobs counted by task and error."""
    from chalicelib.api.groups import group_jobs

    return http.answer(
        app,
        lambda call: group_jobs(
            call.stage.overview.read(), call.stage.messages, call.stage.prefix, call.query
        ),
    )


@app.route("/jobs/{key}", authorizer=authorizer)
def job(key: str) -> Response:
    """One job, also one that has ended: history, attempts, and for full tokens its input."""
    from chalicelib.api.one_job import show_job

    return http.answer(
        app,
        lambda call: show_job(call.stage, paths.read_job(key), call.query, call.kind == "full"),
    )


@app.route("/replay", methods=["POST"], authorizer=authorizer)
def replay() -> Response:
    """Puts back as many jobs as `max` says."""
    from chalicelib.api import actions

    return http.answer(app, lambda call: actions.replay(call.stage, call.press, GATEWAY_SECONDS))


@app.route("/replays", authorizer=authorizer)
def replays() -> Response:
    """The replays that are kept, the newest first."""
    from chalicelib.api.replays import list_replays

    return http.answer(app, lambda call: list_replays(call.stage, call.query))


@app.route("/replays/{id}", authorizer=authorizer)
def one_replay(id: str) -> Response:
    """One replay, and what became of each of its jobs."""
    from chalicelib.api.replays import show_replay

    return http.answer(app, lambda call: show_replay(call.stage, paths.read(id), call.query))


@app.route("/replays/{id}/stop", methods=["POST"], authorizer=authorizer)
def stop_replay(id: str) -> Response:
    """Lets a replay put no more jobs back."""
    from chalicelib.api.replays import stop_replay

    return http.answer(
        app, lambda call: stop_replay(call.stage, paths.read(id), call.fields, call.who)
    )


@app.route("/incidents", authorizer=authorizer)
def incidents() -> Response:
    """The incidents that are kept, the newest first, and the last fortnight."""
    from chalicelib.api.incidents import list_incidents

    return http.answer(app, lambda call: list_incidents(call.stage, call.query))


@app.route("/incidents/{id}", authorizer=authorizer)
def incident(id: str) -> Response:
    """One incident as a report."""
    from chalicelib.api.incidents import show_incident

    return http.answer(app, lambda call: show_incident(call.stage, paths.read(id), call.query))


@app.route("/jobs/{key}/replay", methods=["POST"], authorizer=authorizer)
def replay_job(key: str) -> Response:
    """Puts one job back, also one that is stuck."""
    from chalicelib.api import actions

    return http.answer(
        app,
        lambda call: actions.replay_job(
            call.stage, paths.read_job(key), call.press, GATEWAY_SECONDS
        ),
    )


@app.route("/jobs/{key}/give-up", methods=["POST"], authorizer=authorizer)
def give_up(key: str) -> Response:
    """Ends a job for good."""
    from chalicelib.api import actions

    return http.answer(
        app, lambda call: actions.give_up(call.stage, paths.read_job(key), call.fields, call.who)
    )


@app.route("/tasks/{task}/limit", methods=["PUT"], authorizer=authorizer)
def limit(task: str) -> Response:
    """Says how many jobs may be in a task at once; 0 closes its gate."""
    from chalicelib.api import gates

    return http.answer(
        app, lambda call: gates.set_limit(call.stage, paths.read(task), call.fields, call.who)
    )


@app.route("/tasks/{task}/gate", methods=["PUT"], authorizer=authorizer)
def gate(task: str) -> Response:
    """Closes a task's gate, until a time or for good, or opens it."""
    from chalicelib.api import gates

    return http.answer(
        app, lambda call: gates.set_gate(call.stage, paths.read(task), call.fields, call.who)
    )


@app.route("/trigger", methods=["PUT"], authorizer=authorizer)
def trigger() -> Response:
    """Enables the trigger on the spool, or disables it."""
    from chalicelib.api.triggers import set_trigger

    return http.answer(app, lambda call: set_trigger(call.stage, call.fields, call.who))


def _left(context: Any, spare: float) -> float:
    """Seconds that a Lambda may still use, but for those that it keeps in reserve."""
    return float(context.get_remaining_time_in_millis()) / 1000 - spare


if os.environ.get("AWS_CHALICE_CLI_MODE"):
    from respool.deploy import hook

    hook.attach(app)

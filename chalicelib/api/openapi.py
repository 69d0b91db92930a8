"""The API for programs: an OpenAPI 3.1 document, held to the routes by a test."""

from collections.abc import Sequence
from typing import Any

from chalicelib.api.schemas import (
    LISTED,
    SCHEMAS,
    Schema,
    flag,
    many,
    maybe,
    ref,
    shape,
    text,
    whole,
)
from chalicelib.settings import MAX_REPLAY

Part = dict[str, Any]

_REASON = text("Why, for the audit log", maxLength=1024)
_FILTERS: dict[str, Schema] = {
    "max": whole("How many jobs to put back; the stage's setting by default", 1)
    | {"maximum": MAX_REPLAY},
    "task": text("Only jobs that failed in this task", minLength=1, maxLength=1024),
    "error": text("Only jobs that failed with this error", minLength=1, maxLength=1024),
    "key": text("Only the job with this key", minLength=1, maxLength=1024),
    "machine": text("Only jobs of this state machine", minLength=1, maxLength=80),
    "older_than": whole("Only jobs whose last failure is at least that many seconds ago")
    | {"maximum": 31_622_400},
    "rate": {
        "type": "number",
        "minimum": 0.01,
        "maximum": 1000,
        "description": "At most that many jobs per second",
    },
    "dry_run": flag("Report what would be done, and change nothing"),
    "stuck": flag("Put back jobs that failed too often, instead of the others"),
    "pass": flag("Let jobs through a closed gate, within the limit; with key, keys, ids or max=1"),
    "restart": flag(
        "Start what is only watched again from its beginning where it can't be redriven any more;"
        " with key, keys or ids"
    ),
    "reason": _REASON,
}
_KEYS = many(
    text("A job's key", minLength=1, maxLength=1024),
    "These jobs and no others, parked or stuck; in the body only, without other filters",
) | {"minItems": 1, "maxItems": MAX_REPLAY}
_IDS = many(
    text("A job's id, as the lists have it", minLength=1, maxLength=2000),
    "These jobs and no others, by id; also those of listed machines",
) | {"minItems": 1, "maxItems": MAX_REPLAY}
_IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": text(
        "Requests of one token with the same key are one replay", minLength=1, maxLength=255
    ),
}
_CURSOR = text("The `cursor` of the previous page's answer")
_REPLAYS = {"limit": whole("Replays on a page", 1) | {"maximum": 100}, "cursor": _CURSOR}
_REPLAYS_JOBS = {"limit": whole("Jobs on a page", 1) | {"maximum": 1000}, "cursor": _CURSOR}
_STATES = {"type": "array", "items": LISTED, "minItems": 1}
_JOBS: dict[str, Schema] = {
    "state": _STATES,
    "task": text("Only jobs of this task", minLength=1, maxLength=1024),
    "error": text("Only jobs that failed with this error"),
    "machine": text("Only jobs of this state machine", minLength=1, maxLength=80),
    "search": text("Only jobs with this in their key", minLength=1, maxLength=1024),
    "cursor": text("The `cursor` of the previous page's answer"),
    "limit": whole("Jobs on a page", 1) | {"maximum": 200, "default": 50},
}

_INCIDENTS: dict[str, Schema] = {
    "limit": whole("Incidents on a page", 1) | {"maximum": 100, "default": 20},
    "machine": text("Only those with failed jobs of this state machine"),
    "cursor": text("The `cursor` of the previous page's answer"),
}


def document() -> Part:
    """The document itself."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "respool",
            "version": "1",
            "description": "Failed jobs are parked whole. Look at them, and put them back.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "paths": _paths(),
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _paths() -> Part:
    return {
        "/": {"get": _file("page", "The page for people")},
        "/console/{file}": {
            "get": _file("pageFile", "A file of the page", _in_path("file", "The file's name"))
        },
        "/openapi.json": {"get": _open("openapi", "This document")},
        "/status": {"get": _get("status", "An overview of the stage", "Status", {})},
        "/jobs": {"get": _get("jobs", "The jobs that wait or are in a task", "Jobs", _JOBS)},
        "/jobs/groups": {
            "get": _get("groups", "Parked and stuck jobs by task and error", "Groups", {})
        },
        "/jobs/{key}": {"get": _job()},
        "/replay": {"post": _replay()},
        "/replays": {"get": _get("replays", "The replays of 90 days", "Replays", _REPLAYS)},
        "/replays/{id}": {"get": _one_replay()},
        "/replays/{id}/stop": {"post": _stop_replay()},
        "/incidents": {
            "get": _get("incidents", "The incidents of 90 days", "Incidents", _INCIDENTS)
        },
        "/incidents/{id}": {"get": _incident()},
        "/jobs/{key}/replay": {"post": _replay_job()},
        "/jobs/{key}/give-up": {"post": _give_up()},
        "/tasks/{task}/limit": {"put": _limit()},
        "/tasks/{task}/gate": {"put": _gate()},
        "/trigger": {"put": _trigger()},
    }


def _replay() -> Part:
    about = "Put back as many jobs as `max` says. Parameters stand in the query or in the body."
    body = shape("The parameters of the query, and keys or ids", **_FILTERS, keys=_KEYS, ids=_IDS)
    part = _change("replay", about, "Replay", body, needed=())
    return part | {"parameters": [*_in_query(_FILTERS), _IDEMPOTENCY_KEY]}


def _replay_job() -> Part:
    filters = _FILTERS
    body = shape(
        "How to put the job back",
        dry_run=filters["dry_run"],
        **{name: filters[name] for name in ("pass", "restart")},
        reason=_REASON,
    )
    return _change("replayJob", "Put one job back, also one that is stuck", "Replay", body, ()) | {
        "parameters": [_key(), _IDEMPOTENCY_KEY]
    }


def _one_replay() -> Part:
    about = "One replay, and what became of each of its jobs"
    part = _get("oneReplay", about, "ReplayInFull", {})
    part["parameters"] = [_in_path("id", "The replay's id"), *_in_query(_REPLAYS_JOBS)]
    part["responses"] |= _refusals("404")
    return part


def _incident() -> Part:
    about = "One incident as a report, with the replays in it"
    part = _get("incident", about, "IncidentInFull", {})
    part["parameters"] = [_in_path("id", "The incident's id")]
    part["responses"] |= _refusals("404")
    return part


def _stop_replay() -> Part:
    about = "Stop a replay; jobs that it put back go on"
    part = _change(
        "stopReplay", about, "KeptReplay", shape("Why the replay is stopped", reason=_REASON), ()
    )
    return part | {"parameters": [_in_path("id", "The replay's id")]}


def _give_up() -> Part:
    body = shape(
        "Why the job is given up",
        reason=text("Why the job is given up", minLength=1, maxLength=1000),
    )
    return _change("giveUp", "End a job for good", "GivenUp", body, ("reason",)) | {
        "parameters": [_key()]
    }


def _job() -> Part:
    about = "One job, also one that has ended, for HISTORY_DAYS"
    part = _get("job", about, "JobInFull", {}) | {"parameters": [_key()]}
    part["responses"] |= _refusals("404")
    return part


def _trigger() -> Part:
    body = shape(
        "The trigger's setting", enabled=flag("True: put jobs back as they come"), reason=_REASON
    )
    about = "Enable or disable the trigger on the spool"
    return _change("trigger", about, "Trigger", body, ("enabled",))


def _limit() -> Part:
    limit = whole("0 closes the gate and keeps the limit; null takes the stage's setting")
    body = shape("The task's limit", limit=maybe(limit | {"maximum": 1000}), reason=_REASON)
    about = "Set how many jobs may be in a task at once"
    return _change("limit", about, "Task", body, ("limit",)) | {"parameters": [_task()]}


def _gate() -> Part:
    body = shape(
        "Whether it takes jobs",
        open=flag("False: all new jobs wait in line"),
        until=maybe(text("Only for closing: when it opens by itself; ISO 8601 with a zone")),
        reason=_REASON,
    )
    about = "Close a task's gate, or open it"
    return _change("gate", about, "Task", body, ("open",)) | {"parameters": [_task()]}


def _task() -> Part:
    return _in_path("task", "The task's name")


def _get(name: str, about: str, schema: str, query: dict[str, Schema]) -> Part:
    return {
        "operationId": name,
        "summary": about,
        "parameters": _in_query(query),
        "responses": {"200": _json(about, schema), **_refusals("400", "401", "403", "429")},
    }


def _change(name: str, about: str, schema: str, body: Schema, needed: Sequence[str]) -> Part:
    body = body | {"required": list(needed)}
    return {
        "operationId": name,
        "summary": about,
        "requestBody": {
            "required": bool(needed),
            "content": {"application/json": {"schema": body}},
        },
        "responses": {
            "200": _json("What was done", schema),
            **_refusals("400", "401", "403", "404", "409", "415", "429"),
        },
    }


def _file(name: str, about: str, *parameters: Part) -> Part:
    content = {"description": about, "content": {"text/*": {"schema": {"type": "string"}}}}
    return {
        "operationId": name,
        "summary": about,
        "security": [],
        "parameters": list(parameters),
        "responses": {"200": content, "304": {"description": "It has not changed"}}
        | _refusals("404"),
    }


def _open(name: str, about: str) -> Part:
    body = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": name,
        "summary": about,
        "security": [],
        "responses": {"200": {"description": about, "content": body}},
    }


def _json(about: str, schema: str) -> Part:
    return {"description": about, "content": {"application/json": {"schema": ref(schema)}}}


_REFUSALS = {
    "400": "A value that can't be used; the answer names it and how to fix it",
    "404": "No such job, task, replay, incident or file",
    "409": "It can't be done as things stand now",
}
_BY_GATEWAY = {
    "401": "The request has no token",
    "403": "The token is unknown or revoked, or may only read",
    "415": "The body is not application/json",
    "429": "More requests than the stage lets in: ask again later",
}
_BY_AWS = {
    "502": "AWS refused a call; the answer says which",
    "503": "AWS asked to slow down: ask again later",
}


def _refusals(*statuses: str) -> Part:
    own = {code: _json(about, "Problem") for code, about in _REFUSALS.items() if code in statuses}
    bare = {code: {"description": about} for code, about in _BY_GATEWAY.items() if code in statuses}
    if "401" not in statuses:
        return own
    return own | bare | {code: _json(about, "Problem") for code, about in _BY_AWS.items()}


def _in_query(schemas: dict[str, Schema]) -> list[Part]:
    return [
        {
            "name": name,
            "in": "query",
            "schema": schema,
            **({"style": "form", "explode": False} if schema is _STATES else {}),
        }
        for name, schema in schemas.items()
    ]


def _in_path(name: str, about: str) -> Part:
    return {"name": name, "in": "path", "required": True, "schema": text(about)}


def _key() -> Part:
    about = "The job's `id`: its key, or `~` and the key's UTF-8 in base64url where it is not plain"
    return _in_path("key", about)

"""A person's changes to a task: how many may be inside at once, and whether it takes jobs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.api.audit import audited
from chalicelib.api.stage import Stage
from chalicelib.api.tasks import task_as_json
from chalicelib.errors import BadRequest, NotFound
from chalicelib.moments import iso, read
from chalicelib.replaying.requests import only, read_text, read_whole, shown

MOST_LIMIT = 1000


def set_limit(stage: Stage, task: str, fields: Mapping[str, Any], who: str) -> dict[str, Any]:
    """Let at most `limit` jobs in at once; 0 closes the gate, null is the stage's TASK_LIMIT.

    Raises BadRequest and NotFound.
    """
    only(fields, ("limit", "reason"))
    reason = read_text(fields, "reason")
    if "limit" not in fields:
        raise BadRequest(f"limit is missing: a whole number from 0 to {MOST_LIMIT}, or null")
    limit = read_whole(fields, "limit", 0, MOST_LIMIT) if fields["limit"] is not None else None
    _must_know(stage, task)
    number = stage.engines.settings.task_limit if limit is None else limit
    with audited(stage, who, "limit", reason, task=task, limit=number) as line:
        stage.engines.gates.set_limit(task, number, who, reason)
        line["count"] = 1
    return _told(stage, task)


def set_gate(stage: Stage, task: str, fields: Mapping[str, Any], who: str) -> dict[str, Any]:
    """Close the gate, `until` a time or until somebody opens it; or open it.

    Raises BadRequest and NotFound.
    """
    only(fields, ("open", "until", "reason"))
    reason = read_text(fields, "reason")
    opens = _opens(fields)
    until = _until(fields)
    if opens and until is not None:
        raise BadRequest("until is only for closing a gate: leave it out where open is true")
    _must_know(stage, task)
    what = "open-gate" if opens else "close-gate"
    about = {"until": iso(until)} if until else {}
    with audited(stage, who, what, reason, task=task, **about) as line:
        if opens:
            stage.engines.gates.open(task, who, reason)
        else:
            stage.engines.gates.close(task, until, who, reason)
        line["count"] = 1
    return _told(stage, task)


def _opens(fields: Mapping[str, Any]) -> bool:
    value = fields.get("open")
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise BadRequest(f"open={shown(value)} must be true or false")


def _until(fields: Mapping[str, Any]) -> datetime | None:
    if fields.get("until") is None:
        return None
    text = read_text(fields, "until")
    moment = read(text)
    if moment is None or datetime.fromisoformat(text).tzinfo is None:
        raise BadRequest(
            f"until={shown(text)} must be a time with its zone, such as 2026-11-30T06:00:00+09:00"
        )
    return moment


def _must_know(stage: Stage, task: str) -> None:
    """A limit on a misspelt task would hold nothing, and nobody would notice.

    A task that no job has come to yet gets its slots now. Raises NotFound.
    """
    tasks = stage.engines.world.line.tasks()
    if task in tasks:
        return
    if not _is_named(stage, task):
        raise NotFound(
            f"no task is named {shown(task)!r}: the tasks are {', '.join(tasks) or 'none yet'}"
        )
    stage.engines.gates.complete(task)


def _is_named(stage: Stage, task: str) -> bool:
    """Whether the definition of the stage's machine, or of a listed one, names it.

    That of a watched machine names none: the machine itself is its task.
    """
    workflow, machines = stage.engines.world.workflow, stage.engines.settings.machines
    tasks = {machine: workflow.of(machine).frames().tasks for machine in ("", *machines)}
    watched = {machine for machine in machines if not tasks[machine]}
    return task in watched or any(task in names for names in tasks.values())


def _told(stage: Stage, task: str) -> dict[str, Any]:
    """The task as it stands now, read consistently: the index may not know it yet."""
    return task_as_json(stage, stage.overview.read(), stage.engines.world.line.slots(task))

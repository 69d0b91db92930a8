"""What changes something: each call leaves one audit line, whether it succeeds or fails."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace as changed
from typing import Any

from chalicelib.engines import Deployed
from chalicelib.errors import BadRequest, Conflict, NotFound, RespoolError
from chalicelib.job.claim import Claim
from chalicelib.job.plan import Action, Choice
from chalicelib.replaying.report import Report
from chalicelib.replaying.requests import Request, only, read_request, read_text, read_whole, shown

MOST_LIMIT = 1000


def replay(stage: Deployed, given: Mapping[str, Any], who: str, seconds: float) -> dict[str, Any]:
    """Put back as many jobs as `max` says; with `dry_run` only tell what that would do."""
    request = read_request(given)
    if request.dry_run:
        return stage.replay(request, seconds).as_json()
    about = {name: given[name] for name in given if name not in ("reason", "dry_run")}
    with _audited(stage, who, "replay", request.reason, **about) as line:
        report = stage.replay(request, seconds)
        line["count"] = report.replayed
    return report.as_json()


def replay_job(
    stage: Deployed, key: str, given: Mapping[str, Any], who: str, seconds: float
) -> dict[str, Any]:
    """Put one job back, from the spool or the stuck queue. Raises NotFound or Conflict."""
    only(given, ("reason", "dry_run"))
    request = changed(read_request(given), count=1, choice=Choice(key=key))
    claim = stage.claims.get(key)
    if claim is not None and not claim.parked_at and not claim.stuck_at:
        raise Conflict(f"the job {shown(key)} is running: there is nothing to put back")
    if request.dry_run:
        return _find(stage, request, claim, seconds).as_json()
    with _audited(stage, who, "replay-job", request.reason, key=key) as line:
        report = _find(stage, request, claim, seconds)
        line["count"] = report.replayed
    return report.as_json()


def give_up(stage: Deployed, key: str, given: Mapping[str, Any], who: str) -> dict[str, Any]:
    """End a job for good, with a reason. Raises BadRequest or NotFound."""
    only(given, ("reason",))
    reason = given.get("reason", "")
    if not isinstance(reason, str):
        raise BadRequest("reason must be text: say in a sentence why nobody wants the job any more")
    with _audited(stage, who, "give-up", reason, key=key) as line:
        removed = stage.give_up.end(key, reason)
        line["count"] = 1
    return {"key": key, "given_up": True, "message_removed": removed}


def set_limit(stage: Deployed, task: str, given: Mapping[str, Any], who: str) -> dict[str, Any]:
    """Let at most so many jobs into a task at once; 0 holds it, null is the stage's setting."""
    only(given, ("limit", "reason"))
    reason = read_text(given, "reason")
    if "limit" not in given:
        raise BadRequest(f"limit is missing: a whole number from 0 to {MOST_LIMIT}, or null")
    limit = None if given["limit"] is None else read_whole(given, "limit", 0, MOST_LIMIT)
    _must_know(stage, task)
    with _audited(stage, who, "limit", reason, task=task, limit=limit) as line:
        stage.claims.set_limit(task, limit)
        line["count"] = 1
    return next(each for each in _tasks(stage) if each["task"] == task)


def _find(stage: Deployed, request: Request, claim: Claim | None, seconds: float) -> Report:
    """Look where the job should be, then in the other queue."""
    queues = [stage.spool, stage.stuck]
    if claim is not None and claim.stuck_at:
        queues.reverse()
    for queue in queues:
        report = stage.replay_by_hand(queue, request, seconds / 2)
        if _touched(report, request.choice.key) or report.more:
            return report
    key = shown(request.choice.key)
    if claim is None:
        raise NotFound(f"no job has the key {key!r}: it finished, or was never started")
    raise Conflict(
        f"the message of the job {key!r} is not in sight just now: another replay or preview may"
        " hold it; try again in a minute"
    )


def _touched(report: Report, key: str) -> bool:
    """Whether the job was met, with whatever end."""
    if report.plan is not None:
        return any(told["action"] != "leave" for told in report.plan)
    done = report.replayed + report.counts[Action.STALE]
    return done > 0 or any(told["key"] == key for told in report.failed)


def _must_know(stage: Deployed, task: str) -> None:
    """A limit on a misspelt task would hold nothing, and nobody would notice."""
    known = {each["task"] for each in _tasks(stage)}
    if task not in known and task not in stage.workflow.states():
        raise NotFound(f"no task is named {shown(task)!r}; known are {', '.join(sorted(known))}")


@contextmanager
def _audited(
    stage: Deployed, who: str, what: str, reason: str, **about: Any
) -> Iterator[dict[str, Any]]:
    """One line: who did what to how many, and why. Afterwards the overview looks anew."""
    line: dict[str, Any] = {"count": 0}
    try:
        yield line
    except RespoolError as problem:
        line["problem"] = str(problem)
        raise
    finally:
        stage.overview.forget()
        stage.gauges.forget()
        stage.telemetry.event("audit", who=who, what=what, reason=reason, about=about, **line)


def _tasks(stage: Deployed) -> list[dict[str, Any]]:
    from chalicelib.api.status import tasks  # what only looks need is not in a cold start

    return tasks(stage, stage.overview.read())

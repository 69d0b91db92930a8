"""What a person does to jobs: put them back, and give them up. Always attended."""

from collections.abc import Mapping
from dataclasses import replace as changed
from typing import Any

from chalicelib.api import paths
from chalicelib.api.audit import audited
from chalicelib.api.overview import HELD
from chalicelib.api.stage import Stage
from chalicelib.errors import BadRequest, Conflict, NotFound
from chalicelib.job.claim import JOB, Claim, State
from chalicelib.job.plan import Choice, standing
from chalicelib.replaying.outcome import Outcome
from chalicelib.replaying.report import Report
from chalicelib.replaying.requests import (
    Request,
    check_pass,
    only,
    read_request,
    read_text,
    shown,
)

MOST_KEYS = 1_000
"""Jobs that one replay may name, and that its answer names where that is asked for."""
LOGGED = 10
"""Of the keys that a person named, so many stand in the audit line."""


def replay(stage: Stage, given: Mapping[str, Any], who: str, seconds: float) -> dict[str, Any]:
    """Put back as many jobs as `max` says, or those of `keys`; `dry_run` only tells what it would.

    With `jobs` the answer names the jobs that were put back. Raises BadRequest.
    """
    keys = _keys(given)
    names = _flag(given, "jobs")
    request = read_request({name: given[name] for name in given if name not in ("keys", "jobs")})
    if keys:
        request = _only_these(request, keys)
    check_pass(request)
    if request.dry_run:
        return stage.engines.replay(request, seconds, attended=True).as_json()
    back: list[Outcome] = []
    about = {name: given[name] for name in given if name not in ("reason", "dry_run", "jobs")}
    if keys:
        about["keys"] = [*keys[:LOGGED], f"({len(keys)} in all)"]
    with audited(stage, who, "replay", request.reason, **about) as line:
        report = stage.engines.replay(request, seconds, attended=True, look_on=back.append)
        line["count"] = report.replayed
    return report.as_json() | ({"jobs": _named(back)} if names else {})


def replay_job(
    stage: Stage, key: str, given: Mapping[str, Any], who: str, seconds: float
) -> dict[str, Any]:
    """Put one job back, also one that is stuck. Raises NotFound or Conflict, which says why."""
    only(given, ("reason", "dry_run", "pass"))
    request = changed(read_request(given), count=1, choice=Choice(key=key))
    claim = stage.engines.world.claims.look([JOB + key], consistent=True).get(JOB + key)
    takes = (*HELD, State.LINE) if request.by_pass else HELD
    if claim is not None and claim.state not in takes:
        raise Conflict(f"the job {shown(key)} {standing(claim)}: there is nothing to put back")
    if request.dry_run:
        return _one(stage, request, claim, seconds).as_json()
    by_pass = {"pass": True} if request.by_pass else {}
    with audited(stage, who, "replay-job", request.reason, key=key, **by_pass) as line:
        report = _one(stage, request, claim, seconds)
        line["count"] = report.replayed
    return report.as_json()


def give_up(stage: Stage, key: str, given: Mapping[str, Any], who: str) -> dict[str, Any]:
    """End a job for good, with a reason; says how it has ended. Raises BadRequest or NotFound."""
    only(given, ("reason",))
    reason = read_text(given, "reason")
    with audited(stage, who, "give-up", reason, key=key) as line:
        ending = stage.engines.give_up.end(key, reason)
        line["count"] = int(ending.given_up)
    return {
        "key": key,
        "given_up": ending.given_up,
        "state": ending.state.value,
        "ended_at": ending.ended_at or None,
    }


def _one(stage: Stage, request: Request, claim: Claim | None, seconds: float) -> Report:
    """Put back the one job that the request names; one that no claim knows may be on the queue."""
    report = stage.engines.replay(request, seconds, attended=True)
    met = report.replayed or report.failed or report.plan or report.more
    if claim is None and not met:
        days = stage.engines.settings.history_days
        raise NotFound(
            f"no job has the key {shown(request.choice.key)!r}: it was never started,"
            f" or ended more than {days} days ago"
        )
    return report


def _keys(given: Mapping[str, Any]) -> list[str]:
    """The keys of the jobs that are meant, in a list. Raises BadRequest."""
    if "keys" not in given:
        return []
    keys = given["keys"]
    if not isinstance(keys, list) or not keys or len(keys) > MOST_KEYS:
        raise BadRequest(f"keys must be a list of 1 to {MOST_KEYS} keys, in a JSON body")
    for key in keys:
        if not isinstance(key, str) or not 1 <= len(key.encode("utf-8", "surrogatepass")) <= 1024:
            raise BadRequest(
                f"keys holds {shown(key)!r}, which is no key: 1 to 1,024 bytes of text"
            )
    return list(dict.fromkeys(keys))


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise BadRequest(f"{name}={shown(value)} must be true or false")


def _only_these(request: Request, keys: list[str]) -> Request:
    """These jobs and no others, each once. Raises BadRequest where something else narrows, too."""
    choice = request.choice
    if choice.narrow or choice.task:
        raise BadRequest("keys names the jobs already: leave task, error, key and older_than out")
    return changed(
        request,
        count=min(request.count or len(keys), len(keys)),
        choice=Choice(keys=frozenset(keys)),
    )


def _named(back: list[Outcome]) -> list[dict[str, Any]]:
    """The jobs that were put back, as they stood before; an `id` finds what became of one."""
    found = [(outcome.pk.removeprefix(JOB) or outcome.key, outcome) for outcome in back]
    return [
        {"key": outcome.key, "id": paths.written(key), "attempt": outcome.attempt}
        for key, outcome in found
        if outcome.put_back
    ][:MOST_KEYS]

"""What a person does to jobs: put them back, and give them up. Always attended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any

from chalicelib.api.audit import audited
from chalicelib.api.overview import HELD
from chalicelib.api.stage import Stage
from chalicelib.errors import BadRequest, Conflict, NotFound
from chalicelib.job.claim import JOB, Claim, State
from chalicelib.job.plan import Choice, standing
from chalicelib.job.replay import Kind
from chalicelib.replaying.estimate import Estimate
from chalicelib.replaying.keeping import Asked
from chalicelib.replaying.report import Report
from chalicelib.replaying.requests import (
    Request,
    check_pass,
    only,
    read_request,
    read_text,
    shown,
)
from chalicelib.settings import MAX_REPLAY

MOST_KEYS = MAX_REPLAY
"""Jobs that one replay may name."""
LOGGED = 10
"""Of the keys that a person named, so many stand in the audit line."""
_UNSAID = ("reason", "dry_run", "keys")


@dataclass(frozen=True)
class Press:
    """A person's request for a replay; two with one `idempotency_key` are one replay."""

    who: str
    given: Mapping[str, Any]
    idempotency_key: str = ""


def replay(stage: Stage, press: Press, seconds: float) -> dict[str, Any]:
    """Put back as many jobs as `max` says, or those of `keys`; `dry_run` only tells what it would.

    Raises BadRequest, and Conflict where the idempotency key was used for something else.
    """
    given = press.given
    keys = _keys(given)
    request = read_request({name: given[name] for name in given if name != "keys"})
    if keys:
        request = _only_these(request, keys)
    check_pass(request)
    if request.dry_run:
        return _foreseen(stage, *stage.engines.foresee(request, seconds, attended=True))
    about = {name: given[name] for name in given if name not in _UNSAID}
    logged = {"keys": [*keys[:LOGGED], f"({len(keys)} in all)"]} if keys else {}
    told = about | ({"keys": len(keys)} if keys else {})
    with audited(stage, press.who, "replay", request.reason, **about | logged) as line:
        asked = _asked(press, request, told, keys)
        report, kept = stage.engines.put_back(request, seconds, asked)
        line |= {"count": report.replayed, "replay": kept.id}
    return report.as_json() | {"id": kept.id}


def replay_job(stage: Stage, key: str, press: Press, seconds: float) -> dict[str, Any]:
    """Put one job back, also one that is stuck. Raises NotFound or Conflict, which says why."""
    only(press.given, ("reason", "dry_run", "pass"))
    request = changed(read_request(press.given), count=1, choice=Choice(key=key))
    claim = stage.engines.world.claims.look([JOB + key], consistent=True).get(JOB + key)
    takes = (*HELD, State.LINE) if request.by_pass else HELD
    if claim is not None and claim.state not in takes and not press.idempotency_key:
        raise Conflict(f"the job {shown(key)} {standing(claim)}: there is nothing to put back")
    if request.dry_run:
        report, comes_to = stage.engines.foresee(request, seconds, attended=True)
        return _foreseen(stage, _met(stage, key, claim, report), comes_to)
    by_pass = {"pass": True} if request.by_pass else {}
    asked = _asked(press, request, {"key": key, **by_pass})
    with audited(stage, press.who, "replay-job", request.reason, key=key, **by_pass) as line:
        report, kept = stage.engines.put_back(request, seconds, asked)
        line |= {"count": report.replayed, "replay": kept.id}
        _met(stage, key, claim, report)
    return report.as_json() | {"id": kept.id}


def _foreseen(stage: Stage, report: Report, comes_to: Estimate) -> dict[str, Any]:
    return report.as_json() | {"estimate": comes_to.as_json(stage.engines.clock.now())}


def _asked(
    press: Press, request: Request, told: Mapping[str, Any], keys: Sequence[str] = ()
) -> Asked:
    return Asked(Kind.PRESS, press.who, request.reason, told, keys, press.idempotency_key)


def give_up(stage: Stage, key: str, given: Mapping[str, Any], who: str) -> dict[str, Any]:
    """End a job for good, with a reason; says how it has ended. Raises BadRequest or NotFound."""
    only(given, ("reason", "machine"))
    reason, machine = read_text(given, "reason"), read_text(given, "machine")
    about = {"machine": machine} if machine else {}
    with audited(stage, who, "give-up", reason, key=key, **about) as line:
        ending = stage.engines.give_up.end(key, reason, machine)
        line["count"] = int(ending.given_up)
    return {
        "key": key,
        "given_up": ending.given_up,
        "state": ending.state.value,
        "ended_at": ending.ended_at or None,
    }


def _met(stage: Stage, key: str, claim: Claim | None, report: Report) -> Report:
    """The report of one job's replay; one that no claim knows may be on the queue.

    Raises NotFound where it was nowhere.
    """
    met = report.replayed or report.failed or report.plan or report.more
    if claim is None and not met:
        days = stage.engines.settings.history_days
        raise NotFound(
            f"no job has the key {shown(key)!r}: it was never started,"
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

"""What a person does to jobs: put them back, and give them up. Always attended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any

from chalicelib.api import paths
from chalicelib.api.audit import audited
from chalicelib.api.overview import HELD
from chalicelib.api.stage import Stage
from chalicelib.errors import BadRequest, Conflict, NotFound
from chalicelib.job.claim import JOB, Claim, State, job_pk
from chalicelib.job.plan import Choice, standing
from chalicelib.job.replay import Kind
from chalicelib.replaying.estimate import Estimate
from chalicelib.replaying.keeping import Provenance
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
MOST_ID = 2000
"""Bytes: of the longest key and machine in base64url."""
LOGGED = 10
"""Keys that an audit line holds, of those that a person named."""
NAMED = ("keys", "ids")
"""Jobs by name: keys are of the stage's own machine, ids as the lists have them."""
_UNSAID = ("reason", "dry_run", *NAMED)


@dataclass(frozen=True)
class Press:
    """A person's request for a replay; two with one `idempotency_key` are one replay."""

    who: str
    fields: Mapping[str, Any]
    idempotency_key: str = ""


def replay(stage: Stage, press: Press, seconds: float) -> dict[str, Any]:
    """Put back as many jobs as `max` says, or those of `keys` or `ids`; `dry_run` only tells.

    Raises BadRequest, and Conflict where the idempotency key was used for something else.
    """
    fields = press.fields
    pks = _named(stage, fields)
    request = read_request({name: fields[name] for name in fields if name not in NAMED})
    if pks:
        request = _only_these(request, pks)
    check_pass(request)
    if request.dry_run:
        return _preview(stage, *stage.engines.preview(request, seconds, attended=True))
    about = {name: fields[name] for name in fields if name not in _UNSAID}
    keys = [pk.removeprefix(JOB) for pk in pks[:LOGGED]]
    logged = {"keys": [*keys, f"({len(pks)} in all)"]} if pks else {}
    record = about | ({"keys": len(pks)} if pks else {})
    with audited(stage, press.who, "replay", request.reason, **about | logged) as line:
        provenance = _provenance(press, request, record, pks)
        report, kept = stage.engines.put_back(request, seconds, provenance)
        line |= {"count": report.replayed, "replay": kept.id}
    return report.as_json() | {"id": kept.id}


def replay_job(stage: Stage, job: tuple[str, str], press: Press, seconds: float) -> dict[str, Any]:
    """Put one job back, also one that is stuck. Raises NotFound or Conflict, which says why."""
    only(press.fields, ("reason", "dry_run", "pass", "restart"))
    key, machine = job[0], stage.engines.machine(job[1])
    request = changed(read_request(press.fields), count=1, choice=Choice(key=key, machine=machine))
    pk = job_pk(key, machine)
    claim = stage.engines.world.claims.look([pk], consistent=True).get(pk)
    takes = (*HELD, State.LINE) if request.by_pass else HELD
    if claim is not None and claim.state not in takes and not press.idempotency_key:
        raise Conflict(f"the job {shown(key)} {standing(claim)}: there is nothing to put back")
    if request.dry_run:
        report, estimate = stage.engines.preview(request, seconds, attended=True)
        return _preview(stage, _met(stage, key, claim, report), estimate)
    flags = {"pass": request.by_pass, "restart": request.restart}
    about: dict[str, Any] = {"key": key, **({"machine": machine} if machine else {})}
    about |= {name: True for name, value in flags.items() if value}
    provenance = _provenance(press, request, about)
    with audited(stage, press.who, "replay-job", request.reason, **about) as line:
        report, kept = stage.engines.put_back(request, seconds, provenance)
        line |= {"count": report.replayed, "replay": kept.id}
        _met(stage, key, claim, report)
    return report.as_json() | {"id": kept.id}


def _preview(stage: Stage, report: Report, estimate: Estimate) -> dict[str, Any]:
    answer = report.as_json()
    plan = answer.get("plan", [])
    jobs = [{"id": paths.written(one["key"], one.get("machine", "")), **one} for one in plan]
    return answer | {"plan": jobs, "estimate": estimate.as_json(stage.engines.clock.now())}


def _provenance(
    press: Press, request: Request, record: Mapping[str, Any], keys: Sequence[str] = ()
) -> Provenance:
    return Provenance(Kind.PRESS, press.who, request.reason, record, keys, press.idempotency_key)


def give_up(
    stage: Stage, job: tuple[str, str], fields: Mapping[str, Any], who: str
) -> dict[str, Any]:
    """End a job for good, with a reason; says how it has ended. Raises BadRequest or NotFound."""
    only(fields, ("reason",))
    key, machine = job[0], stage.engines.machine(job[1])
    reason = read_text(fields, "reason")
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
    is_somewhere = report.replayed or report.failed or report.plan or report.more
    if claim is None and not is_somewhere:
        days = stage.engines.settings.history_days
        raise NotFound(
            f"no job has the key {shown(key)!r}: it was never started,"
            f" or ended more than {days} days ago"
        )
    return report


def _named(stage: Stage, fields: Mapping[str, Any]) -> list[str]:
    """The claims of the jobs that are meant, in a list. Raises BadRequest."""
    own = [job_pk(key) for key in _texts(fields, "keys", 1024)]
    ids = [_pk(stage, *paths.read_job(id)) for id in _texts(fields, "ids", MOST_ID)]
    if len(pks := list(dict.fromkeys([*own, *ids]))) > MOST_KEYS:
        raise BadRequest(
            f"keys and ids name {len(pks):,} jobs, and one replay takes at most {MOST_KEYS:,}: put"
            " the others into another one"
        )
    return pks


def _pk(stage: Stage, key: str, machine: str) -> str:
    return job_pk(key, stage.engines.machine(machine))


def _texts(fields: Mapping[str, Any], name: str, most: int) -> list[str]:
    if name not in fields:
        return []
    texts = fields[name]
    if not isinstance(texts, list) or not texts or len(texts) > MOST_KEYS:
        raise BadRequest(f"{name} must be a list of 1 to {MOST_KEYS:,} {name}, in a JSON body")
    for text in texts:
        if not isinstance(text, str) or not 1 <= len(text.encode("utf-8", "surrogatepass")) <= most:
            raise BadRequest(
                f"{name} holds {shown(text)!r}: each must be text of 1 to {most:,} bytes"
            )
    return texts


def _only_these(request: Request, pks: list[str]) -> Request:
    """The request for these jobs alone. Raises BadRequest where something else narrows it, too."""
    choice = request.choice
    if choice.narrow or choice.task:
        raise BadRequest(
            "keys and ids name the jobs already: leave task, error, key, machine and older_than out"
        )
    return changed(
        request,
        count=min(request.count or len(pks), len(pks)),
        choice=Choice(pks=frozenset(pks)),
    )

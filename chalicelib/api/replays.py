"""Replays as people see them: listed, each with what became of its jobs, and stopped."""

from collections.abc import Mapping
from typing import Any

from chalicelib.api import paths
from chalicelib.api.audit import audited
from chalicelib.api.stage import Stage
from chalicelib.errors import BadRequest
from chalicelib.job.claim import machine_in
from chalicelib.job.replay import ChosenJob, Outcome, Replay
from chalicelib.replaying.report import job_as_json
from chalicelib.replaying.requests import only, read_text, read_whole, shown, single

MOST = 100
"""Replays in one answer."""
MOST_JOBS = 1_000
"""Jobs in one answer."""
COUNTED = 2_000
"""Jobs of which one list says what has become of them by now."""


def list_replays(stage: Stage, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """The replays, the newest first, and the `cursor` of the next page."""
    fields = single(query, ("limit", "cursor"))
    limit = read_whole(fields, "limit", 1, MOST) or 20
    keeping = stage.engines.keeping
    newest = keeping.replays.newest(limit + 1, _cursor(fields.get("cursor", "")))
    page, more = newest[:limit], newest[limit:]
    room = COUNTED
    replays = []
    for replay in page:
        latest = replay
        if not replay.settled and replay.jobs <= room:
            room -= replay.jobs
            latest, _ = stage.replays.look(replay)
        replays.append(as_json(latest))
    return {"replays": replays, "cursor": page[-1].order if more else None}


def show_replay(stage: Stage, id: str, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """One replay, with its jobs in the order in which it chose them. Raises NotFound."""
    fields = single(query, ("limit", "cursor"))
    limit = read_whole(fields, "limit", 1, MOST_JOBS) or MOST_JOBS
    begins = read_whole(fields, "cursor", 0, 1_000_000) or 0
    replay, jobs = stage.replays.look(stage.engines.keeping.find(id))
    ends = begins + limit
    return {
        **as_json(replay),
        "jobs": [_job(*each) for each in jobs[begins:ends]],
        "cursor": str(ends) if len(jobs) > ends else None,
    }


def stop_replay(stage: Stage, id: str, fields: Mapping[str, Any], who: str) -> dict[str, Any]:
    """Let it put no more jobs back. Raises NotFound, and Conflict where it is over."""
    only(fields, ("reason",))
    reason = read_text(fields, "reason")
    with audited(stage, who, "stop-replay", reason, replay=id) as line:
        replay = stage.engines.keeping.stop(id, who, reason)
        line["count"] = 1
    return as_json(replay)


def as_json(replay: Replay) -> dict[str, Any]:
    """One replay; `outcomes` are those of the jobs that it put back, as of `counted_at`."""
    return {
        "id": replay.id,
        "kind": replay.kind.value,
        "by": replay.by,
        "reason": replay.reason,
        "asked": dict(replay.asked),
        "wanted": replay.wanted,
        "state": replay.course.value,
        "started_at": replay.started_at,
        "ended_at": replay.ended_at or None,
        "stopped_by": replay.stopped_by or None,
        "stopped_at": replay.stopped_at or None,
        "put_back": replay.put_back,
        "stale": replay.counts.get("stale", 0),
        "refused": replay.refused,
        "failed": [job_as_json(pk, why) for pk, why in replay.failed],
        "outcomes": dict(replay.outcomes),
        "counted_at": replay.counted_at or None,
    }


def _job(job: ChosenJob, outcome: Outcome) -> dict[str, Any]:
    key = job.pk.partition("#")[2]
    return {
        "key": key,
        "id": paths.written(key, machine_in(job.pk)),
        "attempt": job.attempt,
        "outcome": outcome.value,
    }


def _cursor(text: str) -> str:
    digits, _, id = text.partition("#")
    if text and not (digits.isdigit() and len(digits) == 13 and id):
        raise BadRequest(
            f"cursor={shown(text)} is not one that /replays gave; leave it out for the first page"
        )
    return text

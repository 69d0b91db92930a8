"""One job by its key: how it stands or ended, its history in plain words, and its input."""

from collections.abc import Mapping
from typing import Any

from chalicelib.api.history import Step, tell
from chalicelib.api.jobs import as_json, logs
from chalicelib.api.stage import Stage
from chalicelib.errors import NotFound
from chalicelib.job.claim import Claim, job_pk
from chalicelib.job.execution import Execution, Status
from chalicelib.job.replay import Replay
from chalicelib.moments import iso
from chalicelib.replaying.requests import shown, single

MOST_EVENTS = 2_000
"""Events of a history that are read, the latest ones: some 80 stays in a task."""
FAILURES = ("failed", "slow")


def find(stage: Stage, key: str, machine: str = "") -> Claim:
    """The claim on a key, without its token. Raises NotFound."""
    pk = job_pk(key, stage.engines.machine(machine))
    claim = stage.engines.world.claims.look([pk], consistent=True).get(pk)
    if claim is None:
        days = stage.engines.settings.history_days
        raise NotFound(
            f"no job has the key {shown(key)!r}: it was never started,"
            f" or ended more than {days} days ago"
        )
    return claim


def show_job(
    stage: Stage, job: tuple[str, str], query: Mapping[str, list[str]], with_input: bool
) -> dict[str, Any]:
    """All that is known of a job; its input only where the caller may see it. Raises NotFound."""
    single(query, ())
    claim = find(stage, *job)
    workflow = stage.engines.world.workflow
    execution = workflow.describe(claim.execution)
    exists = execution.status is not Status.MISSING
    events = workflow.history(claim.execution, MOST_EVENTS) if exists else []
    steps = tell(events)
    replays, replays_whole = stage.engines.keeping.of_job(claim) if claim.attempt else ([], True)
    return {
        **as_json(claim),
        "logs": logs(claim.execution, stage.prefix),
        "execution_status": execution.status.value.lower(),
        "predecessor": claim.predecessor or None,
        "attempts": [_attempt(step) for step in steps if step.code in FAILURES],
        "history": [_told(step) for step in steps],
        "history_whole": exists and (not events or events[0]["id"] == 1),
        "replays": [_replay(each) for each in replays],
        "replays_whole": replays_whole,
        "input": _input(execution) if with_input else None,
    }


def _told(step: Step) -> dict[str, Any]:
    return {"at": iso(step.at), "code": step.code, "values": dict(step.values), "what": step.what}


def _replay(replay: Replay) -> dict[str, str]:
    return {
        "id": replay.id,
        "kind": replay.kind.value,
        "by": replay.by,
        "reason": replay.reason,
        "at": replay.started_at,
    }


def _attempt(step: Step) -> dict[str, str]:
    return {
        "at": iso(step.at),
        "state": step.values["state"],
        "error": step.values.get("error", ""),
    }


def _input(execution: Execution) -> str | None:
    """The JSON text that the job was started with, to the digit; None where it is forgotten."""
    return execution.input or None

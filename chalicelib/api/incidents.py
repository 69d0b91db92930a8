"""Incidents as people see them: listed, and each as a report with the replays in it."""

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.api.replays import COUNTED
from chalicelib.api.replays import as_json as replay_as_json
from chalicelib.api.stage import Stage
from chalicelib.errors import BadRequest, NotFound
from chalicelib.incidents.report import as_json, in_full, last_days
from chalicelib.job.incident import Incident
from chalicelib.job.replay import Replay
from chalicelib.moments import iso
from chalicelib.replaying.requests import read_machine, read_whole, shown, single

MOST = 100
"""Incidents in one answer."""
MOST_REPLAYS = 100
"""Replays that a report tells of, the last ones."""
LOOKED_THROUGH = 500
_ID = re.compile(r"[A-Za-z0-9]+-[0-9a-f]{8}")


def list_incidents(stage: Stage, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """The incidents, the newest first, and the stage's last fortnight day by day.

    `machine` leaves out those without a job of it; a page then goes through MOST of them.
    """
    fields = single(query, ("limit", "cursor", "machine"))
    limit = read_whole(fields, "limit", 1, MOST) or 20
    machine = read_machine(fields)
    incidents = stage.engines.world.incidents
    most = MOST if machine else limit + 1
    newest = incidents.list(most, _id(fields.get("cursor", "")))
    name = stage.engines.machine(machine) if machine else None
    matches = [each for each in newest if name is None or name in each.machines]
    page = matches[:limit]
    goes_on = page[-1:] if len(matches) > limit else newest[-1:] if len(newest) == most else []
    return {
        "incidents": [as_json(each, stage.engines.world.prefix) for each in page],
        "days": last_days(incidents.list(MOST), stage.engines.clock.now()),
        "cursor": goes_on[0].id if goes_on else None,
    }


def show_incident(stage: Stage, id: str, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """One incident in full. Raises NotFound."""
    single(query, ())
    incident = stage.engines.world.incidents.find(_id(id))
    if incident is None:
        raise NotFound(
            f"there is no incident {shown(id)}: GET /incidents lists those of the last 90 days"
        )
    replays = replays_in(stage, incident)
    details = in_full(incident, stage.engines.world.prefix)
    return {**details, "replays": [replay_as_json(each) for each in replays]}


def replays_in(stage: Stage, incident: Incident) -> list[Replay]:
    """The replays within it, the oldest first; those of another task are left out."""
    keeping = stage.engines.keeping
    ends = incident.over_at or iso(stage.engines.clock.now())
    candidates = [
        each
        for each in keeping.replays.newest(LOOKED_THROUGH, "")
        if each.started_at <= ends and (not each.ended_at or each.ended_at >= incident.since)
    ]
    of_task = [
        each for each in candidates if each.asked.get("task", incident.task) == incident.task
    ]
    room, replays = COUNTED, []
    for replay in of_task[:MOST_REPLAYS]:
        latest = replay
        if not replay.settled and replay.jobs <= room:
            room -= replay.jobs
            latest, _ = keeping.look(replay)
        replays.append(latest)
    return replays[::-1]


def _id(text: str) -> str:
    if text and not _ID.fullmatch(text):
        raise BadRequest(
            f"{shown(text)} is not an incident's id: use one that GET /incidents lists"
        )
    return text
